/* SPDX-License-Identifier: MIT */
/* tools/cli/settings: berth.yaml into settings: profiles, lists, aliases, and mistakes. */
#include <errno.h>
#include <stdio.h>

#include "tests/unit/test.h"
#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/cli/settings/config.h"

static struct config *read_good(const char *text)
{
	cleanup_strv char **errors = NULL;
	struct config *config = NULL;

	if (config_parse(text, strlen(text), "berth.yaml", &config, &errors))
		fail_msg("%s", errors ? errors[0] : "no message");
	assert_null(errors);
	return config;
}

static void test_empty_files(void **state)
{
	static const char *const texts[] = { "",           "\n",  "# nothing\n", "---\n",
		                             "---\n...\n", "~\n", "{}\n" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct config *config = read_good(texts[i]);
		struct cli cli = { 0 };

		config_apply(config, NULL, &cli);
		assert_int_equal(cli.run.workers, 0);
		config_free(config);
	}
}

static void test_profile_over_top(void **state)
{
	struct config *config = read_good(
		"workers: 4\nport: [3101, 3103]\nstrict: true\n"
		"profiles:\n  ci:\n    workers: 2\n    port: 5278\n  local:\n");
	struct cli ci = { 0 }, local = { 0 };

	(void)state;
	config_apply(config, "ci", &ci);
	assert_int_equal(ci.run.workers, 2);
	assert_int_equal(ci.run.ports.count, 1);
	assert_int_equal(ci.run.ports.ranges[0].first, 5278);
	assert_true(ci.run.strict);
	assert_int_equal(ci.set_by[OPTION_workers].line, 6);
	config_apply(config, "local", &local);
	assert_int_equal(local.run.workers, 4);
	assert_int_equal(local.run.ports.count, 2);
	cli_free(&ci);
	cli_free(&local);
	config_free(config);
}

static void test_databases(void **state)
{
	struct config *config = read_good("databases:\n"
	                                  "  - mes_e2e_db\n"
	                                  "  - postgresql://u:p%40w@localhost:5433/other\n"
	                                  "  - {kind: redis, port: 6379}\n"
	                                  "  - kind: command\n    port: 9200\n    start: "
	                                  "./search\n    ready: curl -f localhost:9200\n"
	                                  "    inputs: [a, b]\n    mode: private\n");
	struct cli cli = { 0 };
	const struct run_database *list;

	(void)state;
	config_apply(config, NULL, &cli);
	list = cli.run.database_list;
	assert_int_equal(cli.run.database_count, 4);
	assert_string_equal(list[0].name, "mes_e2e_db");
	assert_null(list[0].url);
	assert_string_equal(list[1].url, "postgresql://u:p%40w@localhost:5433/other");
	assert_int_equal(list[2].kind, DB_KIND_REDIS);
	assert_int_equal(list[2].port, 6379);
	assert_int_equal(list[3].kind, DB_KIND_COMMAND);
	assert_string_equal(list[3].start, "./search");
	assert_string_equal(list[3].ready, "curl -f localhost:9200");
	assert_string_equal(list[3].inputs[1], "b");
	assert_int_equal(list[3].mode, DB_PRIVATE);
	cli_free(&cli);
	config_free(config);
}

static void test_allow(void **state)
{
	struct config *config = read_good(
		"allow:\n  - {port: 9229, program: node}\n  - stack: keepalive\n");
	struct cli cli = { 0 };

	(void)state;
	config_apply(config, NULL, &cli);
	assert_int_equal(cli.run.allow_count, 2);
	assert_int_equal(cli.run.allow[0].ports.ranges[0].first, 9229);
	assert_string_equal(cli.run.allow[0].program, "node");
	assert_string_equal(cli.run.allow[1].stack, "keepalive");
	cli_free(&cli);
	config_free(config);
}

static void test_alarm(void **state)
{
	struct config *config = read_good(
		"alarm:\n  - error: EPIPE\n  - {error: ECONNREFUSED, rate: 12.5%, count: 10}\n"
		"hook: notify\n");
	struct cli cli = { 0 };

	(void)state;
	config_apply(config, NULL, &cli);
	assert_int_equal(cli.run.alarm_count, 2);
	assert_int_equal(cli.run.alarms[0].error, RUN_EPIPE);
	assert_int_equal(cli.run.alarms[0].count, 0);
	assert_int_equal(cli.run.alarms[1].error, RUN_ECONNREFUSED);
	assert_true(cli.run.alarms[1].percent > 12.4 && cli.run.alarms[1].percent < 12.6);
	assert_int_equal(cli.run.alarms[1].count, 10);
	assert_string_equal(cli.run.hook, "notify");
	cli_free(&cli);
	config_free(config);
}

static void test_aliases_and_styles(void **state)
{
	struct config *config = read_good("port: &ports [3101, \"3103\"]\nshare: &s 9000\n"
	                                  "profiles:\n    ci: &ci\n        port: *ports\n        "
	                                  "share: *s\n    nightly: *ci\n");
	struct cli cli = { 0 };

	(void)state;
	config_apply(config, "nightly", &cli);
	assert_int_equal(cli.run.ports.count, 2);
	assert_int_equal(cli.run.ports.ranges[1].first, 3103);
	assert_int_equal(cli.run.share.ranges[0].first, 9000);
	cli_free(&cli);
	config_free(config);
}

static void test_command(void **state)
{
	struct config *config = read_good("command: npm test && echo \"it's\\tdone\"\nprofiles: "
	                                  "{list: {command: [npm, run, a b]}}\n");
	struct cli text = { 0 }, list = { 0 };

	(void)state;
	config_apply(config, NULL, &text);
	assert_string_equal(text.run.command[0], "sh");
	assert_string_equal(text.run.command[1], "-c");
	assert_string_equal(text.run.command[2], "npm test && echo \"it's\\tdone\"");
	config_apply(config, "list", &list);
	assert_string_equal(list.run.command[0], "npm");
	assert_string_equal(list.run.command[2], "a b");
	assert_null(list.run.command[3]);
	cli_free(&text);
	cli_free(&list);
	config_free(config);
}

/* Escapes and characters with a meaning in YAML reach the field unchanged. */
static void test_odd_texts(void **state)
{
	static const char text[] =
		"setup: \"tab\\there, quote \\\" and \\\\ , \\u00e9, \\U0001F6A2, bell "
		"\\a, # no comment: {x}\"\n";
	struct config *config = read_good(text);
	struct cli cli = { 0 };

	(void)state;
	config_apply(config, NULL, &cli);
	assert_string_equal(
		cli.run.setup,
		"tab\there, quote \" and \\ , \u00e9, \U0001F6A2, bell \a, # no comment: {x}");
	cli_free(&cli);
	config_free(config);
}

static void test_refused(void **state)
{
	static const struct {
		const char *text, *message;
	} rows[] = {
		{ "workers: many\n",
		  "berth.yaml:1: workers: expected a number from 1 to 256, got 'many'" },
		{ "\n\nprofiles:\n  ci:\n    workers: many\n",
		  "berth.yaml:5: profiles.ci.workers: expected a number from 1 to 256, got "
		  "'many'" },
		{ "workers:\n",
		  "berth.yaml:1: workers: expected a number from 1 to 256, got nothing" },
		{ "workers: [1]\n",
		  "berth.yaml:1: workers: expected a number from 1 to 256, got a list" },
		{ "workers: {a: 1}\n",
		  "berth.yaml:1: workers: expected a number from 1 to 256, got a mapping" },
		{ "port: []\n",
		  "berth.yaml:1: port: expected at least one value, got an empty list" },
		{ "port: [[1]]\n",
		  "berth.yaml:1: port[0]: expected ports from 1 to 65535 such as 3101 or "
		  "3000-3010, got a list" },
		{ "worker: 3\n", "berth.yaml:1: worker: unknown key: did you mean 'workers'?" },
		{ "frobnicate: 3\n", "berth.yaml:1: frobnicate: unknown key" },
		{ "profiles: {ci: {profiles: {}}}\n",
		  "berth.yaml:1: profiles.ci.profiles: unknown key" },
		{ "keep: true\nkeep: false\n",
		  "berth.yaml:2: keep: is given twice, first in line 1" },
		{ "- a\n", "berth.yaml:1: expected a mapping of settings, got a list" },
		{ "just text\n", "berth.yaml:1: expected a mapping of settings, got 'just text'" },
		{ "x: &a {workers: 1}\nprofiles:\n  ci:\n    <<: *a\n",
		  "berth.yaml:1: x: unknown key" },
		{ "[a]: 1\n", "berth.yaml:1: expected a key, got a list" },
		{ "workers: 1\n---\nworkers: 2\n",
		  "berth.yaml:3: expected one document, got a second after '---'" },
		{ "databases: [{port: 5432}]\n",
		  "berth.yaml:1: databases[0]: expected a name, a url or a kind" },
		{ "databases: [{name: a, url: 'redis://b'}]\n",
		  "berth.yaml:1: databases[0]: expected a name or a url, got both" },
		{ "databases:\n  - {kind: command, port: 9200}\n",
		  "berth.yaml:2: databases[0]: a database of kind command needs start" },
		{ "db: mongodb://me:secret@localhost/x\n",
		  "berth.yaml:1: db: expected the name of a database, or a URL that begins with "
		  "postgresql://, postgres://, "
		  "redis://, mysql:// or mariadb://, got 'mongodb://me:***@localhost/x'" },
		{ "databases: x\n", "berth.yaml:1: databases: expected a list, got 'x'" },
		{ "databases: [{prot: 1}]\n",
		  "berth.yaml:1: databases[0].prot: unknown key: did you mean 'port'?" },
		{ "alarm: [{error: ENOENT}]\n",
		  "berth.yaml:1: alarm[0].error: expected EPIPE, ECONNRESET, ECONNREFUSED, "
		  "ETIMEDOUT or EADDRINUSE, got 'ENOENT'" },
		{ "allow: [x]\n", "berth.yaml:1: allow[0]: expected a mapping, got 'x'" },
		{ "workers: 3\n\tport: 1\n", "berth.yaml:2: not valid YAML: found a tab character "
		                             "that violates indentation, while "
		                             "scanning a plain scalar that begins in line 1" },
		{ "port: [3101\nworkers: 2\n", "berth.yaml:2: not valid YAML: did not find "
		                               "expected ',' or ']', while parsing a flow "
		                               "sequence that begins in line 1" },
		{ "port: *nowhere\n", "berth.yaml:1: not valid YAML: found undefined alias" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		cleanup_strv char **errors = NULL;
		struct config *config = NULL;

		assert_int_equal(config_parse(rows[i].text, strlen(rows[i].text), "berth.yaml",
		                              &config, &errors),
		                 -EINVAL);
		assert_non_null(errors);
		assert_string_equal(errors[0], rows[i].message);
	}
}

/* Reports all mistakes at once, up to a limit. */
static void test_many_mistakes(void **state)
{
	cleanup_str struct str text = { 0 };
	cleanup_strv char **errors = NULL;
	struct config *config = NULL;

	(void)state;
	for (int i = 0; i < 50; i++)
		str_addf(&text, "frobnicate%d: 1\n", i);
	assert_int_equal(config_parse(text.text, text.len, "berth.yaml", &config, &errors),
	                 -EINVAL);
	assert_int_equal(strv_len(errors), 21);
	assert_string_equal(errors[20], "berth.yaml: and 30 more");
}

/* Sixty profiles that use one long list by alias: a small file, but much work */
static void test_alias_bomb(void **state)
{
	cleanup_str struct str text = { 0 };
	cleanup_strv char **errors = NULL;
	struct config *config = NULL;

	(void)state;
	str_add(&text, "port: &p [1");
	for (int i = 0; i < 5000; i++)
		str_add(&text, ", 1");
	str_add(&text, "]\nprofiles:\n");
	for (int i = 0; i < 60; i++)
		str_addf(&text, "  p%d: {port: *p}\n", i);
	assert_int_equal(config_parse(text.text, text.len, "berth.yaml", &config, &errors),
	                 -EINVAL);
	assert_string_equal(errors[0],
	                    "berth.yaml:1: the file is too large, or its aliases make it so");
}

static void test_choice_of_profile(void **state)
{
	struct config *config = read_good("profiles: {ci: {workers: 2}, local: {workers: 3}}\n");
	struct cli cli = { 0 };
	const char *name;

	(void)state;
	unsetenv("CI");
	unsetenv("BERTH_PROFILE");
	assert_int_equal(config_profile(config, &cli, &name), 0);
	assert_null(name);
	setenv("CI", "true", 1);
	assert_int_equal(config_profile(config, &cli, &name), 0);
	assert_string_equal(name, "ci");
	setenv("CI", "false", 1);
	assert_int_equal(config_profile(config, &cli, &name), 0);
	assert_null(name);
	setenv("CI", "1", 1);
	setenv("BERTH_PROFILE", "local", 1);
	assert_int_equal(config_profile(config, &cli, &name), 0);
	assert_string_equal(name, "local");
	cli.profile = str_copy("nowhere");
	assert_int_equal(config_profile(config, &cli, &name), -ENOENT);
	unsetenv("CI");
	unsetenv("BERTH_PROFILE");
	cli_free(&cli);
	config_free(config);
}

/* db and databases become one list; the kind follows from the URL; a flag replaces both. */
static void test_load(void **state)
{
	char dir[] = "/tmp/berth-config-XXXXXX",
	     *flag[] = { (char[]){ "berth" }, (char[]){ "run" }, (char[]){ "--db=only" },
		         (char[]){ "true" }, NULL };
	static const char text[] =
		"db: [one, 'redis://localhost']\ndatabases: ['mysql://root@localhost/two']\n";
	struct cli cli = { 0 }, flagged = { 0 };

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(chdir(dir), 0);
	assert_int_equal(file_replace("berth.yaml", text, strlen(text), 0600), 0);
	assert_int_equal(config_load(&cli), 0);
	assert_string_equal(cli.run.project_dir, dir);
	assert_int_equal(cli.run.database_count, 3);
	assert_int_equal(cli.run.database_list[0].kind, DB_KIND_MARIADB);
	assert_string_equal(cli.run.database_list[1].name, "one");
	assert_int_equal(cli.run.database_list[2].kind, DB_KIND_REDIS);
	assert_int_equal(cli_parse(&flagged, 4, flag), 0);
	assert_int_equal(config_load(&flagged), 0);
	assert_int_equal(flagged.run.database_count, 1);
	assert_string_equal(flagged.run.database_list[0].name, "only");
	cli_free(&cli);
	cli_free(&flagged);
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(dir_remove(dir), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty_files), cmocka_unit_test(test_profile_over_top),
		cmocka_unit_test(test_databases),   cmocka_unit_test(test_allow),
		cmocka_unit_test(test_alarm),       cmocka_unit_test(test_aliases_and_styles),
		cmocka_unit_test(test_command),     cmocka_unit_test(test_odd_texts),
		cmocka_unit_test(test_refused),     cmocka_unit_test(test_many_mistakes),
		cmocka_unit_test(test_alias_bomb),  cmocka_unit_test(test_choice_of_profile),
		cmocka_unit_test(test_load),
	};

	return cmocka_run_group_tests_name("cli_config", tests, NULL, NULL);
}
