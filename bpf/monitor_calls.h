/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef BERTH_BPF_MONITOR_CALLS_H
#define BERTH_BPF_MONITOR_CALLS_H
/*
 * System calls that fail: bind(2) and connect(2) with the address that the program named and the
 * caller's stack, sends and receives with their errno. Unix sockets have no other hook: all that is
 * known about them comes from here. monitor_uring.h uses the same functions. Kernel side only;
 * included by monitor.bpf.c.
 *
 * Every system call of the machine runs tp_btf/sys_exit, so the first comparison must end nearly
 * all.
 */
#include "bpf/monitor_state.h"

/*
 * A socket of any family. The verifier does not trust the pointer, so its storage is out of reach.
 */
struct socket_facts {
	struct sock *sk;
	__u64 inode;
	__u16 family;
};

static __always_inline bool socket_facts_of_file(struct file *file, struct socket_facts *facts)
{
	struct socket *socket;
	struct sock *sk;

	if (!file || (BPF_CORE_READ(file, f_inode, i_mode) & FILE_TYPE) != FILE_SOCKET)
		return false;
	socket = BPF_CORE_READ(file, private_data);
	sk = socket ? BPF_CORE_READ(socket, sk) : NULL;
	facts->sk = sk;
	facts->inode = BPF_CORE_READ(file, f_inode, i_ino);
	facts->family = sk ? BPF_CORE_READ(sk, __sk_common.skc_family) : 0;
	return facts->family == FAMILY_4 || facts->family == FAMILY_6 ||
	       facts->family == FAMILY_UNIX;
}

/* The socket behind a descriptor of the current process. Return: false if it is none. */
static __always_inline bool socket_facts_of_fd(long fd, struct socket_facts *facts)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct file **table, *file = NULL;

	if (!task->files || fd < 0 || fd >= BPF_CORE_READ(task, files, fdt, max_fds))
		return false;
	table = BPF_CORE_READ(task, files, fdt, fd);
	bpf_probe_read_kernel(&file, sizeof(file), table + fd);
	return socket_facts_of_file(file, facts);
}

static __always_inline __u64 cookie_of(struct sock *sk)
{
	return (__u64)BPF_CORE_READ(sk, __sk_common.skc_cookie.counter);
}

/* An address that a program named: in its memory, or in the kernel's copy. */
struct address_arg {
	const void *address;
	__u32 len;
	bool in_kernel;
};

static __always_inline long read_arg(void *to, __u32 size, const struct address_arg *arg,
                                     __u32 from)
{
	const char *at = (const char *)arg->address + from;

	return arg->in_kernel ? bpf_probe_read_kernel(to, size, at)
	                      : bpf_probe_read_user(to, size, at);
}

static __always_inline void read_address(struct berth_ip *ip, __u16 *port, __u16 *family,
                                         const struct address_arg *arg)
{
	struct sockaddr_in6 address = {};

	if (read_arg(&address, sizeof(struct sockaddr_in), arg, 0))
		return;
	*family = address.sin6_family;
	*port = bpf_ntohs(address.sin6_port);
	if (*family == FAMILY_6 && !read_arg(&address, sizeof(address), arg, 0))
		__builtin_memcpy(ip, &address.sin6_addr, sizeof(*ip));
	else
		ip_from_4(ip, address.sin6_flowinfo); /* sin_addr lies at the same place */
}

/* ---- Unix sockets ---- */

static __always_inline long read_name(char *to, __u32 space, const struct address_arg *arg,
                                      __u32 from)
{
	const char *at = (const char *)arg->address + from;

	return arg->in_kernel ? bpf_probe_read_kernel_str(to, space, at)
	                      : bpf_probe_read_user_str(to, space, at);
}

/* Begin an event. @arg is a sockaddr_un; an abstract name begins with 0. */
static __always_inline struct berth_event *unix_begin(void *context, __u32 worker,
                                                      enum berth_event_tag tag, __u64 inode,
                                                      const struct address_arg *arg)
{
	const __u32 head = __builtin_offsetof(struct sockaddr_un, sun_path);
	struct berth_event *event = event_begin_long(worker, tag);
	long len;

	if (!event)
		return NULL;
	event_current(event);
	event->family = FAMILY_UNIX;
	event->proto = BERTH_TCP;
	event->cookie = inode;
	event->stack_len = (__u16)take_stack(context, event->path_stack, BERTH_PATH_FRAMES,
	                                     &event->caller);
	len = read_name(event->path, SUN_PATH, arg, head) - 1;
	if (!len) {
		len = read_name(event->path + 1, SUN_PATH - 1, arg, head + 1) - 1;
		len = len > 0 ? len + 1 : 0;
	}
	if (len > 0) /* a name need not end with 0: its length says where it ends */
		event->text_len = (__u16)(arg->len > head && len > arg->len - head ? arg->len - head
		                                                                   : len);
	return event;
}

static __always_inline void on_unix_failed(void *context, const struct socket_facts *facts,
                                           const struct address_arg *arg, __u32 worker,
                                           enum berth_event_tag tag, int error)
{
	struct berth_event *event;

	count(worker, tag == BERTH_EVENT_BIND_FAILED ? BERTH_COUNT_unix_bind_failed
	                                             : BERTH_COUNT_unix_connect_failed);
	event = unix_begin(context, worker, tag, facts->inode, arg);
	if (!event)
		return;
	event->error = error;
	bpf_ringbuf_submit(event, 0);
}

static __always_inline void on_unix_listening(void *context, long fd, __u32 worker)
{
	struct socket_facts facts;
	struct address_arg name = { .in_kernel = true };
	struct unix_address *address;
	struct berth_event *event;
	struct unix_sock *sk;

	if (!socket_facts_of_fd(fd, &facts) || facts.family != FAMILY_UNIX)
		return;
	count(worker, BERTH_COUNT_unix_listening);
	sk = (struct unix_sock *)facts.sk;
	address = BPF_CORE_READ(sk, addr);
	name.address = (const char *)address + bpf_core_field_offset(struct unix_address, name);
	name.len = BPF_CORE_READ(address, len);
	event = unix_begin(context, worker, BERTH_EVENT_LISTENING, facts.inode, &name);
	if (event)
		bpf_ringbuf_submit(event, 0);
}

/*
 * A connection to a Unix socket. The kernel keeps who has called listen(2), for SO_PEERCRED; who
 * receives datagrams it does not keep.
 */
static __always_inline void on_unix_connected(void *context, struct pt_regs *regs)
{
	struct address_arg arg = { .address = (const void *)PT_REGS_PARM2_CORE_SYSCALL(regs),
		                   .len = (__u32)PT_REGS_PARM3_CORE_SYSCALL(regs) };
	struct monitor_peer peer = { .family = FAMILY_UNIX };
	struct socket_facts facts;
	struct berth_event *event;
	struct pid *server;
	struct sock *sk;
	__u16 family = 0;

	/* most connects end here */
	if (bpf_probe_read_user(&family, sizeof(family), arg.address) || family != FAMILY_UNIX ||
	    !current_worker(&peer.worker) ||
	    !socket_facts_of_fd((int)PT_REGS_PARM1_CORE_SYSCALL(regs), &facts) ||
	    facts.family != FAMILY_UNIX)
		return;
	sk = facts.sk;
	server = BPF_CORE_READ(sk, sk_peer_pid);
	peer.remote.word_be[0] = server ? pid_number(server, 0) : 0;
	if (!peer.remote.word_be[0] || !is_first(&peer))
		return;
	event = unix_begin(context, peer.worker, BERTH_EVENT_CONNECTED, facts.inode, &arg);
	if (!event) {
		bpf_map_delete_elem(&peers, &peer);
		return;
	}
	event->count = peer.remote.word_be[0];
	bpf_ringbuf_submit(event, 0);
}

/* ---- calls that failed ---- */

static __always_inline void on_bind_failed(void *context, const struct socket_facts *facts,
                                           const struct address_arg *arg, __u32 worker, int error)
{
	struct sock *sk = facts->sk;
	struct berth_event *event;

	if (facts->family == FAMILY_UNIX) {
		on_unix_failed(context, facts, arg, worker, BERTH_EVENT_BIND_FAILED, error);
		return;
	}
	count(worker, BERTH_COUNT_bind_failed);
	count_error(worker, error);
	event = event_begin_long(worker, BERTH_EVENT_BIND_FAILED);
	if (!event)
		return;
	event_current(event);
	event->error = error;
	event->call = (__u16)calls.bind;
	event->cookie = cookie_of(sk);
	event->proto = BPF_CORE_READ(sk, sk_type) == SOCK_DGRAM ? BERTH_UDP : BERTH_TCP;
	event->reuse = BPF_CORE_READ_BITFIELD_PROBED(sk, __sk_common.skc_reuse) != 0;
	read_address(&event->local, &event->local_port, &event->family, arg);
	event_stack(context, event);
	bpf_ringbuf_submit(event, 0);
}

static __always_inline void on_connect_call_failed(void *context, const struct socket_facts *facts,
                                                   const struct address_arg *arg, __u32 worker,
                                                   int error)
{
	struct berth_event *event;
	__u64 cookie;

	if (error == E_IN_PROGRESS || error == E_ALREADY || error == E_IS_CONNECTED ||
	    (error >= E_RESTART_LOW && error <= E_RESTART_HIGH))
		return;
	if (facts->family == FAMILY_UNIX) {
		on_unix_failed(context, facts, arg, worker, BERTH_EVENT_CONNECT_FAILED, error);
		return;
	}
	cookie = cookie_of(facts->sk);
	/* no change of state has counted it: it failed before SYN */
	if (!cookie || bpf_map_delete_elem(&failed_connects, &cookie)) {
		count(worker, BERTH_COUNT_connect_failed);
		count_error(worker, error);
	}
	event = event_begin_long(worker, BERTH_EVENT_CONNECT_FAILED);
	if (!event)
		return;
	event_current(event);
	event->error = error;
	event->call = (__u16)calls.connect;
	event->cookie = cookie;
	read_address(&event->remote, &event->remote_port, &event->family, arg);
	event_stack(context, event);
	bpf_ringbuf_submit(event, 0);
}

static __always_inline void on_call_failed(const struct socket_facts *facts, long call,
                                           __u32 worker, int error)
{
	struct berth_event *event;

	if (facts->family == FAMILY_UNIX)
		return;
	count_error(worker, error);
	event = event_begin(worker, BERTH_EVENT_CALL_FAILED);
	if (!event)
		return;
	event_current(event);
	event->error = error;
	event->call = (__u16)call;
	event->cookie = cookie_of(facts->sk);
	bpf_ringbuf_submit(event, 0);
}

/* Keep the stack that created a socket, by its cookie, as long as the socket exists. */
static __always_inline void keep_stack(void *context, __u32 worker, int fd)
{
	__u32 zero = 0;
	struct monitor_stack *stack = bpf_map_lookup_elem(&scratch, &zero);
	struct socket_facts facts;
	__u64 cookie;

	if (!stack || !spend(worker, true, bpf_ktime_get_ns()))
		return;
	cookie = socket_facts_of_fd(fd, &facts) && facts.family != FAMILY_UNIX ? cookie_of(facts.sk)
	                                                                       : 0;
	if (!cookie)
		return;
	stack->len = take_stack(context, stack->frames, BERTH_STACK_MAX, &stack->caller);
	if (!stack->len)
		return;
	stack->pid = current_pid();
	if (bpf_map_update_elem(&stacks, &cookie, stack, BPF_ANY))
		count(worker, BERTH_COUNT_lost_stacks);
}

/* The failures of transfers that are counted. */
static __always_inline bool is_counted_error(int error)
{
	return error == E_PIPE || error == E_RESET || error == E_REFUSED || error == E_TIMED_OUT ||
	       error == E_IN_USE;
}

static __always_inline bool is_transfer(long call)
{
	return call == calls.read || call == calls.write || call == calls.readv ||
	       call == calls.writev || call == calls.sendfile || call == calls.accept ||
	       call == calls.sendto || call == calls.recvfrom || call == calls.sendmsg ||
	       call == calls.recvmsg || call == calls.accept4 || call == calls.recvmmsg ||
	       call == calls.sendmmsg;
}

static __always_inline void on_succeeded(void *context, struct pt_regs *regs, long result)
{
	long call = call_of(regs);
	__u32 worker;

	if (call == calls.socket) {
		if (stacks_on_open && current_worker(&worker))
			keep_stack(context, worker, (int)result);
	} else if (call == calls.listen) {
		if (current_worker(&worker))
			on_unix_listening(context, (int)PT_REGS_PARM1_CORE_SYSCALL(regs), worker);
	} else if (call == calls.connect) {
		on_unix_connected(context, regs);
	}
}

static __always_inline void on_failed(void *context, struct pt_regs *regs, long call, int error)
{
	struct address_arg arg = {};
	struct socket_facts facts;
	__u32 worker;

	/* the first argument of sendfile(2), too, is the descriptor that it writes to */
	if (!current_worker(&worker) ||
	    !socket_facts_of_fd((int)PT_REGS_PARM1_CORE_SYSCALL(regs), &facts))
		return;
	arg.address = (const void *)PT_REGS_PARM2_CORE_SYSCALL(regs);
	arg.len = (__u32)PT_REGS_PARM3_CORE_SYSCALL(regs);
	if (call == calls.bind)
		on_bind_failed(context, &facts, &arg, worker, error);
	else if (call == calls.connect)
		on_connect_call_failed(context, &facts, &arg, worker, error);
	else
		on_call_failed(&facts, call, worker, error);
}

SEC("tp_btf/sys_exit")
int BPF_PROG(monitor_sys_exit, struct pt_regs *regs, long result)
{
	long call;
	int error;

	if (result >= 0) {
		on_succeeded(ctx, regs, result);
		return 0;
	}
	error = (int)-result;
	if (error == E_AGAIN || error > 4095) /* the common refusals of non-blocking sockets */
		return 0;
	call = call_of(regs);
	if (call == calls.bind || call == calls.connect ||
	    (is_counted_error(error) && (is_transfer(call) || call == calls.listen)))
		on_failed(ctx, regs, call, error);
	return 0;
}

#endif
