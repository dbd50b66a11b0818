/* SPDX-License-Identifier: MIT */
/*
 * A table of system calls with the positions of their arguments. Total: the filter asks about these
 * calls only, but a number of another kernel or machine must become NOTIFY_OTHER, never another
 * kind.
 */
#include "tools/isolate/seccomp/call.h"

#include <linux/audit.h>
#include <stddef.h>
#include <sys/syscall.h>

#include "tools/base/cleanup.h"

#if defined(__x86_64__)
#define NATIVE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE AUDIT_ARCH_AARCH64
#endif

enum { NONE = -1 };

static const struct call_row {
	int number;
	enum notify_kind kind;
	int addr, len, data, size, flags; /* positions; NONE = the call has no such argument */
} rows[] = {
	{ SYS_bind, NOTIFY_BIND, 1, 2, NONE, NONE, NONE },
	{ SYS_connect, NOTIFY_CONNECT, 1, 2, NONE, NONE, NONE },
	{ SYS_sendto, NOTIFY_SENDTO, 4, 5, 1, 2, 3 },
	{ SYS_sendmsg, NOTIFY_SENDMSG, 1, NONE, NONE, NONE, 2 },
	{ SYS_sendmmsg, NOTIFY_SENDMMSG, 1, NONE, NONE, 2, 3 },
	{ SYS_recvfrom, NOTIFY_RECVFROM, 4, 5, 1, 2, 3 },
	{ SYS_recvmsg, NOTIFY_RECVMSG, 1, NONE, NONE, NONE, 2 },
	{ SYS_recvmmsg, NOTIFY_RECVMMSG, 1, 4, NONE, 2, 3 },
	{ SYS_accept, NOTIFY_ACCEPT, 1, 2, NONE, NONE, NONE },
	{ SYS_accept4, NOTIFY_ACCEPT, 1, 2, NONE, NONE, 3 },
	{ SYS_getsockname, NOTIFY_SOCKNAME, 1, 2, NONE, NONE, NONE },
	{ SYS_getpeername, NOTIFY_PEERNAME, 1, 2, NONE, NONE, NONE },
	{ SYS_io_uring_setup, NOTIFY_IO_URING, NONE, NONE, NONE, NONE, NONE },
};

static uint64_t argument(const struct seccomp_data *data, int position)
{
	return position == NONE ? 0 : data->args[position];
}

struct notify_call notify_decode(const struct seccomp_data *data)
{
	struct notify_call call = { .kind = NOTIFY_OTHER };

	if (data->arch != NATIVE)
		return (struct notify_call){ .kind = NOTIFY_FOREIGN_ARCH };
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct call_row *row = &rows[i];

		if (row->number != data->nr)
			continue;
		call.kind = row->kind;
		call.fd = (int)data->args[0]; /* the kernel too looks at the low half only */
		call.addr = argument(data, row->addr);
		call.len = argument(data, row->len);
		call.data = argument(data, row->data);
		call.size = argument(data, row->size);
		call.flags = (int)argument(data, row->flags);
	}
	return call;
}
