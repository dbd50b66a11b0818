/* SPDX-License-Identifier: MIT */
#ifndef BERTH_CORE_ELF_H
#define BERTH_CORE_ELF_H
/* Whether the shim can enter a program, from the first bytes of its file, before it is executed. */
#include "core/types.h"

#define BERTH_ELF_HEAD   4096u /* bytes of the file that a verdict needs */
#define BERTH_ELF_INTERP 256u  /* bytes for the path of a #! interpreter */

/* Why the shim can or cannot enter a program. berth_elf_reason() has the texts. Append only. */
enum berth_elf_verdict {
	BERTH_ELF_GLIBC,           /* dynamic, glibc loader: the shim enters */
	BERTH_ELF_MUSL,            /* dynamic, musl loader: the shim enters */
	BERTH_ELF_SCRIPT,          /* #! line: ask about the interpreter */
	BERTH_ELF_UNKNOWN,         /* not an ELF file, or none at all */
	BERTH_ELF_STATIC,          /* no loader at all */
	BERTH_ELF_GO,              /* Go: has a loader perhaps, but makes its system calls itself */
	BERTH_ELF_FOREIGN_CLASS,   /* 32-bit program on a 64-bit machine */
	BERTH_ELF_FOREIGN_MACHINE, /* other processor, runs under an emulator if at all */
	BERTH_ELF_FOREIGN_LOADER,  /* dynamic, but neither glibc's loader nor musl's */
	/* set-user-id, set-group-id or file capabilities: the loader ignores LD_PRELOAD */
	BERTH_ELF_SECURE,
	BERTH_ELF_UNREADABLE, /* it may be executed, but not read: perhaps static */
	/* another root directory or user: the shim or the port map cannot be read there */
	BERTH_ELF_HIDDEN,
	BERTH_ELF_VERDICTS
};

/**
 * @head	the first @len bytes of the file, at most BERTH_ELF_HEAD are looked at
 * @ret_interp	for BERTH_ELF_SCRIPT the interpreter's path, NUL-terminated, BERTH_ELF_INTERP bytes
 * Return: the verdict; never one of the last three, which the bytes cannot tell.
 */
enum berth_elf_verdict berth_elf_judge(const void *head, size_t len, char *ret_interp);

/** Read @len bytes at offset @at of a file. Return: how many; less at its end or on an error. */
typedef size_t (*berth_elf_read_fn)(int fd, void *to, size_t len, uint64_t at);

/**
 * Look for what Go's linker always writes, beyond the first bytes: the build id is optional.
 * @verdict	of berth_elf_judge() on @head
 * Return: BERTH_ELF_GO, or @verdict.
 */
enum berth_elf_verdict berth_elf_judge_rest(enum berth_elf_verdict verdict, const void *head,
                                            size_t len, int fd, berth_elf_read_fn read);

/** True if the shim cannot enter a program with this verdict. */
static inline bool berth_elf_escapes(enum berth_elf_verdict verdict)
{
	return verdict >= BERTH_ELF_STATIC;
}

/** A half-sentence for people: "is statically linked". */
const char *berth_elf_reason(enum berth_elf_verdict verdict);

#endif
