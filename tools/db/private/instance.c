/* SPDX-License-Identifier: MIT */
/*
 * Starts, probes and stops a server, in the supervisor. The probe connects, through the Unix socket
 * if there is one, after 2, 3, 4 ... ms, until the reply says that clients can connect. If the
 * process ends first, the reason is in its log.
 *
 * The server must listen on exactly the real port of the worker's map, on every address. If another
 * program holds one of them, PostgreSQL only warns and uses the others, and some clients of the
 * worker would reach the other program. So the log is searched for that warning.
 */
#include "tools/db/private/instance.h"

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
#include "tools/db/common/answers.h"
#include "tools/db/common/clone.h"
#include "tools/process/job.h"

enum { READY_DEADLINE_MS = 60000, STOP_DEADLINE_MS = 10000, PROBE_MAX_MS = 50 };

struct instance {
	struct instance_setup setup;
	const struct db_engine *engine;
	char *socket_path, *log;
	char **envp;              /* of its process, and of its commands; strv */
	struct loop_timer *timer; /* next probe, or the deadline of a stop */
	struct job *job;          /* runs .command */
	char *command;            /* `ready` or `stop` of the specification */
	int64_t began_ms;
	int probe_ms;
	pid_t pid;
	int pidfd, probe;
	int failure; /* a pipe: the child writes why it could not execute the server */
	bool answered, stopping;
};

struct instance_signal {
	const struct instance *instance;
	int number;
};

/*
 * Root without CAP_KILL, in a container, may not signal processes of the servers' user; that user
 * may.
 */
static int send_signal_as_server(void *arg, struct str *ret_text)
{
	const struct instance_signal *request = arg;
	const struct db_programs *programs = request->instance->setup.params.programs;
	int ret = job_drop(programs->uid, programs->gid);

	(void)ret_text;
	if (!ret)
		syscall(SYS_pidfd_send_signal, request->instance->pidfd, request->number, NULL, 0);
	return ret;
}

/* A shell may run a server of kind command: signal the process group that setsid() made. */
static void send_signal(struct instance *instance, int number)
{
	if (syscall(SYS_pidfd_send_signal, instance->pidfd, number, NULL, 0) && errno == EPERM)
		(void)child_call(send_signal_as_server,
		                 &(struct instance_signal){ instance, number }, NULL);
	if (instance->engine->of_project)
		kill(-instance->pid, number);
}

/* The line of its log that says why it ended, without the time stamp. */
static char *last_log_line(const struct instance *instance)
{
	const char *const *fatal = instance->engine->fatal;
	cleanup_free char *text = NULL;
	cleanup_strv char **lines = NULL;
	size_t count;

	if (file_read(instance->log, &text, NULL))
		return str_copy("");
	lines = strv_split(text, "\n");
	count = strv_len(lines);
	for (size_t i = count; i-- > 0 && fatal[0];)
		for (size_t word = 0; word < ARRAY_LEN(instance->engine->fatal) && fatal[word];
		     word++) {
			const char *level = strstr(lines[i], fatal[word]);

			if (level)
				return str_copy(level);
		}
	return str_copy(!count ? "" : lines[fatal[0] ? 0 : count - 1]);
}

static bool log_says(const struct instance *instance, const char *words)
{
	cleanup_free char *text = NULL;

	return !file_read(instance->log, &text, NULL) && strstr(text, words);
}

static void close_probe(struct instance *instance)
{
	if (instance->probe < 0)
		return;
	loop_remove(instance->setup.loop, instance->probe);
	close(instance->probe);
	instance->probe = -1;
}

static void instance_free(struct instance *instance)
{
	close_probe(instance);
	loop_cancel(instance->setup.loop, instance->timer);
	job_cancel(instance->job);
	if (instance->pidfd >= 0) {
		loop_remove(instance->setup.loop, instance->pidfd);
		close(instance->pidfd);
	}
	if (instance->failure >= 0)
		close(instance->failure);
	free(instance->socket_path);
	free(instance->log);
	strv_free(instance->envp);
	free(instance);
}

static void answer(struct instance *instance, int error, const char *text)
{
	if (instance->answered)
		return;
	instance->answered = true;
	close_probe(instance);
	loop_cancel(instance->setup.loop, instance->timer);
	instance->timer = NULL;
	instance->setup.ready(instance->setup.arg, error, text);
}

static void give_up(struct instance *instance, int error, const char *text)
{
	instance->stopping = true;
	send_signal(instance, SIGKILL);
	answer(instance, error, text);
}

static void probe_now(void *arg);

static void probe_later(struct instance *instance)
{
	close_probe(instance);
	if (clock_ms() - instance->began_ms > READY_DEADLINE_MS) {
		give_up(instance, -ETIME, "the server did not answer within 60 s");
		return;
	}
	instance->timer = loop_after(instance->setup.loop, instance->probe_ms, probe_now, instance);
	if (instance->probe_ms < PROBE_MAX_MS)
		instance->probe_ms++;
}

static void check_port(struct instance *instance)
{
	if (instance->engine->busy && log_says(instance, instance->engine->busy))
		give_up(instance, -EADDRINUSE, "another program holds its port");
	else
		answer(instance, 0, "");
}

static void on_probe(void *arg, int fd, uint32_t events)
{
	struct instance *instance = arg;
	char reply[1024];
	ssize_t got = read(fd, reply, sizeof(reply));

	(void)events;
	if (got < 0 && errno == EAGAIN)
		return;
	if (got <= 0 || !instance->engine->is_ready(reply, (size_t)got))
		probe_later(instance);
	else
		check_port(instance);
}

/* Job: run .command in a shell, in the environment of the server. */
static int run_command(void *arg, struct str *ret_text)
{
	struct instance *instance = arg;
	char *argv[] = { (char *)"/bin/sh", (char *)"-c", instance->command, NULL };

	if (chdir(instance->setup.params.project_dir))
		return -errno;
	return child_exec(&(struct child_program){ .argv = argv, .envp = instance->envp }, ret_text)
	               ? -EAGAIN
	               : 0;
}

static int start_command(struct instance *instance, char *command, job_done_fn done)
{
	instance->command = command;
	return job_start(&(struct job_setup){ .loop = instance->setup.loop,
	                                      .deadline_ms = STOP_DEADLINE_MS,
	                                      .run = run_command,
	                                      .arg = instance,
	                                      .done = done,
	                                      .done_arg = instance },
	                 &instance->job);
}

static void on_command_ready(void *arg, int error, const char *text)
{
	struct instance *instance = arg;

	(void)text;
	instance->job = NULL;
	if (instance->answered)
		return;
	if (error)
		probe_later(instance);
	else
		check_port(instance);
}

static int connect_unix(int fd, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	return connect(fd, (struct sockaddr *)&address, sizeof(address));
}

/* Return: a connection on which the engine's hello was sent; -1 not yet. */
static int probe_connect(const struct instance *instance)
{
	const struct db_engine *engine = instance->engine;
	cleanup_close int fd = instance->socket_path
	                               ? socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
	                                        0)
	                               : db_port_connect(instance->setup.params.port);

	if (fd < 0 || (instance->socket_path && connect_unix(fd, instance->socket_path)) ||
	    (engine->hello && send(fd, engine->hello, engine->hello_len, MSG_NOSIGNAL) < 0))
		return -1;
	return steal_fd(&fd);
}

static void probe_now(void *arg)
{
	struct instance *instance = arg;
	char *ready = instance->setup.params.spec->ready;

	instance->timer = NULL;
	if (ready) {
		if (start_command(instance, ready, on_command_ready))
			probe_later(instance);
		return;
	}
	instance->probe = probe_connect(instance);
	if (instance->probe < 0)
		probe_later(instance);
	else if (!instance->engine->is_ready)
		check_port(instance);
	else
		loop_add(instance->setup.loop, instance->probe, EPOLLIN, on_probe, instance);
}

/* Read why the child could not execute the server: { 1 = the overlay failed, errno }. */
static int exec_failure(struct instance *instance)
{
	int words[2] = { 0, 0 };

	if (read(instance->failure, words, sizeof(words)) != sizeof(words))
		return 0;
	return words[0] ? -ENOTSUP : -words[1];
}

static void on_gone(void *arg, int fd, uint32_t events)
{
	struct instance *instance = arg;
	int error = exec_failure(instance);
	bool requested = instance->stopping;
	siginfo_t info = { .si_code = 0 };
	cleanup_free char *line = NULL;

	(void)events;
	loop_remove(instance->setup.loop, fd);
	waitid(P_PIDFD, (id_t)instance->pidfd, &info, WEXITED);
	/* the log of one that was killed ends with a line about something else */
	line = info.si_code == CLD_KILLED ? str_print("killed by signal %d", info.si_status)
	                                  : last_log_line(instance);
	if (!error && instance->engine->busy && log_says(instance, instance->engine->busy))
		error = -EADDRINUSE;
	answer(instance, error ? error : -ECHILD, *line ? line : "the server could not be started");
	instance->setup.end(instance->setup.arg, requested, line);
	instance_free(instance);
}

static void on_stop_deadline(void *arg)
{
	struct instance *instance = arg;

	instance->timer = NULL;
	send_signal(instance, SIGKILL);
}

static void on_command_stopped(void *arg, int error, const char *text)
{
	struct instance *instance = arg;

	(void)error;
	(void)text;
	instance->job = NULL;
	send_signal(instance, instance->engine->stop_clean); /* if it did not end */
}

void instance_stop(struct instance *instance, bool clean)
{
	char *stop = instance->setup.params.spec->stop;

	instance->stopping = true;
	instance->answered = true;
	close_probe(instance);
	loop_cancel(instance->setup.loop, instance->timer);
	instance->timer = loop_after(instance->setup.loop, STOP_DEADLINE_MS, on_stop_deadline,
	                             instance);
	job_cancel(instance->job);
	instance->job = NULL;
	if (!stop || start_command(instance, stop, on_command_stopped))
		send_signal(instance,
		            clean ? instance->engine->stop_clean : instance->engine->stop_now);
}

static _Noreturn void child_fail(int pipe, int stage, int error)
{
	int words[2] = { stage, error };

	if (write(pipe, words, sizeof(words)) < 0)
		_exit(126);
	_exit(127);
}

/*
 * A server gets neither PG* variables nor the suite's libraries. One of kind command gets the
 * environment of `berth run`, its port and its directory.
 */
static char **environment(const struct instance_params *params)
{
	cleanup_free char *port = str_print("%u", params->port);
	char **envp = NULL;

	if (params->spec->engine->of_project) {
		envp = strv_copy(environ);
		environ_set(&envp, "BERTH_PORT", port);
		environ_set(&envp, "BERTH_DIR", params->data);
	} else {
		strv_add(&envp, "PATH=/usr/bin:/bin");
	}
	environ_set(&envp, "BERTH_RUN", params->run_id); /* `berth reap` finds children by it */
	return envp;
}

/*
 * A session of its own, because Ctrl-C at the terminal is for the suite, and would shut the server
 * down.
 */
static _Noreturn void become_server(const struct instance *instance, pid_t parent, int pipe)
{
	const struct instance_setup *setup = &instance->setup;
	const struct db_engine *engine = instance->engine;
	char **argv = engine->command_line(&setup->params);
	int out, in, ret;

	setsid();
	ret = setup->lower ? db_clone_mount(setup->lower, setup->base, setup->params.programs->uid,
	                                    setup->params.programs->gid)
	                   : 0;
	if (ret)
		child_fail(pipe, 1, -ret);
	in = open("/dev/null", O_RDONLY | O_CLOEXEC);
	out = open(setup->log, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW,
	           0600);
	if (in < 0 || out < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
		child_fail(pipe, 0, errno);
	ret = engine->of_project
	              ? 0
	              : job_drop(setup->params.programs->uid, setup->params.programs->gid);
	if (ret)
		child_fail(pipe, 0, -ret);
	/* a suite can start programs with COPY TO PROGRAM: none may gain privileges */
	if (!engine->of_project)
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	/* the change of user has cleared it: prctl(2) */
	prctl(PR_SET_PDEATHSIG, engine->stop_now);
	if (getppid() != parent || chdir(engine->of_project ? setup->params.project_dir : "/"))
		_exit(1);
	execve(argv[0], argv, instance->envp);
	child_fail(pipe, 0, errno);
}

static struct instance *instance_new(const struct instance_setup *setup)
{
	struct instance *instance = mem_alloc(sizeof(*instance));
	const struct db_engine *engine = setup->params.spec->engine;

	*instance = (struct instance){ .setup = *setup,
		                       .engine = engine,
		                       .log = str_copy(setup->log),
		                       .probe = -1,
		                       .probe_ms = 2,
		                       .envp = environment(&setup->params),
		                       .began_ms = clock_ms(),
		                       .socket_path = engine->socket_path
		                                              ? engine->socket_path(&setup->params)
		                                              : NULL };
	if (setup->environ)
		setup->environ(setup->arg, &instance->envp);
	return instance;
}

int instance_start(const struct instance_setup *setup, struct instance **ret_instance)
{
	struct instance *instance;
	pid_t parent = getpid();
	int pipes[2], ret;

	if (pipe2(pipes, O_CLOEXEC | O_NONBLOCK))
		return -errno;
	instance = instance_new(setup);
	instance->failure = pipes[0];
	instance->pid = child_fork(setup->params.spec->engine->stop_now);
	if (!instance->pid)
		become_server(instance, parent, pipes[1]);
	close(pipes[1]);
	instance->pidfd = instance->pid > 0 ? (int)syscall(SYS_pidfd_open, instance->pid, 0) : -1;
	if (instance->pidfd < 0) {
		ret = instance->pid < 0 ? (int)instance->pid : -errno;
		instance_free(instance);
		return ret;
	}
	loop_add(setup->loop, instance->pidfd, EPOLLIN, on_gone, instance);
	instance->timer = loop_after(setup->loop, 10, probe_now, instance);
	*ret_instance = instance;
	return 0;
}
