/* SPDX-License-Identifier: MIT */
/* str_redacted(), str_shell_word(), str_plain(). */
#include "tests/unit/test.h"

#include "tools/base/str.h"

static void passwords_are_found(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "postgresql://u:secret@h:5432/d", "postgresql://u:***@h:5432/d" },
		{ "postgresql://u:se,cr'et@h/d", "postgresql://u:***@h/d" },
		{ "postgresql://u:se?cret@h/d", "postgresql://u:***@h/d" },
		{ "postgresql://u:secr@et@h/d", "postgresql://u:***@h/d" },
		{ "postgresql://u:@h/d", "postgresql://u:***@h/d" },
		{ "postgresql://h/d?password=secret&sslmode=require",
		  "postgresql://h/d?password=***&sslmode=require" },
		{ "jdbc:postgresql://h/d?password=secret", "jdbc:postgresql://h/d?password=***" },
		{ "a://u:secret@h/?password=secret", "a://u:***@h/?password=***" },
		{ "a://u:secret@h,b://v:secret@h/", "a://u:***@h,b://v:***@h/" },
		{ "psql 'a://u:secret@h' \"b://v:secret@h\"",
		  "psql 'a://u:***@h' \"b://v:***@h\"" },
		{ "curl http://localhost:3101/x me@example.org",
		  "curl http://localhost:3101/x me@example.org" },
		{ "curl http://localhost:3101 me@example.org",
		  "curl http://localhost:3101 me@example.org" },
		{ "http://localhost:3101/u:me@example.org",
		  "http://localhost:3101/u:me@example.org" },
		{ "\"http://localhost:3101\",\"me@example.org\"",
		  "\"http://localhost:3101\",\"me@example.org\"" },
		{ "nopassword=x&passwords=y", "nopassword=x&passwords=y" },
		{ "://", "://" },
		{ "", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *got = str_redacted(rows[i].text);

		assert_string_equal(got, rows[i].want);
		free(got);
	}
}

static void words_of_a_shell_are_quoted(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "/tmp/x-1_2.log", "/tmp/x-1_2.log" },
		{ "user@host:5432,a+b=c%d", "user@host:5432,a+b=c%d" },
		{ "my db", "'my db'" },
		{ "it's", "'it'\\''s'" },
		{ "$(id)", "'$(id)'" },
		{ "~", "'~'" },
		{ "", "''" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *got = str_shell_word(rows[i].text);

		assert_string_equal(got, rows[i].want);
		free(got);
	}
}

static void what_a_terminal_obeys_is_replaced(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "a\x1b[31mb\x7f", "a?[31mb?" },
		{ "a\nb\tc", "a?b\tc" },
		{ "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x9a\xa2",
		  "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x9a\xa2" },
		{ "csi \xc2\x9b", "csi ?" },
		{ "invalid \x9b \xc3(", "invalid ? ?(" },
		{ "reversed \xe2\x80\xae"
		  "gnp.sh",
		  "reversed ?gnp.sh" },
		{ "isolated \xe2\x81\xa6x\xe2\x81\xa9", "isolated ?x?" },
		{ "cut \xe2\x80", "cut ??" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *got = str_copy(rows[i].text);

		str_plain(got, "\t");
		assert_string_equal(got, rows[i].want);
		free(got);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(passwords_are_found),
		cmocka_unit_test(words_of_a_shell_are_quoted),
		cmocka_unit_test(what_a_terminal_obeys_is_replaced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
