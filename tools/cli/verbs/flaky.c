/* SPDX-License-Identifier: MIT */
/* `berth flaky`: how often each test passes, over the copies and runs of one command. */
#include <errno.h>
#include <stdlib.h>

#include "tools/base/cleanup.h"
#include "tools/base/log.h"
#include "tools/cli/common/output.h"
#include "tools/cli/common/results.h"
#include "tools/cli/common/term.h"
#include "tools/report/history/history.h"

enum { RUNS = 20 };

static void print_json(const struct history_tests *tests)
{
	json_t *list = json_array();

	for (size_t i = 0; i < tests->count; i++) {
		const struct history_test *test = &tests->of[i];
		const struct test_rate *rate = &test->rate;

		json_array_append_new(
			list,
			json_pack(
				"{s:s, s:s, s:o, s:s, s:s, s:i, s:i, s:i, s:i, s:f, s:f, s:f, s:s}",
				"task", test->task, "file", test->file, "line",
				test->line ? json_integer(test->line) : json_null(), "name",
				test->name, "verdict", test_verdict_names[rate->verdict], "passed",
				(int)rate->passed, "failed", (int)rate->failed, "flaky",
				(int)rate->flaky, "count", (int)rate->count, "rate",
				(double)rate->passed / rate->count, "low", rate->low, "high",
				rate->high, "error", test->error));
	}
	output_json(json_pack("{s:s, s:i, s:o}", "command", tests->command, "runs",
	                      (int)tests->runs, "tests", list));
}

static void print_tests(const struct history_tests *tests)
{
	unsigned int counts[TEST_VERDICTS] = { 0 };
	struct term_table table = { 0 };
	cleanup_str struct str text = { 0 };

	for (size_t i = 0; i < tests->count; i++) {
		const struct history_test *test = &tests->of[i];
		const struct test_rate *rate = &test->rate;

		counts[rate->verdict]++;
		if (rate->verdict > TEST_BROKEN)
			continue;
		term_cell(&table, test_verdict_names[rate->verdict]);
		term_cellf(&table, "%u of %u", rate->passed, rate->count);
		term_cellf(&table, "%.0f-%.0f %%", rate->low * 100, rate->high * 100);
		term_cell_own(&table,
		              str_print("%s%s%.0d%s%s%s%s%s", test->file, test->line ? ":" : "",
		                        test->line, *test->file ? " " : "", test->name,
		                        *test->task ? " (" : "", test->task,
		                        *test->task ? ")" : ""));
		term_row(&table);
	}
	term_print(&table);
	for (int i = 0; i < TEST_VERDICTS; i++)
		if (counts[i])
			str_addf(&text, "%s%u %s", text.len ? ", " : "", counts[i],
			         test_verdict_names[i]);
	term_printf("%zu tests in %u run%s of '%s': %s\n", tests->count, tests->runs,
	            tests->runs > 1 ? "s" : "", tests->command, text.text);
}

int verb_flaky(struct cli *cli)
{
	struct history_tests tests = { 0 };
	struct history *history = NULL;
	int ret = results_history(cli, &history), status = 1;

	if (!ret)
		ret = history_tests(history, cli->runs ? cli->runs : RUNS, &tests);
	history_close(history);
	if (ret == -ENODATA) {
		log_line("no run has results of tests");
		log_hint("add a reporter to the test command, see berth help flaky");
	} else if (ret) {
		status = results_unreadable(cli, ret);
	} else {
		status = tests.of[0].rate.verdict <= TEST_BROKEN;
		if (cli->json)
			print_json(&tests);
		else
			print_tests(&tests);
	}
	history_tests_free(&tests);
	return status;
}
