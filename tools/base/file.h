/* SPDX-License-Identifier: MIT */
#ifndef BERTH_BASE_FILE_H
#define BERTH_BASE_FILE_H
/*
 * Files and directories. Every descriptor is close-on-exec from birth. Functions return 0 (or a descriptor) and -errno.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/**
 * Read a whole file; works on /proc, whose files have no size.
 * @ret_text	NUL-terminated, the caller's to free
 * @ret_len	may be NULL
 * Return: 0; -EFBIG beyond 64 MiB; -errno of open or read.
 */
int file_read(const char *path, char **ret_text, size_t *ret_len);
int file_read_at(int dir, const char *path, char **ret_text, size_t *ret_len);

/**
 * True if @path is another user's (not ours, not root's) in a directory where everybody can write and which is not his: he may
 * have put it in our way, as a berth.yaml in /tmp. The kernel's own rule for symbolic links, proc(5), protected_symlinks.
 */
bool file_is_planted(const char *path);

/**
 * Replace @path atomically: written beside it, renamed over it. A reader sees the old file or the new one, never a part;
 * after a power failure it may be empty.
 */
int file_replace(const char *path, const char *text, size_t len, mode_t mode);

/* Write all of it, over EINTR and short writes; waits for room also where somebody has set O_NONBLOCK, as Node does on stdout. */
int file_write_all(int fd, const void *data, size_t len);

/** A file without a name that holds @text, memfd_create(2). Return: a descriptor at its beginning; -errno. */
int file_in_memory(const char *text);

/* Write @text into an existing file (cgroupfs, procfs): one open, one write. */
int file_put(const char *path, const char *text);
int file_put_at(int dir, const char *path, const char *text);

/* mkdir -p. A directory that exists is no error; -ENOTDIR if it is anything else. */
int dir_make(const char *path, mode_t mode);

/* rm -rf, without following symbolic links and without leaving the file system it began in. */
int dir_remove(const char *path);

/**
 * The directory for run-time files: $XDG_RUNTIME_DIR/berth if that is set and ours, else /tmp/berth-UID. Made if
 * need be, mode 0700.
 * @ret_path	set also if it cannot be had
 * Return: 0; -EPERM if something of another owner, or with a looser mode, stands in its place.
 */
int dir_runtime(char **ret_path);

/**
 * A path in @dir for what a worker may open after it has changed its user. A plain user's is NAME and SUFFIX, and @dir keeps
 * others out. Root's, whose @dir others may pass through, has 128 random bits in it: only who is told it finds it.
 * Return: 0 and *ret_path; -EIO if there are no random numbers.
 */
int file_secret_path(const char *dir, const char *name, const char *suffix, char **ret_path);

/** What eBPF calls the cgroup whose directory @cgroup is: kernfs gives it as the inode number. Return: 0; -errno. */
int file_cgroup_id(int cgroup, uint64_t *ret_id);

/* Where the kernel hands out ports by itself, inclusive; its own default if that cannot be read. */
void file_read_ephemeral(unsigned int *ret_low, unsigned int *ret_high);

/* realpath(3) of the directory that holds this program's own files: .out or PREFIX. */
int dir_install(char **ret_path);

#endif
