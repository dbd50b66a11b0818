/* SPDX-License-Identifier: MIT */
/*
 * A short statement is searched as it stands. In a long one, which is an INSERT of many megabytes
 * as a rule, a word counts only where the rules of rewrite.c may find it: in a name, or anywhere if
 * the statement has strings that are programs or connection strings. So data may speak of
 * databases.
 *
 * Memory is bounded: a scan keeps the end of the last piece, and the beginning of a name that the
 * piece has cut.
 */
#include "tools/db/sql/mention.h"

#include <string.h>
#include <strings.h>

#include "tools/base/cleanup.h"
#include "tools/db/sql/value.h"

/*
 * More than any word that is searched, and than any name that is known: PostgreSQL cuts names to 63
 * bytes.
 */
enum { SEAM = 512 };

static const char *const words[] = {
	"database",     "datname",     "_catalog",    "dbname",
	"prepare",      "postgres://", "u&\"",        "postgresql://",
	"pg_stat_",     "pg_lock",     "pg_shdesc",   "pg_db_role",
	"pg_terminate", "pg_cancel",   "pg_get_repl", "pg_replication_slots",
};

/* Behind these names, rewrite.c and rewrite_connect.c read strings. */
static const struct {
	const char *name;
	bool is_first; /* only as the first word of a statement: not ON CONFLICT DO */
	bool is_prefix;
	bool is_call; /* only in front of a bracket */
} string_readers[] = {
	{ .name = "do", .is_first = true },
	{ .name = "function" },
	{ .name = "procedure" },
	{ .name = "server" },
	{ .name = "subscription" },
	{ .name = "regclass" },
	{ .name = "regtype" },
	{ .name = "regproc" },
	{ .name = "regprocedure" },
	{ .name = "dblink", .is_prefix = true },
	{ .name = "pg_", .is_prefix = true, .is_call = true },
	{ .name = "has_", .is_prefix = true, .is_call = true },
	{ .name = "to_reg", .is_prefix = true, .is_call = true },
	{ .name = "nextval", .is_prefix = true, .is_call = true },
	{ .name = "currval", .is_prefix = true, .is_call = true },
	{ .name = "setval", .is_prefix = true, .is_call = true },
};

struct mention_scan {
	const struct names *names;
	struct lexer lexer;
	char joint[2 * SEAM]; /* the end of what was read, then the beginning of the next piece */
	size_t seam_len;
	bool in_text; /* mention_in_text() is true of what was read, strings and comments too */
	bool in_name; /* a name mentions a database */
	bool reads_strings;   /* one of string_readers was there */
	bool behind_start;    /* a token of this statement was there */
	bool behind_known;    /* the last token is the known name of a database */
	bool behind_function; /* the last token is the name of a function in string_readers */
	bool behind_escaped;  /* the last token is U&"name": UESCAPE may give it another value */
	bool has_ended;
};

static bool has_word(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		char first = (char)(text[i] | 32);

		if (first != 'd' && text[i] != '_' && first != 'p' && first != 'u')
			continue;
		for (size_t word = 0; word < ARRAY_LEN(words); word++)
			if (len - i >= strlen(words[word]) &&
			    !strncasecmp(text + i, words[word], strlen(words[word])))
				return true;
	}
	return false;
}

/*
 * Does @text hold @name, which a statement may write in any case? In front of a quote in the name
 * there may be another one, so only the part before is searched.
 */
static bool has_known(const char *text, size_t len, const char *name)
{
	size_t name_len = strcspn(name, "\"'\\");

	for (size_t i = 0; i + name_len <= len; i++)
		if (!name_len || ((text[i] ^ *name) & ~32) == 0)
			if (!strncasecmp(text + i, name, name_len))
				return true;
	return false;
}

bool mention_in_text(const struct names *names, const char *text, size_t len)
{
	if (has_word(text, len))
		return true;
	for (char **known = names->known; known && *known; known++)
		if (has_known(text, len, *known))
			return true;
	return names_has_suffix(names, text, len);
}

/* --- a statement in pieces --- */

struct mention_scan *mention_open(const struct names *names, bool plain_strings)
{
	struct mention_scan *scan = mem_alloc(sizeof(*scan));

	scan->names = names;
	scan->lexer.plain_strings = plain_strings;
	return scan;
}

static void note_reader(struct mention_scan *scan, const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_LEN(string_readers); i++) {
		size_t reader_len = strlen(string_readers[i].name);

		if ((string_readers[i].is_prefix ? len < reader_len : len != reader_len) ||
		    strncasecmp(name, string_readers[i].name, reader_len))
			continue;
		if (string_readers[i].is_call)
			scan->behind_function = true;
		else if (!string_readers[i].is_first || !scan->behind_start)
			scan->reads_strings = true;
	}
}

static bool is_known(const struct names *names, const char *text, const struct token *token)
{
	cleanup_free char *name = names->known ? token_value(text, token) : NULL;

	return name && names_is_known(names, name, strlen(name));
}

static void note_name(struct mention_scan *scan, const char *name, size_t len)
{
	note_reader(scan, name, len);
	scan->in_name |= scan->in_text &&
	                 (has_word(name, len) || names_has_suffix(scan->names, name, len));
}

/* @text is that of the token, whose offsets count from there. */
static void note_token(struct mention_scan *scan, const char *text, const struct token *token)
{
	bool is_sign = token->kind == TOKEN_OPERATOR && token->len == 1;

	/* NAME.schema.table; a name without a point may be that of a table */
	if ((scan->behind_known && is_sign && *text == '.') || token->kind == TOKEN_LONG_TAG ||
	    (scan->behind_escaped && lexer_is_word(text, token, "uescape")))
		scan->in_name = true;
	scan->reads_strings |= scan->behind_function && is_sign && *text == '(';
	scan->behind_function = false;
	scan->behind_known = false;
	scan->behind_escaped = token->kind == TOKEN_UQUOTED;
	if (scan->behind_escaped) {
		cleanup_free char *name = token_value(text, token);

		note_name(scan, name, strlen(name));
		scan->behind_known = is_known(scan->names, text, token);
	} else if (token_is_name(token)) {
		note_name(scan, text + token->body, token->body_len);
		scan->behind_known = is_known(scan->names, text, token);
	}
	scan->behind_start = !is_sign || *text != ';';
}

static size_t min_of(size_t a, size_t b)
{
	return a < b ? a : b;
}

/*
 * A token that began in an earlier piece is in the joint. What the joint does not hold is left out.
 */
static void note_lexed(struct mention_scan *scan, const struct token *token, size_t joint_len)
{
	const struct lexer *lexer = &scan->lexer;
	struct token own = { .kind = token->kind, .len = token->len };
	const char *text = scan->joint;

	if (token->at >= lexer->begin) {
		text = lexer->piece + (token->at - lexer->begin);
	} else if (lexer->begin - token->at > scan->seam_len) {
		own.len = 0;
	} else {
		text += scan->seam_len - (lexer->begin - token->at);
		own.len = (uint32_t)min_of(own.len, (size_t)(scan->joint + joint_len - text));
	}
	own.body = min_of(token->body - token->at, own.len);
	own.body_len = (uint32_t)min_of(token->body_len, own.len - own.body);
	note_token(scan, text, &own);
}

static void read_piece(struct mention_scan *scan, const char *piece, size_t len, bool is_last)
{
	size_t head = min_of(len, SEAM), joint_len = scan->seam_len + head;
	struct token token;

	memcpy(scan->joint + scan->seam_len, piece, head);
	scan->in_text = scan->in_text || mention_in_text(scan->names, scan->joint, joint_len) ||
	                mention_in_text(scan->names, piece, len);
	lexer_feed(&scan->lexer, piece, len, is_last);
	while (lexer_next(&scan->lexer, &token))
		note_lexed(scan, &token, joint_len);
	scan->seam_len = min_of(joint_len, SEAM);
	if (len > SEAM)
		memcpy(scan->joint, piece + len - SEAM, SEAM);
	else
		memmove(scan->joint, scan->joint + joint_len - scan->seam_len, scan->seam_len);
}

bool mention_feed(struct mention_scan *scan, const char *piece, size_t len)
{
	size_t text_len = strnlen(piece, len);
	struct mention_scan end;

	if (scan->has_ended)
		return false;
	scan->has_ended = text_len < len;
	read_piece(scan, piece, text_len, false);
	end = *scan;
	read_piece(&end, "", 0, true);
	return end.in_name || (end.reads_strings && end.in_text);
}
