/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef BERTH_BPF_MONITOR_URING_H
#define BERTH_BPF_MONITOR_URING_H
/*
 * Failures through io_uring, where no system call fails. The tracepoint of its completions has the
 * request, with the socket, the operation and the result. Kernel side only; included by
 * monitor.bpf.c.
 *
 * The types below are parts of the kernel's own, found by name when the program is loaded: the
 * kernel of the machine that builds may lack them. A kernel without them (before 5.19) refuses this
 * program only.
 */
#include "bpf/monitor_calls.h"

#define FOUND_BY_NAME __attribute__((preserve_access_index))
struct io_cqe___part {
	__s32 res;
} FOUND_BY_NAME;
struct io_kiocb___part {
	struct file *file;
	__u8 opcode;
	struct io_cqe___part cqe;
	void *async_data;
} FOUND_BY_NAME;
struct io_connect___part {
	void *addr;
	int addr_len;
} FOUND_BY_NAME;
struct io_bind___part {
	int addr_len;
} FOUND_BY_NAME;
struct io_async_msghdr___part {
	struct {
		char data[16];
	} addr;
} FOUND_BY_NAME;

/* linux/io_uring.h; the numbers are ABI */
enum {
	RING_READV = 1,
	RING_WRITEV = 2,
	RING_SENDMSG = 9,
	RING_RECVMSG = 10,
	RING_ACCEPT = 13,
	RING_CONNECT = 16,
	RING_READ = 22,
	RING_WRITE = 23,
	RING_SEND = 26,
	RING_RECV = 27,
	RING_SEND_ZC = 47,
	RING_SENDMSG_ZC = 48,
	RING_BIND = 56,
	RING_LISTEN = 57
};

/* Return: the system call that does the same as operation @code; -1: none of interest. */
static __always_inline long call_of_ring(__u8 code)
{
	switch (code) {
	case RING_BIND: return calls.bind;
	case RING_CONNECT: return calls.connect;
	case RING_LISTEN: return calls.listen;
	case RING_ACCEPT: return calls.accept4;
	case RING_READ: return calls.read;
	case RING_READV: return calls.readv;
	case RING_WRITE: return calls.write;
	case RING_WRITEV: return calls.writev;
	case RING_RECV: return calls.recvfrom;
	case RING_RECVMSG: return calls.recvmsg;
	case RING_SEND:
	case RING_SEND_ZC: return calls.sendto;
	case RING_SENDMSG:
	case RING_SENDMSG_ZC: return calls.sendmsg;
	}
	return -1;
}

/* The address of a bind: at the start of the request's data; before Linux 6.18 within a message. */
static __always_inline const void *bind_address(struct io_kiocb___part *request, __u16 family)
{
	char *data = BPF_CORE_READ(request, async_data);
	__u16 first = 0;

	bpf_probe_read_kernel(&first, sizeof(first), data);
	return first == family ? data
	                       : data + bpf_core_field_offset(struct io_async_msghdr___part, addr);
}

SEC("tp_btf/io_uring_complete")
int BPF_PROG(monitor_uring, void *ring, void *completed)
{
	struct io_kiocb___part *request = completed;
	struct address_arg arg = {};
	struct socket_facts facts;
	__u32 worker;
	long call;
	int error;

	error = request ? -BPF_CORE_READ(request, cqe.res) : 0;
	if (error <= 0 || error == E_AGAIN || error > 4095 || !current_worker(&worker))
		return 0;
	call = call_of_ring(BPF_CORE_READ(request, opcode));
	if (call < 0 || !socket_facts_of_file(BPF_CORE_READ(request, file), &facts))
		return 0;
	if (call == calls.bind) {
		arg.address = bind_address(request, facts.family);
		arg.len = (__u32)BPF_CORE_READ((struct io_bind___part *)request, addr_len);
		arg.in_kernel = true;
		on_bind_failed(ctx, &facts, &arg, worker, error);
	} else if (call == calls.connect) {
		/* the command begins the request */
		arg.address = BPF_CORE_READ((struct io_connect___part *)request, addr);
		arg.len = (__u32)BPF_CORE_READ((struct io_connect___part *)request, addr_len);
		on_connect_call_failed(ctx, &facts, &arg, worker, error);
	} else if (is_counted_error(error)) {
		on_call_failed(&facts, call, worker, error);
	}
	return 0;
}

#endif
