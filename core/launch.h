/* SPDX-License-Identifier: MIT */
#ifndef BERTH_CORE_LAUNCH_H
#define BERTH_CORE_LAUNCH_H
/*
 * How a program of a worker is started: as it is, or through the launcher (tools/isolate/launch.c),
 * and with which LD_PRELOAD. Used by the shim's exec hooks and by the supervisor, which starts the
 * first program of a worker past every hook. Pure functions over strings; the caller owns all
 * memory.
 */
#include "core/elf.h"
#include "core/portmap.h"

enum berth_launch {
	BERTH_LAUNCH_PLAIN,    /* execute it: the shim enters it, or it is no program */
	BERTH_LAUNCH_FILTERED, /* through the launcher, which installs the seccomp filter */
	BERTH_LAUNCH_ESCAPES,  /* execute it and leave a note: it uses the host's ports */
};

/** @has_launcher	there is a seccomp listener, and the path of the program is known */
enum berth_launch berth_launch_decide(enum berth_elf_verdict verdict, bool has_launcher);

#define BERTH_LAUNCH_ARGV_EXTRA 3u /* pointers of a launcher's argv beside those of the program */

/**
 * Write LAUNCHER PATH ARGV0 ARGUMENT... into @list, which has BERTH_LAUNCH_ARGV_EXTRA pointers more
 * than @argv has arguments. @argv may be NULL: execve(2) takes that for an empty one.
 */
void berth_launch_argv(char **list, const char *launcher, const char *path, char *const *argv);

/**
 * A note about a program, once for each: it escapes, it was refused io_uring, it could not be read.
 * @path	"" if it is not known; what is longer than BERTH_NOTE_TEXT is cut off
 * Return: true, and *ret_note lacks only the process and the time; false if it was noted before.
 */
bool berth_launch_note(struct berth_portmap *map, enum berth_note_kind kind, int error,
                       const char *path, struct berth_note *ret_note);

/** True if @list, a value of LD_PRELOAD, names @path. Its separators are : and space, ld.so(8). */
bool berth_preload_has(const char *list, const char *path);

/**
 * Write a value of LD_PRELOAD: the items of @list without @drop and @drop_too, then @last. The
 * suite's own libraries stay first, because a sanitizer's must be. Each of the paths may be NULL.
 * @to	strlen(list) + strlen(last) + 2 bytes
 * Return: the length; 0 if the list is empty now.
 */
size_t berth_preload_write(char *to, const char *list, const char *drop, const char *drop_too,
                           const char *last);

/*
 * A program that is linked to a shared AddressSanitizer refuses to start when a preloaded library
 * comes before it in the list of objects. The shim may: it allocates nothing, and calls the
 * sanitizer's interceptors as it calls any next function.
 */
#define BERTH_ASAN_NAME "verify_asan_link_order="
#define BERTH_ASAN_ITEM BERTH_ASAN_NAME "0"

/** True if @options, a value of ASAN_OPTIONS, says whether the order is checked. */
bool berth_asan_is_set(const char *options);

/** Write @options and BERTH_ASAN_ITEM. @to: strlen(options) + sizeof(BERTH_ASAN_ITEM) + 1 bytes. */
void berth_asan_write(char *to, const char *options);

#endif
