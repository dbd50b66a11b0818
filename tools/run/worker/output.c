/* SPDX-License-Identifier: MIT */
/*
 * In the supervisor. Each worker has a pipe for stdout and one for stderr. Their bytes go into the
 * worker's log at once, in the order of arrival, and are shown
 *
 *	prefix	line by line, `w3 | text`, on the stream that they came from
 *	group	in one piece when the worker is over, from its log
 *	quiet	only if the worker failed, like group
 *
 * A line is shown when it is whole; one longer than LINE_MAX_LEN is cut. Bytes pass unchanged,
 * except those that a carriage return would have overwritten.
 */
#include "tools/run/worker/output.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/base/file.h"
#include "tools/base/str.h"
#include "tools/run/worker/progress.h"

enum {
	LINE_MAX_LEN = 64 * 1024,
	READ_SIZE = 64 * 1024,
	WRITE_SIZE = 4096, /* PIPE_BUF: a writable pipe takes so much without blocking, pipe(7) */
	DRAIN_READS_MAX = 64,
	FLUSH_MAX = 1024 * 1024, /* then the loop has its turn: signals, other workers */
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

/* Text that waits for one of our own descriptors. */
struct output_chunk {
	struct output_chunk *next;
	int to;
	struct str text;
	size_t written;
	int log; /* copied to @to when @text has been written; -1 = none */
};

struct output {
	struct loop *loop;
	const char *log_dir;
	bool colored, prefixed, quiet, discards;
	unsigned int name_width, count;
	struct output_worker *workers;
	struct output_chunk *first, *last;
	int watched;         /* our descriptor that the loop watches; -1 = none */
	int64_t patience_ms; /* 0 = without end */
	struct loop_timer *timer;
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

struct output *output_open(const struct output_setup *setup)
{
	struct output *output = mem_alloc(sizeof(*output));

	*output = (struct output){
		.loop = setup->loop,
		.log_dir = setup->log_dir,
		.colored = choose_color(setup->color),
		.prefixed = setup->mode == RUN_OUTPUT_AUTO || setup->mode == RUN_OUTPUT_PREFIX,
		.quiet = setup->mode == RUN_OUTPUT_QUIET,
		.name_width = setup->name_width,
		.count = setup->workers,
		.workers = mem_alloc(setup->workers * sizeof(*output->workers)),
		.watched = -1,
	};
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

/* ---- what waits for our own stdout and stderr ---- */

static void on_readable(void *arg, int fd, uint32_t events);

/* Read the workers' pipes, or stop to. */
static void set_reading(struct output *output, bool reads)
{
	for (unsigned int i = 0; i < output->count; i++)
		for (int k = 0; k < 2; k++) {
			struct output_stream *stream = &output->workers[i].streams[k];

			if (stream->fd >= 0 && reads)
				(void)loop_add(output->loop, stream->fd, EPOLLIN, on_readable,
				               stream);
			else if (stream->fd >= 0)
				loop_remove(output->loop, stream->fd);
		}
}

static void drop_first(struct output *output)
{
	struct output_chunk *chunk = output->first;

	output->first = chunk->next;
	if (chunk->log >= 0)
		close(chunk->log);
	str_free(&chunk->text);
	free(chunk);
}

/* Fill an empty chunk with the next part of its log. Return: false at the log's end. */
static bool refill(struct output_chunk *chunk)
{
	static char part[WRITE_SIZE];
	bool is_cut = chunk->text.len && chunk->text.text[chunk->text.len - 1] != '\n';
	ssize_t got = chunk->log < 0 ? 0 : read(chunk->log, part, sizeof(part));

	chunk->text.len = chunk->written = 0;
	if (got > 0) {
		str_add_len(&chunk->text, part, (size_t)got);
		return true;
	}
	if (chunk->log < 0)
		return false;
	close(steal_fd(&chunk->log));
	if (is_cut)
		str_add(&chunk->text, "\n");
	return is_cut;
}

/* Our descriptors are not ours alone, so they must not become non-blocking: ask poll(2) first. */
static bool is_writable(int fd)
{
	struct pollfd asked = { fd, POLLOUT, 0 };

	return poll(&asked, 1, 0) != 0;
}

/* Return: true if the first chunk has been written, or cannot be: its reader is gone. */
static bool write_first(struct output *output, size_t *budget)
{
	struct output_chunk *chunk = output->first;

	while (*budget >= WRITE_SIZE && is_writable(chunk->to)) {
		size_t left = chunk->text.len - chunk->written;
		ssize_t done;

		if (!left) {
			if (!refill(chunk))
				return true;
			continue;
		}
		done = write(chunk->to, chunk->text.text + chunk->written,
		             left < WRITE_SIZE ? left : WRITE_SIZE);
		if (done < 0 && errno != EINTR && errno != EAGAIN)
			return true;
		if (done > 0) {
			chunk->written += (size_t)done;
			*budget -= (size_t)done;
		}
	}
	return false;
}

static void on_writable(void *arg, int fd, uint32_t events);

static void unwatch(struct output *output)
{
	loop_cancel(output->loop, output->timer);
	output->timer = NULL;
	if (output->watched >= 0)
		loop_remove(output->loop, output->watched);
	output->watched = -1;
}

static void drop_all(struct output *output)
{
	while (output->first)
		drop_first(output);
	if (output->watched < 0)
		return;
	unwatch(output);
	set_reading(output, true);
}

static void on_impatient(void *arg)
{
	struct output *output = arg;

	output->timer = NULL;
	drop_all(output);
}

/* Write what can be written; let the loop wait for the rest. */
static void flush(struct output *output)
{
	bool waited = output->watched >= 0;

	unwatch(output);
	while (output->first) {
		size_t budget = FLUSH_MAX;

		while (output->first && write_first(output, &budget))
			drop_first(output);
		/* epoll(7) takes no regular file, but that is always writable */
		if (output->first &&
		    !loop_add(output->loop, output->first->to, EPOLLOUT, on_writable, output)) {
			output->watched = output->first->to;
			break;
		}
	}
	if (output->watched >= 0 && output->patience_ms)
		output->timer = loop_after(output->loop, output->patience_ms, on_impatient, output);
	if (waited != (output->watched >= 0))
		set_reading(output, waited);
}

static void on_writable(void *arg, int fd, uint32_t events)
{
	(void)fd;
	(void)events;
	flush(arg);
}

/* @text is taken over; @log is closed when it has been shown, -1 = none. */
static void show(struct output *output, int to, struct str *text, int log)
{
	struct output_chunk *chunk = mem_alloc(sizeof(*chunk));

	*chunk = (struct output_chunk){ .to = to, .text = *text, .log = log };
	*text = (struct str){ 0 };
	if (output->first)
		output->last->next = chunk;
	else
		output->first = chunk;
	output->last = chunk;
	if (output->discards) {
		drop_all(output);
		return;
	}
	progress_clear();
	if (output->watched < 0)
		flush(output);
}

bool output_busy(const struct output *output)
{
	return output->first;
}

void output_set_patience(struct output *output, int64_t ms)
{
	output->patience_ms = ms;
	if (output->first)
		flush(output);
}

void output_discard(struct output *output)
{
	output->discards = true;
	drop_all(output);
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
		show(stream->worker->output, stream->to, &shown, -1);
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
	if (stream->worker->output->watched < 0)
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
	if (output->watched < 0) /* else set_reading() adds it later */
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
	struct str head = { 0 };

	if (output->prefixed || !worker->log_path || (output->quiet && !failed))
		return;
	str_addf(&head, "%s--- %s %s after %lld.%03lld s%s\n", output->colored ? worker->color : "",
	         worker->name, failed ? "failed" : "passed", (long long)ms / 1000,
	         (long long)ms % 1000, output->colored ? "\033[0m" : "");
	show(output, STDOUT_FILENO, &head, open(worker->log_path, O_RDONLY | O_CLOEXEC));
}

const char *output_log_path(const struct output *output, unsigned int number)
{
	return output->workers[number - 1].log_path;
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
	output_discard(output);
	for (unsigned int i = 0; i < output->count; i++) {
		output_worker_close(output, i + 1);
		free(output->workers[i].log_path);
	}
	free(output->workers);
	free(output);
}
