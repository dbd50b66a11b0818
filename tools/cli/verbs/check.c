/* SPDX-License-Identifier: MIT */
/*
 * `berth check`: print every mistake of berth.yaml, or the settings: one column per profile, so
 * that one sees where they differ. It makes the plan of a run for each profile, because `berth
 * run` refuses some settings only together. Passwords in URLs are not shown.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/base/json.h"
#include "tools/base/log.h"
#include "tools/cli/settings/config.h"
#include "tools/cli/settings/lint.h"
#include "tools/cli/settings/project.h"
#include "tools/cli/common/output.h"
#include "tools/cli/common/term.h"
#include "tools/run/database/setup.h"
#include "tools/db/common/url.h"
#include "tools/run/database/role.h"

/* The settings of the top level and of each profile */
struct check {
	struct config *config;
	struct cli *sections; /* [0] is the top level; then the profiles in their order */
	unsigned int count;
	char *project;
	char **warnings;
	bool has_setup;
	char **inputs; /* of the setup of the section in force, strv */
	char **roles;  /* of databases on private servers: rights, and why */
};

static char *shown_value(const struct cli *cli, const struct option *option)
{
	cleanup_free char *text = option_text(cli, option);

	return text ? str_redacted(text) : NULL;
}

static bool is_set(const struct check *check, const struct option *option)
{
	for (unsigned int i = 0; i < check->count; i++)
		if (check->sections[i].set_by[option->id].layer != LAYER_DEFAULT)
			return true;
	return false;
}

static bool has_entries(const struct check *check, const struct option_list *list)
{
	for (unsigned int i = 0; i < check->count; i++)
		if (option_list_count(&check->sections[i], list))
			return true;
	return false;
}

static void print_settings(const struct check *check)
{
	struct term_table table = { .indent = 2 };

	term_cell(&table, "SETTING");
	term_cell(&table, "VALUE");
	for (char **name = check->config->profiles; name && *name; name++)
		term_cell(&table, *name);
	term_row(&table);
	for_each_option (option) {
		if (!is_set(check, option))
			continue;
		term_cell(&table, option->name);
		for (unsigned int i = 0; i < check->count; i++) {
			char *value = shown_value(&check->sections[i], option);

			term_cell_own(&table, value ? value : str_copy("-"));
		}
		term_row(&table);
	}
	for (const struct option_list *list = option_lists; list < option_lists + LISTS; list++) {
		if (!has_entries(check, list))
			continue;
		term_cell(&table, list->name);
		for (unsigned int i = 0; i < check->count; i++) {
			unsigned int count = option_list_count(&check->sections[i], list);

			term_cellf(&table, "%u %s", count, count == 1 ? "entry" : "entries");
		}
		term_row(&table);
	}
	term_print(&table);
}

static json_t *json_value(const struct option *option, const char *text)
{
	long number;

	if (!option->arg)
		return json_boolean(!strcmp(text, "true"));
	if (!option->type->list && !str_number(text, 0, 1l << 52, &number))
		return json_integer(number);
	return json_text(text);
}

static json_t *json_settings(const struct cli *cli)
{
	json_t *settings = json_object();

	for_each_option (option) {
		cleanup_free char *text = shown_value(cli, option);

		if (text)
			json_object_set_new(settings, option->name,
			                    json_pack("{s:o, s:i}", "value",
			                              json_value(option, text), "line",
			                              (int)cli->set_by[option->id].line));
	}
	return settings;
}

static void print_json(const char *file, const struct check *check, char *const *errors)
{
	json_t *root = json_pack("{s:o, s:b, s:o}", "file", json_text(file), "valid", !errors,
	                         "errors", json_texts(errors));

	if (!errors) {
		json_t *profiles = json_object();

		for (unsigned int i = 1; i < check->count; i++)
			json_object_set_new(profiles, check->config->profiles[i - 1],
			                    json_settings(&check->sections[i]));
		json_object_set_new(root, "project", json_text(check->project));
		json_object_set_new(root, "settings", json_settings(&check->sections[0]));
		json_object_set_new(root, "profiles", profiles);
		json_object_set_new(root, "warnings", json_texts(check->warnings));
		json_object_set_new(root, "inputs",
		                    check->has_setup ? json_texts(check->inputs) : json_null());
		json_object_set_new(root, "roles", json_texts(check->roles));
	}
	output_json(root);
}

static void add_role(const struct run_options *options, const struct run_database *database,
                     char ***roles)
{
	cleanup_free char *role = NULL, *why = NULL, *line = NULL;
	bool superuser = role_is_superuser(options, database, &role, &why);

	if (!role)
		return;
	line = str_print("role '%s' of private servers: %s (%s)", role,
	                 db_role_names[superuser ? DB_ROLE_SUPERUSER : DB_ROLE_OWNER], why);
	if (!strv_has(*roles, line))
		strv_add(roles, line);
}

static void add_roles(const struct run_options *options, char ***roles)
{
	for (unsigned int i = 0; i < options->database_count; i++)
		add_role(options, &options->database_list[i], roles);
	for (char **text = options->databases; text && *text; text++) /* `db` */
		add_role(options, &(struct run_database){ .url = *text }, roles);
}

static void fill(struct check *check)
{
	const struct config *config = check->config;

	check->project = project_find(config->path);
	check->count = 1 + (unsigned int)strv_len(config->profiles);
	check->sections = mem_alloc(check->count * sizeof(*check->sections));
	for (unsigned int i = 0; i < check->count; i++) {
		struct cli *cli = &check->sections[i];

		config_apply(config, i ? config->profiles[i - 1] : NULL, cli);
		cli->run.project_dir = str_copy(check->project);
		lint_options(&cli->run, &check->warnings);
		lint_project(&cli->run, &check->warnings);
		add_roles(&cli->run, &check->roles);
	}
}

/* Add an error for each section that `berth run` refuses, although its settings are valid. */
static void check_plans(const struct check *check, char ***errors)
{
	for (unsigned int i = 0; i < check->count; i++) {
		cleanup_free char *error = lint_plan(&check->sections[i].run);
		cleanup_free char *text = error ? str_print("%s: %s", check->config->shown, error)
		                                : NULL;

		if (text && !strv_has(*errors, text))
			strv_add(errors, text);
	}
}

static void find_inputs(struct check *check, const char *profile)
{
	unsigned int i = 0;

	while (profile && strcmp(check->config->profiles[i++], profile))
		;
	check->has_setup = setup_list_inputs(&check->sections[i].run, &check->inputs);
}

static void check_free(struct check *check)
{
	for (unsigned int i = 0; i < check->count; i++)
		cli_free(&check->sections[i]);
	free(check->sections);
	free(check->project);
	strv_free(check->warnings);
	strv_free(check->inputs);
	strv_free(check->roles);
	config_free(check->config);
}

static void print_text(const struct check *check, const char *profile)
{
	term_printf("%s is valid; the project is %s\n", check->config->shown, check->project);
	if (profile)
		term_printf("the profile in force is %s\n", profile);
	putchar('\n');
	print_settings(check);
	if (check->inputs)
		term_printf("\nthe setup command runs again when one of %zu inputs changes:\n",
		            strv_len(check->inputs));
	else if (check->has_setup)
		term_printf("\nno file is known that the setup command depends on: it runs in "
		            "every run\n");
	for (char **input = check->inputs; input && *input; input++)
		term_printf("  %s\n", *input);
	for (char **role = check->roles; role && *role; role++)
		term_printf("%s%s\n", role == check->roles ? "\n" : "", *role);
	fflush(stdout);
	for (char **warning = check->warnings; warning && *warning; warning++)
		log_line("warning: %s", *warning);
}

static void print_errors(const struct cli *cli, const char *path, char *const *errors)
{
	if (cli->json)
		print_json(path, NULL, errors);
	for (; !cli->json && *errors; errors++)
		log_line("%s", *errors);
}

static int check_file(struct cli *cli, const char *path)
{
	cleanup_strv char **errors = NULL;
	struct check check = { 0 };
	const char *profile;
	int status = 0;

	if (!config_read(path, &check.config, &errors)) {
		fill(&check);
		check_plans(&check, &errors);
	}
	if (errors) {
		print_errors(cli, path, errors);
		status = EXIT_USAGE;
	} else if (config_profile(check.config, cli, &profile)) {
		log_line("%s has no profile '%s'", check.config->shown, profile);
		status = EXIT_USAGE;
	} else {
		find_inputs(&check, profile);
		if (cli->json)
			print_json(path, &check, NULL);
		else
			print_text(&check, profile);
	}
	check_free(&check);
	return status;
}

int verb_check(struct cli *cli)
{
	cleanup_free char *found = NULL;
	const char *path = cli->args ? cli->args[0] : cli->config;

	if (!path)
		path = found = project_config("berth.yaml");
	if (path)
		return check_file(cli, path);
	if (config_refuse_yml())
		return EXIT_USAGE;
	log_line("no berth.yaml from here upwards");
	log_hint("berth init writes one");
	return EXIT_USAGE;
}
