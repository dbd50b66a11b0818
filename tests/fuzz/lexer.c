/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a statement: tokens lie inside the text and in order, rewriting keeps what it does not edit, and what has
 * been rewritten, rewritten again, stays as it is.
 */
#include <stdlib.h>

#include "tools/base/cleanup.h"
#include "tools/base/str.h"
#include "tools/db/sql/names.c"
#include "tools/db/sql/lexer.c"
#include "tools/db/proxy/wire.c"
#include "tools/db/sql/array.c"
#include "tools/db/sql/parse.c"
#include "tools/db/sql/rewrite.c"
#include "tools/db/sql/rewrite_catalog.c"
#include "tools/db/sql/rewrite_connect.c"
#include "tools/db/sql/rewrite_database.c"
#include "tools/db/sql/lookout.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_tokens(const char *text, size_t len, bool plain)
{
	struct lexer lexer = { .text = text, .len = len, .plain_strings = plain };
	size_t behind = 0;

	for (;;) {
		struct token token = lexer_next(&lexer);

		if (token.kind == TOKEN_END)
			return;
		if (token.at < behind || !token.len || token.at + token.len > len ||
		    token.body < token.at || token.body + token.body_len > token.at + token.len)
			abort();
		behind = token.at + token.len;
	}
}

/* What would be rewritten if it were held must be noticed when it streams, wherever the pieces end. */
static void check_lookout(const struct names *names, const char *text, size_t len, bool plain,
                          size_t piece)
{
	struct lookout *lookout = lookout_open(names, plain);
	bool seen = false;

	for (size_t at = 0; at < len; at += piece)
		seen = lookout_feed(lookout, text + at, len - at < piece ? len - at : piece);
	if (!seen)
		abort();
	free(lookout);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct rewrite_result result;
	struct names names;
	char *text;
	bool plain = len & 1;

	if (!len)
		return 0;
	text = str_copy_len((const char *)data, len);
	len = strlen(text);
	check_tokens(text, len, plain);
	names_init(&names, "_t1_abcdefgh");
	names_learn(&names, "mes", 3);
	rewrite_statement(&names, text, len, plain, &result);
	if ((result.changed || result.refused || result.params) &&
	    mention_in_text(&names, text, len))
		for (size_t piece = 1; piece <= len; piece += 1 + len / 3)
			check_lookout(&names, text, len, plain, piece);
	if (result.changed) {
		size_t kept = 0;

		for (unsigned int i = 0; i < result.edit_count; i++) {
			if (result.edits[i].at < kept ||
			    result.edits[i].at + result.edits[i].removed > len)
				abort();
			kept = result.edits[i].at + result.edits[i].removed;
		}
		for (size_t at = 1; at <= strlen(result.text) + 1; at += 7)
			if (rewrite_position(&result, text, at) > len + 1)
				abort();
	}
	rewrite_free(&result);
	names_free(&names);
	free(text);
	return 0;
}
