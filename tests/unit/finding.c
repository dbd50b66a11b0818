/* SPDX-License-Identifier: MIT */
/* tools/watch: fingerprints, allow rules, baselines, growth of a number, names of frames, marks. */
#include "tests/unit/test.h"

#include <stdio.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/base/file.h"
#include "tools/base/str.h"
#include "tools/watch/finding/finding.h"
#include "tools/watch/lookup/symbol.h"
#include "tools/watch/mark.h"
#include "tools/watch/model/measurements.h"

static struct watch_finding *example(void)
{
	struct watch_finding *finding = finding_new(FINDING_leaked_listener);

	finding->worker = 3;
	finding->task = str_copy("checkout");
	strv_add(&finding->tests, "pays by card");
	finding->port = 3101;
	finding->real_port = 20113;
	finding->pid = 77;
	finding->command = str_copy("/usr/bin/node /home/dana/shop/server.js --port 3101");
	strv_add(&finding->stack, "listen at ../sysdeps/unix/syscall-template.S:120");
	strv_add(&finding->stack, "start at /home/dana/shop/server.c:31");
	finding_set_fingerprint(finding);
	return finding;
}

static void the_fingerprint_names_the_problem(void **state)
{
	struct watch_finding *a = example(), *b = example(), *c = example();

	(void)state;
	b->worker = 5;
	b->real_port = 29999;
	b->pid = 78;
	free(b->command);
	b->command = str_copy("node server.js"); /* another installation */
	free(b->stack[1]);
	b->stack[1] = str_copy("start at /elsewhere/server.c:99"); /* edited */
	finding_set_fingerprint(b);
	assert_string_equal(a->fingerprint, b->fingerprint);
	c->port = 3103;
	finding_set_fingerprint(c);
	assert_string_not_equal(a->fingerprint, c->fingerprint);
	b->limit = "memory is near";
	finding_set_fingerprint(b);
	assert_string_not_equal(a->fingerprint, b->fingerprint);
	finding_free(a);
	finding_free(b);
	finding_free(c);
}

static void numbered_tasks_are_copies(void **state)
{
	struct watch_finding *a = example(), *b = example();

	(void)state;
	free(a->task);
	free(b->task);
	a->task = str_copy("1");
	b->task = str_copy("12");
	finding_set_fingerprint(a);
	finding_set_fingerprint(b);
	assert_string_equal(a->fingerprint, b->fingerprint);
	finding_free(a);
	finding_free(b);
}

static void rules_let_pass_what_they_name(void **state)
{
	static const struct {
		struct finding_rule rule;
		bool allowed;
	} rows[] = {
		{ { .port_first = 3101, .port_last = 3101 }, true },
		{ { .port_first = 3102, .port_last = 3102 }, false },
		{ { .port_first = 3100, .port_last = 3110 }, true },
		{ { .port_first = 3102, .port_last = 3110 }, false },
		{ { .program = "node" }, true },
		{ { .program = "nod" }, false },
		{ { .program = "node*", .port_first = 3101, .port_last = 3101 }, true },
		{ { .program = "node", .port_first = 1, .port_last = 1 }, false },
		{ { .program = "node*", .stack = "stop" }, false },
		{ { .stack = "start" }, true },
		{ { .stack = "st?rt at" }, true },
		{ { .stack = "stop" }, false },
	};
	struct watch_finding *finding = example();

	(void)state;
	assert_false(finding_allowed(finding, NULL, 0));
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (finding_allowed(finding, &rows[i].rule, 1) != rows[i].allowed)
			fail_msg("rule %zu: want %s", i, rows[i].allowed ? "allowed" : "reported");
	finding_free(finding);
}

static void a_baseline_is_the_first_word_of_each_line(void **state)
{
	char path[] = "/tmp/berth-baseline-test.XXXXXX";
	static const char text[] = "# 0123456789abcdef is a comment\n0123456789abcdef "
				   "leaked_listener\n0123 too short\n"
				   "fedcba9876543210\n";
	char **known;

	(void)state;
	close(mkstemp(path));
	assert_int_equal(file_put(path, text), 0);
	assert_int_equal(finding_baseline_read(path, &known), 0);
	assert_int_equal(strv_len(known), 2);
	assert_string_equal(known[0], "0123456789abcdef");
	assert_string_equal(known[1], "fedcba9876543210");
	strv_free(known);
	unlink(path);
	assert_int_equal(finding_baseline_read(path, &known),
	                 0); /* a missing file is an empty baseline */
	assert_null(known);
}

static int growth_of(int (*value)(int at), int samples)
{
	struct measurements series = { 0 };

	for (int i = 0; i < samples; i++)
		measurements_add(&series, value(i));
	return measurements_growth(&series);
}

static int steady(int at)
{
	return 10 + at * 2;
}

static int at_the_start(int at)
{
	return at < 5 ? 10 + at * 40 : 200;
}

static int up_and_down(int at)
{
	return 100 + (at % 10) * 20;
}

static int constant(int at)
{
	return 50 + (at & 0);
}

static void only_what_keeps_growing_grows(void **state)
{
	(void)state;
	assert_int_equal(growth_of(steady, 50), 98);
	assert_true(growth_of(steady, 10000) > 19000); /* more values than are kept */
	assert_int_equal(growth_of(at_the_start, 50), 0);
	assert_int_equal(growth_of(up_and_down, 100), 0);
	assert_int_equal(growth_of(constant, 100), 0);
	assert_int_equal(growth_of(steady, 5), 0); /* too few values */
}

static void script_frames_have_their_place(void **state)
{
	static const struct {
		const char *name, *want;
	} rows[] = {
		{ "JS:*listen /app/server.js:12:5", "listen at /app/server.js:12" },
		{ "JS:~ /app/server.js:12:5", "(anonymous) at /app/server.js:12" },
		{ "LazyCompile:^open node:net:1900:20", "open at node:net:1900" },
		{ "Interpreter", "Interpreter" },
		{ "RegExp:^a b$", "RegExp:^a b$" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char *got = symbol_parse_script(rows[i].name, strlen(rows[i].name));

		assert_string_equal(got, rows[i].want);
		free(got);
	}
}

static void perf_maps_are_searched(void **state)
{
	static const char text[] = "1000 100 first\nrubbish\n2000 10 second\n1080 10 again\n";
	size_t len;

	(void)state;
	assert_memory_equal(symbol_parse_perf_map(text, sizeof(text) - 1, 0x1000, &len), "first",
	                    5);
	/* the last line that covers an address is valid */
	assert_memory_equal(symbol_parse_perf_map(text, sizeof(text) - 1, 0x1085, &len), "again",
	                    5);
	assert_int_equal(len, 5);
	assert_null(symbol_parse_perf_map(text, sizeof(text) - 1, 0x1100, &len));
	assert_null(symbol_parse_perf_map("", 0, 0x1000, &len));
}

/* docs/events.md: what is not known is null. */
static void the_test_is_null_unless_it_is_one(void **state)
{
	struct watch_finding *finding = example();
	json_t *json = finding_json(finding);

	(void)state;
	assert_string_equal(json_string_value(json_object_get(json, "test")), "pays by card");
	assert_null(json_object_get(json, "tests"));
	json_decref(json);

	strv_add(&finding->tests, "pays in cash");
	json = finding_json(finding);
	assert_true(json_is_null(json_object_get(json, "test")));
	assert_int_equal(json_array_size(json_object_get(json, "tests")), 2);
	json_decref(json);

	strv_free(steal(&finding->tests));
	json = finding_json(finding);
	assert_true(json_is_null(json_object_get(json, "test")));
	assert_null(json_object_get(json, "tests"));
	json_decref(json);
	finding_free(finding);
}

static char *tests_at(const struct marks *marks, int64_t ago_ms, const char *slot)
{
	char **found = marks_find(marks, 1, clock_ns() - ago_ms * 1000000, slot);
	struct str text = { 0 };

	for (char **name = found; name && *name; name++)
		str_addf(&text, "%s%s", text.len ? "," : "", *name);
	strv_free(found);
	return str_take(&text);
}

static struct marks *open_marks(void)
{
	const struct marks_owner nobody = { 0 };
	struct marks *marks;

	assert_int_equal(marks_open(NULL, NULL, &nobody, &marks), 0);
	return marks;
}

static bool add_mark(struct marks *marks, int64_t ago_ms, enum mark_kind kind, const char *slot,
                     const char *name)
{
	const struct mark mark = { kind, clock_wall_ns() - ago_ms * 1000000, slot, name };

	return marks_add(marks, 1, &mark) != 0;
}

static void tests_of_a_slot_follow_each_other(void **state)
{
	static const struct {
		int64_t ago_ms;
		enum mark_kind kind;
		const char *slot, *name;
	} lines[] = {
		{ 9000, MARK_BEGUN, "@7", "a" },
		{ 8500, MARK_BEGUN, "@8", "x" },
		{ 7000, MARK_ENDED, "@7", "a" },
		{ 8000, MARK_BEGUN, "@7", "b" }, /* told late, and the end of a, too */
		{ 6000, MARK_BEGUN, "@7", "c" }, /* nobody told the end of b */
		{ 6000, MARK_BEGUN, "@8", "c" }, /* the same test, twice */
		{ 5000, MARK_ENDED, "@7", "c" },
		{ 4000, MARK_ENDED, "", "c" },
	};
	static const struct {
		int64_t ago_ms;
		const char *tests, *of_7, *of_8;
	} wanted[] = { { 8700, "a", "a", "" },    { 8200, "a,x", "a", "x" },
		       { 7500, "x,b", "b", "x" }, { 5500, "c", "c", "c" },
		       { 4500, "c", "", "c" },    { 3000, "", "", "" } };
	struct marks *marks = open_marks();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		add_mark(marks, lines[i].ago_ms, lines[i].kind, lines[i].slot, lines[i].name);
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
		char *all = tests_at(marks, wanted[i].ago_ms, NULL);
		char *of_7 = tests_at(marks, wanted[i].ago_ms, "@7");
		char *of_8 = tests_at(marks, wanted[i].ago_ms, "@8");

		assert_string_equal(all, wanted[i].tests);
		assert_string_equal(of_7, wanted[i].of_7);
		assert_string_equal(of_8, wanted[i].of_8);
		free(all);
		free(of_7);
		free(of_8);
	}
	marks_close(marks);
}

static void tests_run_side_by_side(void **state)
{
	static const struct {
		int64_t ago_ms;
		enum mark_kind kind;
		const char *name;
		bool is_new;
	} lines[] = {
		{ 9000, MARK_TEST, "old", true },
		{ 8000, MARK_TEST, "next", true },
		{ 7000, MARK_TEST, "", true },
		{ 5000, MARK_BEGUN, "a", true },
		{ 4000, MARK_BEGUN, "b", true },
		{ 2000, MARK_ENDED, "a", false },
		{ 2000, MARK_ENDED, "a", false },
		{ 6000, MARK_BEGUN, "b", false }, /* told late */
		{ 1500, MARK_BEGUN, "a", true },
		{ 1000, MARK_TEST, "", true },
		{ 500, MARK_ENDED, "never", false },
	};
	static const struct {
		int64_t ago_ms;
		const char *tests;
	} wanted[] = { { 9500, "" },  { 8500, "old" }, { 7500, "next" },
		       { 6500, "" },  { 5500, "b" },   { 3000, "a,b" },
		       { 1700, "b" }, { 1200, "b,a" }, { 100, "" } };
	struct marks *marks = open_marks();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		assert_int_equal(add_mark(marks, lines[i].ago_ms, lines[i].kind, "", lines[i].name),
		                 lines[i].is_new);
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
		char *tests = tests_at(marks, wanted[i].ago_ms, NULL);

		assert_string_equal(tests, wanted[i].tests);
		free(tests);
	}
	marks_close(marks);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_fingerprint_names_the_problem),
		cmocka_unit_test(numbered_tasks_are_copies),
		cmocka_unit_test(rules_let_pass_what_they_name),
		cmocka_unit_test(a_baseline_is_the_first_word_of_each_line),
		cmocka_unit_test(only_what_keeps_growing_grows),
		cmocka_unit_test(script_frames_have_their_place),
		cmocka_unit_test(perf_maps_are_searched),
		cmocka_unit_test(the_test_is_null_unless_it_is_one),
		cmocka_unit_test(tests_of_a_slot_follow_each_other),
		cmocka_unit_test(tests_run_side_by_side),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
