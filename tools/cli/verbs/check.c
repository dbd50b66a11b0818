/* SPDX-License-Identifier: MIT */
/*
 * `berth check`: every mistake of berth.yaml, or the settings in force: one column per profile, because what
 * one wants to see is where they differ. Passwords in URLs are not shown. Settings that are right one by one, but
 * that `berth run` refuses together, are mistakes as well: the plan is made for each profile.
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
#include "tools/run/plan.h"

struct check {
	struct config *config;
	struct cli *profiles; /* the settings of each section, config->count of them */
	char *project;
	char **warnings;
};

static char *shown_value(const struct cli *cli, const struct option *option)
{
	cleanup_free char *text = option_text(cli, option);

	return text ? str_redacted(text) : NULL;
}

static void list_row(struct term_table *table, const struct check *check, unsigned int list)
{
	bool any = false;

	for (unsigned int i = 0; i < check->config->count; i++)
		any |= check->config->sections[i].lists[list].count > 0;
	if (!any)
		return;
	term_cell(table, option_lists[list].name);
	for (unsigned int i = 0; i < check->config->count; i++) {
		unsigned int own = check->config->sections[i].lists[list].count;
		unsigned int count = own ? own : check->config->sections[0].lists[list].count;

		term_cellf(table, "%u %s", count, count == 1 ? "entry" : "entries");
	}
	term_row(table);
}

static void print_settings(const struct check *check)
{
	struct term_table table = { .indent = 2 };

	term_cell(&table, "SETTING");
	for (unsigned int i = 0; i < check->config->count; i++)
		term_cell(&table, i ? check->config->sections[i].name : "VALUE");
	term_row(&table);
	for (const struct option *option = option_table; option < option_table + OPTIONS;
	     option++) {
		bool any = false;

		for (unsigned int i = 0; i < check->config->count; i++)
			any |= check->profiles[i].set_by[option->id].layer != LAYER_DEFAULT;
		if (!any)
			continue;
		term_cell(&table, option->name);
		for (unsigned int i = 0; i < check->config->count; i++) {
			char *value = shown_value(&check->profiles[i], option);

			term_cell_own(&table, value ? value : str_copy("-"));
		}
		term_row(&table);
	}
	for (unsigned int list = 0; list < LISTS; list++)
		list_row(&table, check, list);
	term_print(&table);
}

static json_t *json_value(const struct option *option, const char *text)
{
	long number;

	if (!option->arg)
		return json_boolean(!strcmp(text, "true"));
	if (!option_is_list(option) && !str_number(text, 0, 1l << 52, &number))
		return json_integer(number);
	return json_text(text);
}

static json_t *json_settings(const struct cli *cli)
{
	json_t *settings = json_object();

	for (const struct option *option = option_table; option < option_table + OPTIONS;
	     option++) {
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

		for (unsigned int i = 1; i < check->config->count; i++)
			json_object_set_new(profiles, check->config->sections[i].name,
			                    json_settings(&check->profiles[i]));
		json_object_set_new(root, "project", json_text(check->project));
		json_object_set_new(root, "settings",
		                    check->config->count ? json_settings(&check->profiles[0])
		                                         : json_object());
		json_object_set_new(root, "profiles", profiles);
		json_object_set_new(root, "warnings", json_texts(check->warnings));
	}
	output_json(root);
}

static void fill(struct check *check)
{
	const struct config *config = check->config;

	check->project = project_find(config->path);
	check->profiles = mem_alloc(config->count * sizeof(*check->profiles));
	for (unsigned int i = 0; i < config->count; i++) {
		struct cli *cli = &check->profiles[i];

		config_apply(config, i ? config->sections[i].name : NULL, cli);
		cli->run.project_dir = str_copy(check->project);
		lint_options(&cli->run, &check->warnings);
		lint_project(&cli->run, &check->warnings);
	}
}

static void refused(const struct check *check, char ***errors)
{
	static char *no_command[] = { (char *)(uintptr_t) "true", NULL };

	for (unsigned int i = 0; i < check->config->count; i++) {
		struct run_options options = check->profiles[i].run;
		cleanup_free char *error = NULL, *text = NULL;
		struct plan *plan = NULL;

		if (!options.command) /* the command line has it */
			options.command = no_command;
		if (!plan_make(&options, environ, &plan, &error)) {
			plan_free(plan);
			continue;
		}
		error[strcspn(error, "\n")] = 0; /* the hint is berth run's to give */
		text = str_print("%s: %s", check->config->shown, error);
		if (!strv_has(*errors, text))
			strv_add(errors, text);
	}
}

static void empty(struct check *check)
{
	for (unsigned int i = 0; check->profiles && i < check->config->count; i++)
		cli_free(&check->profiles[i]);
	free(check->profiles);
	free(check->project);
	strv_free(check->warnings);
	config_free(check->config);
}

static void print_text(const struct check *check, const char *profile)
{
	printf("%s is valid; the project is %s\n", check->config->shown, check->project);
	if (profile)
		printf("the profile in force is %s\n", profile);
	if (check->config->count) {
		putchar('\n');
		print_settings(check);
	}
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
		refused(&check, &errors);
	}
	if (errors) {
		print_errors(cli, path, errors);
		status = EXIT_USAGE;
	} else if (config_profile(check.config, cli, &profile)) {
		log_line("%s has no profile '%s'", check.config->shown, profile);
		status = EXIT_USAGE;
	} else if (cli->json) {
		print_json(path, &check, NULL);
	} else {
		print_text(&check, profile);
	}
	empty(&check);
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
	if (config_other_ending())
		return EXIT_USAGE;
	log_line("no berth.yaml from here upwards");
	log_hint("berth init writes one");
	return EXIT_USAGE;
}
