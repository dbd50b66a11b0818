/* SPDX-License-Identifier: MIT */
#ifndef BERTH_BASE_DIAG_H
#define BERTH_BASE_DIAG_H
/*
 * The kernel's list of sockets, sock_diag(7) over netlink, which `ss` reads: TCP and UDP, IPv4 and
 * IPv6, in every state. Linux 6.8 and later also list TCP sockets that are bound and do not listen.
 *
 *	struct diag_filter filter = { .first = 3101, .last = 3101 };
 *	diag_each(-1, &filter, on_socket, me);
 *
 * diag_open() and diag_close() allow several questions. Nothing here needs privilege, but finding
 * the process of a socket does (tools/process/proc.h). Functions return 0 or -errno; nothing here
 * prints.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/portmap.h"

/* The kernel's TCP states (include/net/tcp_states.h). A UDP socket has 1 when connected, else 7. */
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
	uint32_t inode; /* 0 without a process: TIME_WAIT, orphans, not accepted yet */
	uint32_t uid;   /* meaningless without an inode */
	/* how long TIME_WAIT or FIN_WAIT lasts; 0 = unknown */
	uint32_t expires_ms;
	uint32_t read_queue, write_queue; /* of a listener: waiting connections, backlog */
	uint64_t cookie;
	uint64_t cgroup; /* id of its cgroup v2; 0 = unknown */
};

struct diag_filter {
	uint16_t first, last; /* local ports, both included; 0 and 0 = all */
	uint32_t states;      /* bits 1 << enum diag_state; 0 = all */
	bool no_tcp, no_udp;
};

struct diag;
typedef void (*diag_fn)(void *arg, const struct diag_socket *socket);

/**
 * @netns	descriptor of another network namespace; -1 = ours
 * Return: 0; -EPERM if that namespace may not be entered; -errno.
 */
int diag_open(int netns, struct diag **ret_diag);
void diag_close(struct diag *diag);

/** Call @fn for every socket. Sockets come and go during a dump. Return: 0; -errno. */
int diag_dump(struct diag *diag, const struct diag_filter *filter, diag_fn fn, void *arg);

/** diag_open(), diag_dump() and diag_close(). */
int diag_each(int netns, const struct diag_filter *filter, diag_fn fn, void *arg);

/**
 * Find one TCP connection.
 * @socket	family, addresses and ports are given; the rest is filled in
 * Return: 0; -ENOENT; -errno.
 */
int diag_find(struct diag *diag, struct diag_socket *socket);

/**
 * Read the sockets of the network namespace of @pid from /proc, for a caller that may not enter it.
 * @port	local port; 0 = all
 * Return: 0; -ENOENT.
 */
int diag_read_proc(pid_t pid, uint16_t port, diag_fn fn, void *arg);
/** Parse one line of /proc/net/tcp or udp. Pure. Return: false for other lines. */
bool diag_parse_proc(const char *line, enum berth_proto proto, uint8_t family,
                     struct diag_socket *ret_socket);

/**
 * Abort a TCP connection, so that both ends get an error. Needs CAP_NET_ADMIN.
 * Return: 0; -ENOENT; -EPERM; -EOPNOTSUPP without CONFIG_INET_DIAG_DESTROY.
 */
int diag_destroy(struct diag *diag, const struct diag_socket *socket);

/**
 * Parse one message of a dump. Pure.
 * @payload	@len bytes: an inet_diag_msg and its attributes
 * Return: false if it is too short.
 */
bool diag_parse(enum berth_proto proto, const void *payload, uint32_t len,
                struct diag_socket *ret_socket);

/* The name of its state for people: "listening", "TIME_WAIT"; "bound" or "connected" for UDP. */
const char *diag_state_name(const struct diag_socket *socket);

/** True if @socket occupies its local port, so that a bind can fail because of it. */
bool diag_state_holds(const struct diag_socket *socket);

/** True if it receives what is sent to its port: TCP that listens, UDP that is not connected. */
bool diag_state_listens(const struct diag_socket *socket);

/** Write "127.0.0.1:3101" or "[::1]:3101". @ret_text: at least DIAG_ADDRESS bytes. */
#define DIAG_ADDRESS 56
const char *diag_address(const struct berth_ip *ip, uint16_t family, uint16_t port, char *ret_text);

#endif
