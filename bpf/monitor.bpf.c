/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The socket monitor: what the workers of a run do with TCP, UDP and Unix sockets, and which
 * processes they have.
 *
 * Theory of operation. Counts are in a per-CPU array by worker. What is known about a socket is in
 * its own storage: accepted sockets inherit it, it goes with the socket, and an iterator reads it
 * at the end. The ring buffer carries only what deserves a line of its own: failures, listeners,
 * first connections, processes. So a lost event costs detail, never a count, and 100 000 short
 * connections cost a few additions each.
 *
 *	created, bound, closed, datagrams
 *		Programs on the run's cgroup: they run for each socket whose cgroup lies below it,
 *		in the context of the process, with no recursion guard that could skip one.
 *	states, resets
 *		Tracepoints, which may run in softirq, where `current` is an unrelated process: they
 *		read only the socket's storage.
 *	results of system calls
 *		tp_btf/sys_exit, the only place that sees bind(2) fail. Every system call of the
 *		machine runs it, so it must return within a few instructions.
 *	results of io_uring
 *		Its own tracepoint, in the context of the process or of a kernel thread for it.
 *
 * No program changes anything. Every failure to record is counted. A program that does not load
 * costs the feature that tools/watch names beside it, and nothing else.
 */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "bpf/monitor_calls.h"
#include "bpf/monitor_state.h"
#include "bpf/monitor_uring.h"

char LICENSE[] SEC("license") = "GPL";

/* Send an event without a stack. Return: false if there was no space for it. */
static __always_inline bool send_event(const struct monitor_note *note, enum berth_event_tag tag,
                                       int error)
{
	struct berth_event *event = event_begin(note->worker, tag);

	if (!event)
		return false;
	event_socket(event, note);
	event->error = error;
	bpf_ringbuf_submit(event, 0);
	return true;
}

/* ---- the run's cgroup: created, bound, closed ---- */

SEC("cgroup/sock_create")
int monitor_sock_create(struct bpf_sock *context)
{
	struct monitor_note *note;
	__u32 worker;

	if (!current_worker(&worker))
		return ALLOW;
	count(worker, BERTH_COUNT_opened);
	if (context->protocol == IPPROTO_UDP)
		count(worker, BERTH_COUNT_opened_udp);
	note = bpf_sk_storage_get(&notes, context, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	if (!note) {
		count(worker, BERTH_COUNT_lost_sockets);
		return ALLOW;
	}
	note->cookie = bpf_get_socket_cookie(context);
	note->opened_ns = bpf_ktime_get_ns();
	note->worker = worker;
	note->pid = current_pid();
	note->family = context->family;
	note->proto = context->protocol == IPPROTO_UDP ? BERTH_UDP : BERTH_TCP;
	bpf_get_current_comm(note->comm, BERTH_COMM);
	if (everything)
		send_event(note, BERTH_EVENT_OPENED, 0);
	return ALLOW;
}

static __always_inline int bound(struct monitor_note *note)
{
	struct berth_event *event;

	note->bound = 1;
	count(note->worker, BERTH_COUNT_bound);
	event = event_begin(note->worker, BERTH_EVENT_BOUND);
	if (event) {
		event_socket(event, note);
		event_current(event);
		bpf_ringbuf_submit(event, 0);
	}
	return ALLOW;
}

SEC("cgroup/post_bind4")
int monitor_post_bind4(struct bpf_sock *context)
{
	struct monitor_note *note = bpf_sk_storage_get(&notes, context, NULL, 0);

	if (!note)
		return ALLOW;
	note->local_port = (__u16)context->src_port;
	ip_from_4(&note->local, context->src_ip4);
	return bound(note);
}

SEC("cgroup/post_bind6")
int monitor_post_bind6(struct bpf_sock *context)
{
	struct monitor_note *note = bpf_sk_storage_get(&notes, context, NULL, 0);

	if (!note)
		return ALLOW;
	note->local_port = (__u16)context->src_port;
	IP_FROM_6(note->local, context->src_ip6);
	return bound(note);
}

/* ---- destinations ---- */

/*
 * One event for each destination that may be a suite's server. Left out are ephemeral ports, to
 * which servers answer, and those of the machine's own services (resolver, clock, syslog).
 * @note	of the sender
 */
static __always_inline void on_sent(const struct monitor_note *note,
                                    const struct monitor_peer *peer)
{
	struct berth_event *event;

	if (peer->remote_port < SERVICES_END ||
	    (peer->remote_port >= given_low && peer->remote_port <= given_high) || !is_first(peer))
		return;
	event = event_begin(note->worker, BERTH_EVENT_SENT);
	if (!event) {
		bpf_map_delete_elem(&peers, peer);
		return;
	}
	event_socket(event, note);
	event_current(event);
	event->remote = peer->remote;
	event->remote_port = peer->remote_port;
	bpf_ringbuf_submit(event, 0);
}

static __always_inline int on_sendmsg(struct bpf_sock_addr *context, struct monitor_peer *peer)
{
	struct monitor_note *note = context->sk ? bpf_sk_storage_get(&notes, context->sk, NULL, 0)
	                                        : NULL;

	if (!note)
		return ALLOW;
	peer->proto = BERTH_UDP;
	peer->worker = note->worker;
	peer->remote_port = bpf_ntohs((__u16)context->user_port);
	on_sent(note, peer);
	return ALLOW;
}

SEC("cgroup/sendmsg4")
int monitor_sendmsg4(struct bpf_sock_addr *context)
{
	struct monitor_peer peer = { .family = FAMILY_4 };

	ip_from_4(&peer.remote, context->user_ip4);
	return on_sendmsg(context, &peer);
}

SEC("cgroup/sendmsg6")
int monitor_sendmsg6(struct bpf_sock_addr *context)
{
	struct monitor_peer peer = { .family = FAMILY_6 };

	IP_FROM_6(peer.remote, context->user_ip6);
	return on_sendmsg(context, &peer);
}

/*
 * A connected UDP socket has no hook for its datagrams: its destination is reported at its close.
 */
static __always_inline void on_udp_closed(const struct bpf_sock *context,
                                          const struct monitor_note *note)
{
	struct monitor_peer peer = { .worker = note->worker,
		                     .family = note->family,
		                     .proto = BERTH_UDP };

	/* 0 if it is not connected; on_sent() skips it */
	peer.remote_port = bpf_ntohs(context->dst_port);
	if (note->family == FAMILY_4)
		ip_from_4(&peer.remote, context->dst_ip4);
	else
		IP_FROM_6(peer.remote, context->dst_ip6);
	on_sent(note, &peer);
}

/* ---- closed ---- */

static __always_inline enum berth_closed_how how_closed(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);

	if (task->flags & EXITING)
		return BERTH_CLOSED_EXIT;
	/* the last reference is dropped on the way back to user space, after task->in_execve */
	return call_of(regs) == calls.execve || call_of(regs) == calls.execveat
	               ? BERTH_CLOSED_EXEC
	               : BERTH_CLOSED_PROGRAM;
}

SEC("cgroup/sock_release")
int monitor_sock_release(struct bpf_sock *context)
{
	struct monitor_note *note = bpf_sk_storage_get(&notes, context, NULL, 0);
	struct berth_event *event = NULL;
	enum berth_closed_how how;
	__u64 waited;

	if (!note || note->closed)
		return ALLOW;
	note->closed = 1;
	if (note->proto == BERTH_UDP)
		on_udp_closed(context, note);
	how = how_closed();
	count_closed(note->worker, note->accepted, how);
	waited = note->close_wait_ns ? bpf_ktime_get_ns() - note->close_wait_ns : 0;
	if (everything || waited >= STALE_NS ||
	    (!note->accepted && (note->bound || note->listening || how != BERTH_CLOSED_PROGRAM)))
		event = event_begin(note->worker, BERTH_EVENT_CLOSED);
	/* else the reader of the event needs its stack, and deletes it */
	if (!note->accepted && (!event || how == BERTH_CLOSED_PROGRAM))
		bpf_map_delete_elem(&stacks, &note->cookie);
	if (!event)
		return ALLOW;
	event_socket(event, note);
	event->how = how;
	event->close_wait_ns = waited;
	event->parent = current_pid(); /* the closing process; .pid is the creator */
	bpf_ringbuf_submit(event, 0);
	return ALLOW;
}

/* ---- states ---- */

static __always_inline void read_names(const struct sock *sk, struct monitor_note *note)
{
	note->local_port = sk->__sk_common.skc_num;
	note->remote_port = bpf_ntohs(sk->__sk_common.skc_dport);
	if (sk->__sk_common.skc_family == FAMILY_4) {
		ip_from_4(&note->local, sk->__sk_common.skc_rcv_saddr);
		ip_from_4(&note->remote, sk->__sk_common.skc_daddr);
	} else {
		bpf_core_read(&note->local, sizeof(note->local), &sk->__sk_common.skc_v6_rcv_saddr);
		bpf_core_read(&note->remote, sizeof(note->remote), &sk->__sk_common.skc_v6_daddr);
	}
}

static __always_inline void on_listen(void *context, const struct sock *sk,
                                      struct monitor_note *note)
{
	struct berth_event *event;

	note->listening = 1;
	count(note->worker, BERTH_COUNT_listening);
	event = event_begin_long(note->worker, BERTH_EVENT_LISTENING);
	if (!event)
		return;
	event_socket(event, note);
	/* of all state changes only listen(2) always has its caller as current */
	event_current(event);
	event->reuse = BPF_CORE_READ_BITFIELD(sk, __sk_common.skc_reuse) != 0;
	event_stack(context, event);
	bpf_ringbuf_submit(event, 0);
}

static __always_inline void on_connected(struct monitor_note *note)
{
	struct monitor_peer peer = { .remote = note->remote,
		                     .worker = note->worker,
		                     .remote_port = note->remote_port,
		                     .family = (__u8)note->family,
		                     .proto = BERTH_TCP };

	count(note->worker, BERTH_COUNT_connected);
	if ((is_first(&peer) || everything) && !send_event(note, BERTH_EVENT_CONNECTED, 0))
		bpf_map_delete_elem(&peers, &peer);
}

/* True if no system call will fail: the program learns of it by SO_ERROR or from io_uring. */
static __always_inline bool is_nonblocking(const struct sock *sk)
{
	struct socket *socket = sk->sk_socket;
	struct file *file = socket ? socket->file : NULL;

	return file && (file->f_flags & OPEN_NONBLOCK);
}

static __always_inline void on_connect_failed(const struct sock *sk, struct monitor_note *note)
{
	__u32 error = (__u32)sk->sk_err;

	if (!error) /* closed or disconnected by the program while it was under way */
		return;
	count(note->worker, BERTH_COUNT_connect_failed);
	count_error(note->worker, (int)error);
	bpf_map_update_elem(&failed_connects, &note->cookie, &error, BPF_ANY);
	if (is_nonblocking(sk)) /* else sys_exit will send it, with the stack */
		send_event(note, BERTH_EVENT_CONNECT_FAILED, (int)error);
}

static __always_inline void on_accepted(const struct sock *sk, struct monitor_note *note)
{
	/* the rest of the note is a copy of the listener's: worker and process */
	note->accepted = 1;
	note->listening = note->bound = note->closed = 0;
	note->close_wait_ns = 0;
	note->cookie = 0; /* filled in when it is needed */
	note->opened_ns = bpf_ktime_get_ns();
	count(note->worker, BERTH_COUNT_accepted);
	if (!everything)
		return;
	note->cookie = bpf_get_socket_cookie((void *)sk);
	send_event(note, BERTH_EVENT_ACCEPTED, 0);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(monitor_state, const struct sock *sk, const int before, const int after)
{
	struct monitor_note *note;

	/* half of all changes are of no interest: return before the storage is looked up */
	if (before == TCP_ESTABLISHED ? after != TCP_CLOSE_WAIT
	                              : after == TCP_SYN_SENT || after == TCP_SYN_RECV)
		return 0;
	note = bpf_sk_storage_get(&notes, (void *)sk, NULL, 0);
	if (!note)
		return 0;
	if (before == TCP_SYN_RECV && after == TCP_ESTABLISHED) {
		read_names(sk, note);
		on_accepted(sk, note);
	} else if (before == TCP_SYN_SENT && after == TCP_ESTABLISHED) {
		read_names(sk, note);
		on_connected(note);
	} else if (before == TCP_SYN_SENT && after == TCP_CLOSE) {
		read_names(sk, note);
		on_connect_failed(sk, note);
	} else if (after == TCP_LISTEN) {
		read_names(sk, note);
		on_listen(ctx, sk, note);
	} else if (before == TCP_LISTEN && after == TCP_CLOSE) {
		note->listening = 0;
		send_event(note, BERTH_EVENT_UNLISTENED, 0);
	} else if (after == TCP_CLOSE_WAIT) {
		note->close_wait_ns = bpf_ktime_get_ns();
		note->cookie = bpf_get_socket_cookie((void *)sk);
		count(note->worker, BERTH_COUNT_close_wait);
	}
	if (before == TCP_CLOSE_WAIT)
		count_add(note->worker, BERTH_COUNT_close_wait, (__u64)-1);
	return 0;
}

SEC("tp_btf/tcp_send_reset")
int BPF_PROG(monitor_send_reset, const struct sock *sk)
{
	struct monitor_note *note = sk ? bpf_sk_storage_get(&notes, (void *)sk, NULL, 0) : NULL;

	if (note)
		count(note->worker, BERTH_COUNT_reset_sent);
	return 0;
}

SEC("tp_btf/tcp_receive_reset")
int BPF_PROG(monitor_receive_reset, struct sock *sk)
{
	struct monitor_note *note = bpf_sk_storage_get(&notes, sk, NULL, 0);

	if (note)
		count(note->worker, BERTH_COUNT_reset_received);
	return 0;
}

static __always_inline __u64 sent_bytes(const struct tcp_sock *tcp)
{
	return tcp->bytes_sent - tcp->bytes_retrans;
}

static __always_inline __u64 received_bytes(const struct sock *sk, const struct tcp_sock *tcp)
{
	__u64 bytes = tcp->bytes_received;

	/* a FIN counts as a byte */
	return bytes && (sk->sk_shutdown & RECEIVE_SHUTDOWN) ? bytes - 1 : bytes;
}

SEC("tp_btf/tcp_destroy_sock")
int BPF_PROG(monitor_destroy, struct sock *sk)
{
	struct monitor_note *note = bpf_sk_storage_get(&notes, sk, NULL, 0);
	struct tcp_sock *tcp;

	if (!note)
		return 0;
	tcp = bpf_skc_to_tcp_sock(sk);
	if (!tcp)
		return 0;
	count_add(note->worker, BERTH_COUNT_sent_bytes, sent_bytes(tcp));
	count_add(note->worker, BERTH_COUNT_received_bytes, received_bytes(sk, tcp));
	return 0;
}

/* ---- processes ---- */

SEC("tp_btf/sched_process_fork")
int BPF_PROG(monitor_fork, struct task_struct *parent, struct task_struct *child)
{
	struct berth_event *event;
	__u32 worker;

	if (child->pid != child->tgid || !current_worker(&worker)) /* a thread, or of no worker */
		return 0;
	if (by_process) {
		__u64 id = pid_of(child);

		bpf_map_update_elem(&workers, &id, &worker, BPF_ANY);
	}
	count(worker, BERTH_COUNT_forked);
	event = event_begin(worker, BERTH_EVENT_FORKED);
	if (!event)
		return 0;
	event->pid = pid_of(child);
	event->parent = pid_of(parent);
	__builtin_memcpy(event->comm, child->comm, BERTH_COMM);
	bpf_ringbuf_submit(event, 0);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(monitor_exec, struct task_struct *task, int old_pid, struct linux_binprm *binary)
{
	struct berth_event *event;
	__u64 start, end;
	__u32 worker, len;

	if (!current_worker(&worker))
		return 0;
	count(worker, BERTH_COUNT_executed);
	event = event_begin_long(worker, BERTH_EVENT_EXECUTED);
	if (!event)
		return 0;
	event->pid = pid_of(task);
	event->parent = pid_of(task->real_parent);
	/* of the program before, which may be its parent's: the peak outlives execve(2) */
	event->count = task->signal->maxrss * page_kib;
	__builtin_memcpy(event->comm, task->comm, BERTH_COMM);
	start = task->mm->arg_start;
	end = task->mm->arg_end;
	len = end - start < BERTH_TEXT_MAX ? (__u32)(end - start) : BERTH_TEXT_MAX;
	if (len <= BERTH_TEXT_MAX && !bpf_probe_read_user(event->text, len, (const void *)start))
		event->text_len = (__u16)len;
	bpf_ringbuf_submit(event, 0);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(monitor_exit, struct task_struct *task)
{
	struct signal_struct *signal = task->signal;
	struct berth_event *event;
	__u32 worker;

	if (signal->live.counter > 0 || !current_worker(&worker)) /* other threads go on */
		return 0;
	if (by_process) {
		__u64 id = pid_of(task);

		bpf_map_delete_elem(&workers, &id); /* the kernel may reuse the number */
	}
	count(worker, BERTH_COUNT_exited);
	event = event_begin(worker, BERTH_EVENT_EXITED);
	if (!event)
		return 0;
	event->pid = pid_of(task);
	event->parent = pid_of(task->real_parent);
	event->error = signal->group_exit_code ? signal->group_exit_code : task->exit_code;
	/* its mm may be gone by now, and keeps no peak until it shrinks */
	event->count = signal->maxrss * page_kib;
	__builtin_memcpy(event->comm, task->comm, BERTH_COMM);
	bpf_ringbuf_submit(event, 0);
	return 0;
}

/* ---- snapshot ---- */

static __always_inline int write_socket(struct seq_file *seq, struct sock *sk,
                                        struct monitor_note *note)
{
	struct berth_socket one = {};
	struct tcp_sock *tcp;

	one.cookie = note->cookie;
	one.opened_ns = note->opened_ns;
	one.worker = note->worker;
	one.pid = note->pid;
	one.family = note->family;
	one.proto = note->proto;
	one.accepted = note->accepted;
	one.closed = note->closed;
	one.state = sk->__sk_common.skc_state;
	one.close_wait_since_ns = one.state == TCP_CLOSE_WAIT ? note->close_wait_ns : 0;
	__builtin_memcpy(one.comm, note->comm, BERTH_COMM);
	read_names(sk, note);
	one.local_port = note->local_port;
	one.remote_port = note->remote_port;
	one.local = note->local;
	one.remote = note->remote;
	tcp = note->proto == BERTH_TCP ? bpf_skc_to_tcp_sock(sk) : NULL;
	if (tcp) {
		one.sent_bytes = sent_bytes(tcp);
		one.received_bytes = received_bytes(sk, tcp);
	}
	bpf_seq_write(seq, &one, sizeof(one));
	return 0;
}

SEC("iter/bpf_sk_storage_map")
int monitor_snapshot(struct bpf_iter__bpf_sk_storage_map *context)
{
	if (!context->sk || !context->value)
		return 0;
	return write_socket(context->meta->seq, context->sk, context->value);
}

/*
 * The same where a kernel refuses that iterator: the sockets that some process has open. Those with
 * several descriptors come once for each snapshot.
 */
SEC("iter/task_file")
int monitor_snapshot_files(struct bpf_iter__task_file *context)
{
	struct file *file =
		context->file; /* the verifier follows what was tested, so read it once */
	struct monitor_note *note;
	struct socket *socket;
	struct sock *sk;

	if (!file)
		return 0;
	socket = bpf_sock_from_file(file);
	if (!socket)
		return 0;
	sk = socket->sk;
	note = sk ? bpf_sk_storage_get(&notes, sk, NULL, 0) : NULL;
	if (!note || note->snapshot == snapshots)
		return 0;
	note->snapshot = snapshots;
	return write_socket(context->meta->seq, sk, note);
}
