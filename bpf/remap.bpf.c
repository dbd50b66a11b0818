/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The port map, enforced in the kernel: fourteen programs on the run's cgroup. They run for every
 * socket that the run's workers make, whichever way the call is made: static programs, Go,
 * set-user-id children, io_uring.
 *
 * Theory of operation. A worker's `struct berth_portmap` is a value of an array map, so the
 * functions of core/ that run in the shim run here, too. Only contexts of the stable ABI are read
 * (struct bpf_sock_addr), so nothing is relocated and no kernel type information is needed.
 *
 *	worker		The cgroup of the calling process, or the ancestor of it that belongs to a
 *			worker. Calls of other processes of the run pass. (The kernel chooses the
 *			programs by the cgroup of the socket, so sockets made outside the run never
 *			come here.)
 *	bind		core/policy.h decides. The result of bind(2) is not visible: success shows
 *			in post_bind, and the supervisor looks at a first try without success
 *			(tools/isolate/bpf.c).
 *	connect, sendmsg
 *			core/policy.h decides.
 *	getsockname, getpeername, recvmsg
 *			The virtual port is put back. accept(2) takes its address through
 *			getpeername.
 *
 * Rewriting is idempotent: a connected UDP socket passes twice, an MPTCP subflow passes for its
 * parent. Notes that do not fit into the ring buffer are counted in `lost`.
 */
#include <linux/bpf.h>
#include <linux/in.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/remap.h"
/* libbpf treats a hidden function as static: it is verified at each call, with its arguments */
#pragma GCC visibility push(hidden)
#include "core/addr.c"
#include "core/policy.c"
#include "core/portmap.c"
#pragma GCC visibility pop

enum { FAMILY_4 = 2, FAMILY_6 = 10, STREAM = 1 };
enum { LEVELS = 32, CACHE_BITS = 10, ALLOW = 1, REFUSE = 0 };

/* In vmlinux.h and in newer headers only. */
enum { PROTOCOL_UDPLITE = 136, PROTOCOL_MPTCP = 262 };

/* Not a map of maps: each change of one waits for an RCU grace period, 10 to 20 ms (measured). */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);   /* id of the worker's cgroup */
	__type(value, __u32); /* its index in maps: the worker's number; 0 is the self-test's */
} workers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* set before loading: workers + 1 */
	__type(key, __u32);
	__type(value, struct berth_portmap);
} maps SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} events SEC(".maps");

/*
 * A cache of `workers`, whose look-up was half the cost of a call. An entry is one word, id << 16 |
 * index, which is read and written whole; 0 is none. Entries stay valid: a run gives a number to
 * one worker, and the kernel gives an id to one cgroup.
 */
__u64 cgroup_cache[1 << CACHE_BITS];

__u64 lost; /* events for which the ring buffer had no space */
/* depth of the workers' cgroups, learned from the first one seen; they are siblings */
__u32 worker_level;

/* The address of a call, and the port map of its worker. */
struct call_address {
	struct berth_portmap *map;
	struct berth_ip ip;
	__u16 port;
	__u32 proto; /* enum berth_proto */
};

/* The multiplier spreads ids that lie a constant apart: each file of a cgroup takes one, too. */
static __always_inline __u64 *cache_entry(__u64 id)
{
	return &cgroup_cache[(__u32)id * 2654435761u >> (32 - CACHE_BITS)];
}

static struct berth_portmap *map_of_cgroup(__u64 id)
{
	__u32 *index = bpf_map_lookup_elem(&workers, &id);

	if (!index)
		return NULL;
	__atomic_store_n(cache_entry(id), id << 16 | *index, __ATOMIC_RELAXED);
	return bpf_map_lookup_elem(&maps, index);
}

static long find_level(__u32 i, void *arg)
{
	__u64 id = bpf_get_current_ancestor_cgroup_id((int)i);

	if (!id)
		return 1;
	if (!map_of_cgroup(id))
		return 0;
	worker_level = i;
	*(bool *)arg = true;
	return 1;
}

static __noinline struct berth_portmap *look_up_map(void)
{
	struct berth_portmap *map = map_of_cgroup(
		bpf_get_current_ancestor_cgroup_id((int)worker_level));
	bool found = false;

	if (map)
		return map;
	berth_loop(LEVELS, find_level, &found);
	return found ? map_of_cgroup(bpf_get_current_ancestor_cgroup_id((int)worker_level)) : NULL;
}

/* Inlined, as is_for_worker() is: a call between BPF functions costs as much as this function. */
static __always_inline struct berth_portmap *map_of_current(void)
{
	__u64 id = bpf_get_current_ancestor_cgroup_id((int)worker_level);
	__u64 cached = __atomic_load_n(cache_entry(id), __ATOMIC_RELAXED);
	__u32 index = (__u16)cached;

	return cached && cached >> 16 == id ? bpf_map_lookup_elem(&maps, &index) : look_up_map();
}

static bool is_tcp_or_udp(__u32 protocol)
{
	return protocol == IPPROTO_TCP || protocol == PROTOCOL_MPTCP || protocol == IPPROTO_UDP ||
	       protocol == PROTOCOL_UDPLITE;
}

static __noinline void send_event(const struct call_address *at, __u32 kind,
                                  const struct berth_decision *decision)
{
	struct remap_event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (!event) {
		__sync_fetch_and_add(&lost, 1);
		return;
	}
	__builtin_memset(event, 0, sizeof(*event));
	event->kind = kind;
	event->worker = at->map->worker;
	berth_decision_note(decision, &at->ip, &event->note);
	event->note.pid = (__s32)(bpf_get_current_pid_tgid() >> 32);
	event->note.time_ns = bpf_ktime_get_ns();
	bpf_ringbuf_submit(event, 0);
}

/* Copy the address out of @ctx. Inlined, so that @family and the offsets are constant. */
static __always_inline struct call_address read_address(struct bpf_sock_addr *ctx, int family)
{
	/* STREAM is TCP, DATAGRAM is UDP */
	struct call_address at = { .proto = (ctx->type - STREAM) % BERTH_PROTOS };

	/* all four bytes: some kernels allow no narrow load of the port */
	at.port = bpf_ntohs((__u16) * (volatile __u32 *)&ctx->user_port);
	if (family == FAMILY_4) {
		at.ip.word_be[2] = bpf_htonl(0xffff);
		at.ip.word_be[3] = ctx->user_ip4;
	} else {
		at.ip.word_be[0] = ctx->user_ip6[0];
		at.ip.word_be[1] = ctx->user_ip6[1];
		at.ip.word_be[2] = ctx->user_ip6[2];
		at.ip.word_be[3] = ctx->user_ip6[3];
	}
	return at;
}

/* Find the worker's port map. Return: false if the port policy has nothing to decide. */
static __always_inline bool is_for_worker(const struct bpf_sock_addr *ctx, struct call_address *at)
{
	if (!at->port || !is_tcp_or_udp(ctx->protocol))
		return false;
	at->map = map_of_current();
	return at->map && berth_ip_is_local(at->map, &at->ip);
}

/* True if a socket here has @port at the address of @at; loopback for a wildcard. */
static __noinline bool is_port_taken(struct bpf_sock_addr *ctx, const struct call_address *at,
                                     __u16 port)
{
	struct bpf_sock_tuple tuple = { 0 };
	struct bpf_sock *sk;
	__u32 size = sizeof(tuple.ipv4);
	bool found = false;

	if (is_mapped(&at->ip) || (!at->ip.word_be[0] && !at->ip.word_be[1] && !at->ip.word_be[2] &&
	                           !at->ip.word_be[3])) {
		tuple.ipv4.daddr = at->ip.word_be[3] ? at->ip.word_be[3] : bpf_htonl(0x7f000001);
		tuple.ipv4.saddr = tuple.ipv4.daddr;
		tuple.ipv4.dport = bpf_htons(port);
	} else {
		__builtin_memcpy(tuple.ipv6.daddr, at->ip.word_be, 16);
		__builtin_memcpy(tuple.ipv6.saddr, at->ip.word_be, 16);
		tuple.ipv6.dport = bpf_htons(port);
		size = sizeof(tuple.ipv6);
	}
	sk = at->proto == BERTH_TCP ? bpf_sk_lookup_tcp(ctx, &tuple, size, BPF_F_CURRENT_NETNS, 0)
	                            : bpf_sk_lookup_udp(ctx, &tuple, size, BPF_F_CURRENT_NETNS, 0);
	if (sk) {
		bpf_sk_release(sk);
		found = true;
		/* or clang tests @sk again, which the verifier does not know after its release */
		barrier_var(found);
	}
	return found;
}

/*
 * The first try of a port. If a socket has it, that is an outsider: the virtual port moves
 * before the kernel is asked. How the bind ends is not visible here, so the supervisor looks at it
 * later.
 */
static __noinline void on_first_try(struct bpf_sock_addr *ctx, const struct call_address *at,
                                    struct berth_decision *decision)
{
	struct berth_decision next = *decision;

	if (is_port_taken(ctx, at, decision->real_port)) {
		berth_bind_failed(at->map, BERTH_ADDRESS_IN_USE, &next);
		send_event(at, REMAP_NOTE, &next);
		if (next.verdict == BERTH_REFUSE)
			return; /* bind(2) decides: the two sockets may share the port */
		*decision = next;
	}
	next.note = BERTH_NOTE_NONE;
	next.note_port = next.real_port;
	next.error = 0;
	send_event(at, REMAP_FIRST_TRY, &next);
}

static __always_inline int carry_out(struct bpf_sock_addr *ctx,
                                     const struct berth_decision *decision)
{
	if (decision->verdict == BERTH_USE)
		ctx->user_port = bpf_htons(decision->real_port);
	if (decision->verdict != BERTH_REFUSE)
		return ALLOW;
	bpf_set_retval(-(int)decision->error);
	return REFUSE;
}

static __always_inline int on_bind(struct bpf_sock_addr *ctx, int family)
{
	struct call_address at = read_address(ctx, family);
	struct berth_decision decision;

	if (!is_for_worker(ctx, &at))
		return ALLOW;
	decision = berth_bind_begin(at.map, (enum berth_proto)at.proto, at.port);
	if (decision.note)
		send_event(&at, REMAP_NOTE, &decision);
	if (decision.first)
		on_first_try(ctx, &at, &decision);
	return carry_out(ctx, &decision);
}

static __always_inline int on_outbound(struct bpf_sock_addr *ctx, int family)
{
	struct call_address at = read_address(ctx, family);
	struct berth_decision decision;

	if (!is_for_worker(ctx, &at))
		return ALLOW;
	decision = berth_outbound(at.map, (enum berth_proto)at.proto, at.port);
	if (decision.note &&
	    (decision.note != BERTH_NOTE_FOREIGN || is_port_taken(ctx, &at, at.port)) &&
	    berth_decision_has_note(at.map, &decision))
		send_event(&at, REMAP_NOTE, &decision);
	return carry_out(ctx, &decision);
}

static __always_inline void on_name(struct bpf_sock_addr *ctx, int family)
{
	struct call_address at = read_address(ctx, family);
	__u16 virtual_port;

	if (!is_for_worker(ctx, &at))
		return;
	/* a listener that was never bound: no other hook sees its number */
	if (at.map->flags & BERTH_MAP_STRICT && ctx->sk && ctx->sk->state == BPF_TCP_LISTEN)
		berth_portmap_given(at.map, at.port);
	virtual_port = berth_portmap_virtual(at.map, at.port);
	if (virtual_port != at.port)
		ctx->user_port = bpf_htons(virtual_port);
}

static __always_inline void on_bound(struct bpf_sock *ctx)
{
	struct berth_portmap *map = is_tcp_or_udp(ctx->protocol) ? map_of_current() : NULL;

	if (map) {
		berth_portmap_bound(map, (__u16)ctx->src_port);
		berth_portmap_given(map, (__u16)ctx->src_port);
	}
}

/*
 * The verifier accepts only 0 or 1 from the first six hooks, and only 1 from the others. A compiler
 * may compute the value so that the verifier loses its range (clang 19 did). barrier_var() hides
 * the value from the compiler, so `& 1` stays in the program as the bound that the verifier reads.
 * The hooks on the way out return a constant.
 */
#define HOOK(section, function, family) \
	SEC("cgroup/" #section) \
	int berth_##section(struct bpf_sock_addr *ctx) \
	{ \
		int verdict = function(ctx, family); \
\
		barrier_var(verdict); \
		return verdict & 1; \
	}
#define HOOK_OUT(section, family) \
	SEC("cgroup/" #section) \
	int berth_##section(struct bpf_sock_addr *ctx) \
	{ \
		on_name(ctx, family); \
		return ALLOW; \
	}

HOOK(bind4, on_bind, FAMILY_4)
HOOK(bind6, on_bind, FAMILY_6)
HOOK(connect4, on_outbound, FAMILY_4)
HOOK(connect6, on_outbound, FAMILY_6)
HOOK(sendmsg4, on_outbound, FAMILY_4)
HOOK(sendmsg6, on_outbound, FAMILY_6)
HOOK_OUT(recvmsg4, FAMILY_4)
HOOK_OUT(recvmsg6, FAMILY_6)
HOOK_OUT(getsockname4, FAMILY_4)
HOOK_OUT(getsockname6, FAMILY_6)
HOOK_OUT(getpeername4, FAMILY_4)
HOOK_OUT(getpeername6, FAMILY_6)

SEC("cgroup/post_bind4")
int berth_post_bind4(struct bpf_sock *ctx)
{
	on_bound(ctx);
	return ALLOW;
}

SEC("cgroup/post_bind6")
int berth_post_bind6(struct bpf_sock *ctx)
{
	on_bound(ctx);
	return ALLOW;
}

char LICENSE[] SEC("license") = "GPL";
