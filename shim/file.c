/* SPDX-License-Identifier: MIT */
/*
 * open(2), fopen(3) and their variants, for four files: /proc/net/{tcp,tcp6,udp,udp6}, under any
 * path. The program gets a copy in memory, in which core/procnet.c has put the worker's virtual
 * ports.
 *
 * The next function opens the file. The end of the path and the file system tell whether it is a
 * table. Then the copy replaces the open file under the same descriptor, which the program has not
 * seen yet: so fopen(3) needs nothing else. If a step fails, the program has the kernel's own
 * table.
 */
#include "shim/shim.h"

#include <linux/magic.h>
#include <linux/memfd.h>
#include <sys/resource.h>
#include <sys/vfs.h>
#include <time.h>

#include "core/procnet.h"

enum { CHUNK = 4096, PATIENCE_MS = 1000 };

static const struct proc_table {
	const char *name;
	enum berth_proto proto;
} tables[] = {
	{ "tcp", BERTH_TCP },
	{ "tcp6", BERTH_TCP },
	{ "udp", BERTH_UDP },
	{ "udp6", BERTH_UDP },
};

static const struct proc_table *table_named(const char *path)
{
	const char *name = path;

	for (; *path; path++)
		if (*path == '/')
			name = path + 1;
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		if (path - name == (ptrdiff_t)shim_strlen(tables[i].name) &&
		    shim_starts_with(name, tables[i].name))
			return &tables[i];
	return NULL;
}

/* @left: bytes that the program may write into a file; beyond them it gets SIGXFSZ */
static bool write_all(long fd, const char *text, size_t len, rlim_t *left)
{
	if (len > *left)
		return false;
	*left -= len;
	while (len) {
		long done = sys(SYS_write, fd, text, len, 0, 0);

		if (done <= 0)
			return false;
		text += done;
		len -= (size_t)done;
	}
	return true;
}

/*
 * Where the kernel rewrites ports, the map's file follows a little later (tools/isolate/bpf.c). So
 * a line with a port of the block that is not in the map yet is looked at again, up to PATIENCE_MS
 * for a table.
 */
static enum berth_procnet decide(const struct berth_portmap *map, enum berth_proto proto,
                                 char *line, size_t len, int *patience_ms)
{
	const struct timespec moment = { .tv_nsec = 1000000 };
	enum berth_procnet verdict = berth_procnet_line(map, proto, line, len);

	for (; verdict == BERTH_PROCNET_EARLY && *patience_ms; --*patience_ms) {
		sys(SYS_nanosleep, &moment, NULL, 0, 0, 0);
		verdict = berth_procnet_line(map, proto, line, len);
	}
	return verdict;
}

/*
 * Copy the table line by line. A line that is longer than @text is no line of a table, and passes.
 */
static bool copy(const struct berth_portmap *map, enum berth_proto proto, long from, long to)
{
	int patience_ms = shim_map() ? 0 : PATIENCE_MS;
	struct rlimit may_write = { 0 };
	char text[CHUNK];
	size_t held = 0;
	long got;

	sys(SYS_prlimit64, 0, RLIMIT_FSIZE, NULL, &may_write, 0);
	while ((got = sys(SYS_read, from, text + held, sizeof(text) - held, 0, 0)) > 0) {
		size_t begin = 0, end = held;

		for (held += (size_t)got; end < held; end++) {
			if (text[end] != '\n')
				continue;
			if (decide(map, proto, text + begin, end - begin, &patience_ms) ==
			            BERTH_PROCNET_SHOW &&
			    !write_all(to, text + begin, end + 1 - begin, &may_write.rlim_cur))
				return false;
			begin = end + 1;
		}
		if (!begin && held == sizeof(text) &&
		    write_all(to, text, held, &may_write.rlim_cur))
			begin = held;
		held -= begin;
		__builtin_memmove(text, text + begin, held);
	}
	return !got && write_all(to, text, held, &may_write.rlim_cur);
}

/* Open /proc/self/fd/@fd: the copy from its beginning and for reading only, as the table was. */
static long reopen(long fd)
{
	char path[] = "/proc/self/fd/##########";
	char *end = path + sizeof(path) - 1, *at = end, *to = path + sizeof("/proc/self/fd/") - 1;

	do
		*--at = (char)('0' + fd % 10);
	while (fd /= 10);
	__builtin_memmove(to, at, (size_t)(end - at));
	to[end - at] = 0;
	return sys(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0, 0);
}

static void replace(const struct berth_portmap *map, const struct proc_table *table, long fd)
{
	long memory = sys(SYS_memfd_create, table->name, MFD_CLOEXEC, 0, 0, 0), whole;

	if (memory < 0)
		return;
	whole = copy(map, table->proto, fd, memory) ? reopen(memory) : -1;
	if (whole >= 0) {
		sys(SYS_dup3, whole, fd,
		    sys(SYS_fcntl, fd, F_GETFD, 0, 0, 0) & FD_CLOEXEC ? O_CLOEXEC : 0, 0, 0);
		sys(SYS_close, whole, 0, 0, 0, 0);
	} else {
		sys(SYS_lseek, fd, 0, SEEK_SET, 0, 0);
	}
	sys(SYS_close, memory, 0, 0, 0, 0);
}

/* @fd was opened at @path: if it is a table, put the copy there. Return: @fd. */
static int opened(const char *path, int fd)
{
	const struct proc_table *table = fd < 0 ? NULL : table_named(path);
	const struct berth_portmap *map = table ? shim_attached() : NULL;
	struct statfs info;

	if (map && !sys(SYS_fstatfs, fd, &info, 0, 0, 0) && info.f_type == PROC_SUPER_MAGIC &&
	    (sys(SYS_fcntl, fd, F_GETFL, 0, 0, 0) & (O_ACCMODE | O_PATH)) == O_RDONLY)
		replace(map, table, fd);
	return fd;
}

static int bare(int dir, const char *path, int flags, mode_t mode)
{
	return (int)shim_result(sys(SYS_openat, dir, path, flags, mode, 0));
}

/* Declare `mode`, an argument that is there only if the call may create a file. */
#define TAKE_MODE(flags) \
	mode_t mode = 0; \
\
	if ((flags)&O_CREAT || ((flags)&__O_TMPFILE) == __O_TMPFILE) { \
		va_list list; \
\
		va_start(list, flags); \
		mode = va_arg(list, mode_t); \
		va_end(list); \
	}

#define HOOK_OPEN(name) \
	EXPORT int name(const char *path, int flags, ...) \
	{ \
		TAKE_MODE(flags) \
		return opened(path, shim_next.name ? shim_next.name(path, flags, mode) \
		                                   : bare(AT_FDCWD, path, flags, mode)); \
	}

#define HOOK_OPENAT(name) \
	EXPORT int name(int dir, const char *path, int flags, ...) \
	{ \
		TAKE_MODE(flags) \
		return opened(path, shim_next.name ? shim_next.name(dir, path, flags, mode) \
		                                   : bare(dir, path, flags, mode)); \
	}

HOOK_OPEN(open)
HOOK_OPEN(open64)
HOOK_OPENAT(openat)
HOOK_OPENAT(openat64)

/* The names in a program built with _FORTIFY_SOURCE, for calls without a mode. */
#define HOOK_OPEN_2(name) \
	int name(const char *path, int flags); \
	EXPORT int name(const char *path, int flags) \
	{ \
		return opened(path, shim_next.name ? shim_next.name(path, flags) \
		                                   : bare(AT_FDCWD, path, flags, 0)); \
	}

#define HOOK_OPENAT_2(name) \
	int name(int dir, const char *path, int flags); \
	EXPORT int name(int dir, const char *path, int flags) \
	{ \
		return opened(path, shim_next.name ? shim_next.name(dir, path, flags) \
		                                   : bare(dir, path, flags, 0)); \
	}

HOOK_OPEN_2(__open_2)
HOOK_OPEN_2(__open64_2)
HOOK_OPENAT_2(__openat_2)
HOOK_OPENAT_2(__openat64_2)

#define HOOK_FOPEN(name) \
	EXPORT FILE *name(const char *restrict path, const char *restrict mode) \
	{ \
		FILE *stream = SHIM_NEXT(name)(path, mode); \
\
		if (stream) \
			opened(path, fileno(stream)); \
		return stream; \
	}

HOOK_FOPEN(fopen)
HOOK_FOPEN(fopen64)
