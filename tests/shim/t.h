/* SPDX-License-Identifier: MIT */
/*
 * t.h - what the behaviour programs share.
 *
 * A behaviour program is a user's program: its ports are hardcoded, it knows nothing of Berth, and
 * it runs bare and under Berth alike. What it observes goes to stdout, always the same bytes: the
 * expression, then its value (a descriptor is only ever "fd"; process ids, ephemeral ports and
 * times are never printed). What must hold is asserted as well: a failure says want, got and the
 * place on stderr. Exit status: 0 pass, 1 fail, 77 skip, with the reason on stdout.
 *
 * WANT, FAILS and FD wrap one libc call and check errno too: a successful call leaves errno alone.
 * MUST is for the scenery: silent unless it fails. EQ and IS compare plain values. Each program
 * owns the ten ports from its PORT.
 */
#ifndef T_H
#define T_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ERRNO_BEFORE = 1234, SKIPPED = 77 };

#define say(...)  dprintf(STDOUT_FILENO, __VA_ARGS__)
#define SKIP(...) (say("skip: " __VA_ARGS__), say("\n"), _exit(SKIPPED))

static inline const char *err_name(int err)
{
#define ERR(e) \
	{ \
		e, #e \
	}
	static const struct {
		int err;
		const char *name;
	} names[] = {
		ERR(EPERM),           ERR(ENOENT),
		ERR(EINTR),           ERR(ENOEXEC),
		ERR(EBADF),           ERR(EAGAIN),
		ERR(ENOMEM),          ERR(EACCES),
		ERR(EFAULT),          ERR(EBUSY),
		ERR(EEXIST),          ERR(EINVAL),
		ERR(EPIPE),           ERR(ENOSYS),
		ERR(ENOTSOCK),        ERR(EDESTADDRREQ),
		ERR(EMSGSIZE),        ERR(ENOPROTOOPT),
		ERR(EPROTONOSUPPORT), ERR(ESOCKTNOSUPPORT),
		ERR(EOPNOTSUPP),      ERR(EAFNOSUPPORT),
		ERR(EADDRINUSE),      ERR(EADDRNOTAVAIL),
		ERR(ENETDOWN),        ERR(ENETUNREACH),
		ERR(ECONNABORTED),    ERR(ECONNRESET),
		ERR(ENOBUFS),         ERR(EISCONN),
		ERR(ENOTCONN),        ERR(ETIMEDOUT),
		ERR(ECONNREFUSED),    ERR(EHOSTUNREACH),
		ERR(EALREADY),        ERR(EINPROGRESS),
		{ 0, "0" },           { ERRNO_BEFORE, "untouched" },
	};
#undef ERR
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (names[i].err == err)
			return names[i].name;
	return strerror(err);
}

#define FAIL(...) \
	(dprintf(STDERR_FILENO, "%s:%d: ", __FILE__, __LINE__), \
	 dprintf(STDERR_FILENO, __VA_ARGS__), dprintf(STDERR_FILENO, "\n"), _exit(1))

/* WANT: one libc call that must return @want_; prints the value. */
#define WANT(want_, expr_) \
	({ \
		errno = ERRNO_BEFORE; \
		long got_ = (long)(expr_), wanted_ = (long)(want_); \
		int err_ = errno; \
		if (got_ != wanted_ || err_ != ERRNO_BEFORE) \
			FAIL("%s: want %ld, errno untouched; got %ld, errno %s", #expr_, wanted_, \
			     got_, err_name(err_)); \
		say("%s = %ld\n", #expr_, got_); \
		got_; \
	})

/* FAILS: one libc call that must return -1 with this errno; prints the errno. */
#define FAILS(want_, expr_) \
	({ \
		errno = ERRNO_BEFORE; \
		long got_ = (long)(expr_); \
		int err_ = errno; \
		if (got_ != -1 || err_ != (want_)) \
			FAIL("%s: want %s; got %ld, errno %s", #expr_, #want_, got_, \
			     err_name(err_)); \
		say("%s = %s\n", #expr_, err_name(err_)); \
	})

/* FD: one libc call that must return a descriptor; prints no number. */
#define FD(expr_) \
	({ \
		errno = ERRNO_BEFORE; \
		int got_ = (int)(expr_), err_ = errno; \
		if (got_ < 0 || err_ != ERRNO_BEFORE) \
			FAIL("%s: want a descriptor, errno untouched; got %d, errno %s", #expr_, \
			     got_, err_name(err_)); \
		say("%s = fd\n", #expr_); \
		got_; \
	})

#define MUST(expr_) \
	({ \
		long done_ = (long)(expr_); \
		if (done_ < 0) \
			FAIL("%s: want success; got %ld, errno %s", #expr_, done_, \
			     err_name(errno)); \
		done_; \
	})

#define EQ(want_, expr_) \
	({ \
		long got_ = (long)(expr_), wanted_ = (long)(want_); \
		if (got_ != wanted_) \
			FAIL("%s: want %ld; got %ld", #expr_, wanted_, got_); \
		say("%s = %ld\n", #expr_, got_); \
	})

#define IS(want_, expr_) \
	({ \
		const char *got_ = (expr_), *wanted_ = (want_); \
		if (strcmp(got_, wanted_)) \
			FAIL("%s: want '%s'; got '%s'", #expr_, wanted_, got_); \
		say("%s = %s\n", #expr_, got_); \
	})

struct addr {
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
		struct sockaddr_storage ss;
	};
	socklen_t len;
};

/* addr: @host is a numeric IPv4 or IPv6 address, @port in host byte order. */
static inline struct addr addr(const char *host, int port)
{
	struct addr a = { 0 };

	if (inet_pton(AF_INET, host, &a.in.sin_addr) == 1) {
		a.in.sin_family = AF_INET;
		a.in.sin_port = htons((uint16_t)port);
		a.len = sizeof(a.in);
		return a;
	}
	if (inet_pton(AF_INET6, host, &a.in6.sin6_addr) != 1)
		FAIL("addr: '%s' is no address", host);
	a.in6.sin6_family = AF_INET6;
	a.in6.sin6_port = htons((uint16_t)port);
	a.len = sizeof(a.in6);
	return a;
}

static inline int port_in(const struct addr *a)
{
	return ntohs(a->sa.sa_family == AF_INET6 ? a->in6.sin6_port : a->in.sin_port);
}

/* show: "127.0.0.1:4000" or "[::1]:4000"; each thread may hold eight of these at a time. */
static inline const char *show(const struct addr *a)
{
	static __thread char texts[8][80];
	static __thread unsigned next;
	char *text = texts[next++ % 8], host[INET6_ADDRSTRLEN] = "";
	bool six = a->sa.sa_family == AF_INET6;

	if (!six && a->sa.sa_family != AF_INET) {
		snprintf(text, 80, "family %d, length %u", a->sa.sa_family, a->len);
		return text;
	}
	if (a->len != (six ? sizeof(a->in6) : sizeof(a->in)))
		FAIL("show: length %u does not fit family %d", a->len, a->sa.sa_family);
	inet_ntop(a->sa.sa_family, six ? (const void *)&a->in6.sin6_addr : &a->in.sin_addr, host,
	          sizeof(host));
	snprintf(text, 80, six ? "[%s]:%d" : "%s:%d", host, port_in(a));
	return text;
}

static inline struct addr name_addr(int fd)
{
	struct addr a = { .len = sizeof(a.ss) };

	MUST(getsockname(fd, &a.sa, &a.len));
	return a;
}

static inline struct addr peer_addr(int fd)
{
	struct addr a = { .len = sizeof(a.ss) };

	MUST(getpeername(fd, &a.sa, &a.len));
	return a;
}

static inline const char *name_of(int fd)
{
	struct addr a = name_addr(fd);

	return show(&a);
}

static inline const char *peer_of(int fd)
{
	struct addr a = peer_addr(fd);

	return show(&a);
}

/*
 * bind_to, connect_to: the bare calls, with an address made on the spot; results and errno as the
 * calls leave them.
 */
static inline int bind_to(int fd, const char *host, int port)
{
	struct addr a = addr(host, port);

	return bind(fd, &a.sa, a.len);
}

static inline int connect_to(int fd, const char *host, int port)
{
	struct addr a = addr(host, port);

	return connect(fd, &a.sa, a.len);
}

static inline int socket_for(const char *host, int type)
{
	return (int)MUST(socket(strchr(host, ':') ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC, 0));
}

static inline void set_option(int fd, int level, int option, int value)
{
	MUST(setsockopt(fd, level, option, &value, sizeof(value)));
}

/*
 * listen_on: a listening TCP socket with SO_REUSEADDR, as every server has it; on failure the
 * program fails.
 */
static inline int listen_on(const char *host, int port)
{
	int fd = socket_for(host, SOCK_STREAM);

	set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	MUST(bind_to(fd, host, port));
	MUST(listen(fd, 128));
	return fd;
}

/* client_of: a TCP socket connected to host and port, or -1 with the errno of connect. */
static inline int client_of(const char *host, int port)
{
	int fd = socket_for(host, SOCK_STREAM), err;

	if (!connect_to(fd, host, port))
		return fd;
	err = errno;
	close(fd);
	errno = err;
	return -1;
}

static inline int udp_on(const char *host, int port)
{
	int fd = socket_for(host, SOCK_DGRAM);

	MUST(bind_to(fd, host, port));
	return fd;
}

/* pass_byte: proves that the two ends belong together. */
static inline void pass_byte(int from, int to, char byte)
{
	char got = 0;

	if (MUST(write(from, &byte, 1)) != 1 || MUST(read(to, &got, 1)) != 1 || got != byte)
		FAIL("pass_byte: want '%c'; got '%c'", byte, got);
}

/*
 * serve_and_connect: listener, client, accept, all four names, one byte each way. Silent; fails the
 * program.
 */
static inline void serve_and_connect(const char *host, int port)
{
	struct addr want = addr(host, port), from = { .len = sizeof(from.ss) };
	int server = listen_on(host, port), client = (int)MUST(client_of(host, port));
	int served = (int)MUST(accept(server, &from.sa, &from.len));

	if (strcmp(name_of(server), show(&want)) || strcmp(peer_of(client), show(&want)))
		FAIL("listener is %s, client's peer %s; want %s", name_of(server), peer_of(client),
		     show(&want));
	if (strcmp(name_of(served), show(&want)) || strcmp(name_of(client), show(&from)))
		FAIL("accepted %s from %s, client is %s", name_of(served), show(&from),
		     name_of(client));
	pass_byte(client, served, 'q');
	pass_byte(served, client, 'a');
	close(client);
	close(served);
	close(server);
}

static inline void round_trip(const char *host, int port)
{
	serve_and_connect(host, port);
	say("round trip %s %d ok\n", host, port);
}

/* reap: waits for a child, which must exit with 0. */
static inline void reap(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			FAIL("waitpid: %s", err_name(errno));
	if (status)
		FAIL("child: want exit status 0; got wait status %#x", (unsigned)status);
}

/* self_path: where this program lies, to start it again. */
static inline char *self_path(void)
{
	static char path[4096];
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (len < 0)
		FAIL("readlink /proc/self/exe: %s", err_name(errno));
	path[len] = 0;
	return path;
}

static inline bool have_ipv6(void)
{
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool have = fd >= 0 && !bind_to(fd, "::1", 0);

	if (fd >= 0)
		close(fd);
	return have;
}

static inline void need_ipv6(void)
{
	if (!have_ipv6())
		SKIP("no IPv6 loopback address here");
}

#endif
