/* SPDX-License-Identifier: MIT */
/*
 * Families that a socket does not know, or no one knows: the kernel's error each time, whatever the
 * bytes look like.
 */
#include "t.h"

enum { PORT = 4710 };

static void families(int fd, const char *what)
{
	struct addr a = addr("127.0.0.1", PORT);

	say("%s\n", what);
	for (int family = 11; family < 70; family += 13) {
		a.sa.sa_family = (sa_family_t)family;
		a.len = bind(fd, &a.sa, sizeof(a.in)) ? (socklen_t)errno : 0;
		say("family %d: bind %s", family, err_name((int)a.len));
		a.len = connect(fd, &a.sa, sizeof(a.in)) ? (socklen_t)errno : 0;
		say(", connect %s", err_name((int)a.len));
		a.len = sendto(fd, "x", 1, MSG_NOSIGNAL, &a.sa, sizeof(a.in)) < 0 ? (socklen_t)errno
		                                                                  : 0;
		say(", sendto %s\n", err_name((int)a.len));
	}
}

int main(void)
{
	struct addr four = addr("127.0.0.1", PORT), six = addr("::1", PORT);

	families(socket_for("127.0.0.1", SOCK_STREAM), "IPv4 TCP");
	families(socket_for("127.0.0.1", SOCK_DGRAM), "IPv4 UDP");
	FAILS(EAFNOSUPPORT, bind(socket_for("127.0.0.1", SOCK_STREAM), &six.sa, six.len));
	FAILS(EAFNOSUPPORT, connect(socket_for("127.0.0.1", SOCK_STREAM), &six.sa, six.len));
	FAILS(EAFNOSUPPORT, socket(99, SOCK_STREAM, 0));
	if (have_ipv6()) {
		families(socket_for("::1", SOCK_STREAM), "IPv6 TCP");
		families(socket_for("::1", SOCK_DGRAM), "IPv6 UDP");
		FAILS(EINVAL, bind(socket_for("::1", SOCK_STREAM), &four.sa, four.len));
		FAILS(EAFNOSUPPORT,
		      bind(socket_for("::1", SOCK_STREAM), &four.sa, sizeof(six.in6)));
	}
	return 0;
}
