/* SPDX-License-Identifier: MIT */
#ifndef BERTH_WATCH_SYMBOL_H
#define BERTH_WATCH_SYMBOL_H
/*
 * User stacks with names. The kernel gives a frame as build id and offset, which outlive the
 * process. Which file has which build id must be learned while a process with the file lives.
 *
 *	symbol_learn()		the executable files of a process; cheap if they are known
 *	symbol_locate()		at once: frames -> places. A frame without build id (Go, compiled
 *				scripts) needs /proc/PID/maps
 *	symbol_names()		for the report: "open_pool at pool.c:31", by ELF symbols and DWARF
 *				(libdw), or by the file /tmp/perf-PID.map that Node
 *				(--perf-basic-prof) and the JVM write for their compiled code
 *	symbol_close()		forget all files
 */
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/abi.h"

struct symbol_place {
	char *file;                       /* NULL = unknown, see build_id */
	uint8_t build_id[BERTH_BUILD_ID]; /* zero: in no file, or in one without build id */
	uint64_t offset;                  /* in the file; the address itself if in no file */
	pid_t pid;
};

struct symbol_stack {
	struct symbol_place *places; /* innermost first */
	size_t count;
};

void symbol_learn(pid_t pid);
void symbol_learn_file(const char *path);
/*
 * Our own C library: it is in nearly every stack, and a process may end before its files are read.
 */
void symbol_learn_library(void);
void symbol_close(void);

/**
 * Find the places of @frames of process @pid.
 * @caller	comes between the first and the second frame; NULL or EMPTY = unknown
 */
void symbol_locate(pid_t pid, const struct berth_frame *frames, size_t count,
                   const struct berth_frame *caller, struct symbol_stack *ret_stack);
void symbol_stack_free(struct symbol_stack *stack);

/**
 * Name the frames: "function at file:line", "function in module" or "module+0x1f2a0". A frame
 * without file and name is left out. Return: strv in the order of the stack.
 */
char **symbol_names(const struct symbol_stack *stack);

/* ---- pure parsers ---- */

/**
 * Find @address in the text of a perf map: lines `START SIZE name`, hexadecimal. The last line that
 * covers it is valid, because code is moved and written anew.
 * Return: the name inside @text, *ret_len bytes; NULL = none.
 */
const char *symbol_parse_perf_map(const char *text, size_t len, uint64_t address, size_t *ret_len);

/**
 * "JS:*listen /app/server.js:12:5", as Node names compiled script, -> "listen at
 * /app/server.js:12".
 * Return: a new string; any other name as it is.
 */
char *symbol_parse_script(const char *name, size_t len);

/**
 * Find @address in the text of /proc/PID/maps. Return: its file, a new string; NULL = in no file.
 */
char *symbol_parse_maps(const char *text, uint64_t address, uint64_t *ret_offset);

#endif
