/* SPDX-License-Identifier: MIT */
/* tools/report: JUnit files of test runners, merged and read; names of tests and their errors. */
#include "tests/unit/test.h"

#include <errno.h>
#include <expat.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/report/junit.h"
#include "tools/report/private.h"

static char dir[] = "/tmp/berth-junit-test.XXXXXX";

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

static void check_xml(const char *text)
{
	XML_Parser parser = XML_ParserCreate(NULL);

	if (XML_Parse(parser, text, (int)strlen(text), 1) != XML_STATUS_OK)
		fail_msg("%s at line %lu: %s", XML_ErrorString(XML_GetErrorCode(parser)),
		         XML_GetCurrentLineNumber(parser), text);
	XML_ParserFree(parser);
}

static void note_test(void *arg, const struct test_result *result)
{
	str_addf(arg, "%u|%s|%s|%s|%g\n", result->worker, result->test, result->status,
	         result->error, result->ms);
}

/* As Playwright, pytest, Jest, gotestsum and Mocha write them. */
static void cases_have_place_status_and_error(void **state)
{
	static const char document[] =
		"<testsuites><testsuite name='a.spec.js'>"
		"<testcase name='cart › adds' classname='a.spec.js'>"
		"<failure message='a.spec.js:7:1 cart › adds'>  [web] › a.spec.js:7:1 › adds\n\n"
		"    \x1b[31mError: expected 1\x1b[0m\n  at x</failure></testcase>"
		"<testcase name='test_f' classname='t'><failure message='assert 1 == 2&#10;more'>"
		"/usr/lib/p.py:9: x\na.spec.js:3: AssertionError</failure></testcase>"
		"<testcase name='adds' classname='cart'><failure>Error: no\n"
		" at f (node_modules/a.spec.js:1:1)\n at g (@/a.spec.js:12:3)</failure></testcase>"
		"<testcase name='TestX' classname='pkg'><failure message='Failed'>=== RUN TestX\n"
		"    a.spec.js:5: boom\n</failure></testcase>"
		"<testcase name='c' classname='c'><error message='gone'/></testcase>"
		"<testcase name='passes' time='0.25'><system-out>Error: "
		"none</system-out></testcase>"
		"<testcase name='waits' time='x'><skipped/></testcase>"
		"<testcase name='repeats' time='2'><flakyFailure message='once'/></testcase>"
		"<testcase name='gives up'><flakyError message='a'/><failure "
		"message='b'/></testcase>"
		"<testcase name='given' file='a.spec.js' line='4'><failure message='x'/></testcase>"
		"<testcase name='cut off'><failure";
	cleanup_str struct str found = { 0 }, text = { 0 };
	cleanup_free char *path = str_print("%s/a.spec.js", dir);
	const struct report_options options = { .project_dir = dir };
	const struct junit_search search = { &options, 3, note_test, &found };

	(void)state;
	assert_int_equal(file_replace(path, "x", 1, 0644), 0);
	for (const char *at = document; *at; at++)
		if (*at == '@')
			str_add(&text, dir);
		else if (*at != 0x1b) /* which XML forbids */
			str_add_len(&text, at, 1);
	junit_find_tests(text.text, text.len, &search);
	assert_string_equal(found.text,
	                    "3|a.spec.js:7 cart › adds|failed|[31mError: expected 1[0m|-1\n"
	                    "3|a.spec.js:3 test_f|failed|assert 1 == 2|-1\n"
	                    "3|a.spec.js:12 adds|failed|Error: no|-1\n"
	                    "3|a.spec.js:5 TestX|failed|a.spec.js:5: boom|-1\n"
	                    "3|c|failed|gone|-1\n"
	                    "3|passes|passed||250\n"
	                    "3|waits|skipped||-1\n"
	                    "3|repeats|flaky|once|2000\n"
	                    "3|gives up|failed|a|-1\n"
	                    "3|a.spec.js:4 given|failed|x|-1\n");
	unlink(path);
}

static void lines_of_errors_are_plain(void **state)
{
	cleanup_free char *line = text_first_line("\n \x1b[31;1mno\x1b[0m way \nmore"),
			  *end = text_first_line("a\x1b[");

	(void)state;
	assert_string_equal(line, "no way ");
	assert_string_equal(end, "a");
}

static void names_of_tests_have_parts(void **state)
{
	static const struct {
		const char *test, *file;
		int line;
		const char *name;
	} cases[] = {
		{ "e2e/cart.spec.js:12 cart › adds", "e2e/cart.spec.js", 12, "cart › adds" },
		{ "cart.test.js adds 1:2", "cart.test.js", 0, "adds 1:2" },
		{ "com.shop.CartTest adds", "com.shop.CartTest", 0, "adds" },
		{ "github.com/a/b TestX/y", "github.com/a/b", 0, "TestX/y" },
		{ "harbour TestX", "", 0, "harbour TestX" },
		{ "adds. and more", "", 0, "adds. and more" },
		{ ".5 is half", "", 0, ".5 is half" },
		{ ":12 x", "", 0, ":12 x" },
		{ "12 x", "", 0, "12 x" },
		{ "a.js:3", "", 0, "a.js:3" },
		{ " x", "", 0, " x" },
		{ "", "", 0, "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		size_t len;
		int line;
		const char *name = test_split(cases[i].test, &len, &line);
		cleanup_free char *file = str_copy_len(cases[i].test, len);

		assert_string_equal(file, cases[i].file);
		assert_int_equal(line, cases[i].line);
		assert_string_equal(name, cases[i].name);
	}
}

static int merged(const char *document, struct str *text)
{
	struct junit_totals totals = { 0 };
	struct str inner = { 0 };
	int ret = junit_merge(document, strlen(document), " [w1]", &inner, &totals);

	str_addf(text, "<testsuites>%s</testsuites>", inner.text ? inner.text : "");
	str_free(&inner);
	check_xml(text->text);
	return ret;
}

static void broken_files_stay_well_formed(void **state)
{
	static const char *const documents[] = {
		"",
		"no XML",
		"<testsuites><testsuite name=\"a\"><testcase name=\"b\"><failure>cut",
		"<testsuite><evil/><testcase/></testsuite>x",
		"<a><b></a>",
		"<!DOCTYPE x [<!ENTITY e \"eeee\"><!ENTITY f \"&e;&e;\">]><testsuite "
		"name=\"&f;\"/>",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(documents) / sizeof(*documents); i++) {
		struct str text = { 0 };

		assert_int_equal(merged(documents[i], &text), -EBADMSG);
		assert_null(strstr(text.text, "eeee"));
		str_free(&text);
	}
}

static void strangers_are_left_out_of_a_merge(void **state)
{
	struct str text = { 0 };

	(void)state;
	assert_int_equal(
		merged("<testsuite name=\"s\"><script>alert(1)</script><testcase name=\"t\" "
	               "x:y=\"1\"><system-out>a\nb</system-out>"
	               "</testcase></testsuite>",
	               &text),
		0);
	assert_null(strstr(text.text, "alert"));
	assert_non_null(strstr(text.text, "name=\"s [w1]\""));
	assert_non_null(strstr(text.text, "<system-out>a\nb</system-out>"));
	str_free(&text);
}

static void deep_documents_end(void **state)
{
	struct str deep = { 0 }, text = { 0 };

	(void)state;
	for (int i = 0; i < 1000; i++)
		str_add(&deep, "<testsuite>");
	assert_int_equal(merged(deep.text, &text), -E2BIG);
	str_free(&deep);
	str_free(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cases_have_place_status_and_error),
		cmocka_unit_test(lines_of_errors_are_plain),
		cmocka_unit_test(names_of_tests_have_parts),
		cmocka_unit_test(broken_files_stay_well_formed),
		cmocka_unit_test(strangers_are_left_out_of_a_merge),
		cmocka_unit_test(deep_documents_end),
	};

	return cmocka_run_group_tests(tests, begin, finish);
}
