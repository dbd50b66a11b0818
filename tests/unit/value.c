/* SPDX-License-Identifier: MIT */
/* The value of a name or a string, however it is written. */
#include "tests/unit/test.h"

#include "tools/base/cleanup.h"
#include "tools/base/str.h"
#include "tools/db/sql/value.h"

/* @text is one token, without a clause UESCAPE. */
static void check_with(const char *text, bool plain, const char *want)
{
	struct lexer lexer = { .plain_strings = plain };
	cleanup_free char *value = NULL;
	struct token token;

	lexer_feed(&lexer, text, strlen(text), true);
	assert_true(lexer_next(&lexer, &token));
	value = token_value(text, &token);
	if (strcmp(value, want))
		fail_msg("%s: %s, want %s", text, value, want);
}

static void check(const char *text, const char *want)
{
	check_with(text, true, want);
}

static void names(void **state)
{
	(void)state;
	check("PG_Database", "pg_database");
	check("\"PG_Database\"", "PG_Database");
	check("\"a\"\"b\"", "a\"b");
	check("\"a\\b\"", "a\\b");
	check("U&\"d\\0061t\\+000061\\\\\"\"\"", "data\\\"");
	check("u&\"\\00e4\\20ac\\+01d11e\\D834\\DD1E\"", "ä€𝄞𝄞");
	check("U&\"\\00\\+0061\\\"", "\\00\\+0061\\");
}

static void strings(void **state)
{
	(void)state;
	check("'it''s'", "it's");
	check("'a\\n'", "a\\n");
	check("N'a'", "a");
	check("$x$it's \\ $x$", "it's \\ ");
	check("'a' -- it's\n \t'b''c'", "ab'c");
	check("U&'\\0061''b'", "a'b");
	check_with("'a\\'b\\\\'", false, "a'b\\");
}

static void escapes(void **state)
{
	(void)state;
	check("E'it\\'s''\\\\'", "it's'\\");
	check("e'\\t\\x41\\x4a4\\101\\1012\\q'", "\tAJ4AA2q");
	check("E'\\u00e4\\U0001d11e\\uD834\\uDD1E'", "ä𝄞𝄞");
	check("E'a'\n'\\''", "a'");
	check("E'\\u12\\", "\\u12\\");
}

static void escape_sign_of_the_clause(void **state)
{
	const char text[] = "U&\"d!0061\\!!\" uescape '!'";
	struct token token = {
		.kind = TOKEN_UQUOTED, .len = sizeof(text) - 1, .body = 3, .body_len = 9
	};
	cleanup_free char *value = token_value(text, &token);

	(void)state;
	assert_string_equal(value, "da\\!");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(strings),
		cmocka_unit_test(escapes),
		cmocka_unit_test(escape_sign_of_the_clause),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
