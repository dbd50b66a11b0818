/* SPDX-License-Identifier: MIT */
/* The same steps as shim/probe.c and shim/launch.c, with a libc at hand. */
#include "tools/isolate/first.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "core/elf.h"
#include "tools/base/cleanup.h"
#include "tools/base/str.h"

enum { DEPTH = 5 }; /* of interpreters that are scripts: BINPRM_BUF, fs/exec.c */

/* As execvp(3) finds it. Return: NULL if it does not. */
static char *find(const char *name)
{
	const char *path = getenv("PATH");
	cleanup_strv char **dirs = strv_split(path ? path : "/bin:/usr/bin", ":");

	if (strchr(name, '/'))
		return str_copy(name);
	for (char **dir = dirs; dir && *dir; dir++) {
		cleanup_free char *at = str_print("%s/%s", *dir, name);

		if (!faccessat(AT_FDCWD, at, X_OK, AT_EACCESS))
			return steal(&at);
	}
	return NULL;
}

static bool is_secure(int fd)
{
	struct stat info;

	if (fstat(fd, &info))
		return false;
	return (info.st_mode & S_ISUID && info.st_uid != getuid()) ||
	       (info.st_mode & S_ISGID && info.st_mode & S_IXGRP && info.st_gid != getgid()) ||
	       (getuid() && fgetxattr(fd, "security.capability", NULL, 0) > 0);
}

static enum berth_elf_verdict judge(const char *path, char *ret_interp)
{
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	unsigned char head[BERTH_ELF_HEAD];
	ssize_t got = fd < 0 ? -1 : pread(fd, head, sizeof(head), 0);
	enum berth_elf_verdict verdict = got < 0 ? BERTH_ELF_UNKNOWN : berth_elf_judge(head, (size_t)got, ret_interp);

	return verdict != BERTH_ELF_SCRIPT && fd >= 0 && is_secure(fd) ? BERTH_ELF_SECURE : verdict;
}

static enum berth_elf_verdict judge_chain(const char *path)
{
	char interp[2][BERTH_ELF_INTERP];
	enum berth_elf_verdict verdict = judge(path, interp[0]);

	for (int i = 0; verdict == BERTH_ELF_SCRIPT && i < DEPTH; i++)
		verdict = judge(interp[i % 2], interp[(i + 1) % 2]);
	return verdict;
}

static void note_escape(struct berth_portmap *map, enum berth_elf_verdict verdict, const char *path)
{
	struct berth_note note = { .kind = BERTH_NOTE_ESCAPE, .error = (int32_t)verdict, .pid = getpid() };

	if (!map || !berth_portmap_escape_first(map, path))
		return;
	strncpy(note.text, path, sizeof(note.text) - 1);
	berth_portmap_note(map, &note);
}

int first_exec(struct berth_portmap *map, const char *launcher, char **argv)
{
	cleanup_free char *path = find(argv[0]);
	enum berth_elf_verdict verdict = path ? judge_chain(path) : BERTH_ELF_UNKNOWN;
	bool under_net = launcher && verdict != BERTH_ELF_SECURE;

	if (berth_elf_escapes(verdict) && !under_net)
		note_escape(map, verdict, path);
	if (berth_elf_escapes(verdict) && under_net && !faccessat(AT_FDCWD, path, X_OK, AT_EACCESS)) {
		cleanup_free char **list = mem_alloc((strv_len(argv) + 3) * sizeof(*list));

		list[0] = (char *)(uintptr_t)launcher;
		list[1] = path;
		memcpy(list + 2, argv, strv_len(argv) * sizeof(*list));
		execv(launcher, list); /* if that fails, without it */
	}
	execvp(argv[0], argv);
	return -errno;
}
