/* SPDX-License-Identifier: MIT */
/* How the formats write text, times and JSON. */
#include <stdlib.h>

#include "tools/base/cleanup.h"
#include "tools/report/private.h"

/*
 * Length of a character at @plain that XML 1.0 section 2.2 forbids, also as a reference; 0 = it is
 * allowed. In UTF-8 U+FFFE and U+FFFF are three bytes.
 */
static size_t forbidden_len(const char *plain)
{
	if (str_starts(plain, "\xef\xbf\xbe") || str_starts(plain, "\xef\xbf\xbf"))
		return 3;
	return (unsigned char)*plain < ' ' && *plain != '\n' && *plain != '\t';
}

static const char *entity_of(char one)
{
	switch (one) {
	case '&': return "&amp;";
	case '<': return "&lt;";
	case '>': return "&gt;";
	case '"': return "&quot;";
	case '\'': return "&#39;";
	default: return NULL;
	}
}

void text_add_escaped(struct str *text, const char *plain)
{
	while (*plain) {
		size_t len = forbidden_len(plain);
		const char *entity = len ? "?" : entity_of(*plain);

		if (entity)
			str_add(text, entity);
		else
			str_add_len(text, plain, 1);
		plain += len ? len : 1;
	}
}

void text_add_seconds(struct str *text, int64_t ms)
{
	str_addf(text, "%lld.%03lld", (long long)(ms / 1000), (long long)(ms % 1000));
}

void text_add_json(struct str *text, json_t *json, size_t flags)
{
	cleanup_free char *dump = json_dumps(json, flags);

	json_decref(json);
	str_addf(text, "%s\n", dump);
}
