/* SPDX-License-Identifier: MIT */
/*
 * syscall(2), the libc function. Socket calls and exec through it reach the same hooks; every other
 * number passes with all six arguments.
 */
#include "shim/shim.h"

/* The hook of each system call that core/calls.def marks BOTH, with its arguments out of @a. */
#define CALL_bind        bind((int)a[0], (const struct sockaddr *)a[1], (socklen_t)a[2])
#define CALL_connect     connect((int)a[0], (const struct sockaddr *)a[1], (socklen_t)a[2])
#define CALL_accept      accept((int)a[0], (struct sockaddr *)a[1], (socklen_t *)a[2])
#define CALL_accept4     accept4((int)a[0], (struct sockaddr *)a[1], (socklen_t *)a[2], (int)a[3])
#define CALL_getsockname getsockname((int)a[0], (struct sockaddr *)a[1], (socklen_t *)a[2])
#define CALL_getpeername getpeername((int)a[0], (struct sockaddr *)a[1], (socklen_t *)a[2])
#define CALL_sendto \
	sendto((int)a[0], (const void *)a[1], (size_t)a[2], (int)a[3], \
	       (const struct sockaddr *)a[4], (socklen_t)a[5])
#define CALL_sendmsg  sendmsg((int)a[0], (const struct msghdr *)a[1], (int)a[2])
#define CALL_sendmmsg sendmmsg((int)a[0], (struct mmsghdr *)a[1], (unsigned int)a[2], (int)a[3])
#define CALL_recvfrom \
	recvfrom((int)a[0], (void *)a[1], (size_t)a[2], (int)a[3], (struct sockaddr *)a[4], \
	         (socklen_t *)a[5])
#define CALL_recvmsg recvmsg((int)a[0], (struct msghdr *)a[1], (int)a[2])
#define CALL_recvmmsg \
	recvmmsg((int)a[0], (struct mmsghdr *)a[1], (unsigned int)a[2], (int)a[3], \
	         (struct timespec *)a[4])
#define CALL_execve execve((const char *)a[0], (char *const *)a[1], (char *const *)a[2])
#define CALL_execveat \
	execveat((int)a[0], (const char *)a[1], (char *const *)a[2], (char *const *)a[3], (int)a[4])

/* Return: true and *ret_result if system call @number has a hook, which was called. */
static bool call_hook(long number, const long *a, long *ret_result)
{
	switch (number) {
#define HOOK_BOTH(name) \
	case SYS_##name: \
		*ret_result = CALL_##name; \
		return true;
#define HOOK_LIBC(name)
#define CALL(name, class, entry, calls, action) HOOK_##entry(name)
#include "core/calls.def"
	default: return false;
	}
}

EXPORT long syscall(long number, ...)
{
	long a[6], result;
	va_list list;

	va_start(list, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(list, long);
	va_end(list);
	if (shim_attached() && call_hook(number, a, &result))
		return result;
	if (!shim_next.syscall)
		return shim_result(sys6(number, a[0], a[1], a[2], a[3], a[4], a[5]));
	return shim_next.syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
