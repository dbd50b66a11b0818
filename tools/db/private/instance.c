/* SPDX-License-Identifier: MIT */
/*
 * Readiness is asked of the server itself, through its unix socket where it has one: again after 2, 3, 4 ... ms, until it
 * greets. A server whose process ends first has failed, and its log says why.
 *
 * The server listens on exactly the real port that the worker's map promises. If an outsider has it, PostgreSQL only warns
 * and goes on with what is left of its addresses, so the log is searched for that warning: half a server would send some
 * clients of the worker to the outsider.
 */
#include "tools/db/private/instance.h"

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
#include "tools/base/environ.h"
#include "tools/base/file.h"
#include "tools/base/str.h"
#include "tools/db/template/clone.h"
#include "tools/process/job.h"

enum { READY_DEADLINE_MS = 60000, STOP_DEADLINE_MS = 10000, PROBE_MOST_MS = 50 };

struct cluster {
	struct cluster_setup setup;
	const struct db_engine *engine;
	char *socket_path, *log;
	char **envp;              /* of its process, and of its commands; strv */
	struct loop_timer *timer; /* next probe, or the deadline of a stop */
	struct job *asking;       /* runs .command */
	char *command; /* the one that knows whether it is ready, or the one that stops it */
	int64_t began_ms;
	int probe_ms;
	pid_t pid;
	/* trouble: pipe on which the child says why it could not exec */
	int pidfd, probe, trouble;
	bool answered, stopping;
};

/* Root without CAP_KILL (a container) may not signal the servers' user; that user may. */
static void send_signal_as_server(const struct cluster *cluster, int number)
{
	pid_t pid = job_fork(SIGKILL);

	if (!pid) {
		if (!job_drop(cluster->setup.seat.server->uid, cluster->setup.seat.server->gid))
			syscall(SYS_pidfd_send_signal, cluster->pidfd, number, NULL, 0);
		_exit(0);
	}
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

/* A shell that runs a server may be between us and it: its session is its own, so the group has both. */
static void send_signal(struct cluster *cluster, int number)
{
	if (syscall(SYS_pidfd_send_signal, cluster->pidfd, number, NULL, 0) && errno == EPERM)
		send_signal_as_server(cluster, number);
	if (cluster->engine->ours)
		kill(-cluster->pid, number);
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
		const char *const *words = cluster->engine->fatal;
		char *level;

		line = strrchr(text, '\n');
		level = !words[0] ? (line ? line + 1 : text) : strstr(line ? line : text, words[0]);
		level = level || !words[1] ? level : strstr(line ? line : text, words[1]);
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
	job_cancel(cluster->asking);
	if (cluster->pidfd >= 0) {
		loop_remove(cluster->setup.loop, cluster->pidfd);
		close(cluster->pidfd);
	}
	if (cluster->trouble >= 0)
		close(cluster->trouble);
	free(cluster->socket_path);
	free(cluster->log);
	strv_free(cluster->envp);
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

static void is_ready(struct cluster *cluster)
{
	if (cluster->engine->busy && log_says(cluster, cluster->engine->busy))
		give_up(cluster, -EADDRINUSE, "another program holds its port");
	else
		answer(cluster, 0, "");
}

static void on_probe(void *arg, int fd, uint32_t events)
{
	struct cluster *cluster = arg;
	char reply[1024];
	ssize_t got = read(fd, reply, sizeof(reply));

	(void)events;
	if (got < 0 && errno == EAGAIN)
		return;
	if (got <= 0 || !cluster->engine->greets(reply, (size_t)got))
		probe_later(cluster);
	else
		is_ready(cluster);
}

/* Job: a shell command of the service, in the environment of its server. */
static int run_command(void *arg, struct str *ret_text)
{
	struct cluster *cluster = arg;
	char *argv[] = { (char *)"/bin/sh", (char *)"-c", cluster->command, NULL };

	if (chdir(cluster->setup.seat.project_dir))
		return -errno;
	return job_exec(argv, cluster->envp, NULL, ret_text) ? -EAGAIN : 0;
}

static int ask(struct cluster *cluster, char *command, job_done_fn done)
{
	cluster->command = command;
	return job_start(&(struct job_setup){ .loop = cluster->setup.loop,
	                                      .deadline_ms = STOP_DEADLINE_MS,
	                                      .run = run_command,
	                                      .arg = cluster,
	                                      .done = done,
	                                      .done_arg = cluster },
	                 &cluster->asking);
}

static void on_asked(void *arg, int error, const char *text)
{
	struct cluster *cluster = arg;

	(void)text;
	cluster->asking = NULL;
	if (cluster->answered)
		return;
	if (error)
		probe_later(cluster);
	else
		is_ready(cluster);
}

static int connect_unix(int fd, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	return connect(fd, (struct sockaddr *)&address, sizeof(address));
}

/* Blocking: on loopback the answer is there at once. */
static int connect_tcp(uint16_t port)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET,
		                  .sin_port = htons(port),
		                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6,
		                   .sin6_port = htons(port),
		                   .sin6_addr = in6addr_loopback };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, (struct sockaddr *)&v4, sizeof(v4))) {
		close(fd);
		fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd >= 0 && connect(fd, (struct sockaddr *)&v6, sizeof(v6))) {
			close(fd);
			fd = -1;
		}
	}
	return fd;
}

/* Return: connected, and what it has to hear is said; -1 not yet. */
static int knock(const struct cluster *cluster)
{
	const struct db_engine *engine = cluster->engine;
	int fd = cluster->socket_path
	                 ? socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)
	                 : connect_tcp(cluster->setup.seat.port);

	if (fd < 0 || (cluster->socket_path && connect_unix(fd, cluster->socket_path)) ||
	    (engine->hello && send(fd, engine->hello, engine->hello_len, MSG_NOSIGNAL) < 0)) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	return fd;
}

static void probe_now(void *arg)
{
	struct cluster *cluster = arg;
	char *ready = cluster->setup.seat.service->ready;

	cluster->timer = NULL;
	if (ready) {
		if (ask(cluster, ready, on_asked))
			probe_later(cluster);
		return;
	}
	cluster->probe = knock(cluster);
	if (cluster->probe < 0)
		probe_later(cluster);
	else if (!cluster->engine->greets)
		is_ready(cluster);
	else
		loop_add(cluster->setup.loop, cluster->probe, EPOLLIN, on_probe, cluster);
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
	if (!error && cluster->engine->busy && log_says(cluster, cluster->engine->busy))
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

static void on_stop_said(void *arg, int error, const char *text)
{
	struct cluster *cluster = arg;

	(void)error;
	(void)text;
	cluster->asking = NULL;
	send_signal(cluster, cluster->engine->stop_clean); /* if it has not ended by itself */
}

void cluster_stop(struct cluster *cluster, bool clean)
{
	char *stop = cluster->setup.seat.service->stop;

	cluster->stopping = true;
	cluster->answered = true;
	close_probe(cluster);
	loop_cancel(cluster->setup.loop, cluster->timer);
	cluster->timer = loop_after(cluster->setup.loop, STOP_DEADLINE_MS, on_stuck, cluster);
	job_cancel(cluster->asking);
	cluster->asking = NULL;
	if (!stop || ask(cluster, stop, on_stop_said))
		send_signal(cluster,
		            clean ? cluster->engine->stop_clean : cluster->engine->stop_now);
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

/* Neither PG* variables nor the suite's libraries have any business in a server; the project's own gets ours, and its place. */
static char **environment(const struct instance_params *seat)
{
	char **envp = seat->service->engine->ours ? strv_copy(environ) : NULL;
	cleanup_free char *port = str_print("%u", seat->port);

	if (!envp) {
		strv_add(&envp, "PATH=/usr/bin:/bin");
		/* finds what its programs leave */
		environ_set(&envp, "BERTH_RUN", seat->run_id);
		return envp;
	}
	environ_set(&envp, "BERTH_PORT", port);
	environ_set(&envp, "BERTH_DIR", seat->data);
	environ_set(&envp, "BERTH_RUN", seat->run_id);
	return envp;
}

/* Own session: a Ctrl-C at the terminal is for the suite, and would be an order to shut down for the server. */
static _Noreturn void child_exec(const struct cluster *cluster, pid_t parent, int pipe)
{
	const struct cluster_setup *setup = &cluster->setup;
	const struct db_engine *engine = cluster->engine;
	char **argv = engine->command_line(&setup->seat);
	int out, in, ret;

	setsid();
	ret = setup->lower ? db_clone_mount(setup->lower, setup->base, setup->seat.server->uid,
	                                    setup->seat.server->gid)
	                   : 0;
	if (ret)
		child_fail(pipe, 1, -ret);
	in = open("/dev/null", O_RDONLY | O_CLOEXEC);
	out = open(setup->log, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW,
	           0600);
	if (in < 0 || out < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
		child_fail(pipe, 0, errno);
	ret = engine->ours ? 0 : job_drop(setup->seat.server->uid, setup->seat.server->gid);
	if (ret)
		child_fail(pipe, 0, -ret);
	/* COPY ... TO PROGRAM is the suite's; no set-user-id program for what was root's a moment ago */
	if (!engine->ours)
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	prctl(PR_SET_PDEATHSIG, engine->stop_now); /* the change of user has cleared it */
	if (getppid() != parent || chdir(engine->ours ? setup->seat.project_dir : "/"))
		_exit(1);
	execve(argv[0], argv, cluster->envp);
	child_fail(pipe, 0, errno);
}

static struct cluster *cluster_new(const struct cluster_setup *setup)
{
	struct cluster *cluster = mem_alloc(sizeof(*cluster));
	const struct db_engine *engine = setup->seat.service->engine;

	*cluster = (struct cluster){ .setup = *setup,
		                     .engine = engine,
		                     .log = str_copy(setup->log),
		                     .probe = -1,
		                     .probe_ms = 2,
		                     .envp = environment(&setup->seat),
		                     .began_ms = clock_ms(),
		                     .socket_path = engine->socket_path
		                                            ? engine->socket_path(&setup->seat)
		                                            : NULL };
	if (setup->environ)
		setup->environ(setup->arg, &cluster->envp);
	return cluster;
}

int cluster_start(const struct cluster_setup *setup, struct cluster **ret_cluster)
{
	struct cluster *cluster;
	pid_t parent = getpid();
	int pipes[2], ret;

	if (pipe2(pipes, O_CLOEXEC | O_NONBLOCK))
		return -errno;
	cluster = cluster_new(setup);
	cluster->trouble = pipes[0];
	cluster->pid = job_fork(setup->seat.service->engine->stop_now);
	if (!cluster->pid)
		child_exec(cluster, parent, pipes[1]);
	close(pipes[1]);
	cluster->pidfd = cluster->pid > 0 ? (int)syscall(SYS_pidfd_open, cluster->pid, 0) : -1;
	if (cluster->pidfd < 0) {
		ret = cluster->pid < 0 ? (int)cluster->pid : -errno;
		cluster_free(cluster);
		return ret;
	}
	loop_add(setup->loop, cluster->pidfd, EPOLLIN, on_gone, cluster);
	cluster->timer = loop_after(setup->loop, 10, probe_now, cluster);
	*ret_cluster = cluster;
	return 0;
}
