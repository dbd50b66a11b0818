/* SPDX-License-Identifier: MIT */
/*
 * Which test a worker is in. A line "WORKER MS NAME" in the run's FIFO says that since MS (milliseconds since 1970, with a
 * fraction where it is known; 0 is now) the worker runs test NAME; no NAME ends it. A FIFO, because every language and every
 * shell can write a line to a file, Node cannot send a datagram, and a line up to PIPE_BUF is never torn.
 *
 * Lines come late: a runner tells its reporter of a test after the test has begun. So marks are kept with their times, and a
 * finding asks for its test when it is told, not when it is made. A lost or malformed line costs an attribution, nothing else.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/base/file.h"
#include "tools/base/str.h"
#include "tools/watch/model/model.h"

enum {
	MARKS_MOST = 1 << 20,
	NAME_MOST = 1024,
	/* empty a full pipe, 64 KiB; who writes faster than we read does not keep us */
	DRAIN_TURNS = 16,
};

struct mark_reader {
	struct watch *watch;
	int fd;
	char *path;
	size_t len;
	char text[2 * PIPE_BUF];
};

const char *watch_mark_path(const struct watch *watch)
{
	return watch->marks && watch->marks->fd >= 0 ? watch->marks->path : NULL;
}

static void on_line(struct watch *watch, char *line)
{
	char *end;
	unsigned long worker = strtoul(line, &end, 10);
	double ms;

	if (end == line || *end != ' ' || !worker || worker > BERTH_WORKERS_MAX)
		return;
	line = end + 1;
	ms = strtod(line, &end);
	if (end == line || !(ms >= 0 && ms < 1e15) || (*end && *end != ' '))
		return;
	watch_mark(watch, (unsigned int)worker, (int64_t)(ms * 1e6), *end ? end + 1 : "");
}

/* Return: false when there is nothing more to read now. */
static bool take_lines(struct mark_reader *marks)
{
	ssize_t len = read(marks->fd, marks->text + marks->len,
	                   sizeof(marks->text) - marks->len - 1);
	char *line = marks->text, *end;

	if (len <= 0)
		return false;
	marks->len += (size_t)len;
	marks->text[marks->len] = 0;
	while ((end = strchr(line, '\n'))) {
		*end = 0;
		on_line(marks->watch, line);
		line = end + 1;
	}
	marks->len = strlen(line);
	memmove(marks->text, line, marks->len);
	if (marks->len >= PIPE_BUF)
		marks->len = 0; /* nobody who keeps to the rules writes such a line */
	return true;
}

static void on_mark(void *arg, int fd, uint32_t events)
{
	(void)fd;
	(void)events;
	(void)take_lines(arg);
}

int mark_open(struct watch *watch)
{
	struct mark_reader *marks;
	int ret;

	if (!watch->setup.run_dir || !watch->setup.loop)
		return 0;
	marks = watch->marks = mem_alloc(sizeof(*marks));
	marks->watch = watch;
	marks->fd = -1;
	ret = file_secret_path(watch->setup.run_dir, "mark", "", &marks->path);
	if (ret)
		return ret;
	/* root's workers may have changed their user: who knows the name may write, and nobody else may read what was written */
	if (mkfifo(marks->path, 0600) || (!geteuid() && chmod(marks->path, 0622)))
		return -errno;
	/* open for writing as well: without a writer a FIFO is at its end all the time */
	marks->fd = open(marks->path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (marks->fd < 0)
		return -errno;
	ret = loop_add(watch->setup.loop, marks->fd, EPOLLIN, on_mark, marks);
	if (ret)
		close(steal_fd(&marks->fd));
	return ret;
}

void mark_drain(struct watch *watch)
{
	for (int turn = 0; turn < DRAIN_TURNS && watch->marks && watch->marks->fd >= 0 &&
	                   take_lines(watch->marks);
	     turn++)
		;
}

void mark_close(struct watch *watch)
{
	struct mark_reader *marks = watch->marks;

	if (!marks)
		return;
	if (marks->fd >= 0) {
		loop_remove(watch->setup.loop, marks->fd);
		close(marks->fd);
		unlink(marks->path);
	}
	free(marks->path);
	free(marks);
	watch->marks = NULL;
}

/* ---- what was said ---- */

void watch_mark(struct watch *watch, unsigned int number, int64_t time_ns, const char *name)
{
	struct watch_worker *worker = number <= BERTH_WORKERS_MAX ? &watch->workers[number] : NULL;
	int64_t wall_ns = clock_wall_ns();
	size_t at;

	if (!worker || !worker->begun || worker->mark_count >= MARKS_MOST)
		return;
	if (!time_ns || time_ns > wall_ns)
		time_ns = wall_ns;
	worker->marks = mem_grow(worker->marks, worker->mark_count + 1, sizeof(*worker->marks));
	for (at = worker->mark_count++; at && worker->marks[at - 1].from_ns > time_ns; at--)
		worker->marks[at] = worker->marks[at - 1];
	worker->marks[at] = (struct test_mark){ time_ns,
		                                *name ? str_copy_len(name, strnlen(name, NAME_MOST))
		                                      : NULL };
	if (watch->setup.on_mark)
		watch->setup.on_mark(watch->setup.arg, number, time_ns / 1000000, name);
}

const char *mark_at(const struct watch_worker *worker, int64_t time_ns)
{
	int64_t wall_ns = time_ns + clock_wall_ns() - clock_ns();
	size_t low = 0, high = worker->mark_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (worker->marks[middle].from_ns <= wall_ns)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? worker->marks[low - 1].name : NULL;
}

void mark_forget(struct watch_worker *worker)
{
	for (size_t i = 0; i < worker->mark_count; i++)
		free(worker->marks[i].name);
	free(worker->marks);
	worker->marks = NULL;
	worker->mark_count = 0;
}

int watch_mark_send(const char *path, unsigned int worker, const char *name)
{
	cleanup_free char *line = str_print("%u %.3f %.*s\n", worker, (double)clock_wall_ns() / 1e6,
	                                    NAME_MOST, name);
	cleanup_close int fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);

	for (char *at = line; *at && at[1]; at++)
		if (*at == '\n')
			*at = ' '; /* a name of several lines is one all the same */
	return fd < 0 || write(fd, line, strlen(line)) < 0 ? -errno : 0;
}
