/* SPDX-License-Identifier: MIT */
/*
 * A server started as root becomes another user, as PostgreSQL's wrappers and web servers do: it
 * binds before and after, forks, and execs itself as that user; all of them share the same ports.
 */
#include "t.h"
#include <grp.h>

enum { PORT = 4960, NOBODY = 65534 };

int main(int argc, char **argv)
{
	int server, client, served;
	pid_t pid;

	if (argc > 1) {
		EQ(NOBODY, getuid());
		client = FD(client_of("127.0.0.1", PORT));
		IS("127.0.0.1:4960", peer_of(client));
		FAILS(EADDRINUSE, bind_to(socket_for("127.0.0.1", SOCK_STREAM), "127.0.0.1", PORT));
		round_trip("127.0.0.1", PORT + 2);
		return 0;
	}
	if (geteuid())
		SKIP("only root can become another user");
	server = FD(listen_on("127.0.0.1", PORT));
	pid = (pid_t)MUST(fork());
	if (!pid) {
		/*
		 * by descriptor: the path may lead through directories that are closed to this user
		 */
		int self = (int)MUST(open("/proc/self/exe", O_RDONLY));

		MUST(setgroups(0, NULL));
		MUST(setgid(NOBODY));
		MUST(setuid(NOBODY));
		round_trip("127.0.0.1", PORT + 1);
		fexecve(self, (char *[]){ argv[0], (char *)"child", NULL }, environ);
		FAIL("fexecve: %s", err_name(errno));
	}
	reap(pid);
	served = FD(accept(server, NULL, NULL));
	IS("127.0.0.1:4960", name_of(served));
	round_trip("127.0.0.1", PORT + 1);
	return 0;
}
