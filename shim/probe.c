/* SPDX-License-Identifier: MIT */
/*
 * Looking at a program before it is executed: will the shim be loaded into it?
 */
#include "shim/shim.h"

#include <limits.h>
#include <sys/stat.h>

extern char **environ;

/*
 * set-user-id, set-group-id, file capabilities: ld.so(8), secure-execution mode.
 * @path	of a file that is open with O_PATH only; else NULL
 */
static bool is_secure(int fd, const char *path)
{
	uid_t uid = (uid_t)sys(SYS_getuid, 0, 0, 0, 0, 0);
	struct stat info;
	long ret = sys(SYS_fstat, fd, &info, 0, 0, 0);

	if (ret < 0)
		return false;
	if ((info.st_mode & S_ISUID && info.st_uid != uid) ||
	    ((info.st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) &&
	     info.st_gid != (gid_t)sys(SYS_getgid, 0, 0, 0, 0, 0)))
		return true;
	/* root has the capabilities already: nothing is gained, and the mode stays normal */
	return uid && (path ? sys(SYS_getxattr, path, "security.capability", 0, 0, 0)
	                    : sys(SYS_fgetxattr, fd, "security.capability", 0, 0, 0)) > 0;
}

static size_t read_at(int fd, void *to, size_t len, uint64_t at)
{
	long got = sys(SYS_pread64, fd, to, len, at, 0);

	return got < 0 ? 0 : (size_t)got;
}

static enum berth_elf_verdict judge(int fd, char *ret_interp)
{
	unsigned char head[BERTH_ELF_HEAD];
	long got = sys(SYS_pread64, fd, head, sizeof(head), 0, 0);
	enum berth_elf_verdict verdict;

	if (got < 0)
		return BERTH_ELF_UNKNOWN;
	verdict = berth_elf_judge(head, (size_t)got, ret_interp);
	if (verdict == BERTH_ELF_SCRIPT) /* the kernel ignores the mode of scripts */
		return verdict;
	if (is_secure(fd, NULL))
		return BERTH_ELF_SECURE;
	return berth_elf_judge_rest(verdict, head, (size_t)got, fd, read_at);
}

static enum berth_elf_verdict judge_path(int dir, const char *path, char *ret_interp)
{
	long fd = sys(SYS_openat, dir, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0, 0);
	bool unreadable = fd == -EACCES;
	enum berth_elf_verdict verdict;

	if (unreadable)
		fd = sys(SYS_openat, dir, path, O_PATH | O_CLOEXEC, 0, 0);
	if (fd < 0)
		return BERTH_ELF_UNKNOWN;
	if (unreadable)
		verdict = is_secure((int)fd, path) ? BERTH_ELF_SECURE : BERTH_ELF_UNREADABLE;
	else
		verdict = judge((int)fd, ret_interp);
	sys(SYS_close, fd, 0, 0, 0, 0);
	return verdict;
}

enum berth_elf_verdict shim_probe(int dir, const char *path)
{
	enum { DEPTH = 5 }; /* of interpreters that are scripts: BINPRM_BUF, fs/exec.c */
	char interp[2][BERTH_ELF_INTERP];
	enum berth_elf_verdict verdict;

	if (!shim_attached())
		return BERTH_ELF_GLIBC;
	verdict = path ? judge_path(dir, path, interp[0]) : judge(dir, interp[0]);
	for (int i = 0; verdict == BERTH_ELF_SCRIPT && i < DEPTH; i++) {
		path = interp[i % 2];
		verdict = judge_path(AT_FDCWD, path, interp[(i + 1) % 2]);
	}
	return !berth_elf_escapes(verdict) && shim_env_is_hidden() ? BERTH_ELF_HIDDEN : verdict;
}

/* Write "DIR/FILE" for the entry of PATH that begins at @dir. Return: false if it does not fit. */
static bool join(char *to, const char *dir, size_t dir_len, const char *file)
{
	size_t file_len = shim_strlen(file);

	if (dir_len + file_len + 2 > PATH_MAX)
		return false;
	__builtin_memcpy(to, dir, dir_len);
	if (dir_len)
		to[dir_len++] = '/';
	__builtin_memcpy(to + dir_len, file, file_len + 1);
	return true;
}

/* True if execvp(3) would execute @path. It skips directories, which may have the x bit, too. */
static bool is_program(const char *path)
{
	struct stat info;

	return !sys(SYS_faccessat, AT_FDCWD, path, X_OK, 0, 0) &&
	       !sys(SYS_newfstatat, AT_FDCWD, path, &info, 0, 0) && S_ISREG(info.st_mode);
}

enum berth_elf_verdict shim_probe_in_path(const char *file, char *path)
{
	const char *dir = "/bin:/usr/bin"; /* what execvp(3) takes when PATH is not set */
	size_t len;

	path[0] = 0;
	if (!shim_attached() || !file || !shim_readable(file, 1))
		return BERTH_ELF_GLIBC;
	for (len = 0; file[len]; len++)
		if (file[len] == '/')
			return join(path, "", 0, file) ? shim_probe(AT_FDCWD, path)
			                               : BERTH_ELF_UNKNOWN;
	for (char **entry = environ; entry && *entry; entry++)
		if (shim_starts_with(*entry, "PATH="))
			dir = *entry + sizeof("PATH=") - 1;
	for (;; dir += len + 1) {
		for (len = 0; dir[len] && dir[len] != ':';)
			len++;
		if (join(path, dir, len, file) && is_program(path))
			return shim_probe(AT_FDCWD, path);
		if (!dir[len])
			break;
	}
	path[0] = 0;
	return BERTH_ELF_UNKNOWN;
}
