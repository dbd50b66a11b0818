/* SPDX-License-Identifier: MIT */
#ifndef BERTH_BASE_FILE_H
#define BERTH_BASE_FILE_H
/* Files and directories. All descriptors are close-on-exec. Functions return 0 or -errno. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/**
 * Read a whole file, also one of /proc, which has no size.
 * @ret_text	NUL-terminated, the caller's to free; unchanged on failure
 * @ret_len	may be NULL
 * Return: 0; -EFBIG for more than 64 MiB; -ETIMEDOUT if a FIFO or a terminal has no data for five
 *	seconds; -errno.
 */
int file_read(const char *path, char **ret_text, size_t *ret_len);
int file_read_at(int dir, const char *path, char **ret_text, size_t *ret_len);

/** The same as lines without ends and without empty ones, a strv that is the caller's to free. */
int file_read_lines(const char *path, char ***ret_lines);

/**
 * The last @count lines of a file, without what lies more than 64 KiB before its end.
 * Return: a strv, the caller's to free; NULL if there is none or it cannot be read.
 */
char **file_read_tail(const char *path, size_t count);

/**
 * True if another user may have planted @path: it belongs neither to us nor to root, and lies in a
 * directory of a third user that everyone may write to, as a berth.yaml in /tmp. It is the rule of
 * protected_symlinks, proc(5).
 */
bool file_is_planted(const char *path);

/**
 * Replace @path by rename(2): a reader sees the old or the new text, if the power does not fail.
 */
int file_replace(const char *path, const char *text, size_t len, mode_t mode);

/** True if a write to @fd does not block, within @wait_ms; -1 = without end. */
bool file_is_writable(int fd, int wait_ms);

/** Write all of @data. Waits if O_NONBLOCK is set, as Node.js does on standard output. */
int file_write_all(int fd, const void *data, size_t len);

/** A nameless file that holds @data, memfd_create(2). Return: a descriptor at its start; -errno. */
int file_in_memory(const void *data, size_t len);

/** Write @text to an existing file of cgroupfs or procfs, by one write(2). */
int file_put(const char *path, const char *text);
int file_put_at(int dir, const char *path, const char *text);

/** Make a directory and its parents. Return: 0, also if it exists; -ENOTDIR; -errno. */
int dir_make(const char *path, mode_t mode);

/**
 * Make a directory that only we may write to.
 * Return: 0, also if it exists; -EPERM if another user owns it or may write to it; -errno.
 */
int dir_make_private(const char *path, mode_t mode);

/** Remove a directory with all below it on its file system. Follows no symbolic links. */
int dir_remove(const char *path);

/** Return: the names in directory @path that are not hidden, sorted; a strv, perhaps NULL. */
char **dir_list(const char *path);

/**
 * Find or make the directory for run-time files, mode 0700: $XDG_RUNTIME_DIR/berth if that
 * directory is ours, else /tmp/berth-UID.
 * @ret_path	the caller's to free; set on failure, too
 * Return: 0; -EPERM if it belongs to another user or others may write to it; -errno.
 */
int dir_runtime(char **ret_path);

/**
 * A path in @dir that a worker uses after it changed its user: @name and @suffix. Other users may
 * search a directory of root, so root's path also has 128 random bits as a secret.
 * Return: 0 and *ret_path; -EIO without random numbers.
 */
int file_secret_path(const char *dir, const char *name, const char *suffix, char **ret_path);

/** The id of a cgroup for eBPF: the inode number of its directory @cgroup. Return: 0; -errno. */
int file_cgroup_id(int cgroup, uint64_t *ret_id);

/** The range of ephemeral ports, inclusive; the kernel's default if /proc cannot be read. */
void file_read_ephemeral(unsigned int *ret_low, unsigned int *ret_high);

/**
 * The directory of this program's files, .out or PREFIX, the caller's to free. Return: 0; -errno.
 */
int dir_install(char **ret_path);

#endif
