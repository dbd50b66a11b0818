/* SPDX-License-Identifier: MIT */
/*
 * `berth up` starts a run of one worker under a name. The run's supervisor is a child in a session
 * of its own, whose output is the worker's log. This process waits until the environment is ready,
 * and ends; no other process of Berth remains.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/base/file.h"
#include "tools/base/log.h"
#include "tools/cli/common/live.h"
#include "tools/cli/common/maps.h"
#include "tools/cli/common/output.h"
#include "tools/cli/common/results.h"
#include "tools/cli/settings/config.h"
#include "tools/cli/common/show_run.h"
#include "tools/process/child.h"
#include "tools/state/environment.h"
#include "tools/state/reap.h"
#include "tools/state/results.h"

enum {
	LOOK_MS = 20,
	ASK_MAX_MS = 5000,
	READS_MAX = 256,
	KILLED_MS = 1000, /* until a killed process is gone */
	READY_MS = 60000,
	ENDING_MAX_MS = 20000,
	TAIL_LINES = 20,
	TIMED_OUT = 124
};

struct up {
	struct cli *cli;
	pid_t supervisor;
	int64_t started_ms; /* the command; 0 = not yet */
};

/* ---- the child ---- */

static _Noreturn void supervise(struct cli *cli)
{
	cleanup_free char *path = str_print("%s/w1.log", cli->run.environment_dir);
	int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int out = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW,
	               0600);

	if (in < 0 || out < 0) {
		log_line("unable to open '%s': %s", in < 0 ? "/dev/null" : path, strerror(errno));
		_exit(EXIT_USAGE);
	}
	setsid();
	dup2(in, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	/* a caller may read a pipe to its end: $(berth up) */
	cli->run.environment_lock = fcntl(cli->run.environment_lock, F_DUPFD_CLOEXEC, 3);
	dup2(cli->run.environment_lock, 3);
	fcntl(3, F_SETFD, FD_CLOEXEC);
	cli->run.environment_lock = 3;
	close_range(4, ~0u, 0);
	signal(SIGHUP, SIG_DFL);
	exit(run_main(&cli->run));
}

/* ---- is it ready? ---- */

static int connect_to(int family, uint16_t port)
{
	struct sockaddr_in to4 = { .sin_family = AF_INET,
		                   .sin_port = htons(port),
		                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_in6 to6 = { .sin6_family = AF_INET6,
		                    .sin6_port = htons(port),
		                    .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	const struct timeval most = { .tv_sec = ASK_MAX_MS / 1000 };
	cleanup_close int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof(most));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof(most)); /* of connect(2), too */
	if (family == AF_INET ? connect(fd, (struct sockaddr *)&to4, sizeof(to4))
	                      : connect(fd, (struct sockaddr *)&to6, sizeof(to6)))
		return -errno;
	return steal_fd(&fd);
}

/* Connect to the server that the worker calls @port. Return: a socket; -errno. */
static int connect_worker(const struct state_worker *worker, uint16_t port)
{
	const struct berth_portmap *map;
	uint16_t real = 0;
	int fd;

	if (!maps_open(worker, &map)) {
		real = berth_portmap_real(map, BERTH_TCP, port);
		maps_close(map);
	}
	if (!real)
		return -ECONNREFUSED;
	fd = connect_to(AF_INET, real);
	return fd < 0 ? connect_to(AF_INET6, real) : fd;
}

/* "http://localhost:3000/health" */
static bool answers(const struct state_worker *worker, const char *url)
{
	const char *host = url + strlen("http://"), *path = strchrnul(host, '/');
	cleanup_free char *name = str_copy_len(host, (size_t)(path - host));
	cleanup_free char *request = str_print(
		"GET %s HTTP/1.1\r\nHost: %s\r\nAccept: */*\r\nConnection: close\r\n\r\n",
		*path ? path : "/", name);
	const char *colon = strrchr(name, ':');
	char answer[16] = "", rest[4096];
	long port = 80;
	cleanup_close int fd = -1;

	if (colon && str_number(colon + 1, 1, 65535, &port))
		return false;
	fd = connect_worker(worker, (uint16_t)port);
	if (fd < 0 || file_write_all(fd, request, strlen(request)) ||
	    recv(fd, answer, strlen("HTTP/1.1 200"), MSG_WAITALL) != strlen("HTTP/1.1 200"))
		return false;
	/* a server may complain about a client that does not read all */
	for (int reads = 0; reads < READS_MAX && recv(fd, rest, sizeof(rest), 0) > 0; reads++)
		;
	return str_starts(answer, "HTTP/1.") && answer[9] >= '2' && answer[9] <= '3';
}

static bool succeeds(const struct run_state *run, const char *command)
{
	cleanup_free char *worker = str_print("%s.1", run->id);
	cleanup_strv char **argv = strv_of("/proc/self/exe", "exec", "-w", worker, "--", "sh", "-c",
	                                   command);
	cleanup_str struct str output = { 0 };

	return !child_exec(&(struct child_program){ .argv = argv, .timeout_ms = ASK_MAX_MS },
	                   &output);
}

static bool is_ready(const struct up *up, const struct run_state *run)
{
	const char *ready = up->cli->ready;
	long port;

	if (!ready)
		return true;
	if (!str_number(ready, 1, 65535, &port)) {
		cleanup_close int fd = connect_worker(run->workers, (uint16_t)port);

		return fd >= 0;
	}
	return str_starts(ready, "http://") ? answers(run->workers, ready) : succeeds(run, ready);
}

/* ---- the parent ---- */

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number)
{
	interrupted = number;
}

/* Find the run of our child. Return: whether its command has been started. */
static bool find_run(const struct up *up, struct run_state *ret_run)
{
	struct run_state *runs = NULL;
	size_t count = 0;
	bool found = false;

	(void)state_list(&runs, &count);
	for (size_t i = 0; i < count && !found; i++) {
		found = runs[i].alive && runs[i].pid == up->supervisor && runs[i].worker_count &&
		        runs[i].workers[0].pid && runs[i].workers[0].status == STATE_RUNNING;
		if (found) {
			*ret_run = runs[i];
			runs[i] = (struct run_state){ 0 };
		}
	}
	state_list_free(runs, count);
	return found;
}

static void show_log_end(const char *dir)
{
	cleanup_free char *path = str_print("%s/w1.log", dir);
	cleanup_strv char **lines = file_read_tail(path, TAIL_LINES);

	for (char **line = lines; line && *line; line++) {
		str_plain(*line, "\t");
		log_text("%s", *line);
	}
	log_hint("its log is '%s'", path);
}

/* The environment is not ready: end it. Return: the exit status. */
static int give_up(const struct up *up, const char *why, int status)
{
	log_line("environment '%s' %s", up->cli->run.name, why);
	if (!kill(up->supervisor, SIGTERM))
		(void)child_wait(up->supervisor, 0); /* the supervisor has deadlines */
	show_log_end(up->cli->run.environment_dir);
	return status;
}

/* Return: 0 and *ret_run; an exit status. */
static int wait_ready(struct up *up, struct run_state *ret_run)
{
	int64_t limit_ms = up->cli->ready_timeout_ms ? up->cli->ready_timeout_ms : READY_MS;
	cleanup_close int end = (int)syscall(SYS_pidfd_open, up->supervisor, 0);
	struct pollfd poller = { end, POLLIN, 0 };
	cleanup_free char *why = NULL;
	int status;

	while (poll(&poller, 1, LOOK_MS) <= 0 && !interrupted) {
		if (!find_run(up, ret_run))
			continue;
		if (!up->started_ms)
			up->started_ms = clock_ms();
		if (is_ready(up, ret_run))
			return 0;
		state_free(ret_run);
		if (clock_ms() - up->started_ms < limit_ms)
			continue;
		why = str_print("was not ready after %g s and is ended", (double)limit_ms / 1000);
		return give_up(up, why, TIMED_OUT);
	}
	if (interrupted)
		return give_up(up, "is ended", 128 + interrupted);
	status = child_wait(up->supervisor, 0);
	log_line("environment '%s' ended with exit status %d", up->cli->run.name, status);
	show_log_end(up->cli->run.environment_dir);
	return status ? status : 1;
}

static int start(struct cli *cli)
{
	struct up up = { .cli = cli };
	struct run_state run;
	int status;

	fflush(stdout);
	up.supervisor = fork();
	if (!up.supervisor)
		supervise(cli);
	close(cli->run.environment_lock);
	if (up.supervisor < 0) {
		log_line("unable to start the supervisor: %s", strerror(errno));
		return EXIT_USAGE;
	}
	signal(SIGINT, on_interrupt);
	signal(SIGTERM, on_interrupt);
	status = wait_ready(&up, &run);
	if (status)
		return status;
	if (cli->json)
		output_json(show_run_json(&run));
	else
		show_run_ports(&run);
	state_free(&run);
	return 0;
}

/* ---- the settings ---- */

/* Of berth.yaml, options that `berth up` does not have are for test runs: --timeout, --each. */
static void leave_out(struct cli *cli)
{
	for_each_option (option)
		if (option->flag && !option_in(option, VERB_up))
			option_clear(cli, option);
	strv_free(cli->run.tasks);
	cli->run.tasks = strv_of(cli->run.name);
}

static int load_settings(struct cli *cli)
{
	cleanup_strv char **command = steal(&cli->run.command);
	cleanup_free char *cwd = getcwd(NULL, 0);
	int ret;

	if (!cwd) {
		log_line("unable to find the working directory: %s", strerror(errno));
		log_hint("if it has been removed, go into one that exists");
		return EXIT_USAGE;
	}
	ret = config_load(cli);
	if (ret)
		return ret;
	if (command || cli->set_by[OPTION_command].layer != LAYER_UP) {
		strv_free(cli->run.command);
		cli->run.command = command ? steal(&command) : strv_of("sleep", "infinity");
	}
	cli->run.name = cli->args ? str_copy(cli->args[0]) : live_default_name();
	if (!environment_is_name(cli->run.name))
		return cli_usage(cli,
		                 "expected a name of letters, digits, '.', '_' and '-', and no "
		                 "number of a worker, got '%s'",
		                 cli->run.name);
	if (cli->ready && str_starts(cli->ready, "https://"))
		return cli_usage(cli,
		                 "--ready: expected a port, an http:// URL or a command, got '%s'",
		                 cli->ready);
	leave_out(cli);
	return 0;
}

/* Is the supervisor dead? Then its cleanup guard still has the lock. */
static bool is_ending(const char *dir)
{
	struct run_state run;
	bool ending;

	if (state_load_file(dir, &run))
		return false;
	ending = run.pid > 0 && kill(run.pid, 0) && errno == ESRCH;
	state_free(&run);
	return ending;
}

static int lock(const char *results, struct run_options *run)
{
	int64_t now_ms = clock_ms(), due_ms = now_ms + ENDING_MAX_MS;
	int ret;

	while ((ret = environment_lock(results, run->name, &run->environment_lock)) == -EBUSY &&
	       clock_ms() < due_ms &&
	       (clock_ms() - now_ms < KILLED_MS || is_ending(run->environment_dir)))
		poll(NULL, 0, LOOK_MS);
	return ret;
}

int verb_up(struct cli *cli)
{
	cleanup_free char *said = NULL, *results = NULL;
	struct run_options *run = &cli->run;
	int ret = load_settings(cli);

	if (ret)
		return ret;
	(void)reap_runs(false, NULL);
	if (!run->results_dir)
		ret = results_make_default(run->project_dir, &said);
	results = results_dir(cli);
	run->environment_dir = environment_dir(results, run->name);
	if (said)
		log_line("%s", said);
	ret = ret ? ret : lock(results, run);
	if (ret == -EBUSY) {
		log_line("environment '%s' is up already", run->name);
		log_hint("berth down %s; or choose another name: berth up NAME", run->name);
	} else if (ret) {
		log_line("unable to lock '%s': %s", run->environment_dir, strerror(-ret));
	}
	if (ret)
		return EXIT_USAGE;
	free(steal(&results)); /* --results may be relative */
	results = run->environment_dir;
	run->environment_dir = realpath(results, NULL);
	return start(cli);
}
