/* SPDX-License-Identifier: MIT */
/*
 * system() and popen() children bind hardcoded ports; the parent reaches one that a shell put into
 * the background. All of it once more after the parent has removed LD_PRELOAD from its environment.
 */
#include "t.h"

enum { PORT = 4320 };

static void start_children(void)
{
	char line[256] = "", command[5000];
	int served, server;
	FILE *child;

	snprintf(command, sizeof(command), "'%s' child", self_path());
	EQ(0, system(command));
	child = popen(command, "r");
	if (!child || !fgets(line, sizeof(line), child))
		FAIL("popen: %s", err_name(errno));
	IS("round trip 127.0.0.1 4320 ok\n", line);
	EQ(0, pclose(child));

	server = FD(listen_on("127.0.0.1", PORT + 1));
	snprintf(command, sizeof(command), "('%s' child connect &) ; true", self_path());
	EQ(0, system(command));
	served = FD(accept(server, NULL, NULL));
	WANT(1, read(served, line, 1));
	EQ('b', line[0]);
	close(served);
	close(server);
	EQ(3, WEXITSTATUS(system("exit 3")));
	EQ(0, system("test \"it's $((1 + 1))\" = \"it's 2\""));
}

int main(int argc, char **argv)
{
	int client;

	(void)argv;
	if (argc > 2) {
		client = (int)MUST(client_of("127.0.0.1", PORT + 1));
		MUST(write(client, "b", 1));
		return 0;
	}
	if (argc > 1) {
		round_trip("127.0.0.1", PORT);
		return 0;
	}
	start_children();
	EQ(0, unsetenv("LD_PRELOAD"));
	start_children();
	return 0;
}
