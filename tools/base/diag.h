/* SPDX-License-Identifier: MIT */
#ifndef BERTH_BASE_DIAG_H
#define BERTH_BASE_DIAG_H
/*
 * The kernel's own list of sockets, sock_diag(7) over netlink: what `ss` reads. TCP and UDP, IPv4 and IPv6, in every state,
 * including TCP sockets that are bound but do not listen (kernel 6.8 and later).
 *
 *	struct diag_filter filter = { .first = 3101, .last = 3101 };
 *	diag_each(-1, &filter, on_socket, me);
 *
 * or, to ask more than once, between diag_open() and diag_close(). Nothing here needs privilege; only the question which
 * process a socket belongs to does (tools/process/proc.h). Functions return 0 or -errno and never print.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/portmap.h"

/* The kernel's TCP states (include/net/tcp_states.h), which UDP uses too: 1 = connected, 7 = not. */
enum diag_state {
	DIAG_ESTABLISHED = 1,
	DIAG_SYN_SENT,
	DIAG_SYN_RECV,
	DIAG_FIN_WAIT1,
	DIAG_FIN_WAIT2,
	DIAG_TIME_WAIT,
	DIAG_CLOSE,
	DIAG_CLOSE_WAIT,
	DIAG_LAST_ACK,
	DIAG_LISTEN,
	DIAG_CLOSING,
	DIAG_NEW_SYN_RECV,
	DIAG_BOUND,
	DIAG_STATES
};

struct diag_socket {
	enum berth_proto proto;
	uint8_t family; /* AF_INET, AF_INET6 */
	uint8_t state;  /* enum diag_state */
	bool v6only;
	uint16_t local_port, remote_port; /* host byte order */
	struct berth_ip local, remote;    /* IPv4 in its v4-mapped form */
	uint32_t inode; /* 0: no process has it (TIME_WAIT, orphans, not accepted yet) */
	uint32_t uid;   /* meaningless without an inode: 0, mostly */
	/* TIME_WAIT and the FIN_WAITs: until the kernel lets go; 0 = unknown */
	uint32_t expires_ms;
	uint32_t read_queue, write_queue; /* of a listener: waiting connections, backlog */
	uint64_t cookie;
	uint64_t cgroup; /* id of its cgroup v2; 0 = the kernel did not say */
};

struct diag_filter {
	uint16_t first, last; /* local ports, both included; 0 and 0 = all */
	uint32_t states;      /* bits 1 << enum diag_state; 0 = all */
	bool no_tcp, no_udp;
};

struct diag;
typedef void (*diag_fn)(void *arg, const struct diag_socket *socket);

/** @netns: descriptor of another network namespace, -1 = ours. Return: -EPERM when that one may not be entered. */
int diag_open(int netns, struct diag **ret_diag);
void diag_close(struct diag *diag);

/** Call @fn for every socket. The dump is not of one instant: sockets come and go meanwhile. Return: 0; -errno. */
int diag_dump(struct diag *diag, const struct diag_filter *filter, diag_fn fn, void *arg);

/** diag_open(), diag_dump() and diag_close() in one. */
int diag_each(int netns, const struct diag_filter *filter, diag_fn fn, void *arg);

/**
 * Find one TCP connection by its family, addresses and ports.
 * @socket	what is known; the rest is filled in
 * Return: 0; -ENOENT if there is none.
 */
int diag_find(struct diag *diag, struct diag_socket *socket);

/**
 * The sockets in the network namespace of @pid, as far as /proc says: for one that may not be entered.
 * @port	local port; 0 = all
 * Return: 0; -ENOENT.
 */
int diag_read_proc(pid_t pid, uint16_t port, diag_fn fn, void *arg);
/** Read one line of it. Pure. Return: false if it is none of a socket. */
bool diag_parse_proc(const char *line, enum berth_proto proto, uint8_t family,
                     struct diag_socket *ret_socket);

/**
 * Abort a TCP connection: both ends learn of it. Needs CAP_NET_ADMIN.
 * Return: 0; -ENOENT if it is gone; -EPERM; -EOPNOTSUPP if the kernel cannot (CONFIG_INET_DIAG_DESTROY).
 */
int diag_destroy(struct diag *diag, const struct diag_socket *socket);

/**
 * Read one message of a dump. Pure; @len bytes at @payload are an inet_diag_msg and its attributes.
 * Return: false if it is too short to be one.
 */
bool diag_parse(enum berth_proto proto, const void *payload, uint32_t len,
                struct diag_socket *ret_socket);

/* "LISTEN", "TIME_WAIT", ...; "bound" and "connected" as people say for UDP. */
const char *diag_state_name(const struct diag_socket *socket);

/** True if @socket occupies its local port, so that a bind can fail because of it. */
bool diag_state_holds(const struct diag_socket *socket);

/** True if whoever sends to its local port reaches @socket: TCP that listens, UDP that is not connected. */
bool diag_state_listens(const struct diag_socket *socket);

/** Write "127.0.0.1:3101" or "[::1]:3101". @ret_text: at least DIAG_ADDRESS bytes. */
#define DIAG_ADDRESS 56
const char *diag_address(const struct berth_ip *ip, uint16_t family, uint16_t port, char *ret_text);

#endif
