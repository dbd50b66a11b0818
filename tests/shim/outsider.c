/* SPDX-License-Identifier: MIT */
/*
 * Not a behaviour but a bystander: holds every TCP port that the behaviour programs use, without
 * listening, and runs a command meanwhile. A program that escapes its worker then finds its port in
 * use; one that does not never notices.
 */
#include "t.h"
#include <sys/prctl.h>
#include <sys/resource.h>

static const struct {
	int first, last;
} held[] = { { 80, 80 }, { 443, 443 }, { 4000, 4999 }, { 40123, 40123 } };

/*
 * A bind without SO_REUSEADDR would fail where a former run is in TIME_WAIT, one with it would let
 * others in too: so bind with it, listen, which makes the port exclusive, stop listening, and take
 * the option back.
 */
static void hold(const char *host, int port)
{
	int fd = socket_for(host, SOCK_STREAM);

	set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (bind_to(fd, host, port)) {
		if (errno != EACCES)
			FAIL("port %d: %s", port, err_name(errno));
		close(fd);
		return;
	}
	MUST(listen(fd, 1));
	MUST(connect(fd, &(struct sockaddr){ .sa_family = AF_UNSPEC }, sizeof(struct sockaddr)));
	set_option(fd, SOL_SOCKET, SO_REUSEADDR, 0);
}

int main(int argc, char **argv)
{
	const char *host = have_ipv6() ? "::" : "0.0.0.0";
	struct rlimit before, more;
	int status;
	pid_t pid;

	if (argc < 2)
		FAIL("usage: outsider COMMAND [ARG]...");
	MUST(getrlimit(RLIMIT_NOFILE, &before));
	more = before;
	more.rlim_cur = before.rlim_max;
	MUST(setrlimit(RLIMIT_NOFILE, &more));
	for (size_t i = 0; i < sizeof(held) / sizeof(*held); i++)
		for (int port = held[i].first; port <= held[i].last; port++)
			hold(host, port);
	pid = (pid_t)MUST(fork());
	if (!pid) {
		MUST(setrlimit(RLIMIT_NOFILE, &before));
		MUST(prctl(PR_SET_PDEATHSIG, SIGKILL));
		execvp(argv[1], argv + 1);
		FAIL("'%s': %s", argv[1], err_name(errno));
	}
	MUST(waitpid(pid, &status, 0));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
