/* SPDX-License-Identifier: MIT */
/* The queue of a run: order, slots, connections of a shared server, and its end. */
#include "tests/unit/test.h"

#include "tools/run/queue.h"

static unsigned int order[] = { 2, 0, 1 };
static struct plan plan = { .count = 3, .order = order, .slots = 2 };

static void assert_next(struct queue *queue, unsigned int want)
{
	unsigned int index = 99;

	assert_true(queue_next(queue, &index));
	assert_int_equal(index, want);
}

static void starts_in_the_order_of_the_plan(void **state)
{
	struct queue *queue = queue_open(&(struct queue_setup){ .plan = &plan });
	unsigned int index;

	(void)state;
	assert_next(queue, 2);
	assert_next(queue, 0);
	assert_false(queue_next(queue, &index)); /* two slots */
	assert_false(queue_is_empty(queue));
	queue_worker_over(queue, 2, true);
	assert_next(queue, 1);
	assert_true(queue_is_empty(queue));
	assert_int_equal(queue_totals(queue).running, 2);
	assert_int_equal(queue_totals(queue).over, 1);
	assert_int_equal(queue_totals(queue).failed, 1);
	queue_close(queue);
}

static void starts_nothing_after_a_stop(void **state)
{
	struct queue *queue = queue_open(&(struct queue_setup){ .plan = &plan });
	unsigned int index;

	(void)state;
	assert_next(queue, 2);
	queue_stop(queue);
	assert_false(queue_next(queue, &index));
	assert_true(queue_is_empty(queue));
	queue_close(queue);
}

/* 11 connections; the tasks need 7, 2 and 7, and one of Berth's each. */
static void waits_for_connections(void **state)
{
	static const unsigned int needs[] = { 7, 2, 7 };
	struct queue *queue = queue_open(&(struct queue_setup){
		.plan = &plan, .connections = 11, .task_connections = needs, .largest = 7 });
	unsigned int index;

	(void)state;
	assert_next(queue, 2);
	assert_next(queue, 1); /* the small one overtakes */
	assert_true(queue_take_shortage(queue));
	assert_false(queue_take_shortage(queue));
	queue_worker_over(queue, 1, false);
	assert_false(queue_next(queue, &index));
	queue_worker_over(queue, 2, false);
	assert_next(queue, 0);
	queue_close(queue);
}

/* A task that needs more than there is starts when no other runs. */
static void starts_a_task_that_never_fits(void **state)
{
	static const unsigned int needs[] = { 0, 0, 0 };
	struct queue *queue = queue_open(&(struct queue_setup){
		.plan = &plan, .connections = 5, .task_connections = needs, .largest = 50 });
	unsigned int index;

	(void)state;
	assert_next(queue, 2);
	assert_false(queue_next(queue, &index));
	queue_close(queue);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(starts_in_the_order_of_the_plan),
		cmocka_unit_test(starts_nothing_after_a_stop),
		cmocka_unit_test(waits_for_connections),
		cmocka_unit_test(starts_a_task_that_never_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
