/* SPDX-License-Identifier: MIT */
/*
 * The C library's resolver asks a name server of the suite, whose port is hardcoded: by a list of
 * the program's own, by the thread's list, and by getaddrinfo.
 */
#include "t.h"
#include <netdb.h>
#include <resolv.h>

enum { PORT = 4890 };

/* Answer each question for an IPv4 address with 127.0.0.7, until there is none for a while. */
static void serve(int fd)
{
	static const unsigned char answer[] = { 0xc0, 0x0c, 0, 1, 0,   1, 0, 0,
		                                0,    60,   0, 4, 127, 0, 0, 7 };
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	unsigned char text[600];
	struct addr from;

	while (poll(&ready, 1, 3000) == 1) {
		size_t end = 12;
		ssize_t got;

		from.len = sizeof(from.ss);
		got = recvfrom(fd, text, 512, 0, &from.sa, &from.len);
		while (end < (size_t)got && text[end])
			end++;
		end += 5;
		text[2] = 0x81;
		text[3] = 0x80;
		memset(text + 6, 0, 6);
		text[7] = text[end - 3] == 1; /* type A */
		memcpy(text + end, answer, sizeof(answer));
		sendto(fd, text, end + (text[7] ? sizeof(answer) : 0), 0, &from.sa, from.len);
	}
	_exit(0);
}

static void name_server(struct __res_state *state)
{
	state->nscount = 1;
	state->retrans = 1;
	state->retry = 2;
	memset(&state->nsaddr_list[0], 0, sizeof(state->nsaddr_list[0]));
	state->nsaddr_list[0].sin_family = AF_INET;
	state->nsaddr_list[0].sin_port = htons(PORT);
	state->nsaddr_list[0].sin_addr.s_addr = htonl(INADDR_LOOPBACK);
}

int main(void)
{
	struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM }, *found = NULL;
	struct __res_state own = { 0 };
	unsigned char text[512];
	char shown[64];
	int fd = udp_on("127.0.0.1", PORT);
	pid_t server = fork();

	if (!server)
		serve(fd);
	close(fd);
	EQ(0, res_ninit(&own));
	name_server(&own);
	EQ(1, res_nquery(&own, "one.test", ns_c_in, ns_t_a, text, sizeof(text)) > 0);
	EQ(1, res_nsearch(&own, "two.test", ns_c_in, ns_t_a, text, sizeof(text)) > 0);
	EQ(0, res_init());
	name_server(&_res);
	EQ(1, res_query("three.test", ns_c_in, ns_t_a, text, sizeof(text)) > 0);
	name_server(&_res);
	EQ(0, getaddrinfo("four.test", "80", &hints, &found));
	EQ(0, getnameinfo(found->ai_addr, found->ai_addrlen, shown, sizeof(shown), NULL, 0,
	                  NI_NUMERICHOST));
	IS("127.0.0.7", shown);
	freeaddrinfo(found);
	EQ(0, kill(server, SIGKILL));
	MUST(waitpid(server, NULL, 0));
	return 0;
}
