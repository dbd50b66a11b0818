/* SPDX-License-Identifier: MIT */
/*
 * Which test a worker runs. A line "WORKER MS NAME" in the run's FIFO says that since MS
 * (milliseconds since 1970, with a fraction where it is known; 0 is now) the worker runs test NAME;
 * no NAME ends it. "<tab>begun<tab>NAME" and "<tab>ended<tab>NAME" in place of NAME are for tests
 * that run side by side. "<tab>STATUS<tab>NAME<tab>ERROR<tab>MS" is a result, which ends the test,
 * too: STATUS is one of TEST_STATUSES, ERROR one line; ERROR and MS may be missing. What stands
 * before the first tab is the slot of the test. It is a FIFO because every language and every shell
 * can write a line to a file, Node cannot send a datagram, and a line up to PIPE_BUF is never torn.
 *
 * Lines come late: a runner reports a test to its reporter after the test has begun. So marks are
 * kept with their times, and a finding gets its test when it is published. A lost or malformed line
 * costs an attribution, nothing else.
 */
#include "tools/watch/mark.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/abi.h"
#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/base/file.h"
#include "tools/base/str.h"
#include "tools/process/family.h"
#include "tools/watch/watch.h"

enum {
	MARKS_MAX = 1 << 20, /* of one worker */
	SLOTS_MAX = 1024,    /* the same */
	ANCESTORS_MAX = 256,
	NAME_MAX_BYTES = 1024,
	DRAIN_READS_MAX = 16, /* a full pipe, 64 KiB; a faster writer must not keep the loop busy */
};

struct test_mark {
	int64_t from_ns;  /* CLOCK_REALTIME */
	int64_t until_ns; /* 0: until the next one with 0; INT64_MAX: not ended */
	char *name;       /* NULL = no test */
	const char *slot; /* one of .slots; NULL = unknown */
};

struct marks {
	struct loop *loop;
	struct marks_owner owner;
	int fd; /* -1 = none */
	char *path;
	struct worker_marks {
		struct test_mark *marks; /* as they came */
		size_t count;
		size_t *open; /* indices of those that have not ended: as many as run at a time */
		size_t open_count;
		char **slots;
		size_t *newest; /* mark of each slot */
		size_t slot_count;
	} workers[BERTH_WORKERS_MAX + 1];
	size_t len; /* of the text that is not a whole line yet */
	char text[2 * PIPE_BUF];
};

/* ---- the FIFO ---- */

const char *marks_path(const struct marks *marks)
{
	return marks->fd >= 0 ? marks->path : NULL;
}

/* @text: "SLOT<tab>STATUS<tab>NAME<tab>ERROR<tab>MS". A status of a newer reporter is left out. */
static void parse_status(const struct marks *marks, unsigned int worker, int64_t time_ns,
                         char *text)
{
	static const char *const statuses[] = { TEST_STATUSES };
	char *fields[5], *end;
	struct test_result result = { .worker = worker, .ms = -1 };
	struct mark mark = { .time_ns = time_ns };

	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		fields[i] = text;
		text = strchrnul(text, '\t');
		if (*text)
			*text++ = 0;
	}
	for (size_t i = 0; i < ARRAY_LEN(statuses); i++)
		if (!strcmp(fields[1], statuses[i]))
			result.status = statuses[i];
	mark.slot = fields[0];
	mark.name = fields[2];
	mark.kind = result.status || !strcmp(fields[1], "ended") ? MARK_ENDED : MARK_BEGUN;
	if (mark.kind == MARK_ENDED || (!strcmp(fields[1], "begun") && *mark.name))
		marks->owner.on_mark(marks->owner.arg, worker, &mark);
	result.test = fields[2];
	result.error = fields[3];
	if (*fields[4]) {
		double ms = strtod(fields[4], &end);

		result.ms = !*end && ms >= 0 && ms < 1e15 ? ms : -1;
	}
	if (result.status && *result.test && marks->owner.on_result)
		marks->owner.on_result(marks->owner.result_arg, &result);
}

static void parse_line(const struct marks *marks, char *line)
{
	char *end;
	unsigned long worker = strtoul(line, &end, 10);
	struct mark mark = { .kind = MARK_TEST, .slot = "" };
	double ms;

	if (end == line || *end != ' ' || !worker || worker > BERTH_WORKERS_MAX)
		return;
	line = end + 1;
	ms = strtod(line, &end);
	if (end == line || !(ms >= 0 && ms < 1e15) || (*end && *end != ' '))
		return;
	mark.time_ns = (int64_t)(ms * 1e6);
	mark.name = *end ? end + 1 : "";
	if (mark.name[strcspn(mark.name, " \t")] == '\t')
		parse_status(marks, (unsigned int)worker, mark.time_ns, end + 1);
	else
		marks->owner.on_mark(marks->owner.arg, (unsigned int)worker, &mark);
}

/* Return: false when there is nothing more to read now. */
static bool read_lines(struct marks *marks)
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
		parse_line(marks, line);
		line = end + 1;
	}
	marks->len = strlen(line);
	memmove(marks->text, line, marks->len);
	if (marks->len >= PIPE_BUF)
		marks->len = 0; /* longer than a line may be */
	return true;
}

static void on_readable(void *arg, int fd, uint32_t events)
{
	(void)fd;
	(void)events;
	(void)read_lines(arg);
}

void marks_drain(struct marks *marks)
{
	for (int i = 0; i < DRAIN_READS_MAX && marks->fd >= 0 && read_lines(marks); i++)
		;
}

static int open_fifo(struct marks *marks, const char *run_dir)
{
	int ret = file_secret_path(run_dir, "mark", "", &marks->path);

	if (ret)
		return ret;
	/* A worker of root may have changed its user: all may write, only the owner may read. */
	if (mkfifo(marks->path, 0600) || (!geteuid() && chmod(marks->path, 0622)))
		return -errno;
	/* for writing as well: a FIFO without a writer is at its end all the time */
	marks->fd = open(marks->path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (marks->fd < 0)
		return -errno;
	ret = loop_add(marks->loop, marks->fd, EPOLLIN, on_readable, marks);
	if (ret)
		close(steal_fd(&marks->fd));
	return ret;
}

int marks_open(struct loop *loop, const char *run_dir, const struct marks_owner *owner,
               struct marks **ret_marks)
{
	struct marks *marks = mem_alloc(sizeof(*marks));
	int ret;

	marks->loop = loop;
	marks->owner = *owner;
	marks->fd = -1;
	ret = loop && run_dir ? open_fifo(marks, run_dir) : 0;
	if (ret)
		marks_close(marks);
	else
		*ret_marks = marks;
	return ret;
}

void marks_close(struct marks *marks)
{
	if (!marks)
		return;
	if (marks->fd >= 0) {
		loop_remove(marks->loop, marks->fd);
		close(marks->fd);
		unlink(marks->path);
	}
	for (size_t i = 0; i <= BERTH_WORKERS_MAX; i++) {
		for (size_t k = 0; k < marks->workers[i].count; k++)
			free(marks->workers[i].marks[k].name);
		free(marks->workers[i].marks);
		free(marks->workers[i].open);
		strv_free(marks->workers[i].slots);
		free(marks->workers[i].newest);
	}
	free(marks->path);
	free(marks);
}

int watch_mark_send(const char *path, unsigned int worker, const char *name)
{
	cleanup_free char *line = str_print("%u %.3f %.*s\n", worker, (double)clock_wall_ns() / 1e6,
	                                    NAME_MAX_BYTES, name);
	cleanup_close int fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);

	for (char *at = line; *at && at[1]; at++)
		if (*at == '\n' || *at == '\t')
			*at = ' '; /* a name of several lines becomes one line */
	return fd < 0 || write(fd, line, strlen(line)) < 0 ? -errno : 0;
}

/* ---- slots ---- */

void marks_learn_slot(const struct marks *marks, struct watch_model *model,
                      const struct watch_worker *worker, const char *slot)
{
	long inside = 0;
	pid_t pid = 0;

	if (*slot == '@' && !strv_has(marks->workers[worker->number].slots, slot) &&
	    !str_number(slot + 1, 1, INT_MAX, &inside))
		pid = process_find_inside(worker->pid, (pid_t)inside);
	if (pid)
		model_process_describe(model_process_get(model, pid, worker->number));
}

static bool is_in_slot(const struct watch_process *process, const char *slot)
{
	long pid;

	if (*slot != '@')
		return str_equal(process->slot, slot);
	return !str_number(slot + 1, 1, INT_MAX, &pid) &&
	       pid == (process->pid_inside ? process->pid_inside : process->pid);
}

/* Return: the slot of the runner's process that @pid descends from; NULL = none, or unknown. */
static const char *slot_of_process(const struct marks *marks, struct watch_model *model,
                                   unsigned int worker, pid_t pid)
{
	const struct watch_process *process = model_process_find(model, pid);
	uint64_t began_ns = UINT64_MAX;

	/* a parent that began later has the number of another that is gone */
	for (int i = 0; i < ANCESTORS_MAX && process && process->began_ns <= began_ns; i++) {
		for (char **slot = marks->workers[worker].slots; slot && *slot; slot++)
			if (is_in_slot(process, *slot))
				return *slot;
		began_ns = process->began_ns ? process->began_ns : began_ns;
		process = model_process_find(model, process->parent);
	}
	return NULL;
}

/* ---- marks by time ---- */

/* Return: a place in .slots; SLOTS_MAX: the slot is not known. */
static size_t find_slot(struct worker_marks *of, const char *name)
{
	size_t at = 0;

	while (at < of->slot_count && strcmp(of->slots[at], name))
		at++;
	if (!*name || at == SLOTS_MAX)
		return SLOTS_MAX;
	if (at == of->slot_count) {
		strv_add(&of->slots, name);
		of->newest = mem_grow(of->newest, ++of->slot_count, sizeof(*of->newest));
		of->newest[at] = MARKS_MAX;
	}
	return at;
}

/* @slot: NULL = any. Return: the place in .open of the test; .open_count = it does not run. */
static size_t find_open(const struct worker_marks *of, const char *name, const char *slot)
{
	size_t at = 0;

	while (at < of->open_count && (!str_equal(of->marks[of->open[at]].name, name) ||
	                               (slot && of->marks[of->open[at]].slot != slot)))
		at++;
	return at;
}

static void end_test(struct worker_marks *of, size_t at, int64_t time_ns)
{
	struct test_mark *mark = &of->marks[of->open[at]];

	mark->until_ns = time_ns > mark->from_ns ? time_ns : mark->from_ns;
	of->open[at] = of->open[--of->open_count];
}

/* A runner may tell the end late, or never: its next test in the slot has begun at @time_ns. */
static void end_newest(struct worker_marks *of, size_t slot, int64_t time_ns)
{
	struct test_mark *mark = &of->marks[of->newest[slot]];
	size_t at;

	if (of->newest[slot] == MARKS_MAX)
		return;
	at = find_open(of, mark->name, mark->slot);
	if (at < of->open_count)
		end_test(of, at, time_ns);
	else if (mark->until_ns > time_ns)
		mark->until_ns = time_ns > mark->from_ns ? time_ns : mark->from_ns;
}

int64_t marks_add(struct marks *marks, unsigned int worker, const struct mark *mark)
{
	struct worker_marks *of = &marks->workers[worker];
	size_t slot = find_slot(of, mark->slot);
	struct test_mark test = { .slot = slot < SLOTS_MAX ? of->slots[slot] : NULL };
	cleanup_free char *name = NULL;
	size_t at = of->open_count;
	bool runs;
	int64_t time_ns = mark->time_ns, wall_ns = clock_wall_ns();

	if (*mark->name)
		name = str_copy_len(mark->name, strnlen(mark->name, NAME_MAX_BYTES));
	if (mark->kind != MARK_TEST)
		at = find_open(of, name, test.slot);
	runs = at < of->open_count;
	if (!time_ns || time_ns > wall_ns)
		time_ns = wall_ns;
	if (mark->kind == MARK_ENDED) {
		if (runs)
			end_test(of, at, time_ns);
		return 0;
	}
	if (runs) { /* this mark corrects one that came late */
		int64_t *from_ns = &of->marks[of->open[at]].from_ns;

		*from_ns = time_ns < *from_ns ? time_ns : *from_ns;
		return 0;
	}
	if (of->count >= MARKS_MAX)
		return 0;
	while (!name && of->open_count)
		end_test(of, of->open_count - 1, time_ns);
	if (mark->kind == MARK_BEGUN) {
		if (test.slot) {
			end_newest(of, slot, time_ns);
			of->newest[slot] = of->count;
		}
		of->open = mem_grow(of->open, of->open_count + 1, sizeof(*of->open));
		of->open[of->open_count++] = of->count;
		test.until_ns = INT64_MAX;
	}
	test.from_ns = time_ns;
	test.name = steal(&name);
	of->marks = mem_grow(of->marks, of->count + 1, sizeof(*of->marks));
	of->marks[of->count++] = test;
	return time_ns;
}

char **marks_find(const struct marks *marks, unsigned int worker, int64_t time_ns, const char *slot)
{
	const struct worker_marks *of = &marks->workers[worker];
	int64_t wall_ns = time_ns + clock_wall_ns() - clock_ns();
	const struct test_mark *single = NULL;
	char **found = NULL;

	for (size_t i = 0; i < of->count; i++) {
		const struct test_mark *mark = &of->marks[i];

		if (mark->from_ns > wall_ns || (slot && !str_equal(mark->slot, slot)))
			continue;
		if (!mark->until_ns)
			single = single && single->from_ns > mark->from_ns ? single : mark;
		else if (mark->until_ns > wall_ns && !strv_has(found, mark->name))
			strv_add(&found, mark->name);
	}
	if (single && single->name && !strv_has(found, single->name))
		strv_add(&found, single->name);
	return found;
}

char **marks_of_finding(const struct marks *marks, struct watch_model *model,
                        const struct watch_finding *finding)
{
	const char *slot = slot_of_process(marks, model, finding->worker, finding->pid);
	char **tests = marks_find(marks, finding->worker, finding->since_ns, slot);

	/* a server may begin to listen after the test that started its process */
	if (!tests && finding->process_began_ns)
		tests = marks_find(marks, finding->worker, finding->process_began_ns, slot);
	return tests;
}
