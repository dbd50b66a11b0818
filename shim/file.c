/* SPDX-License-Identifier: MIT */
/*
 * open(2), fopen(3) and their other names, for four files: /proc/net/{tcp,tcp6,udp,udp6}, under whatever path. Who opens one
 * gets a copy of it in memory, in which core/procnet.c has put the worker's virtual ports.
 *
 * The file is opened as ever; what can be told from the end of its path and from its file system is the rest. The copy takes the
 * place of the descriptor that the kernel has given, which nobody has seen yet: so fopen(3) needs nothing else, and if
 * anything fails the program has the kernel's own table.
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

/* @left: bytes that the program may write into a file; one more, and the kernel ends it (SIGXFSZ) */
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
 * Where the kernel rewrites ports, the map's file follows it (tools/isolate/bpf.c). A port that was bound a moment ago is given
 * that moment, once for a whole table: then it is somebody else's.
 */
static enum berth_procnet look(const struct berth_portmap *map, enum berth_proto proto, char *line,
                               size_t len, int *patience_ms)
{
	const struct timespec moment = { .tv_nsec = 1000000 };
	enum berth_procnet verdict = berth_procnet_line(map, proto, line, len);

	for (; verdict == BERTH_PROCNET_EARLY && *patience_ms; --*patience_ms) {
		sys(SYS_nanosleep, &moment, NULL, 0, 0, 0);
		verdict = berth_procnet_line(map, proto, line, len);
	}
	return verdict;
}

/* Copy the table line by line. A line that is longer than the memory here is none of the table's, and passes. */
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
			if (look(map, proto, text + begin, end - begin, &patience_ms) ==
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

/* "/proc/self/fd/N": to have the copy once more, from its beginning and for reading only, as the table was opened. */
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

/* Return: @fd. */
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

/* Declare `mode`, which is there only if a file may be made. */
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

EXPORT int open(const char *path, int flags, ...)
{
	TAKE_MODE(flags)
	return opened(path, shim_next.open ? shim_next.open(path, flags, mode)
	                                   : bare(AT_FDCWD, path, flags, mode));
}

EXPORT int open64(const char *path, int flags, ...)
{
	TAKE_MODE(flags)
	return opened(path, shim_next.open64 ? shim_next.open64(path, flags, mode)
	                                     : bare(AT_FDCWD, path, flags, mode));
}

EXPORT int openat(int dir, const char *path, int flags, ...)
{
	TAKE_MODE(flags)
	return opened(path, shim_next.openat ? shim_next.openat(dir, path, flags, mode)
	                                     : bare(dir, path, flags, mode));
}

EXPORT int openat64(int dir, const char *path, int flags, ...)
{
	TAKE_MODE(flags)
	return opened(path, shim_next.openat64 ? shim_next.openat64(dir, path, flags, mode)
	                                       : bare(dir, path, flags, mode));
}

/* What these are in a program built with _FORTIFY_SOURCE, where no mode is given. */
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int __openat_2(int dir, const char *path, int flags);
int __openat64_2(int dir, const char *path, int flags);

EXPORT int __open_2(const char *path, int flags)
{
	return opened(path, shim_next.__open_2 ? shim_next.__open_2(path, flags)
	                                       : bare(AT_FDCWD, path, flags, 0));
}

EXPORT int __open64_2(const char *path, int flags)
{
	return opened(path, shim_next.__open64_2 ? shim_next.__open64_2(path, flags)
	                                         : bare(AT_FDCWD, path, flags, 0));
}

EXPORT int __openat_2(int dir, const char *path, int flags)
{
	return opened(path, shim_next.__openat_2 ? shim_next.__openat_2(dir, path, flags)
	                                         : bare(dir, path, flags, 0));
}

EXPORT int __openat64_2(int dir, const char *path, int flags)
{
	return opened(path, shim_next.__openat64_2 ? shim_next.__openat64_2(dir, path, flags)
	                                           : bare(dir, path, flags, 0));
}

EXPORT FILE *fopen(const char *restrict path, const char *restrict mode)
{
	FILE *stream = SHIM_NEXT(fopen)(path, mode);

	if (stream)
		opened(path, fileno(stream));
	return stream;
}

EXPORT FILE *fopen64(const char *restrict path, const char *restrict mode)
{
	FILE *stream = SHIM_NEXT(fopen64)(path, mode);

	if (stream)
		opened(path, fileno(stream));
	return stream;
}
