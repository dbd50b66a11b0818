/* SPDX-License-Identifier: MIT */
/*
 * Which statements may name a database when they stream through the relay; each cut at every place.
 */
#include "tests/unit/test.h"

#include "tools/base/cleanup.h"
#include "tools/base/str.h"
#include "tools/db/sql/mention.h"

static bool scan_split(const struct names *names, const char *text, size_t len, size_t at)
{
	cleanup_free char *one = str_copy_len(text, at), *two = str_copy_len(text + at, len - at);
	struct mention_scan *scan = mention_open(names, true);
	bool found;

	(void)mention_feed(scan, one, at);
	found = mention_feed(scan, two, len - at);
	free(scan);
	return found;
}

static void check(const char *text, size_t len, bool want)
{
	struct names names;

	names_init(&names, "_t1_abcdefgh");
	names_learn(&names, "shop", 4);
	for (size_t at = 0; at <= len; at++)
		if (scan_split(&names, text, len, at) != want)
			fail_msg("%s, cut at %zu: not %s", text, at, want ? "true" : "false");
	names_free(&names);
}

static void check_text(const char *text, bool want)
{
	check(text, strlen(text), want);
}

static void data_may_speak_of_databases(void **state)
{
	(void)state;
	check_text("insert into shop values ('the database', $$dbname$$) on conflict do nothing",
	           false);
	check_text("select 1 -- drop database postgres", false);
	check_text("select E'\\' database ' /* datname */", false);
	check_text("select 'shop.public.t', 'x_t1_abcdefgh'", false);
	check_text("select functions, dbl from servers where t = 'database'", false);
	check("select 1\0drop database x", 24,
	      false); /* behind a Parse's statement are its types */
}

static void names_tell(void **state)
{
	(void)state;
	check_text("select datname", true);
	check_text("drop/**/DATABASE x", true);
	check_text("select x from \"table_catalog\"", true);
	check_text("select * from shop . public.t", true);
	check_text("select * from \"shop\" -- its\n.public.t", true);
	check_text("alter table x_t1_abcdefgh", true);
}

static void quotes_and_case_do_not_matter(void **state)
{
	(void)state;
	check_text("select pid from \"pg_stat_activity\"", true);
	check_text("select pid from u&\"pg\\005fstat_activity\"", true);
	check_text("select pid from U&\"pg!005fstat_activity\" /**/ UEscape '!'", true);
	check_text("select * from SHOP.public.t", true);
	check_text("select * from U&\"sh\\006fp\".public.t", true);
	check_text("select u&\"d\\0062link\"('dbname=x')", true);
	check_text("select u&\"d\\0061ta\", U&'it''s' uescape '!'", false);
}

static void strings_tell_where_they_are_read(void **state)
{
	(void)state;
	check_text("do $$ begin drop database x; end $$", true);
	check_text("select 1; do 'drop database x'", true);
	check_text("create function f() returns void as 'drop database x'", true);
	check_text("select 'shop.public.t'::regclass", true);
	check_text("select 'dbname=x', \"dblink_exec\"('y')", true);
	check_text("select 'x', dblink('y')", false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(data_may_speak_of_databases),
		cmocka_unit_test(names_tell),
		cmocka_unit_test(quotes_and_case_do_not_matter),
		cmocka_unit_test(strings_tell_where_they_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
