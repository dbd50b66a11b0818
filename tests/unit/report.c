/* SPDX-License-Identifier: MIT */
/* tools/report: the record of a run, every format, merging, limits, history. */
#include "tests/unit/test.h"

#include <errno.h>
#include <expat.h>
#include <stdio.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/report/history/history.h"
#include "tools/report/private.h"

static char dir[] = "/tmp/berth-report-test.XXXXXX";

static int begin(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int finish(void **state)
{
	(void)state;
	return dir_remove(dir);
}

static json_t *finding(const char *kind, const char *severity, int worker, const char *detail)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:s, s:[s,s]}", "kind", kind, "severity",
	                 severity, "title", kind, "detail", detail, "remedy", "repair it", "worker",
	                 worker, "fingerprint", "0123456789abcdef", "stack",
	                 "bind at syscall-template.S:120", "start at /home/dana/shop/server.js:31");
}

static struct report_run *write_and_load(int errors, int64_t duration_ms, const char *id)
{
	struct report *report;
	struct report_run *run;
	char *file = str_print("%s/events.ndjson", dir);

	unlink(file);
	assert_int_equal(report_open(dir, &report), 0);
	assert_int_equal(
		report_record(report, "run",
	                      json_pack("{s:s, s:i, s:[s,s], s:s, s:s, s:I}", "id", id, "workers",
	                                2, "command", "npm", "test", "project", "/home/dana/shop",
	                                "source", "sampling, less exact: as requested", "time_ms",
	                                (json_int_t)(1000000 + atoi(id) * 100000))),
		0);
	for (int i = 1; i <= 2; i++) {
		json_int_t start = 1000000 + atoi(id) * 100000 + i;

		report_record(report, "worker_started",
		              json_pack("{s:i, s:s, s:I}", "worker", i, "task",
		                        i == 1 ? "au<th\x1b\xef\xbf\xbf" : "cart", "time_ms",
		                        start));
		report_record(report, "port_opened",
		              json_pack("{s:i, s:i, s:i, s:i, s:s, s:I}", "worker", i, "port", 3101,
		                        "real_port", 20000 + i, "pid", 77, "command",
		                        "node server.js", "time_ms", start + 5));
		report_record(report, "port_closed",
		              json_pack("{s:i, s:i, s:I}", "worker", i, "port", 3101, "time_ms",
		                        start + 50));
		report_record(report, "worker_ended",
		              json_pack("{s:i, s:s, s:i, s:I}", "worker", i, "status",
		                        i == 1 ? "passed" : "failed", "exit_status", i - 1,
		                        "time_ms", start + (json_int_t)duration_ms));
	}
	report_record(report, "finding", finding("conflict_avoided", "note", 0, "two"));
	for (int i = 0; i < errors; i++)
		report_record(report, "finding",
		              finding("leaked_listener", "error", 1, "left: 50%\nhere"));
	report_record(report, "run_ended", json_pack("{s:i}", "exit_status", 1));
	report_close(report);
	assert_int_equal(report_load(dir, &run), 0);
	free(file);
	return run;
}

static size_t count_of(const char *text, const char *part)
{
	size_t count = 0;

	for (; (text = strstr(text, part)); text += strlen(part))
		count++;
	return count;
}

static void check_xml(const char *text)
{
	XML_Parser parser = XML_ParserCreate(NULL);

	if (XML_Parse(parser, text, (int)strlen(text), 1) != XML_STATUS_OK)
		fail_msg("%s at line %lu: %s", XML_ErrorString(XML_GetErrorCode(parser)),
		         XML_GetCurrentLineNumber(parser), text);
	XML_ParserFree(parser);
}

static void the_stream_comes_back(void **state)
{
	struct report_run *run = write_and_load(2, 2000, "1");

	(void)state;
	assert_int_equal(run->worker_count, 2);
	assert_string_equal(run->workers[1].status, "failed");
	assert_int_equal(run->workers[1].until_ms - run->workers[1].from_ms, 2000);
	assert_int_equal(run->port_count, 2);
	assert_int_equal(run->ports[0].until_ms - run->ports[0].from_ms, 45);
	assert_int_equal(run->finding_count, 3);
	/* worst first, whatever their order in the record */
	assert_string_equal(record_text(run->findings[0], "severity"), "error");
	assert_string_equal(record_text(run->findings[2], "severity"), "note");
	assert_int_equal(run->malformed, 0);
	report_run_free(run);
}

static void a_stream_may_be_longer_than_a_file_is_read_whole(void **state)
{
	char *path = str_print("%s/events.ndjson", dir), *long_line = mem_alloc(1 << 20);
	struct report_run *run = write_and_load(2, 2000, "1");
	FILE *file = fopen(path, "a");

	(void)state;
	report_run_free(run);
	memset(long_line, 'x', 1 << 20);
	for (int i = 0; i < 65; i++)
		assert_int_equal(fprintf(file, "%.*s\n", 1 << 20, long_line), (1 << 20) + 1);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(report_load(dir, &run), 0);
	assert_int_equal(run->worker_count, 2);
	assert_int_equal(run->malformed, 65);
	report_run_free(run);
	unlink(path);
	free(path);
	free(long_line);
}

static void incomplete_records_are_refused(void **state)
{
	struct report *report;

	(void)state;
	assert_int_equal(report_open(dir, &report), 0);
	assert_int_equal(report_record(report, "worker_ended", json_pack("{s:i}", "worker", 1)),
	                 -EINVAL);
	assert_int_equal(report_record(report, "no_such_type", json_object()), -EINVAL);
	report_close(report);
}

static void a_torn_stream_is_read_as_far_as_it_goes(void **state)
{
	static const char text[] = "{\"v\":1,\"type\":\"run\",\"id\":\"7f3a\",\"workers\":1,\"time_"
				   "ms\":5}\nrubbish\n[1]\n"
				   "{\"v\":2,\"type\":\"run\"}\n{\"v\":1,\"type\":\"worker_"
				   "started\",\"worker\":1,\"ti";
	struct report_run *run;

	(void)state;
	assert_int_equal(report_parse(text, sizeof(text) - 1, &run), 0);
	assert_int_equal(run->malformed, 4);
	assert_string_equal(record_text(run->run, "id"), "7f3a");
	report_run_free(run);
	assert_int_equal(report_parse("", 0, &run), -ENODATA);
	assert_int_equal(report_parse("\n\n", 2, &run), -ENODATA);
}

static void every_format_is_well_formed(void **state)
{
	struct report_run *run = write_and_load(3, 2000, "2");

	(void)state;
	for (int format = 0; format < REPORT_FORMATS; format++) {
		struct str text = { 0 };
		json_t *json;

		assert_int_equal(report_render(run, (enum report_format)format, NULL, &text), 0);
		assert_non_null(text.text);
		if (format == REPORT_JUNIT)
			check_xml(text.text);
		if (format == REPORT_JSON || format == REPORT_GITLAB || format == REPORT_TRACE) {
			json = json_loads(text.text, 0, NULL);
			assert_non_null(json);
			json_decref(json);
		}
		/* no frame lies in a project: the first line of berth.yaml */
		if (format == REPORT_GITLAB)
			assert_null(strstr(text.text, "\"begin\": 120"));
		if (format == REPORT_HTML || format == REPORT_MARKDOWN)
			assert_non_null(strstr(text.text, "Source: sampling, less exact"));
		if (format == REPORT_HTML) {
			/* nothing from the run becomes markup */
			assert_null(strstr(text.text, "au<th"));
			assert_null(strstr(text.text, "http://"));
			assert_int_equal(count_of(text.text, "<script"), 1); /* our own */
			/* four workers, one problem; and the log of the one that failed */
			assert_int_equal(count_of(text.text, "<details"), 2);
		}
		str_free(&text);
	}
	report_run_free(run);
}

static void github_gets_the_worst_within_its_limits(void **state)
{
	const struct report_options options = { .project_dir = "/home/dana/shop" };
	struct report_run *run = write_and_load(25, 2000, "3");
	json_t *failed[6];
	struct str text = { 0 };

	(void)state;
	for (int i = 0; i < 6; i++) {
		char name[32];

		snprintf(name, sizeof(name), "a.js:3%d fails", i);
		failed[i] = json_pack("{s:i, s:s, s:s}", "worker", 1, "test", name, "error", "no");
		snprintf(name, sizeof(name), "%016d", i);
		json_object_set_new(run->findings[i], "fingerprint", json_string(name));
	}
	run->failed = failed;
	run->failed_count = 6;
	assert_int_equal(report_render(run, REPORT_GITHUB, &options, &text), 0);
	/* 6 failed tests, 5 of them shown, and 25 findings, of which 20 are the same */
	assert_int_equal(count_of(text.text, "::error "), 10);
	assert_int_equal(count_of(text.text, "title=a.js%3A3"), 5);
	assert_int_equal(count_of(text.text, "::notice "), 0);
	assert_non_null(strstr(text.text, "3 more"));
	assert_non_null(strstr(text.text, "file=server.js,line=31"));
	assert_non_null(strstr(text.text, "50%25%0Ahere"));
	assert_int_equal(count_of(text.text, "\n"), 10); /* a message is one line */
	str_free(&text);
	for (int i = 0; i < 6; i++)
		json_decref(failed[i]);
	run->failed = NULL;
	report_run_free(run);
}

static void junit_counts_add_up(void **state)
{
	char *path = str_print("%s/runner.xml", dir), *merge[] = { path, NULL };
	const struct report_options options = { .merge = merge };
	static const char runner[] =
		"<testsuites tests=\"3\"><testsuite name=\"login\" tests=\"3\"><testcase "
		"name=\"a\" classname=\"x\"/>"
		"<testcase name=\"b\" classname=\"x\"><failure message=\"1 &lt; "
		"2\">no</failure></testcase>"
		"<testcase name=\"c\" "
		"classname=\"x\"><skipped/></testcase></testsuite></testsuites>";
	struct report_run *run = write_and_load(1, 2000, "4");
	struct str text = { 0 };

	(void)state;
	assert_int_equal(file_replace(path, runner, strlen(runner), 0600), 0);
	assert_int_equal(report_render(run, REPORT_JUNIT, &options, &text), 0);
	check_xml(text.text);
	/* 2 workers, 2 findings, 3 tests; failures: 1 worker, 1 test; no gate is `fail` */
	assert_non_null(strstr(text.text, "<testsuites name=\"berth\" tests=\"7\" failures=\"2\" "
	                                  "errors=\"0\" skipped=\"1\""));
	assert_non_null(strstr(text.text, "1 &lt; 2"));
	str_free(&text);
	report_run_free(run);
	free(path);
}

static const struct history_trend *trend_of(const struct history_trend *trends, size_t count,
                                            const char *task)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(trends[i].task, task) && !strcmp(trends[i].measure, "duration_ms"))
			return &trends[i];
	return NULL;
}

static void history_tells_owners_and_regressions(void **state)
{
	char *path = str_print("%s/history.sqlite", dir), id[16];
	struct history_owner *owners;
	struct history_trend *trends;
	struct history *history;
	size_t count;

	(void)state;
	assert_int_equal(history_open(path, &history), 0);
	for (int i = 1; i <= 6; i++) {
		struct report_run *run;

		snprintf(id, sizeof(id), "%d", i);
		run = write_and_load(0, i == 6 ? 9000 : 4000 + i, id);
		assert_int_equal(history_add(history, run), 0);
		assert_int_equal(history_add(history, run), 0); /* it replaces the first */
		report_run_free(run);
	}
	assert_int_equal(history_owners(history, 3101, 3, &owners, &count), 0);
	assert_int_equal(count, 3);
	assert_string_equal(owners[0].run, "6");
	assert_string_equal(owners[0].command, "node server.js");
	assert_int_equal(owners[0].pid, 77);
	history_owners_free(owners, count);
	assert_int_equal(history_trends(history, &trends, &count), 0);
	assert_non_null(trend_of(trends, count, "cart"));
	assert_int_equal(trend_of(trends, count, "cart")->runs, 5);
	assert_true(trend_of(trends, count, "cart")->median == 4003);
	assert_true(trend_of(trends, count, "cart")->regression);
	history_trends_free(trends, count);
	/* the runs of this test began in 1970 */
	assert_int_equal(history_prune(history, 30), 0);
	assert_int_equal(history_owners(history, 3101, 3, &owners, &count), 0);
	assert_int_equal(count, 0);
	history_close(history);
	free(path);
}

/* Wilson's intervals, to three digits. */
static void rates_of_tests_have_intervals(void **state)
{
	static const struct {
		unsigned int passed, failed, flaky;
		double low, high;
		enum test_verdict verdict;
	} cases[] = {
		{ 7, 1, 0, 0.5291, 0.9776, TEST_FLAKY },   { 8, 0, 0, 0.6756, 1, TEST_STABLE },
		{ 0, 8, 0, 0, 0.3244, TEST_BROKEN },       { 19, 1, 0, 0.7639, 0.9911, TEST_FLAKY },
		{ 4, 0, 0, 0.5101, 1, TEST_TOO_FEW },      { 0, 4, 0, 0, 0.4899, TEST_TOO_FEW },
		{ 1, 1, 0, 0.0945, 0.9055, TEST_FLAKY },   { 99, 0, 1, 0.9455, 0.9982, TEST_FLAKY },
		{ 50, 50, 0, 0.4038, 0.5962, TEST_FLAKY }, { 0, 0, 0, 0, 1, TEST_TOO_FEW },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct test_rate rate = test_rate_of(cases[i].passed, cases[i].failed,
		                                     cases[i].flaky);

		assert_true(rate.low - cases[i].low < 1e-3 && cases[i].low - rate.low < 1e-3);
		assert_true(rate.high - cases[i].high < 1e-3 && cases[i].high - rate.high < 1e-3);
		assert_int_equal(rate.verdict, cases[i].verdict);
	}
}

static void a_newer_history_is_left_alone(void **state)
{
	char *path = str_print("%s/history.sqlite", dir),
	     *command = str_print("sqlite3 %s 'pragma user_version = 9' 2>/dev/null", path);
	struct history *history;

	(void)state;
	/* without the sqlite3 program: PRAGMA user_version is at offset 60 of the file */
	if (system(command)) {
		FILE *file = fopen(path, "r+");

		fseek(file, 60, SEEK_SET);
		fwrite("\0\0\0\11", 1, 4, file);
		fclose(file);
	}
	assert_int_equal(history_open(path, &history), -EPROTO);
	free(command);
	free(path);
}

static void ci_systems_are_told_by_their_environment(void **state)
{
	(void)state;
	for (char *const *name = (char *const[]){ "GITHUB_ACTIONS", "GITLAB_CI", "BUILDKITE",
	                                          "CIRCLECI", "TF_BUILD", "JENKINS_URL", "CI",
	                                          "TEAMCITY_VERSION", "TRAVIS", "DRONE", NULL };
	     *name; name++)
		unsetenv(*name);
	assert_null(report_ci());
	setenv("CI", "true", 1);
	assert_string_equal(report_ci(), "unknown");
	setenv("GITHUB_ACTIONS", "true", 1);
	assert_string_equal(report_ci(), "github");
	unsetenv("GITHUB_ACTIONS");
	setenv("CI", "false", 1);
	assert_null(report_ci());
	unsetenv("CI");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_stream_comes_back),
		cmocka_unit_test(a_stream_may_be_longer_than_a_file_is_read_whole),
		cmocka_unit_test(incomplete_records_are_refused),
		cmocka_unit_test(a_torn_stream_is_read_as_far_as_it_goes),
		cmocka_unit_test(every_format_is_well_formed),
		cmocka_unit_test(github_gets_the_worst_within_its_limits),
		cmocka_unit_test(junit_counts_add_up),
		cmocka_unit_test(history_tells_owners_and_regressions),
		cmocka_unit_test(rates_of_tests_have_intervals),
		cmocka_unit_test(a_newer_history_is_left_alone),
		cmocka_unit_test(ci_systems_are_told_by_their_environment),
	};

	return cmocka_run_group_tests(tests, begin, finish);
}
