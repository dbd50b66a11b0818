/* SPDX-License-Identifier: MIT */
/* inputs_find(): what setup commands of usual projects depend on, relative to the project. */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/test.h"
#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/base/str.h"
#include "tools/db/common/digest.h"
#include "tools/db/template/inputs.h"

static char project[] = "/tmp/berth-inputs-XXXXXX";

static const struct {
	const char *path, *text;
} files[] = {
	{ "package.json",
	  "{\"scripts\": {\"db:migrate\": \"sh scripts/m.sh && npm run seed\","
	  "\"seed\": \"tsx scripts/fill\", \"predb:migrate\": \"true\", \"x\": \"y\"}}" },
	{ "package-lock.json", "1" },
	{ "yarn.lock", "1" },
	{ "scripts/m.sh", "psql -f extra/one.txt\necho >/etc/hostname" },
	{ "scripts/fill.ts", "import { a } from '../src/a'" },
	{ "src/a.ts", "" },
	{ "src/b.ts", "" },
	{ "extra/one.txt", "" },
	{ "extra/two.txt", "" },
	{ "db/migrations/1.sql", "" },
	{ "db/data/PG_VERSION", "15" },
	{ "db/data/base", "" },
	{ "packages/api/prisma/schema.prisma", "" },
	{ "packages/api/package.json",
	  "{\"scripts\": {\"api:migrate\": \"prisma migrate deploy\"}}" },
	{ "node_modules/a/migrations/1.sql", "" },
	{ "backend/manage.py", "" },
	{ "backend/shop/migrations/0001.py", "" },
	{ "backend/shop/views.py", "" },
	{ "backend/fixtures/demo.json", "" },
	{ "Makefile", "fill:\n\tsh scripts/m.sh" },
};

#define PLACES \
	"backend/shop/migrations/0001.py db/migrations/1.sql packages/api/prisma/schema.prisma"

static int make_project(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(project));
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		cleanup_free char *path = str_print("%s/%s", project, files[i].path);
		cleanup_free char *dir = str_copy_len(path, (size_t)(strrchr(path, '/') - path));

		assert_int_equal(dir_make(dir, 0755), 0);
		assert_int_equal(file_replace(path, files[i].text, strlen(files[i].text), 0644), 0);
	}
	return 0;
}

static int remove_project(void **state)
{
	(void)state;
	return dir_remove(project);
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Return: the names, sorted and separated by spaces. */
static char *found(const char *command, const char *glob, bool guess)
{
	char *globs[] = { (char *)(uintptr_t)glob, NULL };
	const struct inputs_search search = { project, command, glob ? globs : NULL, guess, NULL };
	cleanup_strv char **names = NULL;
	struct str text = { 0 };

	assert_int_equal(inputs_find(&search, &names), 0);
	if (names)
		qsort(names, strv_len(names), sizeof(*names), compare);
	for (char **name = names; name && *name; name++)
		str_addf(&text, "%s%s", text.len ? " " : "", *name);
	return str_take(&text);
}

static void inputs_of_usual_commands(void **state)
{
	static const struct {
		const char *command, *want;
	} rows[] = {
		{ "true", PLACES },
		{ "psql -f extra/one.txt", "backend/shop/migrations/0001.py db/migrations/1.sql "
		                           "extra/one.txt packages/api/prisma/schema.prisma" },
		{ "psql -f extra",
		  "backend/shop/migrations/0001.py db/migrations/1.sql "
		  "extra/one.txt extra/two.txt packages/api/prisma/schema.prisma" },
		{ "npm run --silent db:migrate",
		  "backend/shop/migrations/0001.py db/migrations/1.sql extra/one.txt "
		  "package-lock.json package.json: script db:migrate package.json: script "
		  "predb:migrate package.json: script seed packages/api/prisma/schema.prisma "
		  "scripts/fill.ts scripts/m.sh src/a.ts yarn.lock" },
		{ "pnpm --filter api api:migrate",
		  "backend/shop/migrations/0001.py db/migrations/1.sql package-lock.json "
		  "packages/api/package.json: script api:migrate "
		  "packages/api/prisma/schema.prisma yarn.lock" },
		{ "cd backend && python manage.py migrate",
		  "backend/manage.py backend/shop/migrations/0001.py db/migrations/1.sql "
		  "packages/api/prisma/schema.prisma" },
		{ "cd backend && ./manage.py loaddata demo",
		  "backend/fixtures/demo.json backend/manage.py backend/shop/migrations/0001.py "
		  "db/migrations/1.sql packages/api/prisma/schema.prisma" },
		{ "make fill", "Makefile backend/shop/migrations/0001.py db/migrations/1.sql "
		               "extra/one.txt packages/api/prisma/schema.prisma scripts/m.sh" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		cleanup_free char *got = found(rows[i].command, NULL, true);

		assert_string_equal(got, rows[i].want);
	}
}

static void inputs_replace_the_guess(void **state)
{
	cleanup_free char *some = found("npm run db:migrate", "{extra,src/b*}", false);
	cleanup_free char *none = found("npm run db:migrate", "nothing/*", false);
	cleanup_free char *named = found("sh scripts/m.sh", "src/b.ts", false);

	(void)state;
	assert_string_equal(some, "extra/one.txt extra/two.txt src/b.ts");
	assert_string_equal(none, "");
	assert_string_equal(named, "extra/one.txt scripts/m.sh src/b.ts");
}

static char *digest_of_project(const char *dir)
{
	cleanup_strv char **names = NULL;
	struct inputs_search search = { dir, "npm run db:migrate", NULL, true, NULL };

	assert_int_equal(digest_begin(&search.digest), 0);
	assert_int_equal(inputs_find(&search, &names), 0);
	return digest_end(search.digest);
}

static void a_copy_elsewhere_has_the_same_digest(void **state)
{
	cleanup_free char *moved = str_print("%s-moved", project), *script = NULL;
	cleanup_free char *first = digest_of_project(project), *second, *third;

	(void)state;
	assert_int_equal(rename(project, moved), 0);
	second = digest_of_project(moved);
	assert_int_equal(rename(moved, project), 0);
	script = str_print("%s/scripts/m.sh", project);
	assert_int_equal(file_replace(script, "x", 1, 0644), 0);
	third = digest_of_project(project);
	assert_string_equal(first, second);
	assert_string_not_equal(first, third);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(inputs_of_usual_commands),
		cmocka_unit_test(inputs_replace_the_guess),
		cmocka_unit_test(a_copy_elsewhere_has_the_same_digest),
	};

	return cmocka_run_group_tests(tests, make_project, remove_project);
}
