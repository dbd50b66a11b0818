/* SPDX-License-Identifier: MIT */
#ifndef BERTH_WATCH_MARK_H
#define BERTH_WATCH_MARK_H
/*
 * Marks: "worker N runs test T since ...". They come through a FIFO of the run, which its workers
 * find by BERTH_MARK.
 *
 *	marks_open(loop, run_dir, &owner, &marks)	owner.on_mark() checks a mark ...
 *	marks_add(marks, 3, &mark)			... and adds it
 *	marks_find(marks, 3, time_ns, NULL)		{ "logs in" }
 *	marks_close(marks)
 */
#include <stdint.h>

#include "core/test_result.h"
#include "tools/base/loop.h"
#include "tools/watch/finding/finding.h"
#include "tools/watch/model/model.h"

struct marks;

enum mark_kind {
	MARK_TEST,  /* runs until the next one of this kind; "" ends all tests */
	MARK_BEGUN, /* runs until its MARK_ENDED, beside others */
	MARK_ENDED,
};

/*
 * The tests of a slot run one after another, in one process of the runner: "@PID", its number for
 * itself, or "TEST_PARALLEL_INDEX=N", which is in its environment.
 */
struct mark {
	enum mark_kind kind;
	int64_t time_ns;  /* CLOCK_REALTIME; 0 = now */
	const char *slot; /* "" = not known */
	const char *name; /* of the test */
};

struct marks_owner {
	void (*on_mark)(void *arg, unsigned int worker, const struct mark *mark);
	void *arg;
	/* A test has ended; its worker may not exist. NULL = results do not matter. */
	void (*on_result)(void *arg, const struct test_result *result);
	void *result_arg;
};

/** @run_dir: the FIFO is made there; no FIFO if @loop or @run_dir is NULL. Return: 0; -errno. */
int marks_open(struct loop *loop, const char *run_dir, const struct marks_owner *owner,
               struct marks **ret_marks);
void marks_close(struct marks *marks);

/** Return: the path of the FIFO; NULL = none. */
const char *marks_path(const struct marks *marks);

/** Read what has been written into the FIFO since. */
void marks_drain(struct marks *marks);

/**
 * @worker	0..BERTH_WORKERS_MAX
 * Return: when a test begins that was not known, CLOCK_REALTIME; 0: none does, or the worker has
 * too many marks.
 */
int64_t marks_add(struct marks *marks, unsigned int worker, const struct mark *mark);

/** Describe the process of a new slot, so that its number inside is known when it is gone. */
void marks_learn_slot(const struct marks *marks, struct watch_model *model,
                      const struct watch_worker *worker, const char *slot);

/**
 * @time_ns	CLOCK_MONOTONIC
 * @slot	NULL = all tests
 * Return: the tests that ran then, a new strv; NULL = none.
 */
char **marks_find(const struct marks *marks, unsigned int worker, int64_t time_ns,
                  const char *slot);

/**
 * The tests that @finding may belong to: of the slot that its process descends from, if there is
 * one. Return: a new strv; NULL = none.
 */
char **marks_of_finding(const struct marks *marks, struct watch_model *model,
                        const struct watch_finding *finding);

#endif
