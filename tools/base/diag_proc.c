/* SPDX-License-Identifier: MIT */
/*
 * /proc/PID/net shows the sockets of the process's network namespace to everyone, without cookies
 * and cgroups and without TCP sockets that are only bound. A supervisor without CAP_SYS_ADMIN,
 * which may not enter the namespace, reads it.
 *
 * The address in a line "0: 0100007F:0C1D 00000000:0000 0A ..." consists of 32-bit words in the
 * byte order of the machine.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <arpa/inet.h>
#include <sys/socket.h>

#include "tools/base/cleanup.h"
#include "tools/base/diag.h"
#include "tools/base/file.h"
#include "tools/base/str.h"

static const struct socket_table {
	const char *name;
	enum berth_proto proto;
	uint8_t family;
} socket_tables[] = {
	{ "tcp", BERTH_TCP, AF_INET },
	{ "tcp6", BERTH_TCP, AF_INET6 },
	{ "udp", BERTH_UDP, AF_INET },
	{ "udp6", BERTH_UDP, AF_INET6 },
};

static bool parse_ip(const char *text, uint8_t family, struct berth_ip *ret_ip)
{
	uint32_t *word = ret_ip->word_be;

	*ret_ip = (struct berth_ip){ { 0, 0, htonl(0xffff), 0 } };
	if (family == AF_INET)
		return sscanf(text, "%8x", &word[3]) == 1;
	return sscanf(text, "%8x%8x%8x%8x", &word[0], &word[1], &word[2], &word[3]) == 4;
}

bool diag_parse_proc(const char *line, enum berth_proto proto, uint8_t family,
                     struct diag_socket *ret_socket)
{
	char local[33], remote[33];
	unsigned int local_port, remote_port, state, uid, inode;

	if (sscanf(line, " %*u: %32[0-9A-F]:%4x %32[0-9A-F]:%4x %2x %*s %*s %*s %u %*u %u", local,
	           &local_port, remote, &remote_port, &state, &uid, &inode) != 7)
		return false;
	*ret_socket = (struct diag_socket){
		.proto = proto,
		.family = family,
		.state = (uint8_t)state,
		.local_port = (uint16_t)local_port,
		.remote_port = (uint16_t)remote_port,
		.uid = uid,
		.inode = inode,
	};
	return parse_ip(local, family, &ret_socket->local) &&
	       parse_ip(remote, family, &ret_socket->remote);
}

int diag_read_proc(pid_t pid, uint16_t port, diag_fn fn, void *arg)
{
	int ret = -ENOENT;

	for (size_t i = 0; i < ARRAY_LEN(socket_tables); i++) {
		cleanup_free char *path = str_print("/proc/%d/net/%s", (int)pid,
		                                    socket_tables[i].name);
		cleanup_free char *text = NULL;
		struct diag_socket socket;

		if (file_read(path, &text, NULL))
			continue; /* no IPv6, or the process has ended */
		ret = 0;
		for (char *rest = text, *line; (line = strsep(&rest, "\n"));)
			if (diag_parse_proc(line, socket_tables[i].proto, socket_tables[i].family,
			                    &socket) &&
			    (!port || socket.local_port == port))
				fn(arg, &socket);
	}
	return ret;
}
