/* SPDX-License-Identifier: MIT */
/* Secure execution is decided for the real user, as the kernel sets AT_SECURE: getauxval(3). */
#include "tools/isolate/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/str.h"

static bool is_program(const char *path)
{
	struct stat info;

	return !stat(path, &info) && S_ISREG(info.st_mode) &&
	       !faccessat(AT_FDCWD, path, X_OK, AT_EACCESS);
}

char *probe_find(const char *name)
{
	const char *path = getenv("PATH"), *dir = path ? path : "/bin:/usr/bin";

	if (strchr(name, '/'))
		return is_program(name) ? str_copy(name) : NULL;
	for (;; dir++) {
		size_t len = strcspn(dir, ":");
		/* an empty entry is the current directory */
		cleanup_free char *at = str_print("%.*s%s%s", (int)len, dir, len ? "/" : "", name);

		if (is_program(at))
			return steal(&at);
		dir += len;
		if (!*dir)
			return NULL;
	}
}

static enum probe_secure secure(int fd, const char *path, id_t *ret_owner)
{
	struct stat info;

	if (fstat(fd, &info))
		return PROBE_PLAIN;
	*ret_owner = info.st_uid;
	if (info.st_mode & S_ISUID && info.st_uid != getuid())
		return PROBE_SET_UID;
	*ret_owner = info.st_gid;
	if (info.st_mode & S_ISGID && info.st_mode & S_IXGRP && info.st_gid != getgid())
		return PROBE_SET_GID;
	/* root has the capabilities already: nothing is gained, and the mode stays normal */
	return getuid() && getxattr(path, "security.capability", NULL, 0) > 0 ? PROBE_CAPABILITIES
	                                                                      : PROBE_PLAIN;
}

static size_t read_at(int fd, void *to, size_t len, uint64_t at)
{
	ssize_t got = pread(fd, to, len, (off_t)at);

	return got < 0 ? 0 : (size_t)got;
}

void probe_file(const char *path, struct probe *ret)
{
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	bool unreadable = fd < 0 && errno == EACCES;
	ssize_t got = fd < 0 ? -1 : pread(fd, ret->head, BERTH_ELF_HEAD, 0);

	if (unreadable)
		fd = open(path, O_PATH | O_CLOEXEC);
	ret->head[got < 0 ? 0 : got] = ret->interp[0] = '\0';
	ret->secure = PROBE_PLAIN;
	ret->owner = 0;
	ret->verdict = got < 0 ? BERTH_ELF_UNKNOWN
	                       : berth_elf_judge(ret->head, (size_t)got, ret->interp);
	if (unreadable && fd >= 0)
		ret->verdict = BERTH_ELF_UNREADABLE;
	/* the kernel ignores the mode of scripts */
	if (fd < 0 || ret->verdict == BERTH_ELF_SCRIPT)
		return;
	ret->secure = secure(fd, path, &ret->owner);
	if (ret->secure != PROBE_PLAIN)
		ret->verdict = BERTH_ELF_SECURE;
	else if (got > 0)
		ret->verdict = berth_elf_judge_rest(ret->verdict, ret->head, (size_t)got, fd,
		                                    read_at);
}

enum berth_elf_verdict probe_chain(const char *path)
{
	struct probe probe;

	probe_file(path, &probe);
	for (int i = 0; probe.verdict == BERTH_ELF_SCRIPT && i < PROBE_DEPTH; i++) {
		char interp[BERTH_ELF_INTERP];

		memcpy(interp, probe.interp, sizeof(interp));
		probe_file(interp, &probe);
	}
	return probe.verdict;
}
