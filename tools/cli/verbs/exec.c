/* SPDX-License-Identifier: MIT */
/*
 * `berth exec` runs a command inside a live worker.
 *
 * The worker init starts the command, so it cannot have our terminal: a terminal has one session.
 * If our standard input is a terminal, the command gets a pseudoterminal of its own, pty(7), and we
 * pass bytes, size and stops on, as ssh does. All other streams it gets as they are.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/base/log.h"
#include "tools/base/str.h"
#include "tools/cli/common/live.h"
#include "tools/cli/settings/cli.h"
#include "tools/run/exec.h"

enum { EXIT_CANNOT_EXEC = 126, EXIT_NOT_FOUND = 127 };

struct exec_client {
	int connection, signals;
	int master; /* of the command's terminal; -1 = it has none */
	struct termios old;
	bool raw, started, stdin_ended;
	const struct cli *cli;
};

/* ---- the terminal ---- */

static void set_raw(struct exec_client *client)
{
	struct termios raw = client->old;

	/* in the background, tcsetattr(3) would stop us */
	if (client->master < 0 || tcgetpgrp(STDIN_FILENO) != getpgrp())
		return;
	cfmakeraw(&raw);
	client->raw = !tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
}

static void set_cooked(struct exec_client *client)
{
	if (client->raw)
		(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &client->old);
	client->raw = false;
}

static void copy_size(const struct exec_client *client)
{
	struct winsize size;

	if (client->master >= 0 && !ioctl(STDIN_FILENO, TIOCGWINSZ, &size))
		(void)ioctl(client->master, TIOCSWINSZ, &size);
}

/* Replace the streams that are terminals by a new one. */
static int open_terminal(struct exec_client *client, int streams[3], int *ret_slave)
{
	if (tcgetattr(STDIN_FILENO, &client->old))
		return 0; /* standard input is no terminal */
	if (openpty(&client->master, ret_slave, NULL, &client->old, NULL))
		return -errno;
	fcntl(client->master, F_SETFD, FD_CLOEXEC);
	fcntl(*ret_slave, F_SETFD, FD_CLOEXEC);
	copy_size(client);
	for (int i = 0; i < 3; i++)
		if (isatty(streams[i]))
			streams[i] = *ret_slave;
	return 0;
}

/* Return: true if there was something. */
static bool copy_output(const struct exec_client *client)
{
	char data[16384];
	ssize_t len = read(client->master, data, sizeof(data));

	if (len > 0)
		(void)file_write_all(isatty(STDOUT_FILENO) ? STDOUT_FILENO : STDERR_FILENO, data,
		                     (size_t)len);
	return len > 0;
}

static void copy_input(struct exec_client *client)
{
	char data[4096];
	ssize_t len = read(STDIN_FILENO, data, sizeof(data));

	if (len > 0)
		(void)file_write_all(client->master, data, (size_t)len);
	else if (!len || errno != EINTR)
		client->stdin_ended = true;
}

/* ---- signals and messages ---- */

static void open_signals(struct exec_client *client)
{
	static const int numbers[] = { SIGINT,  SIGTERM, SIGHUP,  SIGQUIT, SIGUSR1,
		                       SIGUSR2, SIGTSTP, SIGCONT, SIGWINCH };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		sigaddset(&set, numbers[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	client->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void on_signal(struct exec_client *client)
{
	struct signalfd_siginfo info;

	while (read(client->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGWINCH) {
			copy_size(client);
		} else if (info.ssi_signo == SIGTSTP) {
			exec_signal(client->connection, SIGSTOP);
			set_cooked(client);
			raise(SIGSTOP);
			set_raw(client);
			exec_signal(client->connection, SIGCONT);
		} else if (info.ssi_signo != SIGCONT) {
			exec_signal(client->connection, (int)info.ssi_signo);
		}
	}
}

static int on_failed(const struct exec_client *client, const struct worker_init_message *message)
{
	if (!strcmp(message->text, "exec")) {
		log_line("unable to start '%s': %s", client->cli->args[0],
		         strerror(message->number));
		return message->number == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_EXEC;
	}
	if (message->number == EPIPE || message->number == ESRCH)
		log_line("the worker has no command now: it waits or is ending");
	else
		log_line("unable to start the command in the worker: %s: %s", message->text,
		         strerror(message->number));
	return EXIT_USAGE;
}

/* Return: the exit status; -1 as long as there is none. */
static int on_message(struct exec_client *client)
{
	struct worker_init_message message;
	int ret = exec_receive(client->connection, &message);

	if (ret == -EAGAIN || ret == -EINTR)
		return -1;
	if (ret <= 0) {
		log_line("the worker has ended");
		return EXIT_USAGE;
	}
	if (message.kind == INIT_FAILED)
		return on_failed(client, &message);
	if (message.kind == INIT_EXITED)
		return WIFEXITED(message.number) ? WEXITSTATUS(message.number)
		                                 : 128 + WTERMSIG(message.number);
	if (!client->cli->detach)
		return -1;
	printf("%d\n", message.pid);
	return 0;
}

static int wait_for_end(struct exec_client *client)
{
	int status = -1;

	while (status < 0) {
		struct pollfd fds[] = { { client->connection, POLLIN, 0 },
			                { client->signals, POLLIN, 0 },
			                { client->master, POLLIN, 0 },
			                { client->stdin_ended ? -1 : STDIN_FILENO, POLLIN, 0 } };

		if (client->master < 0)
			fds[3].fd = -1;
		if (poll(fds, ARRAY_LEN(fds), -1) < 0 && errno != EINTR)
			return EXIT_USAGE;
		if (fds[1].revents)
			on_signal(client);
		if (fds[2].revents && !copy_output(client)) {
			/* no process has the terminal open now; its status comes */
			close(steal_fd(&client->master));
		}
		if (fds[3].revents && client->master >= 0)
			copy_input(client);
		if (fds[0].revents)
			status = on_message(client);
	}
	/* What the command wrote last. A read without waiting delivers it all, unlike poll(2). */
	if (client->master >= 0)
		fcntl(client->master, F_SETFL, O_NONBLOCK);
	while (client->master >= 0 && copy_output(client))
		;
	return status;
}

/* ---- the request ---- */

/* The streams of a detached command: no input, and output to the worker's log. */
static int open_log(const struct run_state *run, const struct state_worker *worker, int streams[3])
{
	cleanup_free char *path = str_print("%s/w%u.log", run->log_dir, worker->number);
	int ret = dir_make(run->log_dir, 0755);

	streams[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	streams[1] = ret ? -1 : open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	streams[2] = streams[1];
	if (streams[0] >= 0 && streams[1] >= 0)
		return 0;
	ret = ret ? ret : -errno;
	log_line("unable to open the log '%s': %s", path, strerror(-ret));
	return ret;
}

static int ask(struct exec_client *client, const struct run_state *run,
               const struct state_worker *worker)
{
	cleanup_free char *cwd = getcwd(NULL, 0);
	size_t len = strlen(run->project_dir);
	bool below = cwd && str_starts(cwd, run->project_dir) && (!cwd[len] || cwd[len] == '/');
	cleanup_close int slave = -1;
	struct exec_request request = { .worker = worker->number,
		                        .detached = client->cli->detach,
		                        .cwd = below ? cwd : "",
		                        .term = "",
		                        .argv = client->cli->args,
		                        .streams = { 0, 1, 2 } };
	int ret = client->cli->detach ? open_log(run, worker, request.streams)
	                              : open_terminal(client, request.streams, &slave);

	if (ret)
		return ret;
	if (client->master >= 0 && getenv("TERM"))
		request.term = getenv("TERM");
	client->connection = exec_ask(run->dir, &request);
	if (client->connection < 0)
		log_line("unable to ask run %s: %s", run->id,
		         client->connection == -ENOENT ? "it is ending"
		                                       : strerror(-client->connection));
	if (client->cli->detach) {
		close(request.streams[0]);
		close(request.streams[1]);
	}
	return client->connection < 0 ? client->connection : 0;
}

int verb_exec(struct cli *cli)
{
	struct exec_client client = { .connection = -1, .signals = -1, .master = -1, .cli = cli };
	const struct state_worker *worker;
	struct run_state run = { 0 };
	int status = EXIT_USAGE;

	if (live_worker(cli->run_id, cli->worker, &run, &worker))
		return EXIT_USAGE;
	if (!ask(&client, &run, worker)) {
		open_signals(&client);
		set_raw(&client);
		status = wait_for_end(&client);
		set_cooked(&client);
		close(client.connection);
		close(client.signals);
		if (client.master >= 0)
			close(client.master);
	}
	state_free(&run);
	return status;
}
