/* SPDX-License-Identifier: MIT */
/*
 * One dump for each protocol and family. The port filter runs in the kernel
 * (INET_DIAG_REQ_BYTECODE), so that asking for one port costs the same among ten sockets and among
 * ten thousand.
 *
 * Attributes that an older kernel does not send stay zero. A normal dump does not list TCP sockets
 * that are bound and do not listen: Linux 6.8 lists them for the pseudo-state TCP_BOUND_INACTIVE,
 * and older kernels ignore that bit.
 */
#include "tools/base/diag.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "tools/base/cleanup.h"
#include "tools/base/str.h"

enum { REQUEST_LEN = 256, REPLY_LEN = 32768, REPLY_TIMEOUT_S = 5 };

struct diag {
	int netlink; /* -1: the kernel has none (gVisor); /proc/net takes its place */
	unsigned int sequence;
};

static const char *const tcp_names[DIAG_STATES] = {
	[DIAG_ESTABLISHED] = "connected", [DIAG_SYN_SENT] = "SYN_SENT",
	[DIAG_SYN_RECV] = "SYN_RECV",     [DIAG_FIN_WAIT1] = "FIN_WAIT1",
	[DIAG_FIN_WAIT2] = "FIN_WAIT2",   [DIAG_TIME_WAIT] = "TIME_WAIT",
	[DIAG_CLOSE] = "closed",          [DIAG_CLOSE_WAIT] = "CLOSE_WAIT",
	[DIAG_LAST_ACK] = "LAST_ACK",     [DIAG_LISTEN] = "listening",
	[DIAG_CLOSING] = "CLOSING",       [DIAG_NEW_SYN_RECV] = "SYN_RECV",
	[DIAG_BOUND] = "bound only",
};

const char *diag_state_name(const struct diag_socket *socket)
{
	if (socket->proto == BERTH_UDP)
		return socket->state == DIAG_ESTABLISHED ? "connected" : "bound";
	return socket->state < DIAG_STATES && tcp_names[socket->state] ? tcp_names[socket->state]
	                                                               : "unknown";
}

bool diag_state_holds(const struct diag_socket *socket)
{
	return socket->local_port && (socket->proto == BERTH_UDP || socket->state != DIAG_CLOSE);
}

bool diag_state_listens(const struct diag_socket *socket)
{
	return socket->state == (socket->proto == BERTH_TCP ? DIAG_LISTEN : DIAG_CLOSE);
}

const char *diag_address(const struct berth_ip *ip, uint16_t family, uint16_t port, char *ret_text)
{
	char number[INET6_ADDRSTRLEN] = "?";

	if (family == AF_INET) {
		inet_ntop(AF_INET, &ip->word_be[3], number, sizeof(number));
		snprintf(ret_text, DIAG_ADDRESS, "%s:%u", number, port);
	} else {
		inet_ntop(AF_INET6, ip->word_be, number, sizeof(number));
		snprintf(ret_text, DIAG_ADDRESS, "[%s]:%u", number, port);
	}
	return ret_text;
}

/* A socket stays in the namespace where it was made: the thread enters it only for that moment. */
static int open_in(int netns)
{
	cleanup_close int home = netns >= 0 ? open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)
	                                    : -1;
	int netlink;

	if (netns >= 0 && (home < 0 || setns(netns, CLONE_NEWNET)))
		return -errno;
	netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	netlink = netlink < 0 ? -errno : netlink;
	if (netns >= 0 && setns(home, CLONE_NEWNET))
		abort(); /* we must not go on in another network namespace */
	return netlink;
}

int diag_open(int netns, struct diag **ret_diag)
{
	const struct timeval deadline = { .tv_sec = REPLY_TIMEOUT_S };
	const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	cleanup_close int netlink = open_in(netns);

	if (netlink < 0 && (netlink != -EPROTONOSUPPORT || netns >= 0))
		return netlink;
	/* connected: only the kernel's messages are received */
	if (netlink >= 0 &&
	    (connect(netlink, (const struct sockaddr *)&kernel, sizeof(kernel)) ||
	     setsockopt(netlink, SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof(deadline))))
		return -errno;
	*ret_diag = mem_alloc(sizeof(**ret_diag));
	(*ret_diag)->netlink = netlink;
	(*ret_diag)->sequence = (unsigned int)time(NULL);
	netlink = -1;
	return 0;
}

void diag_close(struct diag *diag)
{
	if (!diag)
		return;
	if (diag->netlink >= 0)
		close(diag->netlink);
	free(diag);
}

static struct berth_ip ip_from(const __be32 *words, uint8_t family)
{
	struct berth_ip ip = { { 0, 0, htonl(0xffff), words[0] } };

	if (family != AF_INET)
		memcpy(ip.word_be, words, sizeof(ip.word_be));
	return ip;
}

static void read_attribute(struct diag_socket *socket, const struct nlattr *attr)
{
	const void *value = attr + 1;
	size_t len = attr->nla_len - sizeof(*attr);

	switch (attr->nla_type & NLA_TYPE_MASK) {
	case INET_DIAG_SKV6ONLY: socket->v6only = len >= 1 && *(const uint8_t *)value; break;
	case INET_DIAG_CGROUP_ID:
		if (len >= sizeof(socket->cgroup))
			memcpy(&socket->cgroup, value, sizeof(socket->cgroup));
		break;
	default: break;
	}
}

bool diag_parse(enum berth_proto proto, const void *payload, uint32_t len,
                struct diag_socket *ret_socket)
{
	struct inet_diag_msg head;
	uint32_t at = NLMSG_ALIGN((uint32_t)sizeof(head));

	if (len < sizeof(head))
		return false;
	memcpy(&head, payload, sizeof(head));
	*ret_socket = (struct diag_socket){
		.proto = proto,
		.family = head.idiag_family,
		.state = head.idiag_state,
		.local_port = ntohs(head.id.idiag_sport),
		.remote_port = ntohs(head.id.idiag_dport),
		.local = ip_from(head.id.idiag_src, head.idiag_family),
		.remote = ip_from(head.id.idiag_dst, head.idiag_family),
		.inode = head.idiag_inode,
		.uid = head.idiag_uid,
		.expires_ms = head.idiag_timer ? head.idiag_expires : 0,
		.read_queue = head.idiag_rqueue,
		.write_queue = head.idiag_wqueue,
		.cookie = (uint64_t)head.id.idiag_cookie[1] << 32 | head.id.idiag_cookie[0],
	};
	if (proto == BERTH_TCP && head.idiag_state == DIAG_CLOSE && ret_socket->local_port)
		ret_socket->state = DIAG_BOUND; /* reported as TCP_CLOSE */
	while (at <= len && len - at >= sizeof(struct nlattr)) {
		const struct nlattr *attr = (const void *)((const char *)payload + at);

		if (attr->nla_len < sizeof(*attr) || attr->nla_len > len - at)
			break;
		read_attribute(ret_socket, attr);
		at += NLMSG_ALIGN((uint32_t)attr->nla_len);
	}
	return true;
}

struct diag_dump {
	enum berth_proto proto;
	const struct diag_filter *filter;
	diag_fn fn;
	void *arg;
};

static void dump_socket(const struct diag_dump *dump, const struct diag_socket *socket)
{
	const struct diag_filter *filter = dump->filter;

	if (!filter->last ||
	    (socket->local_port >= filter->first && socket->local_port <= filter->last))
		dump->fn(dump->arg, socket);
}

static void on_proc(void *arg, const struct diag_socket *socket)
{
	const struct diag_dump *dump = arg;
	struct diag_socket known = *socket;

	known.cookie = socket->inode; /* callers tell sockets apart by it */
	if (!(socket->proto == BERTH_TCP ? dump->filter->no_tcp : dump->filter->no_udp) &&
	    (!dump->filter->states || dump->filter->states & 1u << socket->state))
		dump_socket(dump, &known);
}

static int on_message(const struct nlmsghdr *message, void *arg)
{
	struct diag_dump *dump = arg;
	struct diag_socket socket;

	/* some kernels do not filter TIME_WAIT and request sockets */
	if (diag_parse(dump->proto, NLMSG_DATA(message), (uint32_t)NLMSG_PAYLOAD(message, 0),
	               &socket))
		dump_socket(dump, &socket);
	return 0;
}

/* Write a request for sockets in every state to the beginning of @space. */
static struct inet_diag_req_v2 *begin(struct diag *diag, char space[REQUEST_LEN], uint16_t type,
                                      uint16_t flags, uint8_t family, enum berth_proto proto)
{
	struct nlmsghdr *message = memset(space, 0, REQUEST_LEN);
	struct inet_diag_req_v2 *request = NLMSG_DATA(message);

	message->nlmsg_len = NLMSG_LENGTH(sizeof(*request));
	message->nlmsg_type = type;
	message->nlmsg_flags = NLM_F_REQUEST | flags;
	message->nlmsg_seq = ++diag->sequence;
	request->sdiag_family = family;
	request->sdiag_protocol = proto == BERTH_TCP ? IPPROTO_TCP : IPPROTO_UDP;
	request->idiag_states = (1u << DIAG_STATES) - 1;
	return request;
}

static int post(const struct diag *diag, const char *space)
{
	const struct nlmsghdr *message = (const struct nlmsghdr *)space;

	return send(diag->netlink, message, message->nlmsg_len, 0) < 0 ? -errno : 0;
}

static int ask(struct diag *diag, uint8_t family, enum berth_proto proto,
               const struct diag_filter *filter)
{
	_Alignas(struct nlmsghdr) char space[REQUEST_LEN];
	struct inet_diag_req_v2 *request = begin(diag, space, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP,
	                                         family, proto);
	/*
	 * Accept first <= local port <= last. A comparison takes two cells, of which the second
	 * holds the port. `yes` jumps behind it; `no` jumps 4 bytes past the end, which rejects the
	 * socket (inet_diag_bc_run(), net/ipv4/inet_diag.c).
	 */
	const struct inet_diag_bc_op code[] = {
		{ INET_DIAG_BC_S_GE, 8, 20 },
		{ INET_DIAG_BC_NOP, 0, filter->first },
		{ INET_DIAG_BC_S_LE, 8, 12 },
		{ INET_DIAG_BC_NOP, 0, filter->last },
	};

	if (filter->states)
		request->idiag_states = filter->states;
	if (filter->last) {
		struct nlmsghdr *message = (struct nlmsghdr *)space;
		struct nlattr *attr = (struct nlattr *)(space + message->nlmsg_len);

		*attr = (struct nlattr){ sizeof(*attr) + sizeof(code), INET_DIAG_REQ_BYTECODE };
		memcpy(attr + 1, code, sizeof(code));
		message->nlmsg_len += attr->nla_len;
	}
	return post(diag, space);
}

typedef int (*message_fn)(const struct nlmsghdr *message, void *arg);

/* Receive one datagram of the answer. Return: 1 if more follow; 0; -errno. */
static int receive(struct diag *diag, char *reply, size_t size, message_fn fn, void *arg)
{
	ssize_t got;
	int ret = 0;

	do
		got = recv(diag->netlink, reply, size, MSG_TRUNC);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	if ((size_t)got > size)
		return -ENOSPC;
	for (size_t at = 0, end = (size_t)got; !ret && at + sizeof(struct nlmsghdr) <= end;) {
		const struct nlmsghdr *message = (const void *)(reply + at);

		if (message->nlmsg_len < sizeof(*message) || message->nlmsg_len > end - at)
			return -EPROTO;
		if (message->nlmsg_seq != diag->sequence)
			return -EPROTO;
		if (message->nlmsg_type == NLMSG_DONE)
			return 0;
		if (message->nlmsg_type == NLMSG_ERROR)
			return ((const struct nlmsgerr *)NLMSG_DATA(message))->error;
		ret = fn(message, arg);
		at += NLMSG_ALIGN((size_t)message->nlmsg_len);
	}
	return ret ? ret : 1;
}

static int dump_one(struct diag *diag, uint8_t family, struct diag_dump *dump)
{
	cleanup_free char *reply = mem_alloc(REPLY_LEN);
	int ret = ask(diag, family, dump->proto, dump->filter);

	if (ret)
		return ret;
	do
		ret = receive(diag, reply, REPLY_LEN, on_message, dump);
	while (ret > 0);
	return ret;
}

int diag_dump(struct diag *diag, const struct diag_filter *filter, diag_fn fn, void *arg)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	struct diag_dump dump = { .filter = filter, .fn = fn, .arg = arg };

	if (diag->netlink < 0)
		return diag_read_proc(getpid(), 0, on_proc, &dump);
	for (dump.proto = BERTH_TCP; dump.proto < BERTH_PROTOS; dump.proto++) {
		if (dump.proto == BERTH_TCP ? filter->no_tcp : filter->no_udp)
			continue;
		for (size_t i = 0; i < ARRAY_LEN(families); i++) {
			int ret = dump_one(diag, families[i], &dump);

			/* no IPv6, or no udp_diag module */
			if (ret && !(ret == -ENOENT || ret == -EAFNOSUPPORT))
				return ret;
		}
	}
	return 0;
}

int diag_each(int netns, const struct diag_filter *filter, diag_fn fn, void *arg)
{
	struct diag *diag;
	int ret = diag_open(netns, &diag);

	if (ret)
		return ret;
	ret = diag_dump(diag, filter, fn, arg);
	diag_close(diag);
	return ret;
}

static void ip_to(const struct berth_ip *ip, uint8_t family, __be32 *words)
{
	if (family == AF_INET)
		words[0] = ip->word_be[3];
	else
		memcpy(words, ip->word_be, sizeof(ip->word_be));
}

/* Ask about one TCP connection. With the cookie, not about a later one with the same addresses. */
static int ask_one(struct diag *diag, uint16_t type, uint16_t flags,
                   const struct diag_socket *socket, message_fn on_answer, void *arg)
{
	_Alignas(struct nlmsghdr) char space[REQUEST_LEN];
	char reply[1024];
	/* INET_DIAG_NOCOOKIE, twice */
	uint64_t cookie = socket->cookie ? socket->cookie : UINT64_MAX;
	struct inet_diag_req_v2 *request = begin(diag, space, type, flags, socket->family,
	                                         BERTH_TCP);
	int ret;

	request->id.idiag_sport = htons(socket->local_port);
	request->id.idiag_dport = htons(socket->remote_port);
	ip_to(&socket->local, socket->family, request->id.idiag_src);
	ip_to(&socket->remote, socket->family, request->id.idiag_dst);
	request->id.idiag_cookie[0] = (uint32_t)cookie;
	request->id.idiag_cookie[1] = (uint32_t)(cookie >> 32);
	ret = post(diag, space);
	if (ret)
		return ret;
	ret = receive(diag, reply, sizeof(reply), on_answer, arg);
	return ret < 0 ? ret : 0;
}

static int on_found(const struct nlmsghdr *message, void *arg)
{
	struct diag_socket *socket = arg;

	return diag_parse(socket->proto, NLMSG_DATA(message), (uint32_t)NLMSG_PAYLOAD(message, 0),
	                  socket)
	               ? 0
	               : -EPROTO;
}

int diag_find(struct diag *diag, struct diag_socket *socket)
{
	uint16_t remote_port = socket->remote_port;
	int ret = ask_one(diag, SOCK_DIAG_BY_FAMILY, 0, socket, on_found, socket);

	/* without the connection the kernel finds a listener at its local end */
	return ret ? ret : socket->remote_port == remote_port ? 0 : -ENOENT;
}

int diag_destroy(struct diag *diag, const struct diag_socket *socket)
{
	return ask_one(diag, SOCK_DESTROY, NLM_F_ACK, socket, NULL, NULL);
}
