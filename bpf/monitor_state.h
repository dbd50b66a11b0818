/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef BERTH_BPF_MONITOR_STATE_H
#define BERTH_BPF_MONITOR_STATE_H
/*
 * What the monitor's programs share: the maps, the counters, the worker of the current process, and
 * making an event. Kernel side only; included by monitor.bpf.c after vmlinux.h.
 */
#include "bpf/monitor.h"

enum {
	FAMILY_UNIX = 1,
	FAMILY_4 = 2,
	FAMILY_6 = 10,
	ALLOW = 1,
	LEVELS = 32,
	PID_LEVELS = 8,
	SUN_PATH = 108,
	SERVICES_END = 1024,
	EXITING = 0x4, /* PF_EXITING */
	OPEN_NONBLOCK = 04000,
	FILE_TYPE = 0170000,
	FILE_SOCKET = 0140000, /* fcntl.h, stat.h */
	RECEIVE_SHUTDOWN = 1,  /* RCV_SHUTDOWN */
	NEAR = 16 << 20,       /* two addresses within so many bytes may lie in one file */
	SECOND_NS = 1000000000,
	STALE_NS = 1000000000,
	EVENTS_PER_SECOND = 2000,
	STACKS_PER_SECOND = 200,
};
enum {
	E_PIPE = 32,
	E_IN_USE = 98,
	E_RESET = 104,
	E_TIMED_OUT = 110,
	E_REFUSED = 111,
	E_IN_PROGRESS = 115,
	E_ALREADY = 114,
	E_IS_CONNECTED = 106,
	E_AGAIN = 11,
	E_EXIST = 17,
	E_RESTART_LOW = 512,
	E_RESTART_HIGH = 530
};

const volatile bool everything;   /* an event for each step of each socket: `berth monitor` */
const volatile bool every_cgroup; /* worker 0 is anything: `berth monitor --all` */
/* `workers` has processes instead of cgroups: `berth monitor --pid` */
const volatile bool by_process;
const volatile bool stacks_on_open;
const volatile struct monitor_calls calls;
const volatile __u16 given_low, given_high; /* the range of ephemeral ports */
const volatile __u32 page_kib;              /* a page of memory, in KiB */
/* inode of the reader's PID namespace, whose numbers events carry; 0: the initial one */
const volatile __u32 pid_namespace;
/* depth of the workers' cgroups, learned from the first one facts; they are siblings */
__u32 worker_level;
__u32 worker_count; /* entries in `workers` */
__u32 snapshots;    /* taken by monitor_snapshot_files() */

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
	__type(key, int);
	__type(value, struct monitor_note);
} notes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64); /* id of the worker's cgroup; or a process, by_process */
	__type(value, __u32);
} workers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, BERTH_WORKERS_MAX + 1);
	__type(key, __u32);
	__type(value, struct berth_counts);
} counts SEC(".maps");

struct budget {
	__u64 second;
	__u32 events, stacks;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, BERTH_WORKERS_MAX + 1);
	__type(key, __u32);
	__type(value, struct budget);
} budgets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, MONITOR_STACKS_MAX);
	__type(key, __u64); /* cookie */
	__type(value, struct monitor_stack);
} stacks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct monitor_stack);
} scratch SEC(".maps");

/* Destinations that have been reported. One that falls out is reported again. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, MONITOR_PEERS_MAX);
	__type(key, struct monitor_peer);
	__type(value, __u8);
} peers SEC(".maps");

/* A destination that cannot be recorded here is reported again the next time. */
static __always_inline bool is_first(const struct monitor_peer *peer)
{
	__u8 known = 1;

	return !bpf_map_lookup_elem(&peers, peer) &&
	       bpf_map_update_elem(&peers, peer, &known, BPF_NOEXIST) != -E_EXIST;
}

/* cookies of sockets whose connect was counted as failed before the system call returned */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, __u32);
} failed_connects SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 * 1024 * 1024);
} events SEC(".maps");

/* ---- counting ---- */

static __always_inline void count_add(__u32 worker, enum berth_count which, __u64 add)
{
	struct berth_counts *mine = bpf_map_lookup_elem(&counts, &worker);

	if (mine)
		__sync_fetch_and_add(
			&mine->of[which],
			add); /* per CPU, but there one program may interrupt another */
}

static __always_inline void count(__u32 worker, enum berth_count which)
{
	count_add(worker, which, 1);
}

static __always_inline void count_closed(__u32 worker, bool accepted, enum berth_closed_how how)
{
	if (how == BERTH_CLOSED_EXIT)
		count(worker,
		      accepted ? BERTH_COUNT_accepted_closed_by_exit : BERTH_COUNT_closed_by_exit);
	else if (how == BERTH_CLOSED_EXEC)
		count(worker,
		      accepted ? BERTH_COUNT_accepted_closed_by_exec : BERTH_COUNT_closed_by_exec);
	else
		count(worker, accepted ? BERTH_COUNT_accepted_closed : BERTH_COUNT_closed);
}

static __always_inline void count_error(__u32 worker, int error)
{
	switch (error) {
	case E_PIPE: count(worker, BERTH_COUNT_epipe); break;
	case E_RESET: count(worker, BERTH_COUNT_econnreset); break;
	case E_REFUSED: count(worker, BERTH_COUNT_econnrefused); break;
	case E_IN_USE: count(worker, BERTH_COUNT_eaddrinuse); break;
	case E_TIMED_OUT: count(worker, BERTH_COUNT_etimedout); break;
	}
}

/* ---- which worker ---- */

/* The system call that a process is in, or has just left. */
static __always_inline long call_of(const struct pt_regs *regs)
{
#if defined(__TARGET_ARCH_x86)
	return (long)regs->orig_ax;
#elif defined(__TARGET_ARCH_arm64)
	return regs->syscallno;
#else
	return -1; /* no system call has it: tools/watch/source/monitor.c names what is lost */
#endif
}

/*
 * The number of @pid in the reader's PID namespace, which is its own or one around it; else @found.
 */
static __always_inline __u32 pid_number(struct pid *pid, __u32 found)
{
	struct pid_namespace *namespace;
	struct upid one = {};

	/* or the compiler merges this load with one below, and the verifier refuses that */
	barrier_var(found);
	for (__u32 level = 0; level < PID_LEVELS; level++) {
		if (bpf_probe_read_kernel(&one, sizeof(one),
		                          (char *)pid + bpf_core_field_offset(struct pid, numbers) +
		                                  (__u64)level * sizeof(one)))
			break;
		namespace = one.ns;
		if (!pid_namespace || BPF_CORE_READ(namespace, ns.inum) == pid_namespace)
			found = (__u32)one.nr;
		if (!pid_namespace || level >= BPF_CORE_READ(pid, level))
			break;
	}
	return found;
}

static __always_inline __u32 pid_of(struct task_struct *task)
{
	return pid_namespace ? pid_number(BPF_CORE_READ(task, group_leader, thread_pid), task->tgid)
	                     : task->tgid;
}

static __always_inline __u32 current_pid(void)
{
	return pid_namespace ? pid_of(bpf_get_current_task_btf())
	                     : bpf_get_current_pid_tgid() >> 32;
}

struct monitor_worker_search {
	__u32 worker, found;
};

static long worker_step(__u32 level, struct monitor_worker_search *search)
{
	__u64 id = bpf_get_current_ancestor_cgroup_id((int)level);
	__u32 *worker = id ? bpf_map_lookup_elem(&workers, &id) : NULL;

	if (!worker)
		return id == 0;
	search->worker = *worker;
	search->found = 1;
	worker_level = level;
	return 1;
}

/* True and *ret_worker if the current process belongs to a worker. */
static __always_inline bool current_worker(__u32 *ret_worker)
{
	struct monitor_worker_search search = {};
	__u64 id;
	__u32 *worker;

	*ret_worker = 0;
	if (by_process) {
		id = current_pid();
		worker = bpf_map_lookup_elem(&workers, &id);
		if (worker)
			*ret_worker = *worker;
		return worker;
	}
	if (worker_count && worker_level) {
		id = bpf_get_current_ancestor_cgroup_id((int)worker_level);
		worker = bpf_map_lookup_elem(&workers, &id);
		if (worker) {
			*ret_worker = *worker;
			return true;
		}
		return every_cgroup;
	}
	if (!worker_count)
		return every_cgroup;
	bpf_loop(LEVELS, worker_step, &search, 0);
	*ret_worker = search.worker;
	return search.found || every_cgroup;
}

/* ---- events ---- */

static __always_inline bool spend(__u32 worker, bool stack, __u64 now)
{
	struct budget *budget = bpf_map_lookup_elem(&budgets, &worker);
	__u64 second = now / SECOND_NS;

	if (!budget)
		return false;
	if (budget->second != second) {
		budget->second = second;
		budget->events = budget->stacks = 0;
	}
	if (stack)
		return budget->stacks++ < STACKS_PER_SECOND;
	return everything || budget->events++ < EVENTS_PER_SECOND;
}

/*
 * Reserve a record and fill in its head. Return: NULL if there is no space, which is counted.
 * @size	a constant, as the verifier demands
 */
static __always_inline struct berth_event *event_begin_sized(__u32 worker, enum berth_event_tag tag,
                                                             __u32 size)
{
	__u64 now = bpf_ktime_get_ns();
	struct berth_event *event;

	if (!spend(worker, false, now)) {
		count(worker, BERTH_COUNT_held_back);
		return NULL;
	}
	event = bpf_ringbuf_reserve(&events, size, 0);
	if (!event) {
		count(worker, BERTH_COUNT_lost_events);
		return NULL;
	}
	__builtin_memset(event, 0, size);
	event->tag = tag;
	event->version = BERTH_EVENT_VERSION;
	event->size = size;
	event->time_ns = now;
	event->worker = worker;
	return event;
}

static __always_inline struct berth_event *event_begin(__u32 worker, enum berth_event_tag tag)
{
	return event_begin_sized(worker, tag, BERTH_EVENT_HEAD);
}

/* The same, with space for a stack or a text. */
static __always_inline struct berth_event *event_begin_long(__u32 worker, enum berth_event_tag tag)
{
	return event_begin_sized(worker, tag, sizeof(struct berth_event));
}

static __always_inline void event_socket(struct berth_event *event, const struct monitor_note *note)
{
	event->cookie = note->cookie;
	event->opened_ns = note->opened_ns;
	event->pid = note->pid;
	event->family = note->family;
	event->proto = note->proto;
	event->accepted = note->accepted;
	event->local_port = note->local_port;
	event->remote_port = note->remote_port;
	event->local = note->local;
	event->remote = note->remote;
	__builtin_memcpy(event->comm, note->comm, BERTH_COMM);
}

static __always_inline void event_current(struct berth_event *event)
{
	event->pid = current_pid();
	bpf_get_current_comm(event->comm, BERTH_COMM);
}

/* The return address of a function that has pushed nothing. */
static __always_inline bool return_address(struct pt_regs *regs, __u64 *ret_word)
{
#if defined(__TARGET_ARCH_arm64)
	*ret_word = PT_REGS_RET_CORE(regs); /* the link register */
	return true;
#else
	return !bpf_probe_read_user(ret_word, sizeof(*ret_word),
	                            (const void *)PT_REGS_SP_CORE(regs));
#endif
}

/*
 * The user stack. The C library has no frame pointers, so the walk finds its stub and then the
 * caller's caller; the caller itself is missing. But a stub pushes nothing, so the word on top of
 * the stack is the return address into the caller. It is taken if it is near the frame that was
 * found, so in the same file. If the caller has no frame pointers either, the walk finds the stub
 * only. Then the reader checks whether the word points into a program's code.
 */
static __always_inline __u32 take_stack(void *context, struct berth_frame *frames, __u32 max,
                                        struct berth_frame *caller)
{
	long len = bpf_get_stack(context, frames, max * sizeof(*frames),
	                         BPF_F_USER_STACK | BPF_F_USER_BUILD_ID);
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());
	__u64 plain[2] = {}, word = 0, away;
	bool goes_on; /* the walk has found a frame above the stub */

	caller->status = BERTH_FRAME_EMPTY;
	if (len <= 0)
		return 0;
	goes_on = (__u64)len >= 2 * sizeof(*frames) && frames[1].status == BERTH_FRAME_IN_FILE;
	if (!goes_on && return_address(regs, &word)) {
		caller->status = BERTH_FRAME_ADDRESS;
		caller->at = word;
	}
	if (goes_on &&
	    bpf_get_stack(context, plain, sizeof(plain), BPF_F_USER_STACK) == sizeof(plain) &&
	    return_address(regs, &word)) {
		away = word - plain[1];
		if (away + NEAR < 2 * NEAR && away) {
			*caller = frames[1];
			caller->at += away;
		}
	}
	return (__u32)((__u64)len / sizeof(*frames));
}

static __always_inline void event_stack(void *context, struct berth_event *event)
{
	event->stack_len = (__u16)take_stack(context, event->stack, BERTH_STACK_MAX,
	                                     &event->caller);
}

static __always_inline void ip_from_4(struct berth_ip *ip, __u32 address)
{
	ip->word_be[0] = ip->word_be[1] = 0;
	ip->word_be[2] = bpf_htonl(0xffff);
	ip->word_be[3] = address;
}

/* A macro, word by word: the verifier wants constant offsets into a context. */
#define IP_FROM_6(ip, words) \
	do { \
		(ip).word_be[0] = words[0]; \
		(ip).word_be[1] = words[1]; \
		(ip).word_be[2] = words[2]; \
		(ip).word_be[3] = words[3]; \
	} while (0)

#endif
