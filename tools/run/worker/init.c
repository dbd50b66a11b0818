/* SPDX-License-Identifier: MIT */
/*
 * In the worker init:
 *
 *	RUNNING		the command runs
 *	SETTLING	the command is done; its leftovers have a moment to end by themselves
 *	ENDING		asked to end: signal sent, grace runs
 *	KILLING		SIGKILL, repeated until wait(2) finds no child
 *
 * It allocates little. It blocks every signal, so that a ^C that ends
 * the suite does not end the process that cleans up after it. Every wait has a deadline. It exits
 * only when it has no child left, or when it may not kill those that are left.
 *
 * It has a session of its own. The command of a single worker must stay in the terminal's
 * foreground process group; then the worker init has a process group of its own. In both cases a
 * `kill -- -PGID` of the supervisor's group spares it.
 *
 * With processes of its own (tools/process/namespaces.h) it is process 1 of its PID namespace. When
 * it ends, the kernel kills all others in it. It translates each pid that it reports.
 */
#include "tools/run/worker/init.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/base/environ.h"
#include "tools/base/file.h"
#include "tools/base/str.h"
#include "tools/process/family.h"
#include "tools/process/namespaces.h"
#include "tools/process/proc.h"
#include "tools/run/worker/ask.h"
#include "tools/run/worker/command.h"
#include "tools/tree/tree.h"

enum {
	SETTLE_MS = 300, /* for a child that was about to exit anyway */
	/* a supervisor with many workers to judge at once takes longer than SETTLE_MS */
	JUDGE_MAX_MS = 5000,
	ORPHAN_GRACE_MS = 1000, /* the supervisor is dead, so nothing waits for a graceful end */
	KILL_EVERY_MS = 20,
	KILL_MAX_MS = 5000,
	ASK_EVERY_MS = 50,
};

enum phase { RUNNING, SETTLING, ENDING, KILLING };

struct worker_init {
	const struct worker_init_setup *setup;
	int channel;            /* -1 once the supervisor is dead */
	int children;           /* signalfd for SIGCHLD */
	int outer_proc;         /* /proc of the supervisor's PID namespace; -1 if that is ours */
	pid_t supervisor_group; /* 0 if it has no number in our PID namespace */
	pid_t command;          /* 0 once it has been waited for */
	struct program *others; /* of `berth exec`, those that live */
	size_t other_count;
	enum phase phase;
	int64_t due_ms; /* when the phase ends; 0 = never */
	int64_t killing_until_ms;
	bool end_requested; /* by the supervisor: then leftovers are no leak */
	struct asked asked;
};

/* Report process @pid of program @id. */
static void report_of(const struct worker_init *init, uint32_t id, enum worker_init_kind kind,
                      int number, pid_t pid, const char *text)
{
	struct worker_init_message message = { .kind = kind, .id = id, .number = number };

	message.pid = pid && init->outer_proc >= 0 ? namespaces_outer_pid(init->outer_proc, pid)
	                                           : pid;
	if (text)
		snprintf(message.text, sizeof(message.text), "%s", text);
	(void)worker_init_send_message(init->channel, &message);
}

static void report(const struct worker_init *init, enum worker_init_kind kind, int number,
                   pid_t pid, const char *text)
{
	report_of(init, 0, kind, number, pid, text);
}

/* Return: true if the program runs; else the supervisor knows why not. */
static bool start(struct worker_init *init, struct program *program)
{
	struct worker_init_message message;
	int answer[2];
	ssize_t got;

	if (pipe2(answer, O_CLOEXEC)) {
		report_of(init, program->id, INIT_FAILED, errno, 0, "pipe");
		return false;
	}
	program->pid = command_start(init->setup, program, init->supervisor_group, answer[1]);
	close(answer[1]);
	if (program->pid < 0) {
		report_of(init, program->id, INIT_FAILED, errno, 0, "fork");
		close(answer[0]);
		return false;
	}
	if (!program->id && init->setup->single && !init->supervisor_group)
		setpgid(0, 0); /* not earlier: the command inherits the supervisor's group */
	/*
	 * The supervisor may have to act for isolate_worker_enter() to return, so it must know of
	 * the process before we wait for exec.
	 */
	report_of(init, program->id, INIT_STARTED, 0, program->pid, NULL);
	do {
		got = read(answer[0], &message, sizeof(message));
	} while (got < 0 && errno == EINTR);
	close(answer[0]);
	if (got != (ssize_t)sizeof(message))
		return true;
	waitpid(program->pid, NULL, 0);
	report_of(init, program->id, INIT_FAILED, message.number, 0, message.text);
	return false;
}

static bool start_command(struct worker_init *init)
{
	const struct worker_init_setup *setup = init->setup;
	struct program command = { .in = setup->in,
		                   .out = setup->out,
		                   .err = setup->err,
		                   .argv = setup->argv,
		                   .envp = setup->envp };

	if (!start(init, &command))
		return false;
	init->command = command.pid;
	return true;
}

/* ---- berth exec ---- */

static void exec_more(struct worker_init *init, uint32_t id, const int fds[INIT_FDS])
{
	cleanup_strv char **strings = worker_init_read_strings(fds[3]),
			  **envp = strv_copy(init->setup->envp);
	struct program program = { .id = id, .in = fds[0], .out = fds[1], .err = fds[2] };

	if (strv_len(strings) < 3 || init->phase != RUNNING) {
		report_of(init, id, INIT_FAILED, ESRCH, 0, "worker");
		return;
	}
	program.argv = strings + 2;
	program.cwd = *strings[0] ? strings[0] : NULL;
	if (program.cwd)
		environ_set(&envp, "PWD", program.cwd);
	if (*strings[1])
		environ_set(&envp, "TERM", strings[1]);
	program.envp = envp;
	if (!start(init, &program))
		return;
	init->others = mem_grow(init->others, init->other_count + 1, sizeof(*init->others));
	init->others[init->other_count++] = (struct program){ .id = id, .pid = program.pid };
}

static void signal_other(const struct worker_init *init, uint32_t id, int number)
{
	for (size_t i = 0; i < init->other_count; i++)
		if (!id || init->others[i].id == id)
			kill(-init->others[i].pid, number);
}

static void on_exit_of_other(struct worker_init *init, pid_t pid, int status)
{
	for (size_t i = 0; i < init->other_count; i++) {
		if (init->others[i].pid != pid)
			continue;
		report_of(init, init->others[i].id, INIT_EXITED, status, 0, NULL);
		init->others[i] = init->others[--init->other_count];
		return;
	}
}

static void signal_command(struct worker_init *init, int number)
{
	pid_t to = init->setup->single ? init->command : -init->command;

	if (!init->command)
		return;
	kill(to, number);
	if (number == SIGTERM) /* a stopped process could not begin to end */
		kill(to, SIGCONT);
}

static void kill_descendants(void)
{
	cleanup_pids struct pids pids = { 0 };

	process_descendants(getpid(), &pids);
	for (size_t i = 0; i < pids.count; i++)
		kill(pids.list[i], SIGKILL);
}

static void report_leftovers(struct worker_init *init, enum worker_init_kind kind)
{
	cleanup_pids struct pids pids = { 0 };

	process_descendants(getpid(), &pids);
	for (size_t i = 0; i < pids.count; i++) {
		cleanup_free char *command = NULL;
		struct proc_stat stat;

		if (proc_read_stat(pids.list[i], &stat) || stat.is_ending)
			continue;
		command = proc_command(pids.list[i]);
		report(init, kind, 0, pids.list[i], command);
	}
}

static void enter_phase(struct worker_init *init, enum phase phase, int64_t for_ms)
{
	init->phase = phase;
	init->due_ms = clock_ms() + for_ms;
}

static void kill_all(struct worker_init *init)
{
	if (init->phase != KILLING)
		init->killing_until_ms = clock_ms() + KILL_MAX_MS;
	if (init->setup->cgroup >= 0)
		(void)file_put_at(init->setup->cgroup, "cgroup.kill", "1");
	if (init->outer_proc >= 0)
		kill(-1, SIGKILL); /* all but us in our PID namespace */
	else
		kill_descendants();
	enter_phase(init, KILLING, KILL_EVERY_MS);
}

static void end(struct worker_init *init, int number, int64_t grace_ms)
{
	init->end_requested = true;
	if (init->phase == KILLING)
		return;
	if (init->command)
		signal_command(init, number);
	else
		ask_all(&init->asked);
	if (init->phase != ENDING)
		enter_phase(init, ENDING, grace_ms);
}

static void on_exit_of_command(struct worker_init *init, int status)
{
	init->command = 0;
	/* a shell ends by SIGHUP, most other programs by SIGTERM */
	signal_other(init, 0, SIGHUP);
	signal_other(init, 0, SIGTERM);
	signal_other(init, 0, SIGCONT);
	worker_init_send(init->channel, INIT_EXITED, status, 0, NULL);
	if (init->phase == RUNNING)
		enter_phase(init, SETTLING,
		            init->setup->judged && init->channel >= 0 ? JUDGE_MAX_MS : SETTLE_MS);
	else if (init->phase == ENDING)
		ask_all(&init->asked); /* the rest of the grace is for its leftovers */
}

/* Return: true if there is no child left. */
static bool reap_children(struct worker_init *init)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG | WUNTRACED)) > 0) {
		if (pid != init->command && !WIFSTOPPED(status))
			on_exit_of_other(init, pid, status);
		else if (pid != init->command)
			continue;
		else if (!WIFSTOPPED(status))
			on_exit_of_command(init, status);
		else if (init->setup->single)
			report(init, INIT_STOPPED, WSTOPSIG(status), pid, NULL);
	}
	return pid < 0 && errno == ECHILD;
}

static void on_due(struct worker_init *init)
{
	if (init->phase == SETTLING) {
		if (!init->end_requested)
			report_leftovers(init, INIT_LEFTOVER);
		ask_all(&init->asked);
		enter_phase(init, ENDING,
		            init->channel < 0 ? ORPHAN_GRACE_MS : init->setup->grace_ms);
	} else {
		kill_all(init);
	}
}

static void on_channel(struct worker_init *init)
{
	struct worker_init_message message;
	int fds[INIT_FDS];
	int ret = worker_init_receive(init->channel, &message, fds);

	if (ret == -EAGAIN || ret == -EINTR)
		return;
	if (ret <= 0) {
		close(init->channel);
		init->channel = -1;
		end(init, SIGTERM, ORPHAN_GRACE_MS);
		if (init->phase == ENDING && init->due_ms > clock_ms() + ORPHAN_GRACE_MS)
			enter_phase(init, ENDING, ORPHAN_GRACE_MS);
		return;
	}
	if (message.kind == INIT_EXEC)
		exec_more(init, message.id, fds);
	else if (message.kind == INIT_SIGNAL && message.id)
		signal_other(init, message.id, message.number);
	else if (message.kind == INIT_SIGNAL)
		signal_command(init, message.number);
	else if (message.kind == INIT_END)
		end(init, message.number, init->setup->grace_ms);
	else if (message.kind == INIT_JUDGED && init->phase == SETTLING)
		on_due(init);
	else if (message.kind == INIT_KILL) {
		init->end_requested = true;
		kill_all(init);
	}
	for (int i = 0; i < INIT_FDS; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

static void watch_over(struct worker_init *init)
{
	while (!reap_children(init)) {
		struct pollfd fds[2] = { { init->children, POLLIN, 0 },
			                 { init->channel, POLLIN, 0 } };
		int64_t left = init->due_ms ? init->due_ms - clock_ms() : -1;
		struct signalfd_siginfo info;

		if (init->due_ms && left < 0)
			left = 0;
		if (init->phase == ENDING && !init->command) {
			ask_orphans(&init->asked);
			left = left < ASK_EVERY_MS ? left : ASK_EVERY_MS;
		}
		poll(fds, 2, (int)left);
		if (fds[0].revents)
			(void)!read(init->children, &info, sizeof(info));
		if (fds[1].revents)
			on_channel(init);
		if (init->phase == KILLING && clock_ms() >= init->killing_until_ms) {
			report_leftovers(init, INIT_SURVIVED);
			return;
		}
		if (init->due_ms && clock_ms() >= init->due_ms)
			on_due(init);
	}
	/* A process that was moved into the cgroup from elsewhere is not our descendant. */
	if (init->setup->cgroup >= 0)
		(void)file_put_at(init->setup->cgroup, "cgroup.kill", "1");
}

/* The streams are the command's alone: if we kept them, a pipe's reader would wait for us. */
static void close_streams(const struct worker_init_setup *setup)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = 0; fd <= 2; fd++)
		if (null >= 0)
			dup2(null, fd);
	if (null > 2)
		close(null);
	if (setup->in > 2)
		close(setup->in);
	if (setup->out > 2)
		close(setup->out);
	if (setup->err > 2 && setup->err != setup->out)
		close(setup->err);
}

static void set_up(struct worker_init *init)
{
	cleanup_free char *name = str_print("berth-w%u", init->setup->number);
	cleanup_free char *line = NULL;
	sigset_t all, child;
	size_t len;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	init->children = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
	init->supervisor_group = getpgrp();
	if (!init->setup->single)
		setsid();
	else if (init->supervisor_group)
		setpgid(0, 0);
	prctl(PR_SET_NAME, name);
	/* pgrep -f inside of the worker must not find the suite's command line in ours */
	if (!file_read("/proc/self/cmdline", &line, &len) && len) {
		memset(program_invocation_name, 0, len);
		memcpy(program_invocation_name, name, strlen(name) < len ? strlen(name) : len - 1);
	}
	prctl(PR_SET_CHILD_SUBREAPER, 1);
}

/* The supervisor's end of the channel closes with it. */
static bool supervisor_lives(const struct worker_init *init)
{
	struct pollfd fd = { .fd = init->channel };

	return poll(&fd, 1, 0) == 0;
}

/* Return: 0; -errno and perhaps *ret_error. */
static int enter(struct worker_init *init, char **ret_error)
{
	const struct worker_init_setup *setup = init->setup;
	const struct namespaces *own = tree_namespaces(setup->tree);
	int ret;

	if (own->processes) {
		init->outer_proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (init->outer_proc < 0)
			return -errno;
	}
	ret = namespaces_settle(own, ret_error);
	if (!ret && own->processes)
		namespaces_spread_pids(setup->number);
	return ret ? ret : tree_enter(setup->tree, setup->number, setup->cwd, ret_error);
}

static void init_main(struct worker_init *init)
{
	const struct worker_init_setup *setup = init->setup;
	char *error = NULL;
	bool runs;
	int ret;

	set_up(init);
	/* until there is something to clean up: a copy of the tree may take minutes */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	ret = supervisor_lives(init) ? enter(init, &error) : -ECHILD;
	prctl(PR_SET_PDEATHSIG, 0);
	if (ret) {
		worker_init_send(init->channel, INIT_FAILED, -ret, 0,
		                 error ? error : "working tree");
		_exit(0);
	}
	runs = start_command(init);
	close_streams(setup);
	/* its memory holds passwords of databases */
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	if (runs)
		watch_over(init);
	(void)tree_leave(setup->tree);
	_exit(0);
}

pid_t worker_init_start(const struct worker_init_setup *setup, int *ret_channel)
{
	struct worker_init init = { .setup = setup, .children = -1, .outer_proc = -1 };
	pid_t pid;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return -errno;
	pid = namespaces_fork(tree_namespaces(setup->tree));
	if (!pid) {
		setup->close_descriptors(setup->arg);
		close(pair[0]);
		init.channel = pair[1];
		init_main(&init);
	}
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		return pid;
	}
	*ret_channel = pair[0];
	return pid;
}
