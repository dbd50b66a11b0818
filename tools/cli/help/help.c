/* SPDX-License-Identifier: MIT */
/*
 * `berth help`, `berth help VERB` and `berth help berth.yaml`, from the tables of verbs and
 * options. `berth help agents` is a page of docs.
 */
#include "tools/cli/help/help.h"

#include <stdio.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/base/log.h"
#include "tools/cli/common/term.h"
#include "tools/cli/settings/cli.h"

/* An empty line and a title; the rows below it are indented by two. */
static void title_row(struct term_table *table, const char *title)
{
	term_cell(table, "");
	term_row(table);
	term_cellf(table, "%s:", title);
	term_row(table);
}

/* "-n, --workers N    run N copies of the command" */
static void option_row(struct term_table *table, const struct option *option)
{
	bool names = option->type->values == VALUES_NAMES;
	cleanup_free char *expected = names ? option_expected(option) : NULL;
	char letter[] = { '-', option->letter, ',', 0 };

	term_cellf(table, "  %3s --%s%s%s", option->letter ? letter : "", option->name,
	           option->arg ? " " : "", option->arg ? option->arg : "");
	term_cellf(table, "%s%s%s", option->help, names ? ": " : "", names ? expected : "");
	term_row(table);
}

int help_verb(const struct verb *verb, bool all)
{
	struct term_table table = { .wrap = true };
	unsigned int count = verb_count_options(verb);
	bool many = count > VERB_OPTIONS_MAX;
	int group = -1;

	printf("usage: berth %s%s%s\n\n", verb->name, *verb->usage ? " " : "", verb->usage);
	term_paragraph(0, verb->help);
	if (*verb->details) {
		putchar('\n');
		term_paragraph(0, verb->details);
	}
	if (!many)
		title_row(&table, "Options");
	for_each_option (option) {
		if (!option_in(option, verb->id) || (many && !all && !option->common))
			continue;
		if (many && (int)option->group != group)
			title_row(&table, option_group_titles[option->group]);
		group = (int)option->group;
		option_row(&table, option);
	}
	term_print(&table);
	if (many && !all)
		printf("\nberth help %s --all shows all %u options, man berth what each does.\n",
		       verb->name, count);
	return 0;
}

/* docs/agents.md, line by line. */
static int agents_page(void)
{
	static const char *const lines[] = {
#include "agents.h"
	};

	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		puts(lines[i]);
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
	       "side\n\n"
	       "What to read next:\n"
	       "  berth help run            the options that most suites need\n"
	       "  berth help VERB           what a verb does, and its options\n"
	       "  berth help berth.yaml     the settings of a project\n"
	       "  berth help agents         one page for coding agents\n"
	       "  berth init                writes a first berth.yaml\n"
	       "  berth doctor              what keeps runs from working on this machine\n"
	       "  man berth                 every option, exit statuses, the environment\n");
	return 0;
}

static void key_row(struct term_table *table, const struct option *option)
{
	cleanup_free char *expected = option_is_text(option) ? NULL : option_expected(option);

	term_cellf(table, "  %s", option->name);
	term_cellf(table, "%s%s%s%s", option->help, expected ? ": " : "", expected ? expected : "",
	           option->type->list ? "; one or a list" : "");
	term_row(table);
}

static int keys(void)
{
	struct term_table table = { .wrap = true };
	int group = -1;

	printf("berth.yaml: the settings of a project\n");
	for_each_option (option) {
		if (!(option->where & OPTION_IN_YAML))
			continue;
		if ((int)option->group != group)
			title_row(&table, option_group_titles[option->group]);
		group = (int)option->group;
		key_row(&table, option);
	}
	term_print(&table);
	for (const struct option_list *list = option_lists; list < option_lists + LISTS; list++) {
		printf("\n%s: a list of %smappings with these keys\n\n", list->name,
		       list->texts ? "texts, or of " : "");
		for (unsigned int i = 0; i < list->count; i++)
			key_row(&table, &list->keys[i]);
		term_print(&table);
	}
	printf("\nprofiles: a mapping from names to settings like the ones above\n\n"
	       "  berth check     the settings of this project, and what is wrong with them\n"
	       "  berth init      writes a first berth.yaml\n");
	return 0;
}

int verb_help(struct cli *cli)
{
	const char *name = cli->args ? cli->args[0] : NULL, *near;
	const struct verb *verb = name ? verb_find(name) : NULL;

	if (cli->template)
		return help_template(stdin, stdout);
	if (cli->schema)
		return help_schema();
	if (!name)
		return overview();
	if (!strcmp(name, "berth.yaml"))
		return keys();
	if (!strcmp(name, "agents"))
		return agents_page();
	if (verb)
		return help_verb(verb, cli->help_all);
	near = verb_nearest(name);
	log_line("no help for '%s'", name);
	log_hint(near ? "berth help %s" : "berth help", near);
	return EXIT_USAGE;
}
