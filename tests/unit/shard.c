/* SPDX-License-Identifier: MIT */
/* The parts of a suite: which machine this is, equal parts everywhere, and how long they are. */
#include "core/abi.h"
#include "tests/unit/test.h"
#include "tools/base/cleanup.h"
#include "tools/base/str.h"
#include "tools/run/tasks/shard.h"

static void detects(void **state)
{
	static const struct {
		char *envp[5];
		const char *want; /* NULL = an error */
	} cases[] = {
		{ { "BERTH_SHARD=2/4", "CI_NODE_INDEX=1", "CI_NODE_TOTAL=9", NULL }, "2/4" },
		{ { "BERTH_SHARD=4", NULL }, NULL },
		{ { "BERTH_SHARD=5/4", "CI_NODE_INDEX=1", "CI_NODE_TOTAL=9", NULL }, NULL },
		{ { "BERTH_SHARD=0/4", NULL }, NULL },
		{ { "BERTH_SHARD=", "CI_NODE_INDEX=3", "CI_NODE_TOTAL=3", NULL }, "3/3" },
		{ { "CI_NODE_INDEX=0", "CI_NODE_TOTAL=3", NULL }, NULL },
		{ { "CI_NODE_INDEX=3", NULL }, NULL },
		{ { "CI_NODE_TOTAL=1", NULL }, "1/1" },
		{ { "BUILDKITE_PARALLEL_JOB=0", "BUILDKITE_PARALLEL_JOB_COUNT=2",
		    "JOB_COMPLETION_INDEX=7", NULL },
		  "1/2" },
		{ { "CIRCLE_NODE_INDEX=1", "CIRCLE_NODE_TOTAL=2", NULL }, "2/2" },
		{ { "CIRCLE_NODE_INDEX=2", "CIRCLE_NODE_TOTAL=2", NULL }, NULL },
		{ { "JOB_COMPLETION_INDEX=7", "BERTH_SHARDS=8", NULL }, "8/8" },
		{ { "JOB_COMPLETION_INDEX=7", NULL }, NULL },
		{ { "JOB_COMPLETION_INDEX=x", "BERTH_SHARDS=8", NULL }, NULL },
		{ { "JOB_COMPLETION_INDEX= 1", "BERTH_SHARDS=8", NULL }, NULL },
		{ { NULL }, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct run_shard shard = { 0 };
		char *error = NULL, *got;

		if (shard_detect((char *const *)cases[i].envp, &shard, &error)) {
			assert_null(cases[i].want);
			assert_non_null(strstr(error, "\nhint: "));
			free(error);
			continue;
		}
		got = str_print("%u/%u", shard.index, shard.count);
		assert_string_equal(got, cases[i].want ? cases[i].want : "an error");
		free(got);
	}
}

static void refuses_what_is_no_part(void **state)
{
	static const char *const texts[] = { "",    "1",   "/",    "1/",    "/2",      "0/2",
		                             "3/2", "1/x", "-1/2", "1/2/3", "1/99999", "1 /2" };
	struct run_shard shard;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		assert_int_equal(shard_parse(texts[i], &shard), -22);
}

enum { TASKS = 60, SHARDS = 7 };

/* The same pseudo-random numbers everywhere. */
static unsigned int random_next(void)
{
	static uint32_t number = 1;

	number = number * 1664525 + 1013904223;
	return number >> 8;
}

/* Tasks that differ by 14 times: no part is longer than 1.1 times the ideal. */
static void divides_by_time(void **state)
{
	(void)state;
	for (int round = 0; round < 200; round++) {
		char *tasks[TASKS + 1] = { 0 };
		int64_t ms[TASKS], load[SHARDS] = { 0 }, sum = 0;
		unsigned int parts[TASKS];

		for (int i = 0; i < TASKS; i++) {
			tasks[i] = str_print("task %d", i);
			ms[i] = 1000 + random_next() % 13001;
			sum += ms[i];
		}
		shard_divide(tasks, ms, SHARDS, parts);
		for (int i = 0; i < TASKS; i++) {
			assert_in_range(parts[i], 1, SHARDS);
			load[parts[i] - 1] += ms[i];
			free(tasks[i]);
		}
		for (int i = 0; i < SHARDS; i++)
			assert_true((double)load[i] <= 1.1 * (double)sum / SHARDS);
	}
}

/* Longest first gives 7 and 5. */
static void exchanges_tasks(void **state)
{
	char *tasks[] = { "a", "b", "c", "d", "e", NULL };
	int64_t ms[] = { 3, 3, 2, 2, 2 }, load[2] = { 0 };
	unsigned int parts[5];

	(void)state;
	shard_divide(tasks, ms, 2, parts);
	for (int i = 0; i < 5; i++)
		load[parts[i] - 1] += ms[i];
	assert_int_equal(load[0], 6);
	assert_int_equal(load[1], 6);
}

/* What is not known counts as the mean; without times the names decide. */
static void divides_without_times(void **state)
{
	char *tasks[] = { "e", "a", "d", "b", "c", NULL };
	int64_t none[5] = { 0 }, some[] = { 0, 0, 90, 0, 30 };
	unsigned int parts[5], want[] = { 1, 1, 2, 2, 1 };

	(void)state;
	shard_divide(tasks, none, 2, parts);
	assert_memory_equal(parts, want, sizeof(want));
	shard_divide(tasks, some, 2, parts); /* 90 + 60, 60 + 60 + 30 */
	assert_int_not_equal(parts[2], parts[4]);
	assert_int_equal((parts[0] == parts[2]) + (parts[1] == parts[2]) + (parts[3] == parts[2]),
	                 1);
	shard_divide(tasks, none, 9, parts); /* more machines than tasks */
	for (int i = 0; i < 5; i++)
		for (int k = 0; k < i; k++)
			assert_int_not_equal(parts[i], parts[k]);
	shard_divide(NULL, none, 3, parts);
}

/* On every machine: whatever the order of the list, the same parts and the same hash. */
static void does_not_depend_on_the_order(void **state)
{
	char *one[] = { "a", "b", "c", "d", "e", NULL }, *two[] = { "d", "b", "e", "a", "c", NULL };
	int64_t ms_one[] = { 5, 5, 9, 0, 70 }, ms_two[] = { 0, 5, 70, 5, 9 };
	unsigned int parts_one[5], parts_two[5];

	(void)state;
	shard_divide(one, ms_one, 3, parts_one);
	shard_divide(two, ms_two, 3, parts_two);
	for (int i = 0; i < 5; i++)
		for (int k = 0; k < 5; k++)
			if (!strcmp(one[i], two[k]))
				assert_int_equal(parts_one[i], parts_two[k]);
	assert_true(shard_hash(one, ms_one, 3) == shard_hash(two, ms_two, 3));
	assert_true(shard_hash(one, ms_one, 3) != shard_hash(one, ms_one, 4));
	ms_two[1]++;
	assert_true(shard_hash(one, ms_one, 3) != shard_hash(two, ms_two, 3));
	one[1] = "B";
	ms_two[1]--;
	assert_true(shard_hash(one, ms_one, 3) != shard_hash(two, ms_two, 3));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(detects),
		cmocka_unit_test(refuses_what_is_no_part),
		cmocka_unit_test(divides_by_time),
		cmocka_unit_test(exchanges_tasks),
		cmocka_unit_test(divides_without_times),
		cmocka_unit_test(does_not_depend_on_the_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
