/* SPDX-License-Identifier: MIT */
#ifndef BERTH_ISOLATE_PROBE_H
#define BERTH_ISOLATE_PROBE_H
/*
 * The kind of a program before it is executed, in Berth's own processes. shim/probe.c gives the
 * same verdicts without libc.
 */
#include <stdbool.h>
#include <sys/types.h>

#include "core/elf.h"

/* The kernel follows this many interpreters that are scripts: fs/exec.c, exec_binprm() */
enum { PROBE_DEPTH = 5 };

/* Why the loader goes into secure-execution mode, ld.so(8), in which it ignores LD_PRELOAD */
enum probe_secure { PROBE_PLAIN, PROBE_SET_UID, PROBE_SET_GID, PROBE_CAPABILITIES };

struct probe {
	enum berth_elf_verdict verdict;
	enum probe_secure secure; /* why a BERTH_ELF_SECURE is one */
	/* PROBE_SET_UID: the user that the bit names; PROBE_SET_GID: the group */
	id_t owner;
	char interp[BERTH_ELF_INTERP]; /* of a BERTH_ELF_SCRIPT */
	char head[BERTH_ELF_HEAD + 1]; /* the first bytes of the file, NUL-terminated */
};

/** As execvp(3) finds @name. Return: its path, to be freed; NULL if it is not found. */
char *probe_find(const char *name);

/** Read the file at @path; if it cannot be read it is BERTH_ELF_UNKNOWN. */
void probe_file(const char *path, struct probe *ret);

/**
 * Follow @path through its interpreters as execve(2) does. Return: the verdict on the last of them.
 */
enum berth_elf_verdict probe_chain(const char *path);

#endif
