/* SPDX-License-Identifier: MIT */
/*
 * A relay alone, for tests and benchmarks.
 *
 *	relay PORT SOCKET HOST SERVER_PORT SUFFIX LOGICAL...	SOCKET "" = none; prints `ready`;
 *								ends by SIGTERM
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>

#include "tools/db/proxy/relay.h"

static int stop;

static void on_signal(void *arg, int fd, uint32_t events)
{
	(void)arg;
	(void)fd;
	(void)events;
	stop = 1;
}

int main(int argc, char **argv)
{
	struct names names;
	struct relay_setup setup = { .names = &names };
	struct relay *relay;
	sigset_t ends;
	int ret;

	if (argc < 7)
		return 125;
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	sigprocmask(SIG_BLOCK, &ends, NULL);
	names_init(&names, argv[5]);
	for (int i = 6; i < argc; i++)
		names_learn(&names, argv[i], strlen(argv[i]));
	setup.port = (uint16_t)atoi(argv[1]);
	setup.socket_path = *argv[2] ? argv[2] : NULL;
	setup.host = argv[3];
	setup.server_port = (uint16_t)atoi(argv[4]);
	setup.offer_tls = getenv("RELAY_TLS") != NULL;
	if (loop_open(&setup.loop))
		return 125;
	ret = relay_open(&setup, &relay);
	if (ret) {
		fprintf(stderr, "relay: %s\n", strerror(-ret));
		return 1;
	}
	loop_add(setup.loop, signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK), EPOLLIN, on_signal,
	         NULL);
	puts("ready");
	fflush(stdout);
	while (!stop && !loop_step(setup.loop, -1))
		;
	relay_close(relay);
	names_free(&names);
	loop_close(setup.loop);
	return 0;
}
