/* SPDX-License-Identifier: MIT */
/*
 * One netlink socket, four dumps (TCP and UDP, IPv4 and IPv6), in every state: a port is in use as well when it lingers
 * in TIME_WAIT, and since Linux 6.8 even when it is bound and not yet listening. A little filter program runs in the
 * kernel, so that a host with a hundred thousand connections costs us no more than an idle one.
 */
#include "tools/ports/sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

enum { STATE_TIME_WAIT = 6, STATE_CLOSE = 7, STATE_LISTEN = 10 }; /* include/net/tcp_states.h */

struct dump {
	enum berth_proto proto;
	socket_fn fn;
	void *arg;
};

static int on_message(const struct nlmsghdr *header, void *arg)
{
	const struct dump *dump = arg;
	const struct inet_diag_msg *message = mnl_nlmsg_get_payload(header);
	struct socket_info info;

	if (mnl_nlmsg_get_payload_len(header) < sizeof(*message))
		return MNL_CB_OK;
	info = (struct socket_info){
		.proto = dump->proto,
		.port = ntohs(message->id.idiag_sport),
		.listening = message->idiag_state == (dump->proto == BERTH_TCP ? STATE_LISTEN : STATE_CLOSE),
		.time_wait = dump->proto == BERTH_TCP && message->idiag_state == STATE_TIME_WAIT,
		.inode = message->idiag_inode,
		.uid = message->idiag_uid,
	};
	dump->fn(&info, dump->arg);
	return MNL_CB_OK;
}

/*
 * Accept first <= local port <= last. A comparison takes two cells, the second holds the port; `yes` goes on behind it,
 * `no` jumps 4 bytes past the end, which is how a filter says no (inet_diag_bc_run(), net/ipv4/inet_diag.c).
 */
static void put_filter(struct nlmsghdr *header, uint16_t first, uint16_t last)
{
	struct inet_diag_bc_op filter[4] = {
		{ INET_DIAG_BC_S_GE, 8, 20 }, { INET_DIAG_BC_NOP, 0, first },
		{ INET_DIAG_BC_S_LE, 8, 12 }, { INET_DIAG_BC_NOP, 0, last },
	};

	mnl_attr_put(header, INET_DIAG_REQ_BYTECODE, sizeof(filter), filter);
}

static int dump_one(struct mnl_socket *netlink, uint8_t family, uint16_t first, uint16_t last, struct dump *dump)
{
	static unsigned int sequence;
	char buffer[16384];
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
	struct inet_diag_req_v2 *request;
	unsigned int own = ++sequence;
	int ret;

	header->nlmsg_type = SOCK_DIAG_BY_FAMILY;
	header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	header->nlmsg_seq = own;
	request = mnl_nlmsg_put_extra_header(header, sizeof(*request));
	request->sdiag_family = family;
	request->sdiag_protocol = dump->proto == BERTH_TCP ? IPPROTO_TCP : IPPROTO_UDP;
	request->idiag_states = UINT32_MAX;
	put_filter(header, first, last);
	if (mnl_socket_sendto(netlink, header, header->nlmsg_len) < 0)
		return -errno;
	do {
		ssize_t got = mnl_socket_recvfrom(netlink, buffer, sizeof(buffer));

		if (got < 0)
			return -errno;
		ret = mnl_cb_run(buffer, (size_t)got, own, mnl_socket_get_portid(netlink), on_message, dump);
	} while (ret > MNL_CB_STOP);
	return ret < 0 ? -errno : 0;
}

int sockets_each(uint16_t first, uint16_t last, socket_fn fn, void *arg)
{
	struct mnl_socket *netlink = mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC);
	int ret = 0;

	if (!netlink)
		return -errno;
	if (mnl_socket_bind(netlink, 0, MNL_SOCKET_AUTOPID) < 0)
		ret = -errno;
	for (int proto = BERTH_TCP; proto < BERTH_PROTOS && !ret; proto++) {
		struct dump dump = { (enum berth_proto)proto, fn, arg };

		ret = dump_one(netlink, AF_INET, first, last, &dump);
		if (ret)
			break;
		ret = dump_one(netlink, AF_INET6, first, last, &dump);
		if (ret == -ENOENT)
			ret = 0; /* a kernel without IPv6 */
	}
	mnl_socket_close(netlink);
	return ret;
}
