// SPDX-License-Identifier: MIT
/*
 * Preloaded into Berth's own processes: the n-th call of one kind fails, and all after it if
 * FAULT_ALWAYS is set.
 *
 *	FAULT_CALL=open FAULT_NTH=17 [FAULT_ALWAYS=1] LD_PRELOAD=.../fault.so berth run ...
 *
 * A process in which a call has failed marks the first byte of the file FAULT_HITS: so the campaign
 * knows that it hit. Calls are counted per process; a child goes on with its parent's count. In
 * every other program (the suite, PostgreSQL) it does nothing. `clock` does not fail: the time of
 * day jumps by FAULT_JUMP seconds. The environment is read before main, where no call has been
 * counted yet: getenv(3) allocates nothing.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static const char *wanted;
static long countdown;
static long jump_s;
static bool always;
/* first byte of the file, shared: a process of ours may be too confined to open it */
static char *hits;

__attribute__((constructor)) static void read_environment(void)
{
	const char *nth = getenv("FAULT_NTH"), *jump = getenv("FAULT_JUMP");
	int fd;

	if (strcmp(program_invocation_short_name, "berth"))
		return;
	countdown = nth ? atol(nth) : 1;
	jump_s = jump ? atol(jump) : 0;
	always = getenv("FAULT_ALWAYS");
	fd = open(getenv("FAULT_HITS") ?: "", O_RDWR | O_CLOEXEC);
	hits = fd < 0 ? NULL : mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (hits == MAP_FAILED)
		hits = NULL;
	wanted = getenv("FAULT_CALL");
}

static void note_hit(void)
{
	if (hits)
		*hits = 'x';
}

static bool is_due(const char *call)
{
	if (!wanted || strcmp(wanted, call))
		return false;
	if (countdown > 0)
		countdown--;
	else if (!always)
		return false;
	if (countdown)
		return false;
	if (!always)
		countdown = -1;
	note_hit();
	return true;
}

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);

#define FAIL(call, error, value) \
	do { \
		if (is_due(call)) { \
			errno = error; \
			return value; \
		} \
	} while (0)

void *malloc(size_t size)
{
	FAIL("malloc", ENOMEM, NULL);
	return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	FAIL("malloc", ENOMEM, NULL);
	return __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
	FAIL("malloc", ENOMEM, NULL);
	return __libc_realloc(old, size);
}

void *mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
	FAIL("mmap", ENOMEM, MAP_FAILED);
	return NEXT(mmap)(at, size, protection, flags, fd, offset);
}

int socket(int family, int type, int protocol)
{
	FAIL("socket", ENOBUFS, -1);
	return NEXT(socket)(family, type, protocol);
}

int socketpair(int family, int type, int protocol, int pair[2])
{
	FAIL("socket", ENFILE, -1);
	return NEXT(socketpair)(family, type, protocol, pair);
}

int open(const char *path, int flags, ...)
{
	va_list list;
	mode_t mode;

	va_start(list, flags);
	mode = va_arg(list, mode_t);
	va_end(list);
	FAIL("open", EMFILE, -1);
	return NEXT(open)(path, flags, mode);
}

int openat(int dir, const char *path, int flags, ...)
{
	va_list list;
	mode_t mode;

	va_start(list, flags);
	mode = va_arg(list, mode_t);
	va_end(list);
	FAIL("open", EMFILE, -1);
	return NEXT(openat)(dir, path, flags, mode);
}

int pipe2(int pair[2], int flags)
{
	FAIL("pipe", EMFILE, -1);
	return NEXT(pipe2)(pair, flags);
}

pid_t fork(void)
{
	FAIL("fork", EAGAIN, -1);
	return NEXT(fork)();
}

int mkdir(const char *path, mode_t mode)
{
	FAIL("mkdir", ENOSPC, -1);
	return NEXT(mkdir)(path, mode);
}

/* Answers with its error: port map files. */
int posix_fallocate(int fd, off_t from, off_t size)
{
	FAIL("fallocate", ENOSPC, ENOSPC);
	return NEXT(posix_fallocate)(fd, from, size);
}

ssize_t write(int fd, const void *data, size_t size)
{
	if (fd > 2)
		FAIL("write", ENOSPC, -1);
	return NEXT(write)(fd, data, size);
}

int rename(const char *from, const char *to)
{
	FAIL("rename", ENOSPC, -1);
	return NEXT(rename)(from, to);
}

long syscall(long number, ...)
{
	long a[6];
	va_list list;

	va_start(list, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(list, long);
	va_end(list);
	if (number == SYS_bpf)
		FAIL("bpf", EPERM, -1);
	if (number == SYS_clone3)
		FAIL("fork", EAGAIN, -1);
	return NEXT(syscall)(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

int clock_gettime(clockid_t clock, struct timespec *ret_time)
{
	int ret = NEXT(clock_gettime)(clock, ret_time);

	if (clock == CLOCK_REALTIME && is_due("clock"))
		ret_time->tv_sec += jump_s;
	return ret;
}

time_t time(time_t *ret_time)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (ret_time)
		*ret_time = now.tv_sec;
	return now.tv_sec;
}
