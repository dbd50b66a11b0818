/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef BERTH_BPF_MONITOR_CALLS_H
#define BERTH_BPF_MONITOR_CALLS_H
/*
 * Results of system calls, where they are failures: bind(2) and connect(2) with the address that was asked for and the
 * caller's stack, sends and receives with their errno. Kernel side only; included by monitor.bpf.c.
 *
 * Law: tp_btf/sys_exit is woken by every system call of the machine, so the first comparison must end nearly all of them.
 * What io_uring does fails without a system call: its connects are counted by their state, its sends are not.
 */
#include "bpf/monitor_state.h"

/* Numbers of the system calls that are looked at; x86_64. Elsewhere sys_exit is not loaded. */
enum { CALL_READ = 0, CALL_WRITE = 1, CALL_READV = 19, CALL_WRITEV = 20, CALL_SENDFILE = 40, CALL_SOCKET = 41, CALL_CONNECT = 42,
       CALL_ACCEPT = 43, CALL_SENDTO = 44, CALL_RECVFROM = 45, CALL_SENDMSG = 46, CALL_RECVMSG = 47, CALL_BIND = 49,
       CALL_LISTEN = 50, CALL_EXECVE = 59, CALL_ACCEPT4 = 288, CALL_RECVMMSG = 299, CALL_SENDMMSG = 307, CALL_EXECVEAT = 322 };

/*
 * The IP socket behind a descriptor of the current process, NULL if it is something else: a failing write to a pipe is no
 * business of ours. It can be read, but not be asked for its storage: the verifier does not trust where it comes from.
 */
static __always_inline struct sock *socket_of(long fd)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct file **table, *file = NULL;
	struct socket *socket;
	struct sock *sk;
	__u16 family;

	if (!task->files || fd < 0 || fd >= BPF_CORE_READ(task, files, fdt, max_fds))
		return NULL;
	table = BPF_CORE_READ(task, files, fdt, fd);
	bpf_probe_read_kernel(&file, sizeof(file), table + fd);
	if (!file || (BPF_CORE_READ(file, f_inode, i_mode) & FILE_TYPE) != FILE_SOCKET)
		return NULL;
	socket = BPF_CORE_READ(file, private_data);
	sk = socket ? BPF_CORE_READ(socket, sk) : NULL;
	family = sk ? BPF_CORE_READ(sk, __sk_common.skc_family) : 0;
	return family == FAMILY_4 || family == FAMILY_6 ? sk : NULL;
}

static __always_inline __u64 cookie_of(struct sock *sk)
{
	return (__u64)BPF_CORE_READ(sk, __sk_common.skc_cookie.counter);
}

static __always_inline void read_address(struct berth_ip *ip, __u16 *port, __u16 *family, const void *user)
{
	struct sockaddr_in6 address = {};

	if (bpf_probe_read_user(&address, sizeof(struct sockaddr_in), user))
		return;
	*family = address.sin6_family;
	*port = bpf_ntohs(address.sin6_port);
	if (*family == FAMILY_6 && !bpf_probe_read_user(&address, sizeof(address), user))
		__builtin_memcpy(ip, &address.sin6_addr, sizeof(*ip));
	else
		ip_from_4(ip, address.sin6_flowinfo); /* sin_addr lies at the same place */
}

static __always_inline void on_bind_failed(void *context, struct pt_regs *regs, __u32 worker, int error)
{
	struct sock *sk = socket_of((int)PT_REGS_PARM1_CORE_SYSCALL(regs));
	struct berth_event *event;

	if (!sk)
		return;
	count(worker, BERTH_COUNT_bind_failed);
	count_error(worker, error);
	event = event_begin_long(worker, BERTH_EVENT_BIND_FAILED);
	if (!event)
		return;
	event_current(event);
	event->error = error;
	event->call = CALL_BIND;
	event->cookie = cookie_of(sk);
	event->proto = BPF_CORE_READ(sk, sk_type) == SOCK_DGRAM ? BERTH_UDP : BERTH_TCP;
	event->reuse = BPF_CORE_READ_BITFIELD_PROBED(sk, __sk_common.skc_reuse) != 0;
	read_address(&event->local, &event->local_port, &event->family, (const void *)PT_REGS_PARM2_CORE_SYSCALL(regs));
	event_stack(context, event);
	bpf_ringbuf_submit(event, 0);
}

static __always_inline void on_connect_call_failed(void *context, struct pt_regs *regs, __u32 worker, int error)
{
	struct sock *sk = socket_of((int)PT_REGS_PARM1_CORE_SYSCALL(regs));
	struct berth_event *event;
	__u64 cookie;

	if (!sk || error == E_IN_PROGRESS || error == E_ALREADY || error == E_IS_CONNECTED ||
	    (error >= E_RESTART_LOW && error <= E_RESTART_HIGH))
		return;
	cookie = cookie_of(sk);
	if (!cookie || bpf_map_delete_elem(&failed_connects, &cookie)) { /* its state did not tell: it failed before SYN */
		count(worker, BERTH_COUNT_connect_failed);
		count_error(worker, error);
	}
	event = event_begin_long(worker, BERTH_EVENT_CONNECT_FAILED);
	if (!event)
		return;
	event_current(event);
	event->error = error;
	event->call = CALL_CONNECT;
	event->cookie = cookie;
	read_address(&event->remote, &event->remote_port, &event->family, (const void *)PT_REGS_PARM2_CORE_SYSCALL(regs));
	event_stack(context, event);
	bpf_ringbuf_submit(event, 0);
}

static __always_inline void on_call_failed(struct pt_regs *regs, long call, __u32 worker, int error)
{
	struct sock *sk = socket_of((int)PT_REGS_PARM1_CORE_SYSCALL(regs)); /* of sendfile(2), too: where it writes to */
	struct berth_event *event;

	if (!sk)
		return;
	count_error(worker, error);
	event = event_begin(worker, BERTH_EVENT_CALL_FAILED);
	if (!event)
		return;
	event_current(event);
	event->error = error;
	event->call = (__u16)call;
	event->cookie = cookie_of(sk);
	bpf_ringbuf_submit(event, 0);
}

/* The stack that created a socket, kept by cookie as long as the socket lives. */
static __always_inline void keep_stack(void *context, __u32 worker, int fd)
{
	__u32 zero = 0;
	struct monitor_stack *stack = bpf_map_lookup_elem(&scratch, &zero);
	struct sock *sk;
	__u64 cookie;

	if (!stack || !spend(worker, true, bpf_ktime_get_ns()))
		return;
	sk = socket_of(fd);
	cookie = sk ? cookie_of(sk) : 0;
	if (!cookie)
		return;
	stack->len = take_stack(context, stack->frames, &stack->caller);
	if (!stack->len)
		return;
	stack->pid = bpf_get_current_pid_tgid() >> 32;
	if (bpf_map_update_elem(&stacks, &cookie, stack, BPF_ANY))
		count(worker, BERTH_COUNT_lost_stacks);
}

static __always_inline bool is_transfer(long call)
{
	switch (call) {
	case CALL_READ: case CALL_WRITE: case CALL_READV: case CALL_WRITEV: case CALL_SENDFILE: case CALL_ACCEPT:
	case CALL_SENDTO: case CALL_RECVFROM: case CALL_SENDMSG: case CALL_RECVMSG: case CALL_ACCEPT4: case CALL_RECVMMSG:
	case CALL_SENDMMSG:
		return true;
	}
	return false;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(monitor_sys_exit, struct pt_regs *regs, long result)
{
	long call;
	__u32 worker;
	int error;

	if (result >= 0) {
		if (!stacks_on_open || regs->orig_ax != CALL_SOCKET || !current_worker(&worker))
			return 0;
		keep_stack(ctx, worker, (int)result);
		return 0;
	}
	error = (int)-result;
	if (error == E_AGAIN || error > 4095) /* the common refusals of non-blocking sockets */
		return 0;
	call = (long)regs->orig_ax;
	if (call == CALL_BIND) {
		if (current_worker(&worker))
			on_bind_failed(ctx, regs, worker, error);
	} else if (call == CALL_CONNECT) {
		if (current_worker(&worker))
			on_connect_call_failed(ctx, regs, worker, error);
	} else if (error == E_PIPE || error == E_RESET || error == E_REFUSED || error == E_TIMED_OUT || error == E_IN_USE) {
		if ((is_transfer(call) || call == CALL_LISTEN) && current_worker(&worker))
			on_call_failed(regs, call, worker, error);
	}
	return 0;
}

#endif
