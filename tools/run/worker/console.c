/* SPDX-License-Identifier: MIT */
/*
 * In the supervisor. It must not wait for a reader: a terminal that ^S has stopped, or a pager.
 * Text waits in memory while the workers' pipes are not read. If the reader still takes nothing at
 * the end of the run, a child process writes the rest, so that the run itself can end.
 */
#include "tools/run/worker/console.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/base/file.h"
#include "tools/base/log.h"
#include "tools/run/worker/progress.h"

enum {
	WRITE_SIZE = 4096, /* PIPE_BUF: a writable pipe takes so much without blocking, pipe(7) */
	FLUSH_MAX = 1024 * 1024, /* then the loop has its turn: signals, other workers */
	STALLED_MS = 1000,       /* a reader that takes nothing for so long has paused */
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
	int64_t progress_ms; /* when text was written last */
	pid_t pid;
	int error, error_to; /* the first -errno of showing text, and on which descriptor; 0 */
};

static struct console *logging; /* what our own messages are written to */

/* Our own messages keep their place among the workers' lines. */
static void write_log(const char *line, size_t len)
{
	struct str text = { 0 };

	/* a child has no part in our loop */
	if (logging->pid != getpid() || (logging->discards && file_is_writable(STDERR_FILENO, 0))) {
		(void)file_write_all(STDERR_FILENO, line, len);
		return;
	}
	str_add_len(&text, line, len);
	console_write(logging, STDERR_FILENO, &text, -1);
}

struct console *console_open(struct loop *loop, void (*on_blocked)(void *arg, bool blocked),
                             void *arg)
{
	struct console *console = mem_alloc(sizeof(*console));

	*console = (struct console){
		.loop = loop, .on_blocked = on_blocked, .arg = arg, .watched = -1, .pid = getpid()
	};
	logging = console;
	log_redirect(write_log);
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

/*
 * Our descriptors are not ours alone, so they must not become non-blocking: ask poll(2) first.
 * @wait_ms	-1 = without end
 * Return: true if the first chunk has been written, or cannot be.
 */
static bool write_first(struct console *console, size_t *budget, int wait_ms)
{
	struct console_chunk *chunk = console->first;

	while (*budget >= WRITE_SIZE && file_is_writable(chunk->to, wait_ms)) {
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
			console->progress_ms = clock_ms();
		}
	}
	return false;
}

static void on_writable(void *arg, int fd, uint32_t events);

static void unwatch(struct console *console)
{
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

/* Write what can be written; let the loop wait for the rest. */
static void flush(struct console *console)
{
	bool waited = console->watched >= 0;

	unwatch(console);
	while (console->first) {
		size_t budget = FLUSH_MAX;

		while (console->first && write_first(console, &budget, 0))
			drop_first(console);
		/* epoll(7) takes no regular file, but that is always writable */
		if (console->first &&
		    !loop_add(console->loop, console->first->to, EPOLLOUT, on_writable, console)) {
			console->watched = console->first->to;
			break;
		}
	}
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
	if (console->first) {
		console->last->next = chunk;
	} else {
		console->first = chunk;
		console->progress_ms = clock_ms();
	}
	console->last = chunk;
	if (console->discards) {
		drop_all(console);
		return;
	}
	progress_clear();
	if (console->watched < 0)
		flush(console);
}

bool console_is_done(const struct console *console)
{
	return !console->first || clock_ms() - console->progress_ms > STALLED_MS;
}

int console_error(const struct console *console, int *ret_to)
{
	*ret_to = console->error_to;
	return console->error;
}

void console_discard(struct console *console)
{
	console->discards = true;
	drop_all(console);
}

static bool is_log(const struct console *console, int fd)
{
	for (const struct console_chunk *chunk = console->first; chunk; chunk = chunk->next)
		if (chunk->log == fd)
			return true;
	return false;
}

/* Start a process that writes the rest and holds nothing else of the run. Return: false if not. */
static bool hand_over(struct console *console)
{
	size_t budget = SIZE_MAX;
	sigset_t none;
	pid_t pid = fork();

	if (pid)
		return pid > 0;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGTTOU, SIG_IGN); /* the shell has the terminal by now */
	for (int fd = STDERR_FILENO + 1, end = (int)sysconf(_SC_OPEN_MAX); fd < end; fd++)
		if (!is_log(console, fd))
			close(fd);
	while (console->first && write_first(console, &budget, -1))
		drop_first(console);
	_exit(0);
}

void console_close(struct console *console)
{
	unwatch(console);
	log_redirect(NULL);
	logging = NULL;
	while (console->first) {
		size_t budget = SIZE_MAX;

		if (write_first(console, &budget, STALLED_MS))
			drop_first(console);
		else if (hand_over(console))
			console_discard(console);
	}
	free(console);
}
