/* SPDX-License-Identifier: MIT */
/* Bug 10: a child's close or exit destroys the parent's listener (ip2unix#16, #23, #28). */
#include "t.h"

enum { PORT = 4220 };

static void meet(int server)
{
	int client = FD(client_of("127.0.0.1", PORT)), served = FD(accept(server, NULL, NULL));

	pass_byte(client, served, 'k');
	close(client);
	close(served);
}

int main(void)
{
	int server = FD(listen_on("127.0.0.1", PORT));
	pid_t pid;

	pid = (pid_t)MUST(fork());
	if (!pid) {
		close(server);
		_exit(0);
	}
	reap(pid);
	meet(server);
	pid = (pid_t)MUST(fork());
	if (!pid)
		exit(0);
	reap(pid);
	meet(server);
	pid = (pid_t)MUST(fork());
	if (!pid) {
		execl("/bin/true", "true", NULL);
		_exit(1);
	}
	reap(pid);
	meet(server);
	pid = (pid_t)MUST(fork());
	if (!pid)
		raise(SIGKILL);
	MUST(waitpid(pid, NULL, 0));
	meet(server);
	IS("127.0.0.1:4220", name_of(server));
	return 0;
}
