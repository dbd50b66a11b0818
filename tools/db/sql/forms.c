/* SPDX-License-Identifier: MIT */
/* Fill in forms; see forms.h. */
#include "tools/db/sql/forms.h"

#include <string.h>

void form_add_quoted(struct str *out, const char *text)
{
	str_add(out, strchr(text, '\\') ? " E'" : "'");
	for (; *text; text++) {
		if (*text == '\'' || *text == '\\')
			str_add_len(out, text, 1);
		str_add_len(out, text, 1);
	}
	str_add(out, "'");
}

/* In a shared database there is no suffix to take. */
static void add_suffix(struct str *out, const struct parse *parse)
{
	if (parse_is_own(parse))
		str_addf(out, "pg_catalog.right(pg_catalog.current_database(),%zu)",
		         parse->names->suffix_len);
	else
		form_add_quoted(out, parse->names->suffix);
}

/* WHEN x='cut' THEN 'whole' for each name that was too long for the suffix; @column ends at ; */
static void add_cut_names(struct str *out, const struct names *names, const char *column)
{
	int len = (int)strcspn(column, ";");

	for (size_t i = 0; names->cut_physical && names->cut_physical[i]; i++) {
		str_addf(out, " WHEN %.*s=", len, column);
		form_add_quoted(out, names->cut_physical[i]);
		str_add(out, " THEN ");
		form_add_quoted(out, names->cut_logical[i]);
		str_add(out, "::pg_catalog.name");
	}
	str_add(out, " ");
}

void form_add(struct str *out, const struct parse *parse, const char *form)
{
	for (; *form; form++) {
		if (*form != '%') {
			str_add_len(out, form, 1);
			continue;
		}
		switch (*++form) {
		case 'N': str_addf(out, "%zu", parse->names->suffix_len); break;
		case 'S': add_suffix(out, parse); break;
		case 'C':
			add_cut_names(out, parse->names, form + 1);
			form += strcspn(form, ";");
			break;
		default: str_add(out, "%"); break;
		}
	}
}

/* Put our own SQL in front of @at and behind @end. */
void form_enclose(struct parse *parse, size_t at, const char *before, size_t end, const char *after)
{
	cleanup_str struct str one = { 0 }, two = { 0 };

	form_add(&one, parse, before);
	form_add(&two, parse, after);
	parse_enclose(parse, at, one.text, end, two.text);
}
