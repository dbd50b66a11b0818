/* SPDX-License-Identifier: MIT */
/*
 * Readiness is asked of the server itself: a start-up packet on its unix socket, again after 2, 3, 4 ... ms, until the
 * answer is anything but "the database system is starting up". A server whose process ends first has failed, and its log
 * says why.
 *
 * The server listens on exactly the real port that the worker's map promises. If an outsider has it, PostgreSQL only warns
 * and goes on with what is left of its addresses, so the log is searched for that warning: half a server would send some
 * clients of the worker to the outsider.
 */
#include "tools/pg/cluster.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/base/file.h"
#include "tools/base/str.h"
#include "tools/pg/clone.h"
#include "tools/pg/job.h"

enum { READY_DEADLINE_MS = 60000, STOP_DEADLINE_MS = 10000, PROBE_MOST_MS = 50 };

struct cluster {
	struct cluster_setup setup;
	char *socket_path, *log;
	struct loop_timer *timer;	/* next probe, or the deadline of a stop */
	int64_t began_ms;
	int probe_ms;
	pid_t pid;
	int pidfd, probe, trouble;	/* trouble: pipe on which the child says why it could not exec */
	bool answered, stopping;
};

static void send_signal(struct cluster *cluster, int number)
{
	syscall(SYS_pidfd_send_signal, cluster->pidfd, number, NULL, 0);
}

/* The server's own account of what happened, without the prefix of its time stamp. */
static char *last_log_line(const struct cluster *cluster)
{
	cleanup_free char *text = NULL;
	char *line;

	if (file_read(cluster->log, &text, NULL) || !*text)
		return str_copy("");
	for (size_t len = strlen(text); len && text[len - 1] == '\n';)
		text[--len] = 0;
	for (;;) {
		char *level;

		line = strrchr(text, '\n');
		level = strstr(line ? line : text, "FATAL:");
		level = level ? level : strstr(line ? line : text, "PANIC:");
		if (level || !line)
			return str_copy(level ? level : text);
		*line = 0;
	}
}

static bool log_says(const struct cluster *cluster, const char *words)
{
	cleanup_free char *text = NULL;

	return !file_read(cluster->log, &text, NULL) && strstr(text, words);
}

static void close_probe(struct cluster *cluster)
{
	if (cluster->probe < 0)
		return;
	loop_remove(cluster->setup.loop, cluster->probe);
	close(cluster->probe);
	cluster->probe = -1;
}

static void cluster_free(struct cluster *cluster)
{
	close_probe(cluster);
	loop_cancel(cluster->setup.loop, cluster->timer);
	loop_remove(cluster->setup.loop, cluster->pidfd);
	close(cluster->pidfd);
	if (cluster->trouble >= 0)
		close(cluster->trouble);
	free(cluster->socket_path);
	free(cluster->log);
	free(cluster);
}

static void answer(struct cluster *cluster, int error, const char *text)
{
	if (cluster->answered)
		return;
	cluster->answered = true;
	close_probe(cluster);
	loop_cancel(cluster->setup.loop, cluster->timer);
	cluster->timer = NULL;
	cluster->setup.ready(cluster->setup.arg, error, text);
}

static void give_up(struct cluster *cluster, int error, const char *text)
{
	cluster->stopping = true;
	send_signal(cluster, SIGKILL);
	answer(cluster, error, text);
}

static void probe_now(void *arg);

static void probe_later(struct cluster *cluster)
{
	close_probe(cluster);
	if (clock_ms() - cluster->began_ms > READY_DEADLINE_MS) {
		give_up(cluster, -ETIME, "the server did not answer within 60 s");
		return;
	}
	cluster->timer = loop_after(cluster->setup.loop, cluster->probe_ms, probe_now, cluster);
	if (cluster->probe_ms < PROBE_MOST_MS)
		cluster->probe_ms++;
}

/* Anything but 57P03 (cannot connect now) means that the server takes clients: most often it asks for a password. */
static void on_probe(void *arg, int fd, uint32_t events)
{
	struct cluster *cluster = arg;
	char reply[1024];
	ssize_t got = read(fd, reply, sizeof(reply));

	(void)events;
	if (got < 0 && errno == EAGAIN)
		return;
	if (got <= 0 || memmem(reply, (size_t)got, "57P03", 5)) {
		probe_later(cluster);
		return;
	}
	if (log_says(cluster, "could not bind"))
		give_up(cluster, -EADDRINUSE, "another program holds its port");
	else
		answer(cluster, 0, "");
}

static void probe_now(void *arg)
{
	static const char startup[] = "\0\0\0\x23\0\3\0\0user\0berth\0database\0berth\0";
	struct cluster *cluster = arg;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	_Static_assert(sizeof(startup) == 0x23, "the packet counts itself");
	cluster->timer = NULL;
	strncpy(address.sun_path, cluster->socket_path, sizeof(address.sun_path) - 1);
	cluster->probe = fd;
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) ||
	    send(fd, startup, sizeof(startup), MSG_NOSIGNAL) < 0)
		probe_later(cluster);
	else
		loop_add(cluster->setup.loop, fd, EPOLLIN, on_probe, cluster);
}

/* Why the child could not become the server, from the child itself: { stage, errno }. */
static int exec_trouble(struct cluster *cluster)
{
	int words[2] = { 0, 0 };

	if (read(cluster->trouble, words, sizeof(words)) != sizeof(words))
		return 0;
	return words[0] ? -ENOTSUP : -words[1];
}

static void on_gone(void *arg, int fd, uint32_t events)
{
	struct cluster *cluster = arg;
	cleanup_free char *line = last_log_line(cluster);
	int error = exec_trouble(cluster);
	bool wanted = cluster->stopping;

	(void)events;
	loop_remove(cluster->setup.loop, fd);
	waitid(P_PIDFD, (id_t)cluster->pidfd, NULL, WEXITED);
	if (!error && log_says(cluster, "could not bind"))
		error = -EADDRINUSE;
	answer(cluster, error ? error : -ECHILD, *line ? line : "the server could not be started");
	cluster->setup.end(cluster->setup.arg, wanted, line);
	cluster_free(cluster);
}

static void on_stuck(void *arg)
{
	struct cluster *cluster = arg;

	cluster->timer = NULL;
	send_signal(cluster, SIGKILL);
}

void cluster_stop(struct cluster *cluster, bool clean)
{
	cluster->stopping = true;
	cluster->answered = true;
	close_probe(cluster);
	loop_cancel(cluster->setup.loop, cluster->timer);
	cluster->timer = loop_after(cluster->setup.loop, STOP_DEADLINE_MS, on_stuck, cluster);
	send_signal(cluster, clean ? SIGINT : SIGQUIT);
}

int cluster_pid(const struct cluster *cluster)
{
	return cluster->pid;
}

static _Noreturn void child_fail(int pipe, int stage, int error)
{
	int words[2] = { stage, error };

	if (write(pipe, words, sizeof(words)) < 0)
		_exit(126);
	_exit(127);
}

/*
 * Own session: a Ctrl-C at the terminal is for the suite, and would be an order to shut down for the server. The
 * environment is not inherited: neither PG* variables nor a preloaded library of ours have any business there.
 */
static _Noreturn void child_exec(const struct cluster_setup *setup, const char *log, pid_t parent, int pipe)
{
	cleanup_free char *program = str_print("%s/postgres", setup->server->bin);
	cleanup_free char *data = str_print("%s/data", setup->base);
	cleanup_free char *port = str_print("%u", setup->port);
	cleanup_free char *sockets = str_print("unix_socket_directories=%s", setup->socket_dir);
	char *argv[] = { program, (char *)"-D", data, (char *)"-p", port, (char *)"-c", sockets,
			 setup->tls ? (char *)"-c" : NULL, (char *)"ssl=on", NULL };
	char *envp[] = { (char *)"PATH=/usr/bin:/bin", NULL };
	int out, in, ret;

	setsid();
	ret = setup->lower ? pg_clone_mount(setup->lower, setup->base) : 0;
	if (ret)
		child_fail(pipe, 1, -ret);
	in = open("/dev/null", O_RDONLY | O_CLOEXEC);
	out = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (in < 0 || out < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
		child_fail(pipe, 0, errno);
	ret = job_drop(setup->server->uid, setup->server->gid);
	if (ret)
		child_fail(pipe, 0, -ret);
	prctl(PR_SET_PDEATHSIG, SIGQUIT); /* the change of user has cleared it */
	if (getppid() != parent || chdir("/"))
		_exit(1);
	execve(program, argv, envp);
	child_fail(pipe, 0, errno);
}

int cluster_start(const struct cluster_setup *setup, struct cluster **ret_cluster)
{
	struct cluster *cluster;
	pid_t parent = getpid(), pid;
	int pipes[2], pidfd;

	if (pipe2(pipes, O_CLOEXEC | O_NONBLOCK))
		return -errno;
	pid = job_fork(SIGQUIT);
	if (!pid)
		child_exec(setup, setup->log, parent, pipes[1]);
	close(pipes[1]);
	pidfd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
	if (pidfd < 0) {
		close(pipes[0]);
		return pid < 0 ? (int)pid : -errno;
	}
	cluster = mem_alloc(sizeof(*cluster));
	*cluster = (struct cluster){ .setup = *setup, .log = str_copy(setup->log), .pid = pid, .pidfd = pidfd, .probe = -1,
				     .trouble = pipes[0], .began_ms = clock_ms(), .probe_ms = 2,
				     .socket_path = str_print("%s/.s.PGSQL.%u", setup->socket_dir, setup->port) };
	loop_add(setup->loop, pidfd, EPOLLIN, on_gone, cluster);
	cluster->timer = loop_after(setup->loop, 10, probe_now, cluster);
	*ret_cluster = cluster;
	return 0;
}
