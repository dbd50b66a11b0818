/* SPDX-License-Identifier: MIT */
/*
 * What several workers write. Each has a pipe for stdout and one for stderr; what comes is written to the worker's log at
 * once, in the order of arrival, and shown
 *
 *	prefix	line by line, `w3 | text`, on the stream that it came from
 *	group	in one piece when the worker is over, from its log
 *	quiet	only if the worker failed, like group
 *
 * A line is shown when it is whole; one longer than LINE_MOST is cut. Bytes are passed on as they are, but for what a
 * carriage return would have overwritten. When our own reader is slow the workers wait, as they would without us, but
 * signals are still looked at.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/base/file.h"
#include "tools/base/log.h"
#include "tools/run/run.h"

enum {
	LINE_MOST = 64 * 1024,
	READ_SIZE = 64 * 1024,
	WRITE_SIZE = 4096,
	DRAIN_MOST = 64,
	GIVE_UP_MS = 1000
};

/* Those that can be read on a light background and on a dark one: bright yellow, green and cyan cannot. */
static const char *const colors[] = { "\033[36m", "\033[33m", "\033[35m", "\033[32m",
	                              "\033[34m", "\033[91m", "\033[95m", "\033[94m" };

/* A terminal that obeys what moves the cursor and what colours. */
static bool is_terminal(int fd)
{
	return isatty(fd) && !str_equal(getenv("TERM"), "dumb");
}

static bool want_color(const struct run *run)
{
	const char *no = getenv("NO_COLOR"), *force = getenv("FORCE_COLOR");

	if (run->options->color != RUN_COLOR_AUTO)
		return run->options->color == RUN_COLOR_ALWAYS;
	if (no && *no)
		return false;
	if (force && *force)
		return strcmp(force, "0") != 0;
	return is_terminal(STDOUT_FILENO);
}

void output_setup(struct run *run)
{
	run->color = want_color(run);
	run->interactive = is_terminal(STDERR_FILENO);
	if (run->interactive)
		log_redirect(progress_line);
	run->output = run->options->output == RUN_OUTPUT_AUTO ? RUN_OUTPUT_PREFIX
	                                                      : run->options->output;
	for (unsigned int i = 0; i < run->count; i++) {
		cleanup_free char *name = worker_name(&run->workers[i]);

		if (strlen(name) > run->name_width)
			run->name_width = (unsigned int)strlen(name);
	}
}

/*
 * Write to our own stdout or stderr. It is not ours alone, so it must not become non-blocking; instead it is asked for
 * room: a pipe that is writable takes PIPE_BUF bytes, pipe(7). A reader that is gone is no reason to stop the suites.
 */
static void put(struct run *run, int to, const char *text, size_t len)
{
	while (len && run->signal_count < 2) {
		struct pollfd fds[2] = { { to, POLLOUT, 0 }, { run->signals, POLLIN, 0 } };
		size_t part = len < WRITE_SIZE ? len : WRITE_SIZE;
		ssize_t done;

		if (!poll(fds, 2, run->signal_count ? GIVE_UP_MS : -1))
			return; /* told to end, and nobody reads: the logs have it */
		if (fds[1].revents)
			run_poll_signals(run);
		if (!fds[0].revents)
			continue;
		done = write(to, text, part);
		if (done < 0 && errno != EINTR && errno != EAGAIN)
			return;
		if (done > 0) {
			text += done;
			len -= (size_t)done;
		}
	}
}

/* What a terminal would show of a line in which a progress bar went back to its beginning. */
static const char *behind_returns(const char *line, size_t *len)
{
	size_t end = *len;
	const char *last;

	while (end && (line[end - 1] == '\r' || line[end - 1] == '\n'))
		end--;
	last = end ? memrchr(line, '\r', end) : NULL;
	if (!last)
		return line;
	*len -= (size_t)(last + 1 - line);
	return last + 1;
}

static void add_line(const struct run_worker *worker, const char *line, size_t len,
                     struct str *shown)
{
	const struct run *run = worker->run;
	cleanup_free char *name = worker_name(worker);

	line = behind_returns(line, &len);
	if (run->color)
		str_addf(shown, "%s%-*s |\033[0m ",
		         colors[(worker->number - 1) % ARRAY_LEN(colors)], (int)run->name_width,
		         name);
	else
		str_addf(shown, "%-*s | ", (int)run->name_width, name);
	str_add_len(shown, line, len);
	if (!len || line[len - 1] != '\n')
		str_add(shown, "\n");
}

/* Show the whole lines that have come; @all: and what is left. */
static void show_lines(struct output_stream *stream, bool all)
{
	cleanup_str struct str shown = { 0 };
	const char *at = stream->line.text;
	size_t left = stream->line.len;

	while (left) {
		const char *newline = memchr(at, '\n', left < LINE_MOST ? left : LINE_MOST);
		size_t len = newline            ? (size_t)(newline - at) + 1
		             : left < LINE_MOST ? left
		                                : LINE_MOST;

		if (!newline && len < LINE_MOST && !all)
			break;
		add_line(stream->worker, at, len, &shown);
		at += len;
		left -= len;
	}
	if (left && at != stream->line.text)
		memmove(stream->line.text, at, left);
	stream->line.len = left;
	if (!shown.len)
		return;
	progress_clear();
	put(stream->worker->run, stream->to, shown.text, shown.len);
}

static void take(struct output_stream *stream, const char *text, size_t len)
{
	struct run_worker *worker = stream->worker;

	if (worker->log >= 0)
		run_lacks(worker->run,
		          file_write_all(worker->log, text,
		                         len)); /* a full disk does not stop the suite */
	if (worker->run->output != RUN_OUTPUT_PREFIX)
		return;
	str_add_len(&stream->line, text, len);
	show_lines(stream, false);
}

static void end_stream(struct output_stream *stream)
{
	if (stream->fd < 0)
		return;
	show_lines(stream, true);
	str_free(&stream->line);
	loop_remove(stream->worker->run->loop, stream->fd);
	close(stream->fd);
	stream->fd = -1;
}

/* Return: true if there may be more. */
static bool read_some(struct output_stream *stream)
{
	static char part[READ_SIZE];
	ssize_t got = read(stream->fd, part, sizeof(part));

	if (got > 0)
		take(stream, part, (size_t)got);
	else if (!got || (errno != EAGAIN && errno != EINTR))
		end_stream(stream);
	return got > 0;
}

static void on_readable(void *arg, int fd, uint32_t events)
{
	(void)fd;
	(void)events;
	(void)read_some(arg);
}

static int open_stream(struct output_stream *stream, int *ret_child)
{
	int pair[2];
	int ret;

	if (pipe2(pair, O_CLOEXEC))
		return -errno;
	/* the reading end only: the suite's stays as it expects */
	(void)fcntl(pair[0], F_SETFL, O_NONBLOCK);
	ret = loop_add(stream->worker->run->loop, pair[0], EPOLLIN, on_readable, stream);
	if (ret) {
		close(pair[0]);
		close(pair[1]);
		return ret;
	}
	stream->fd = pair[0];
	*ret_child = pair[1];
	return 0;
}

static int open_log(struct run_worker *worker)
{
	struct run *run = worker->run;
	int ret = dir_make(run->log_dir, 0777);

	if (ret)
		return ret;
	worker->log_path = worker->setup ? str_print("%s/setup.log", run->log_dir)
	                                 : str_print("%s/w%u.log", run->log_dir, worker->number);
	worker->log = open(worker->log_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
	                   0666);
	return worker->log < 0 ? -errno : 0;
}

int output_open(struct run_worker *worker, int ret_streams[2])
{
	int ret = open_log(worker);

	if (ret)
		return ret;
	ret = open_stream(&worker->out, &ret_streams[0]);
	if (ret)
		return ret;
	ret = open_stream(&worker->err, &ret_streams[1]);
	if (ret)
		close(ret_streams[0]);
	return ret;
}

/* Nobody of the worker is left to write; a stranger that was handed the pipe does not keep us. */
void output_drain(struct run_worker *worker)
{
	struct output_stream *const streams[] = { &worker->out, &worker->err };

	for (size_t i = 0; i < ARRAY_LEN(streams); i++)
		for (int j = 0; j < DRAIN_MOST && streams[i]->fd >= 0; j++)
			if (!read_some(streams[i]))
				break;
}

void output_close(struct run_worker *worker)
{
	end_stream(&worker->out);
	end_stream(&worker->err);
	if (worker->log >= 0)
		close(worker->log);
	worker->log = -1;
}

static void show_log(struct run_worker *worker)
{
	struct run *run = worker->run;
	cleanup_close int log = open(worker->log_path, O_RDONLY | O_CLOEXEC);
	char part[WRITE_SIZE], last = '\n';
	ssize_t got;

	while (log >= 0 && (got = read(log, part, sizeof(part))) > 0 && run->signal_count < 2) {
		put(run, STDOUT_FILENO, part, (size_t)got);
		last = part[got - 1];
	}
	if (last != '\n')
		put(run, STDOUT_FILENO, "\n", 1);
}

void output_worker_over(struct run_worker *worker)
{
	struct run *run = worker->run;
	cleanup_free char *name = NULL, *head = NULL;
	bool failed = worker->status == STATE_FAILED;
	int64_t ms = worker->ended_ms - worker->started_ms;

	if (run->plan->single || run->output == RUN_OUTPUT_PREFIX || !worker->log_path)
		return;
	if (run->output == RUN_OUTPUT_QUIET && !failed)
		return;
	name = worker_name(worker);
	head = str_print("%s--- %s %s after %lld.%03lld s%s\n",
	                 run->color ? colors[(worker->number - 1) % ARRAY_LEN(colors)] : "", name,
	                 failed ? "failed" : "passed", (long long)ms / 1000, (long long)ms % 1000,
	                 run->color ? "\033[0m" : "");
	progress_clear();
	put(run, STDOUT_FILENO, head, strlen(head));
	show_log(worker);
}
