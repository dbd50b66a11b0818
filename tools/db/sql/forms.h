/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_FORMS_H
#define BERTH_DB_FORMS_H
/*
 * SQL of our own, as the rules put it into statements: strings in which %N is the length of the
 * suffix, %S an expression that gives it, %Cx; a WHEN for each name that was cut, %% a percent
 * sign. They have no backslashes, which an outer E'' would read.
 */
#include "tools/db/sql/parse.h"

#define OWN_NAME(column)      "pg_catalog.right(" column ",%N)=%S"
#define SHARED_NAME(column)   column " IN ('postgres','template0','template1')"
#define OWN_OR_SHARED(column) "(" SHARED_NAME(column) " OR " OWN_NAME(column) ")"
#define LOGICAL(column) \
	"CASE%C" column ";WHEN " OWN_NAME(column) " THEN pg_catalog.left(" column \
						  ",-%N)::pg_catalog.name ELSE " column " END"
#define OWN_OIDS \
	"(SELECT berth_o.oid FROM pg_catalog.pg_database berth_o WHERE " OWN_OR_SHARED( \
		"berth_o.datname") ")"
#define OWN_PIDS \
	"(SELECT berth_o.pid FROM pg_catalog.pg_stat_activity berth_o WHERE " OWN_NAME( \
		"berth_o.datname") " OR berth_o.pid=pg_catalog.pg_backend_pid())"
#define OWN_OR_NONE(column) "(" column " IS NULL OR " OWN_OR_SHARED(column) ")"

void form_add(struct str *out, const struct parse *parse, const char *form);
void form_add_quoted(struct str *out, const char *text);

/** parse_enclose() with two forms. */
void form_enclose(struct parse *parse, size_t at, const char *before, size_t end,
                  const char *after);

#endif
