/* SPDX-License-Identifier: MIT */
/* How the formats write text, times and JSON. */
#include <stdlib.h>

#include "tools/base/cleanup.h"
#include "tools/report/private.h"

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
		size_t len = str_char_len(plain);
		const char *entity = *plain == '\n' || *plain == '\t' ? NULL
		                     : str_unsafe_len(plain)          ? "?"
		                                                      : entity_of(*plain);

		if (entity)
			str_add(text, entity);
		else
			str_add_len(text, plain, len);
		plain += len;
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
