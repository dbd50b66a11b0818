/* SPDX-License-Identifier: MIT */
/*
 * syscall(2), the libc function: programs that make socket calls through it get the same hooks, everything else goes on
 * with all six arguments. Never a list of what is allowed: what is not known passes.
 */
#include "shim/shim.h"

typedef long (*hook_fn)(const long *);

static long do_bind(const long *a)
{
	return bind((int)a[0], (const struct sockaddr *)a[1], (socklen_t)a[2]);
}

static long do_connect(const long *a)
{
	return connect((int)a[0], (const struct sockaddr *)a[1], (socklen_t)a[2]);
}

static long do_accept(const long *a)
{
	return accept((int)a[0], (struct sockaddr *)a[1], (socklen_t *)a[2]);
}

static long do_accept4(const long *a)
{
	return accept4((int)a[0], (struct sockaddr *)a[1], (socklen_t *)a[2], (int)a[3]);
}

static long do_getsockname(const long *a)
{
	return getsockname((int)a[0], (struct sockaddr *)a[1], (socklen_t *)a[2]);
}

static long do_getpeername(const long *a)
{
	return getpeername((int)a[0], (struct sockaddr *)a[1], (socklen_t *)a[2]);
}

static long do_sendto(const long *a)
{
	return sendto((int)a[0], (const void *)a[1], (size_t)a[2], (int)a[3],
	              (const struct sockaddr *)a[4], (socklen_t)a[5]);
}

static long do_sendmsg(const long *a)
{
	return sendmsg((int)a[0], (const struct msghdr *)a[1], (int)a[2]);
}

static long do_sendmmsg(const long *a)
{
	return sendmmsg((int)a[0], (struct mmsghdr *)a[1], (unsigned int)a[2], (int)a[3]);
}

static long do_recvfrom(const long *a)
{
	return recvfrom((int)a[0], (void *)a[1], (size_t)a[2], (int)a[3], (struct sockaddr *)a[4],
	                (socklen_t *)a[5]);
}

static long do_recvmsg(const long *a)
{
	return recvmsg((int)a[0], (struct msghdr *)a[1], (int)a[2]);
}

static long do_recvmmsg(const long *a)
{
	return recvmmsg((int)a[0], (struct mmsghdr *)a[1], (unsigned int)a[2], (int)a[3],
	                (struct timespec *)a[4]);
}

static long do_execve(const long *a)
{
	return execve((const char *)a[0], (char *const *)a[1], (char *const *)a[2]);
}

static long do_execveat(const long *a)
{
	return execveat((int)a[0], (const char *)a[1], (char *const *)a[2], (char *const *)a[3],
	                (int)a[4]);
}

static hook_fn hook_for(long number)
{
	switch (number) {
#define HOOK_BOTH(name) \
	case SYS_##name: \
		return do_##name;
#define HOOK_LIBC(name)
#define CALL(name, class, entry, calls, action) HOOK_##entry(name)
#include "core/calls.def"
	default: return NULL;
	}
}

EXPORT long syscall(long number, ...)
{
	long a[6];
	va_list list;
	hook_fn hook;

	va_start(list, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(list, long);
	va_end(list);
	hook = hook_for(number);
	if (hook && shim_attached())
		return hook(a);
	if (!shim_next.syscall)
		return shim_result(sys6(number, a[0], a[1], a[2], a[3], a[4], a[5]));
	return shim_next.syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
