/* SPDX-License-Identifier: MIT */
/* tools/cli/settings: every option reaches its field, from a flag and from berth.yaml. */
#include <errno.h>
#include <stdio.h>

#include "tests/unit/test.h"
#include "tools/base/cleanup.h"
#include "tools/cli/settings/config.h"

/* Return: a text that the option accepts and that is not its zero; with @second another one. */
static const char *sample(const struct option *option, bool second)
{
	static const char *const samples[][2] = {
		{ "true", "true" },
		{ "7", "9" },
		{ "3101,3103-3110", "4000" },
		{ "21000-21999", "22000-22999" },
		{ "90s", "2h" },
		{ "512M", "2G" },
		{ "reset:3101@2s,kill:3102@90s", "stall:3101@1h/500ms" },
		{ "2/4", "auto" },
		{ "word", "other" },
	};

	if (option->names)
		return option->names[second && option->names[2] ? 2 : 1];
	for (size_t i = 0; i < ARRAY_LEN(samples); i++)
		if (!option_check(option, samples[i][second]))
			return samples[i][second];
	return NULL;
}

static void parse_flag(struct cli *cli, const struct option *option, const char *text)
{
	cleanup_free char *flag = option->arg ? str_print("--%s=%s", option->name, text)
	                                      : str_print("--%s", option->name);
	char *argv[] = { (char[]){ "berth" }, (char[]){ "run" },  flag,
		         (char[]){ "--" },    (char[]){ "true" }, NULL };

	assert_int_equal(cli_parse(cli, 5, argv), 0);
	assert_string_equal(cli->args[0], "true");
}

static void parse_yaml(struct cli *cli, const char *text)
{
	cleanup_strv char **errors = NULL;
	struct config *config = NULL;

	if (config_parse(text, strlen(text), "berth.yaml", &config, &errors))
		fail_msg("%s: %s", text, errors ? errors[0] : "no message");
	config_apply(config, NULL, cli);
	config_free(config);
}

static bool field_in_run(const struct option *option)
{
	return option->offset >= offsetof(struct cli, run) &&
	       option->offset < offsetof(struct cli, run) + sizeof(struct run_options);
}

static void test_every_option_reaches_the_run(void **state)
{
	static const struct run_options nothing;
	unsigned int count = 0;

	(void)state;
	for_each_option (option) {
		const char *text = sample(option, false);
		struct cli by_flag = { 0 }, by_yaml = { 0 };
		cleanup_free char *yaml = str_print("%s: %s\n", option->name, text),
				  *flag_text = NULL, *yaml_text = NULL;

		if (!option_in(option, VERB_run) || !(option->where & OPTION_IN_YAML))
			continue;
		assert_non_null(text);
		assert_true(field_in_run(option));
		parse_flag(&by_flag, option, text);
		parse_yaml(&by_yaml, yaml);
		assert_memory_not_equal(&by_flag.run, &nothing, sizeof(nothing));
		assert_memory_not_equal(&by_yaml.run, &nothing, sizeof(nothing));
		flag_text = option_text(&by_flag, option);
		yaml_text = option_text(&by_yaml, option);
		assert_string_equal(flag_text, yaml_text);
		assert_int_equal(option_check(option, flag_text), 0);
		cli_free(&by_flag);
		cli_free(&by_yaml);
		count++;
	}
	assert_true(count >= 28);
}

static void test_flag_wins_over_yaml(void **state)
{
	(void)state;
	for_each_option (option) {
		cleanup_free char *yaml = str_print("%s: %s\n", option->name, sample(option, true));
		cleanup_free char *want = NULL, *got = NULL;
		struct cli cli = { 0 };

		if (!option_in(option, VERB_run) || !(option->where & OPTION_IN_YAML) ||
		    !option->arg)
			continue;
		parse_flag(&cli, option, sample(option, false));
		want = option_text(&cli, option);
		parse_yaml(&cli, yaml);
		got = option_text(&cli, option);
		assert_string_equal(want, got);
		cli_free(&cli);
	}
}

/* strict: true in berth.yaml, --no-strict on the command line */
static void test_flag_switches_off(void **state)
{
	char *argv[] = { (char[]){ "berth" }, (char[]){ "run" }, (char[]){ "--no-strict" },
		         (char[]){ "true" }, NULL };
	struct cli cli = { 0 };

	(void)state;
	assert_int_equal(cli_parse(&cli, 4, argv), 0);
	parse_yaml(&cli, "strict: true\nkeep: true\n");
	assert_false(cli.run.strict);
	assert_true(cli.run.keep);
	cli_free(&cli);
}

static void test_values(void **state)
{
	static const struct {
		enum option_id id;
		const char *text, *shown; /* NULL = refused */
	} rows[] = {
		{ OPTION_workers, "1", "1" },
		{ OPTION_workers, "256", "256" },
		{ OPTION_workers, "0", NULL },
		{ OPTION_workers, "257", NULL },
		{ OPTION_workers, "", NULL },
		{ OPTION_workers, "4x", NULL },
		{ OPTION_workers, " 4", NULL },
		{ OPTION_workers, "-1", NULL },
		{ OPTION_workers, "99999999999999999999", NULL },
		{ OPTION_timeout, "90", "90s" },
		{ OPTION_timeout, "90s", "90s" },
		{ OPTION_timeout, "5m", "5m" },
		{ OPTION_timeout, "2h", "2h" },
		{ OPTION_timeout, "1.5h", "90m" },
		{ OPTION_timeout, "250ms", "250ms" },
		{ OPTION_timeout, "0", "0" },
		{ OPTION_timeout, "5 m", NULL },
		{ OPTION_timeout, "-5", NULL },
		{ OPTION_timeout, "inf", NULL },
		{ OPTION_timeout, "0x10", NULL },
		{ OPTION_timeout, "1e3", NULL },
		{ OPTION_grace, "0", NULL },
		{ OPTION_grace, "1ms", "1ms" },
		{ OPTION_mem, "512M", "512M" },
		{ OPTION_mem, "2G", "2G" },
		{ OPTION_mem, "1.5g", "1536M" },
		{ OPTION_mem, "512MiB", "512M" },
		{ OPTION_mem, "4096", "4K" },
		{ OPTION_mem, "0", NULL },
		{ OPTION_mem, "M", NULL },
		{ OPTION_mem, "5Q", NULL },
		{ OPTION_mem, "99999999T", NULL },
		{ OPTION_cpu, "0.5", "0.5" },
		{ OPTION_cpu, "2", "2" },
		{ OPTION_cpu, "0", NULL },
		{ OPTION_cpu, "two", NULL },
		{ OPTION_port, "3101", "3101" },
		{ OPTION_port, "3000-3010,4000", "3000-3010,4000" },
		{ OPTION_port, "0", NULL },
		{ OPTION_port, "65536", NULL },
		{ OPTION_port, "3010-3000", NULL },
		{ OPTION_port, "", NULL },
		{ OPTION_port, "http", NULL },
		{ OPTION_port, "3101,x", NULL },
		{ OPTION_range, "20000-29999", "20000-29999" },
		{ OPTION_range, "20000", NULL },
		{ OPTION_strict, "yes", "true" },
		{ OPTION_strict, "Off", "false" },
		{ OPTION_strict, "1", NULL },
		{ OPTION_tree, "overlay", "overlay" },
		{ OPTION_tree, "Overlay", NULL },
		{ OPTION_tree, "", NULL },
		{ OPTION_each, "a,b", "a,b" },
		{ OPTION_each, "", NULL },
		{ OPTION_each, ",", NULL },
		{ OPTION_shard, "2/4", "2/4" },
		{ OPTION_shard, "auto", "auto" },
		{ OPTION_shard, "5/4", NULL },
		{ OPTION_collect, "**/*.{png,webm}", "**/*.{png,webm}" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct option *option = &option_table[rows[i].id];
		struct cli cli = { 0 };
		cleanup_free char *shown = NULL;
		int ret = option_set(&cli, option, (struct set_by){ LAYER_FLAG, 0 }, rows[i].text);

		shown = option_text(&cli, option);
		if (!str_equal(shown, rows[i].shown) || !ret != !!rows[i].shown)
			fail_msg("--%s '%s': want %s, got %s (%d)", option->name, rows[i].text,
			         rows[i].shown ? rows[i].shown : "refused",
			         shown ? shown : "refused", ret);
		cli_free(&cli);
	}
}

static void test_exact_units(void **state)
{
	struct cli cli = { 0 };

	(void)state;
	parse_yaml(&cli, "timeout: 1.5h\nmem: 2G\ncpu: 0.5\nrange: 21000-21999\n");
	assert_int_equal(cli.run.timeout_ms, 5400000);
	assert_int_equal(cli.run.mem_bytes, 2147483648u);
	assert_true(cli.run.cpu_cores == 0.5);
	assert_int_equal(cli.run.range_first, 21000);
	assert_int_equal(cli.run.range_last, 21999);
	cli_free(&cli);
}

/* A list grows within a layer and is replaced by the next */
static void test_lists_and_layers(void **state)
{
	const struct option *option = &option_table[OPTION_port];
	cleanup_free char *shown = NULL;
	struct cli cli = { 0 };

	(void)state;
	option_set(&cli, option, (struct set_by){ LAYER_FILE, 1 }, "1000");
	option_set(&cli, option, (struct set_by){ LAYER_FILE, 2 }, "1001");
	assert_int_equal(cli.run.ports.count, 2);
	option_set(&cli, option, (struct set_by){ LAYER_FLAG, 0 }, "2000");
	option_set(&cli, option, (struct set_by){ LAYER_PROFILE, 3 }, "3000");
	option_set(&cli, option, (struct set_by){ LAYER_FLAG, 0 }, "2001");
	shown = option_text(&cli, option);
	assert_string_equal(shown, "2000,2001");
	cli_free(&cli);
}

static void test_nearest(void **state)
{
	static const char *const names[] = { "workers", "port",    "share",
		                             "strict",  "db-mode", "leaks" };

	(void)state;
	assert_string_equal(option_nearest("worker", names, 6), "workers");
	assert_string_equal(option_nearest("ports", names, 6), "port");
	assert_string_equal(option_nearest("prot", names, 6), "port");
	assert_string_equal(option_nearest("strct", names, 6), "strict");
	assert_string_equal(option_nearest("db_mode", names, 6), "db-mode");
	assert_null(option_nearest("frobnicate", names, 6));
	assert_null(option_nearest("x", names, 6));
	assert_null(option_nearest("", names, 6));
}

/* No verb knows two options by one name or letter, and every row says what it is for */
static void test_table_is_sound(void **state)
{
	(void)state;
	for (unsigned int verb = 0; verb < VERBS; verb++)
		for_each_option (a) {
			if (!option_in(a, verb))
				continue;
			assert_ptr_equal(option_by_name(verb, a->name), a);
			if (a->letter)
				assert_ptr_equal(option_by_letter(verb, a->letter), a);
			assert_true(a->help && *a->help && *a->help >= 'a' && *a->help <= 'z');
		}
}

/* Help prints a heading where the group changes, so the rows of a group must stand together. */
static void test_groups_are_whole(void **state)
{
	unsigned int last = 0;

	(void)state;
	for (size_t i = 0; i < OPTIONS; i++) {
		assert_true(option_table[i].group >= last);
		last = option_table[i].group;
	}
	assert_int_equal(last, GROUPS - 1);
}

/* A list with one bad element changes nothing */
static void test_bad_element(void **state)
{
	const struct option *port = &option_table[OPTION_port],
			    *inject = &option_table[OPTION_inject];
	struct set_by flag = { LAYER_FLAG, 0 };
	struct cli cli = { 0 };

	(void)state;
	assert_int_equal(option_set(&cli, port, flag, "3101,3102"), 0);
	assert_int_not_equal(option_set(&cli, port, flag, "3103,x"), 0);
	assert_int_equal(cli.run.ports.count, 2);
	assert_int_equal(option_set(&cli, inject, flag, "kill:3101@2s"), 0);
	assert_int_not_equal(option_set(&cli, inject, flag, "kill:3101@1s,kill:x"), 0);
	assert_int_equal(cli.run.faults.count, 1);
	cli_free(&cli);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_option_reaches_the_run),
		cmocka_unit_test(test_flag_wins_over_yaml),
		cmocka_unit_test(test_flag_switches_off),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_exact_units),
		cmocka_unit_test(test_lists_and_layers),
		cmocka_unit_test(test_nearest),
		cmocka_unit_test(test_table_is_sound),
		cmocka_unit_test(test_groups_are_whole),
		cmocka_unit_test(test_bad_element),
	};

	return cmocka_run_group_tests_name("cli_options", tests, NULL, NULL);
}
