/* SPDX-License-Identifier: MIT */
#include "tools/run/worker/console.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/run/worker/progress.h"

enum {
	WRITE_SIZE = 4096, /* PIPE_BUF: a writable pipe takes so much without blocking, pipe(7) */
	FLUSH_MAX = 1024 * 1024, /* then the loop has its turn: signals, other workers */
};

struct console_chunk {
	struct console_chunk *next;
	int to;
	struct str text;
	size_t written;
	int log; /* shown when @text has been written; -1 = none */
};

struct console {
	struct loop *loop;
	void (*on_blocked)(void *arg, bool blocked);
	void *arg;
	bool discards;
	struct console_chunk *first, *last;
	int watched;         /* our descriptor that the loop watches; -1 = none */
	int64_t patience_ms; /* 0 = without end */
	struct loop_timer *timer;
	int error, error_to; /* the first -errno of showing text, and on which descriptor; 0 */
};

struct console *console_open(struct loop *loop, void (*on_blocked)(void *arg, bool blocked),
                             void *arg)
{
	struct console *console = mem_alloc(sizeof(*console));

	*console = (struct console){
		.loop = loop, .on_blocked = on_blocked, .arg = arg, .watched = -1
	};
	return console;
}

/* A reader that goes away, as head(1) does, wants no more: its text is not lost. */
static void note_error(struct console *console, int error)
{
	if (console->error || error == EPIPE)
		return;
	console->error = -error;
	console->error_to = console->first->to;
}

static void drop_first(struct console *console)
{
	struct console_chunk *chunk = console->first;

	console->first = chunk->next;
	if (chunk->log >= 0)
		close(chunk->log);
	str_free(&chunk->text);
	free(chunk);
}

/* Fill an empty chunk with the next part of its log. Return: false at the log's end. */
static bool refill(struct console *console)
{
	struct console_chunk *chunk = console->first;
	static char part[WRITE_SIZE];
	bool is_cut = chunk->text.len && chunk->text.text[chunk->text.len - 1] != '\n';
	ssize_t got = chunk->log < 0 ? 0 : read(chunk->log, part, sizeof(part));

	if (got < 0)
		note_error(console, errno);
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

/* Return: true if the first chunk has been written, or cannot be. */
static bool write_first(struct console *console, size_t *budget)
{
	struct console_chunk *chunk = console->first;

	while (*budget >= WRITE_SIZE && is_writable(chunk->to)) {
		size_t left = chunk->text.len - chunk->written;
		ssize_t done;

		if (!left) {
			if (!refill(console))
				return true;
			continue;
		}
		done = write(chunk->to, chunk->text.text + chunk->written,
		             left < WRITE_SIZE ? left : WRITE_SIZE);
		if (done < 0 && errno != EINTR && errno != EAGAIN) {
			note_error(console, errno);
			return true;
		}
		if (done > 0) {
			chunk->written += (size_t)done;
			*budget -= (size_t)done;
		}
	}
	return false;
}

static void on_writable(void *arg, int fd, uint32_t events);

static void unwatch(struct console *console)
{
	loop_cancel(console->loop, console->timer);
	console->timer = NULL;
	if (console->watched >= 0)
		loop_remove(console->loop, console->watched);
	console->watched = -1;
}

static void drop_all(struct console *console)
{
	while (console->first)
		drop_first(console);
	if (console->watched < 0)
		return;
	unwatch(console);
	console->on_blocked(console->arg, false);
}

static void on_impatient(void *arg)
{
	struct console *console = arg;

	console->timer = NULL;
	drop_all(console);
}

/* Write what can be written; let the loop wait for the rest. */
static void flush(struct console *console)
{
	bool waited = console->watched >= 0;

	unwatch(console);
	while (console->first) {
		size_t budget = FLUSH_MAX;

		while (console->first && write_first(console, &budget))
			drop_first(console);
		/* epoll(7) takes no regular file, but that is always writable */
		if (console->first &&
		    !loop_add(console->loop, console->first->to, EPOLLOUT, on_writable, console)) {
			console->watched = console->first->to;
			break;
		}
	}
	if (console->watched >= 0 && console->patience_ms)
		console->timer = loop_after(console->loop, console->patience_ms, on_impatient,
		                            console);
	if (waited != (console->watched >= 0))
		console->on_blocked(console->arg, !waited);
}

static void on_writable(void *arg, int fd, uint32_t events)
{
	(void)fd;
	(void)events;
	flush(arg);
}

void console_write(struct console *console, int to, struct str *text, int log)
{
	struct console_chunk *chunk = mem_alloc(sizeof(*chunk));

	*chunk = (struct console_chunk){ .to = to, .text = *text, .log = log };
	*text = (struct str){ 0 };
	if (console->first)
		console->last->next = chunk;
	else
		console->first = chunk;
	console->last = chunk;
	if (console->discards) {
		drop_all(console);
		return;
	}
	progress_clear();
	if (console->watched < 0)
		flush(console);
}

bool console_is_busy(const struct console *console)
{
	return console->first;
}

int console_error(const struct console *console, int *ret_to)
{
	*ret_to = console->error_to;
	return console->error;
}

void console_set_patience(struct console *console, int64_t ms)
{
	console->patience_ms = ms;
	if (console->first)
		flush(console);
}

void console_discard(struct console *console)
{
	console->discards = true;
	drop_all(console);
}

void console_close(struct console *console)
{
	console_discard(console);
	free(console);
}
