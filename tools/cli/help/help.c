/* SPDX-License-Identifier: MIT */
/* `berth help` and `berth help VERB`, derived from the tables. */
#include "tools/cli/help/help.h"

#include <stdio.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/base/log.h"
#include "tools/cli/settings/cli.h"
#include "tools/cli/common/term.h"

/* The left column of an option: "-n, --workers N" */
static char *option_left(const struct option *option)
{
	struct str left = { 0 };

	if (option->letter)
		str_addf(&left, "-%c, ", option->letter);
	else
		str_add(&left, "    ");
	str_addf(&left, "--%s", option->name);
	if (option->arg)
		str_addf(&left, " %s", option->arg);
	return str_take(&left);
}

static char *option_right(const struct option *option)
{
	cleanup_free char *names = NULL;

	if (option_values(option) != VALUES_NAMES)
		return str_copy(option->help);
	names = option_expected(option);
	return str_print("%s: %s", option->help, names);
}

int help_verb(const struct verb *verb)
{
	struct term_table table = { .indent = 2, .wrap = true };

	printf("usage: berth %s%s%s\n\n", verb->name, *verb->usage ? " " : "", verb->usage);
	term_paragraph(0, verb->help);
	if (*verb->details) {
		putchar('\n');
		term_paragraph(0, verb->details);
	}
	for (const struct option *option = option_table; option < option_table + OPTIONS;
	     option++) {
		if (!option_in(option, verb->id))
			continue;
		term_cell_own(&table, option_left(option));
		term_cell_own(&table, option_right(option));
		term_row(&table);
	}
	printf("\noptions:\n");
	term_print(&table);
	return 0;
}

static int overview(void)
{
	struct term_table table = { .indent = 2, .wrap = true };

	printf("usage: berth VERB [OPTION]... [ARG]...\n\n"
	       "Berth gives every copy of a test suite its own ports and its own databases.\n\n");
	for (const struct verb *verb = verb_table; verb < verb_table + VERBS; verb++) {
		term_cell(&table, verb->name);
		term_cell(&table, verb->help);
		term_row(&table);
	}
	term_print(&table);
	printf("\n  berth run -n 4 -- npx playwright test     four copies of a suite, side by "
	       "side\n"
	       "  berth help VERB                           the options of a verb\n");
	return 0;
}

static void config_row(struct term_table *table, const struct option *option)
{
	cleanup_free char *wants = option_expected(option);

	term_cell(table, option->name);
	term_cellf(table, "%s%s%s%s", option->help, option_is_text(option) ? "" : ": ",
	           option_is_text(option) ? "" : wants,
	           option_is_list(option) ? "; one or a list" : "");
	term_row(table);
}

static int keys(void)
{
	struct term_table table = { .indent = 2, .wrap = true };

	printf("berth.yaml: the settings of a project\n\n");
	for (const struct option *option = option_table; option < option_table + OPTIONS; option++)
		if (option->where & OPTION_IN_YAML)
			config_row(&table, option);
	term_print(&table);
	for (const struct option_list *list = option_lists; list < option_lists + LISTS; list++) {
		printf("\n%s: a list of %smappings with these keys\n\n", list->name,
		       list->texts ? "texts, or of " : "");
		for (unsigned int i = 0; i < list->count; i++)
			config_row(&table, &list->keys[i]);
		term_print(&table);
	}
	printf("\nprofiles: a mapping from names to settings like the ones above\n\n"
	       "  berth check     what holds in this project, and where it comes from\n"
	       "  berth init      writes a first berth.yaml\n");
	return 0;
}

int verb_help(struct cli *cli)
{
	const char *name = cli->args ? cli->args[0] : NULL;
	const struct verb *verb = name ? verb_find(name) : NULL;
	const char *near;

	if (cli->template)
		return help_template(stdin, stdout);
	if (cli->schema)
		return help_schema();
	if (!name)
		return overview();
	if (!strcmp(name, "berth.yaml"))
		return keys();
	if (verb)
		return help_verb(verb);
	near = verb_nearest(name);
	log_line("no help for '%s'", name);
	log_hint(near ? "berth help %s" : "berth help", near);
	return EXIT_USAGE;
}
