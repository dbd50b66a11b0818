/* SPDX-License-Identifier: MIT */
#ifndef BERTH_WATCH_SYMBOL_H
#define BERTH_WATCH_SYMBOL_H
/*
 * User stacks as people read them. The kernel names a frame by build id and offset, which outlive
 * the process; which file has that build id is learned from processes while they live.
 *
 *	symbol_learn()		a process's executable files; cheap when they are known already
 *	symbol_locate()		at once: frames -> places. What has no build id (Go, compiled scripts) needs /proc/PID/maps
 *	symbol_name()		for the report: "open_pool at pool.c:31"; by ELF symbols and DWARF (libdw), or by the file
 *				/tmp/perf-PID.map that Node (--perf-basic-prof) and the JVM write for their compiled code
 */
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/abi.h"

struct symbol_place {
	char *file;                       /* NULL: not known, see build_id */
	uint8_t build_id[BERTH_BUILD_ID]; /* zero: not in a file, or one without */
	uint64_t offset;                  /* in the file, else the address itself */
	pid_t pid;
};

struct symbol_stack {
	struct symbol_place *places; /* innermost first */
	size_t count;
};

void symbol_learn(pid_t pid);
void symbol_learn_file(const char *path);

/**
 * Where @frames of process @pid lie.
 * @caller	comes between the first and the second; NULL or EMPTY: not known
 */
void symbol_locate(pid_t pid, const struct berth_frame *frames, size_t count,
                   const struct berth_frame *caller, struct symbol_stack *ret_stack);
void symbol_stack_free(struct symbol_stack *stack);

/** One frame, a new string: "function at file:line", "function in module", "module+0x1f2a0". */
char *symbol_name(const struct symbol_place *place);

/** All frames that have a name, or a file at least; strv, in the stack's order. */
char **symbol_names(const struct symbol_stack *stack);

/* Forget the files that were learned and opened. */
void symbol_close(void);

/**
 * Look an address up in the text of a perf map: lines `START SIZE name`, hexadecimal. Pure.
 * @ret_len	length of the name
 * Return: the name inside @text; NULL. The last line that covers the address wins: code is moved
 *	   and written anew.
 */
const char *symbol_parse_perf_map(const char *text, size_t len, uint64_t address, size_t *ret_len);

/**
 * A name that Node gives to compiled script, "JS:*listen /app/server.js:12:5", as "listen at
 * /app/server.js:12". Pure. A new string; any other name stays as it is.
 */
char *symbol_parse_script(const char *name, size_t len);

/**
 * One line of /proc/PID/maps that covers @address: its file and offset. Pure. Return: a new string
 * or NULL.
 */
char *symbol_parse_maps(const char *text, uint64_t address, uint64_t *ret_offset);

#endif
