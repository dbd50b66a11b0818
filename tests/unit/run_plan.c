/* SPDX-License-Identifier: MIT */
/*
 * The plan: how many workers, which tasks, what they run, and what is refused before anything
 * starts.
 */
#include "core/abi.h"
#include "tests/unit/test.h"
#include "tools/base/str.h"
#include "tools/run/plan.h"

static char *no_env[] = { NULL };

static struct plan *planned(const struct run_options *options)
{
	struct plan *plan = NULL;
	char *error = NULL;

	assert_int_equal(plan_make(options, no_env, &plan, &error), 0);
	assert_null(error);
	return plan;
}

static void refused(const struct run_options *options, const char *part)
{
	struct plan *plan = NULL;
	char *error = NULL;

	assert_int_equal(plan_make(options, no_env, &plan, &error), -22);
	assert_non_null(strstr(error, part));
	free(error);
}

static void counts_workers_and_slots(void **state)
{
	char *command[] = { "echo", "{worker}/{workers}", "{task}-{run}-{other}", NULL },
	     *tasks[] = { "a", "b", "c", NULL };
	struct run_options options = { .command = command };
	struct plan *plan = planned(&options);

	(void)state;
	assert_int_equal(plan->count, 1);
	assert_true(plan->single);
	assert_string_equal(plan->workers[0].task, "default");
	plan_free(plan);

	options.workers = 5;
	plan = planned(&options);
	assert_int_equal(plan->slots, 5);
	assert_string_equal(plan->workers[4].task, "5");
	assert_string_equal(plan->workers[2].argv[1], "3/5");
	assert_string_equal(plan->workers[2].argv[2], "3-{run}-{other}");
	plan_name_run(plan, &options, "7f3a");
	assert_string_equal(plan->workers[2].argv[2], "3-7f3a-{other}");
	plan_free(plan);

	options = (struct run_options){ .command = command, .tasks = tasks, .slots = 2 };
	plan = planned(&options);
	assert_int_equal(plan->count, 3);
	assert_int_equal(plan->slots, 2);
	assert_true(plan->named);
	assert_string_equal(plan->workers[1].task, "b");
	assert_int_equal(plan->order[0], 0);
	plan_free(plan);

	options.expected_ms = (int64_t[]){ 100, 0, 300 };
	plan = planned(&options);
	assert_int_equal(plan->order[0], 1); /* nobody knows how long it takes */
	assert_int_equal(plan->order[1], 2);
	assert_int_equal(plan->order[2], 0);
	plan_free(plan);
}

static void finds_the_task(void **state)
{
	static const struct {
		char *argv[4];
		char *envp[3];
		const char *task;
	} cases[] = {
		{ { "npx", "playwright", "--project=auth" }, { NULL }, "auth" },
		{ { "npx", "--project", "auth" }, { NULL }, "auth" },
		{ { "npx", "--project", "--headed" }, { NULL }, "default" },
		{ { "npx", "--project=" }, { "PROJECT_NAME=p" }, "p" },
		{ { "npx" }, { "PROJECT_NAME=p", "PLAYWRIGHT_PROJECT=q" }, "q" },
		{ { "npx", "--project=x" }, { "PLAYWRIGHT_PROJECT=q" }, "x" },
		{ { "npx" }, { "PLAYWRIGHT_PROJECT=" }, "default" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *task = plan_task_of((char *const *)cases[i].argv,
		                          (char *const *)cases[i].envp);

		assert_string_equal(task, cases[i].task);
		free(task);
	}
}

static void refuses(void **state)
{
	char *command[] = { "true", NULL }, *twice[] = { "a", "b", "a", NULL };
	struct run_options options = { 0 };

	(void)state;
	refused(&options, "no command");
	options.command = command;
	options.tasks = twice;
	refused(&options, "'a' is named twice");
	options.workers = 2;
	refused(&options, "2 workers for 3 tasks");
	options = (struct run_options){ .command = command, .workers = BERTH_WORKERS_MAX + 1 };
	refused(&options, "257 workers are too many: at most 256");
	options = (struct run_options){ .command = command };
	assert_int_equal(run_ports_add(&options.ports, "3000-3599"), 0);
	refused(&options, "600 declared ports do not fit into a block of 512");
	assert_int_equal(run_ports_add(&options.share, "3010"), 0);
	refused(&options, "port 3010 is declared and shared");
	free(options.ports.ranges);
	free(options.share.ranges);
}

static void flattens_ports(void **state)
{
	char *command[] = { "true", NULL };
	struct run_options options = { .command = command };
	struct plan *plan;

	(void)state;
	assert_int_equal(run_ports_add(&options.ports, "3103"), 0);
	assert_int_equal(run_ports_add(&options.ports, "3101-3103"), 0);
	assert_int_equal(run_ports_add(&options.ports, "0"), -34);
	assert_int_equal(run_ports_add(&options.ports, "65536"), -34);
	assert_int_equal(run_ports_add(&options.ports, "5-3"), -34);
	assert_int_equal(run_ports_add(&options.ports, "http"), -22);
	plan = planned(&options);
	assert_int_equal(plan->ports[0], 3101);
	assert_int_equal(plan->ports[2], 3103);
	assert_int_equal(plan->ports[3], 0);
	plan_free(plan);
	free(options.ports.ranges);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_workers_and_slots),
		cmocka_unit_test(finds_the_task),
		cmocka_unit_test(refuses),
		cmocka_unit_test(flattens_ports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
