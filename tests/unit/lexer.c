/* SPDX-License-Identifier: MIT */
/*
 * The tokens of SQL, as PostgreSQL's scan.l reads it; the same for a text as a whole and cut at
 * every place.
 */
#include "tests/unit/test.h"

#include <stdio.h>

#include "tools/base/cleanup.h"
#include "tools/base/str.h"
#include "tools/db/sql/lexer.h"

enum { TOKENS_MAX = 64 };

/* Append each token as KIND:BODY. */
static void show(const char *text, const struct token *tokens, size_t count, struct str *ret_shown)
{
	static const char *const kinds[] = {
		[TOKEN_WORD] = "word",     [TOKEN_QUOTED] = "quoted",
		[TOKEN_UQUOTED] = "U&",    [TOKEN_STRING] = "string",
		[TOKEN_ESTRING] = "E",     [TOKEN_OTHER_STRING] = "other",
		[TOKEN_DOLLAR] = "dollar", [TOKEN_LONG_TAG] = "long",
		[TOKEN_PARAM] = "param",   [TOKEN_NUMBER] = "number",
		[TOKEN_OPERATOR] = "sign",
	};

	for (size_t i = 0; i < count; i++)
		str_addf(ret_shown, "%s%s:%.*s", i ? " | " : "", kinds[tokens[i].kind],
		         (int)tokens[i].body_len, text + tokens[i].body);
}

/* Read @text in two pieces, each in memory of its own. */
static size_t read_split(const char *text, size_t len, size_t at, bool plain,
                         struct token *ret_tokens)
{
	cleanup_free char *one = str_copy_len(text, at), *two = str_copy_len(text + at, len - at);
	struct lexer lexer = { .plain_strings = plain };
	size_t count = 0;

	lexer_feed(&lexer, one, at, false);
	while (count < TOKENS_MAX && lexer_next(&lexer, &ret_tokens[count]))
		count++;
	lexer_feed(&lexer, two, len - at, true);
	while (count < TOKENS_MAX && lexer_next(&lexer, &ret_tokens[count]))
		count++;
	return count;
}

static void check(const char *text, bool plain, const char *want)
{
	size_t len = strlen(text);

	for (size_t at = 0; at <= len; at++) {
		struct token tokens[TOKENS_MAX];
		size_t count = read_split(text, len, at, plain, tokens);
		cleanup_str struct str shown = { 0 };

		show(text, tokens, count, &shown);
		if (strcmp(shown.text ? shown.text : "", want))
			fail_msg("%s\ncut at %zu: %s\nwant: %s", text, at, shown.text, want);
	}
}

static void words_numbers_and_operators(void **state)
{
	(void)state;
	check("", true, "");
	check("Select a_1$b,\t\xc3\xa4 from t", true,
	      "word:Select | word:a_1$b | sign:, | word:\xc3\xa4 | word:from | word:t");
	check("\"a\"\"b\".\"\"", true, "quoted:a\"\"b | sign:. | quoted:");
	check("u&\"d\\0061\" U&x u& u", true,
	      "U&:d\\0061 | word:U | sign:& | word:x | word:u | sign:& | word:u");
	check("1.5e3 0xff 1_000 $1 $12a", true,
	      "number:1 | sign:. | number:5e3 | number:0xff | number:1_000 | param:$1 | param:$12 "
	      "| word:a");
	check("a+-b<=c::d(@-1);", true,
	      "word:a | sign:+- | word:b | sign:<= | word:c | sign:: | sign:: | word:d | sign:( | "
	      "sign:@- | number:1 "
	      "| sign:) | sign:;");
}

static void strings(void **state)
{
	(void)state;
	check("'it''s' N'n' b'01' X'ff' u&'\\0061' e'\\'' ''", true,
	      "string:it''s | string:n | other:01 | other:ff | other:\\0061 | E:\\' | string:");
	check("'a\\' n'b\\''", true, "string:a\\ | string:b\\''");
	check("'a\\' n'b\\''", false, "E:a\\' n | word:b | sign:\\ | E:");
	check("be'x' 'open", true, "word:be | string:x | string:open");
	check("e'open\\", true, "E:open\\");
}

static void strings_go_on_in_another_line(void **state)
{
	(void)state;
	check("'a'\n'b'", true, "string:a'\n'b");
	check("'a' \t\r 'b'", true, "string:a' \t\r 'b");
	check("'a' 'b'", true, "string:a | string:b");
	check("'a' -- c'\n 'b'", true, "string:a' -- c'\n 'b");
	check("'a'\n--c\n--d\n'b'", true, "string:a'\n--c\n--d\n'b");
	check("'a' /* c */\n'b'", true, "string:a | string:b");
	check("'a'\n-'b'", true, "string:a | sign:- | string:b");
	check("'a'\n--c", true, "string:a");
	check("'a' -", true, "string:a | sign:-");
	check("e'a'\n'\\''", true, "E:a'\n'\\'");
	check("b'1'\n'0'", true, "other:1'\n'0");
	check("\"a\"\n\"b\"", true, "quoted:a | quoted:b");
}

static void dollar_quotes(void **state)
{
	char tag[LEXER_TAG_MAX + 2], text[2 * sizeof(tag) + 16], want[sizeof(text) + 16];

	(void)state;
	check("$$a'$x$$ $q$ $$ $Q$ $q$$1", true, "dollar:a'$x | dollar: $$ $Q$  | param:$1");
	check("$a$ $b$a$ $", true, "dollar: $b | sign:$");
	check("a$b$ $c e$'x'", true, "word:a$b$ | sign:$ | word:c | word:e$ | string:x");
	check("$e'\\'' $ab", true, "sign:$ | E:\\' | sign:$ | word:ab");
	check("1$$ ' $$", true, "number:1 | dollar: ' ");
	check("$$open$", true, "dollar:open$");
	memset(tag, 'a', LEXER_TAG_MAX);
	tag[LEXER_TAG_MAX] = 0;
	(void)snprintf(text, sizeof(text), "$%s$ ' $%s$ x", tag, tag);
	check(text, true, "dollar: '  | word:x");
	tag[LEXER_TAG_MAX] = 'a';
	tag[LEXER_TAG_MAX + 1] = 0;
	(void)snprintf(text, sizeof(text), "$%s$ ' $%s$ x", tag, tag);
	(void)snprintf(want, sizeof(want), "long: ' $%s$ x", tag);
	check(text, true, want);
}

static void comments(void **state)
{
	(void)state;
	check("a--b\nc-- d", true, "word:a | word:c");
	check("a/*/*b*/*/c/**/", true, "word:a | word:c");
	check("a/*/**/b", true, "word:a");
	check("a+--b\r*/*c*/-", true, "word:a | sign:+ | sign:* | sign:-");
	check("'a'--b", true, "string:a");
	check("a/**b", true, "word:a");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_numbers_and_operators),
		cmocka_unit_test(strings),
		cmocka_unit_test(strings_go_on_in_another_line),
		cmocka_unit_test(dollar_quotes),
		cmocka_unit_test(comments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
