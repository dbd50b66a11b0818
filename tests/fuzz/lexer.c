/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a statement:
 *
 *	tokens lie inside the text and in order, and are the same however the text is cut into
 *	pieces
 *	a statement that would be rewritten if it were held is noticed when it streams
 *	edits lie inside the text and in order
 */
#include <stdlib.h>

#include "tools/base/cleanup.h"
#include "tools/base/str.h"
#include "tools/db/sql/names.c"
#include "tools/db/sql/lexer.c"
#include "tools/db/sql/value.c"
#include "tools/db/sql/mention.c"
#include "tools/db/sql/parse.c"
#include "tools/db/sql/rewrite.c"
#include "tools/db/sql/forms.c"
#include "tools/db/sql/rewrite_call.c"
#include "tools/db/sql/rewrite_catalog.c"
#include "tools/db/sql/rewrite_connect.c"
#include "tools/db/sql/rewrite_database.c"

enum { TEXT_MAX = 4096, SPLITS_MAX = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/*
 * Read @text in pieces: the first ends at @at, each other has @step bytes. Return: the count of
 * tokens.
 */
static size_t read_tokens(const char *text, size_t len, bool plain, size_t at, size_t step,
                          struct token *ret_tokens)
{
	struct lexer lexer = { .plain_strings = plain };
	size_t count = 0, begin = 0;

	for (;; begin = at, at = len - at < step ? len : at + step) {
		/* a piece of its own: what is read behind its end is seen */
		cleanup_free char *piece = str_copy_len(text + begin, at - begin);

		lexer_feed(&lexer, piece, at - begin, at == len);
		while (lexer_next(&lexer, &ret_tokens[count]))
			count++;
		if (at == len)
			return count;
	}
}

static void check_order(const struct token *tokens, size_t count, size_t len)
{
	size_t behind = 0;

	for (size_t i = 0; i < count; i++) {
		const struct token *one = &tokens[i];

		if (one->at < behind || !one->len || one->at + one->len > len ||
		    one->body < one->at || one->body + one->body_len > one->at + one->len)
			abort();
		behind = one->at + one->len;
	}
}

static bool are_same(const struct token *a, const struct token *b)
{
	return a->kind == b->kind && a->at == b->at && a->len == b->len && a->body == b->body &&
	       a->body_len == b->body_len;
}

static void check_tokens(const char *text, size_t len, bool plain)
{
	static struct token whole[TEXT_MAX + 1], split[TEXT_MAX + 1];
	size_t count = read_tokens(text, len, plain, len, 1, whole);
	size_t stride = 1 + len / SPLITS_MAX;

	check_order(whole, count, len);
	for (size_t at = 0; at < len; at += stride) {
		/* all pieces of one byte, then two pieces */
		if (read_tokens(text, len, plain, at, at ? len : 1, split) != count)
			abort();
		for (size_t i = 0; i < count; i++)
			if (!are_same(&whole[i], &split[i]))
				abort();
	}
}

static void check_scan(const struct names *names, const char *text, size_t len, bool plain,
                       size_t piece)
{
	struct mention_scan *scan = mention_open(names, plain);
	bool found = false;

	for (size_t at = 0; at < len; at += piece)
		found = mention_feed(scan, text + at, len - at < piece ? len - at : piece);
	if (!found)
		abort();
	free(scan);
}

static void check_edits(const struct rewrite_result *result, const char *text, size_t len)
{
	size_t kept = 0;

	for (unsigned int i = 0; i < result->edit_count; i++) {
		const struct rewrite_edit *one = &result->edits[i];

		if (one->at < kept || one->at + one->removed > len)
			abort();
		kept = one->at + one->removed;
	}
	for (size_t at = 1; at <= strlen(result->text) + 1; at += 7)
		if (rewrite_position(result, text, at) > len + 1)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct rewrite_result result;
	struct names names;
	char *text;
	bool plain = len & 1;

	if (!len || len > TEXT_MAX)
		return 0;
	text = str_copy_len((const char *)data, len);
	len = strlen(text);
	check_tokens(text, len, plain);
	names_init(&names, "_t1_abcdefgh");
	names_learn(&names, "mes", 3);
	rewrite_statement(&(struct rewrite_session){ &names, len & 2 ? "mes" : "postgres", plain },
	                  text, len, &result);
	if ((result.changed || result.refusal) && mention_in_text(&names, text, len))
		for (size_t piece = 1; piece <= len; piece += 1 + len / 3)
			check_scan(&names, text, len, plain, piece);
	if (result.changed)
		check_edits(&result, text, len);
	rewrite_free(&result);
	names_free(&names);
	free(text);
	return 0;
}
