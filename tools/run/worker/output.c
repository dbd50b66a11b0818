/* SPDX-License-Identifier: MIT */
/*
 * In the supervisor. Each worker has a pipe for stdout and one for stderr. Their bytes go into the
 * worker's log at once, in the order of arrival, and are shown
 *
 *	prefix	line by line, `w3 | text`, on the stream that they came from
 *	group	in one piece when the worker is over, from its log; GitHub Actions can fold it
 *	quiet	only if the worker failed, like group
 *
 * A line is shown when it is whole; one longer than LINE_MAX_LEN is cut. Bytes pass unchanged,
 * except those that a carriage return would have overwritten.
 */
#include "tools/run/worker/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/base/str.h"
#include "tools/report/report.h"
#include "tools/run/worker/progress.h"

enum {
	LINE_MAX_LEN = 64 * 1024,
	READ_SIZE = 64 * 1024,
	DRAIN_READS_MAX = 64,
};

/* Colours that can be read on a light and on a dark background. */
static const char *const colors[] = { "\033[36m", "\033[33m", "\033[35m", "\033[32m",
	                              "\033[34m", "\033[91m", "\033[95m", "\033[94m" };

/* One end of a pipe from a worker. */
struct output_stream {
	struct output_worker *worker;
	int fd;          /* -1 once it has ended */
	int to;          /* our own descriptor that it is copied to */
	struct str line; /* the beginning of a line whose end has not come yet */
};

struct output_worker {
	struct output *output;
	const char *name, *color;
	struct output_stream streams[2];
	int log; /* -1 if there is none */
	char *log_path;
};

struct output {
	struct loop *loop;
	struct console *console;
	const char *log_dir;
	bool colored, prefixed, quiet, github;
	bool blocked; /* no pipe of a worker is read */
	unsigned int name_width, count;
	struct output_worker *workers;
	int error;
};

static bool choose_color(enum run_color color)
{
	const char *no = getenv("NO_COLOR"), *force = getenv("FORCE_COLOR");

	if (color != RUN_COLOR_AUTO)
		return color == RUN_COLOR_ALWAYS;
	if (no && *no)
		return false;
	if (force && *force)
		return strcmp(force, "0") != 0;
	return progress_is_terminal(STDOUT_FILENO);
}

static void on_readable(void *arg, int fd, uint32_t events);

/* Our stdout or stderr takes nothing: do not read the workers' pipes, so that they wait as well. */
static void on_blocked(void *arg, bool blocked)
{
	struct output *output = arg;

	output->blocked = blocked;
	for (unsigned int i = 0; i < output->count; i++)
		for (int k = 0; k < 2; k++) {
			struct output_stream *stream = &output->workers[i].streams[k];

			if (stream->fd >= 0 && blocked)
				loop_remove(output->loop, stream->fd);
			else if (stream->fd >= 0)
				(void)loop_add(output->loop, stream->fd, EPOLLIN, on_readable,
				               stream);
		}
}

struct output *output_open(const struct output_setup *setup)
{
	struct output *output = mem_alloc(sizeof(*output));

	*output = (struct output){
		.loop = setup->loop,
		.log_dir = setup->log_dir,
		.colored = choose_color(setup->color),
		.prefixed = setup->mode == RUN_OUTPUT_AUTO || setup->mode == RUN_OUTPUT_PREFIX,
		.quiet = setup->mode == RUN_OUTPUT_QUIET,
		.github = str_equal(report_ci(), "github"),
		.name_width = setup->name_width,
		.count = setup->workers,
		.workers = mem_alloc(setup->workers * sizeof(*output->workers)),
	};
	output->console = console_open(setup->loop, on_blocked, output);
	for (unsigned int i = 0; i < output->count; i++) {
		struct output_worker *worker = &output->workers[i];

		*worker = (struct output_worker){
			.output = output,
			.color = colors[i % ARRAY_LEN(colors)],
			.streams = { { worker, -1, STDOUT_FILENO, { 0 } },
			             { worker, -1, STDERR_FILENO, { 0 } } },
			.log = -1,
		};
	}
	return output;
}

/* ---- lines ---- */

/* The part of a line that a terminal would show after a progress bar went back to its beginning. */
static const char *after_returns(const char *line, size_t *len)
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

static void add_line(const struct output_worker *worker, const char *line, size_t len,
                     struct str *shown)
{
	const struct output *output = worker->output;

	line = after_returns(line, &len);
	str_addf(shown, "%s%-*s |%s ", output->colored ? worker->color : "",
	         (int)output->name_width, worker->name, output->colored ? "\033[0m" : "");
	str_add_len(shown, line, len);
	if (!len || line[len - 1] != '\n')
		str_add(shown, "\n");
}

/* Show the whole lines that have come; @all: also the beginning of one. */
static void show_lines(struct output_stream *stream, bool all)
{
	struct str shown = { 0 };
	const char *at = stream->line.text;
	size_t left = stream->line.len;

	while (left) {
		size_t max = left < LINE_MAX_LEN ? left : LINE_MAX_LEN;
		const char *newline = memchr(at, '\n', max);
		size_t len = newline ? (size_t)(newline - at) + 1 : max;

		if (!newline && len < LINE_MAX_LEN && !all)
			break;
		add_line(stream->worker, at, len, &shown);
		at += len;
		left -= len;
	}
	if (left && at != stream->line.text)
		memmove(stream->line.text, at, left);
	stream->line.len = left;
	if (shown.len)
		console_write(stream->worker->output->console, stream->to, &shown, -1);
}

/* ---- the workers' pipes ---- */

static void take(struct output_stream *stream, const char *text, size_t len)
{
	struct output_worker *worker = stream->worker;
	struct output *output = worker->output;
	/* a full disk does not stop the suite */
	int ret = worker->log >= 0 ? file_write_all(worker->log, text, len) : 0;

	output->error = output->error ? output->error : ret;
	if (!output->prefixed)
		return;
	str_add_len(&stream->line, text, len);
	show_lines(stream, false);
}

static void end_stream(struct output_stream *stream)
{
	if (stream->fd < 0)
		return;
	if (!stream->worker->output->blocked)
		loop_remove(stream->worker->output->loop, stream->fd);
	close(steal_fd(&stream->fd));
	show_lines(stream, true);
	str_free(&stream->line);
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
	const struct output *output = stream->worker->output;
	int pair[2], ret = 0;

	if (pipe2(pair, O_CLOEXEC))
		return -errno;
	/* the reading end only: the suite's stays as it expects */
	(void)fcntl(pair[0], F_SETFL, O_NONBLOCK);
	if (!output->blocked) /* else on_blocked() adds it later */
		ret = loop_add(output->loop, pair[0], EPOLLIN, on_readable, stream);
	if (ret) {
		close(pair[0]);
		close(pair[1]);
		return ret;
	}
	stream->fd = pair[0];
	*ret_child = pair[1];
	return 0;
}

int output_worker_open(struct output *output, unsigned int number, const char *name,
                       const char *log_name, int ret_streams[2])
{
	struct output_worker *worker = &output->workers[number - 1];
	int ret = dir_make(output->log_dir, 0777);

	if (ret)
		return ret;
	worker->name = name;
	worker->log_path = str_print("%s/%s.log", output->log_dir, log_name);
	worker->log = open(worker->log_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
	                   0666);
	if (worker->log < 0)
		return -errno;
	ret = open_stream(&worker->streams[0], &ret_streams[0]);
	if (ret)
		return ret;
	ret = open_stream(&worker->streams[1], &ret_streams[1]);
	if (ret)
		close(ret_streams[0]);
	return ret;
}

void output_worker_close(struct output *output, unsigned int number)
{
	struct output_worker *worker = &output->workers[number - 1];

	for (int i = 0; i < 2; i++) {
		struct output_stream *stream = &worker->streams[i];

		/* a process outside the worker may hold the pipe: do not wait for its end */
		for (int reads = 0; reads < DRAIN_READS_MAX && stream->fd >= 0; reads++)
			if (!read_some(stream))
				break;
	}
	end_stream(&worker->streams[0]);
	end_stream(&worker->streams[1]);
	if (worker->log >= 0)
		close(steal_fd(&worker->log));
}

void output_worker_over(struct output *output, unsigned int number, bool failed, int64_t ms)
{
	struct output_worker *worker = &output->workers[number - 1];
	/* a command of GitHub Actions begins its line: no colour */
	const char *color = output->colored && !output->github ? worker->color : "";
	struct str head = { 0 }, end = { 0 };
	int log;

	if (output->prefixed || !worker->log_path || (output->quiet && !failed))
		return;
	str_addf(&head, "%s%s%s %s after %lld.%03lld s%s\n", color,
	         output->github ? "::group::" : "--- ", worker->name, failed ? "failed" : "passed",
	         (long long)ms / 1000, (long long)ms % 1000, *color ? "\033[0m" : "");
	log = open(worker->log_path, O_RDONLY | O_CLOEXEC);
	if (log < 0 && !output->error)
		output->error = -errno;
	console_write(output->console, STDOUT_FILENO, &head, log);
	if (!output->github)
		return;
	str_add(&end, "::endgroup::\n");
	console_write(output->console, STDOUT_FILENO, &end, -1);
}

const char *output_log_path(const struct output *output, unsigned int number)
{
	return output->workers[number - 1].log_path;
}

struct console *output_console(const struct output *output)
{
	return output->console;
}

bool output_is_prefixed(const struct output *output)
{
	return output->prefixed;
}

bool output_is_colored(const struct output *output)
{
	return output->colored;
}

int output_error(const struct output *output)
{
	return output->error;
}

void output_close_descriptors(const struct output *output)
{
	for (unsigned int i = 0; i < output->count; i++) {
		const struct output_worker *worker = &output->workers[i];
		const int fds[] = { worker->streams[0].fd, worker->streams[1].fd, worker->log };

		for (size_t k = 0; k < ARRAY_LEN(fds); k++)
			if (fds[k] >= 0)
				close(fds[k]);
	}
}

void output_close(struct output *output)
{
	if (!output)
		return;
	for (unsigned int i = 0; i < output->count; i++) {
		output_worker_close(output, i + 1);
		free(output->workers[i].log_path);
	}
	console_close(output->console);
	free(output->workers);
	free(output);
}
