/* SPDX-License-Identifier: MIT */
/*
 * `berth help --template` fills in the man pages. Their sources are in docs; the tables give
 * the parts about verbs, options and keys, as scdoc(5), so that a page always describes this
 * command.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/cli/doctor/doctor.h"
#include "tools/cli/help/help.h"
#include "tools/cli/settings/cli.h"

/* Write literal text: escape the markup characters of scdoc. */
static void literal(FILE *out, const char *text)
{
	for (; *text; text++)
		fprintf(out, strchr("\\*_#`<>[]|", *text) ? "\\%c" : "%c", *text);
}

/* Write text of the tables: *word* is bold, an underscore is itself. */
static void prose(FILE *out, const char *text)
{
	for (; *text; text++)
		fprintf(out, *text == '_' ? "\\%c" : "%c", *text);
}

static void capitalized(FILE *out, const char *text)
{
	fputc(*text - 'a' + 'A', out);
	prose(out, text + 1);
}

static void paragraph(FILE *out, const struct option *option)
{
	fputc('\t', out);
	capitalized(out, option->help);
	fputc('.', out);
	if (option->type->values == VALUES_NAMES) {
		cleanup_free char *expected = option_expected(option);

		fprintf(out, " One of ");
		prose(out, expected);
		fputc('.', out);
	}
	if (option->details && *option->details) {
		fputc(' ', out);
		prose(out, option->details);
	}
	fprintf(out, "\n\n");
}

static void write_option(FILE *out, const struct option *option)
{
	if (option->letter)
		fprintf(out, "*-%c*, ", option->letter);
	fprintf(out, "*--%s*", option->name);
	if (option->arg) {
		fputc(' ', out);
		literal(out, option->arg);
	}
	fputc('\n', out);
	paragraph(out, option);
}

/* Write a heading where a group begins. @group: the last one, -1 = none */
static void write_group(FILE *out, const struct option *option, int *group)
{
	if (*group != (int)option->group)
		fprintf(out, "_%s_\n\n", option_group_titles[option->group]);
	*group = (int)option->group;
}

static void write_verb(FILE *out, const struct verb *verb)
{
	int group = -1;

	fprintf(out, "## berth %s\n\n*berth %s* ", verb->name, verb->name);
	literal(out, verb->usage);
	fprintf(out, "\n\n");
	capitalized(out, verb->help);
	fprintf(out, ". ");
	prose(out, verb->details);
	fprintf(out, "\n\n");
	for_each_option (option) {
		if (!option_in(option, verb->id) || option_everywhere(option))
			continue;
		if (verb_count_options(verb) > VERB_OPTIONS_MAX)
			write_group(out, option, &group);
		write_option(out, option);
	}
}

static void write_options(FILE *out)
{
	for (unsigned int verb = 0; verb < VERBS; verb++)
		write_verb(out, &verb_table[verb]);
	fprintf(out, "## every verb\n\n");
	for_each_option (option)
		if (option_everywhere(option))
			write_option(out, option);
}

static void write_verbs(FILE *out)
{
	for (unsigned int verb = 0; verb < VERBS; verb++) {
		fprintf(out, "%s*berth %s* ", verb ? "++\n" : "", verb_table[verb].name);
		literal(out, verb_table[verb].usage);
	}
	fprintf(out, "\n");
}

static void write_key(FILE *out, const struct option *option)
{
	fprintf(out, "*%s*: ", option->name);
	if (option_is_text(option)) {
		literal(out, option->arg);
	} else {
		cleanup_free char *expected = option_expected(option);

		prose(out, expected);
	}
	fprintf(out, "%s\n", option->type->list ? "; one or a list" : "");
	paragraph(out, option);
}

static void write_keys(FILE *out)
{
	int group = -1;

	for_each_option (option) {
		if (!(option->where & OPTION_IN_YAML))
			continue;
		write_group(out, option, &group);
		write_key(out, option);
	}
}

static void write_environment(FILE *out)
{
	static const struct {
		const char *name, *help;
	} rows[] = {
#define ENV(name, help) { #name, help },
#include "core/env.def"
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		fputc('*', out);
		prose(out, rows[i].name);
		fprintf(out, "*\n\t");
		prose(out, rows[i].help);
		fprintf(out, "\n\n");
	}
}

/* Name the sets of checks as the command line does; the set `full` has every check. */
static void write_checks(FILE *out)
{
	for (const struct doctor_check *check = doctor_checks; check->name; check++) {
		const char *before = "";

		fputc('*', out);
		prose(out, check->name);
		fprintf(out, "* (");
		for (size_t i = 0; i < DOCTOR_SETS; i++) {
			if (!(check->sets & doctor_sets[i].bit) ||
			    doctor_sets[i].bit == DOCTOR_FULL)
				continue;
			fprintf(out, "%s%s", before, doctor_sets[i].name);
			before = ", ";
		}
		fprintf(out, ")\n\t");
		prose(out, check->help);
		fprintf(out, "\n\n");
	}
}

static bool write_list(FILE *out, const char *line)
{
	for (const struct option_list *list = option_lists; list < option_lists + LISTS; list++) {
		cleanup_free char *list_line = str_print("@%s@\n", list->name);

		for (unsigned int i = 0; !strcmp(line, list_line) && i < list->count; i++)
			write_key(out, &list->keys[i]);
		if (!strcmp(line, list_line))
			return true;
	}
	return false;
}

int help_template(FILE *in, FILE *out)
{
	static const struct {
		const char *line;
		void (*write)(FILE *out);
	} parts[] = {
		{ "@verbs@\n", write_verbs },   { "@options@\n", write_options },
		{ "@keys@\n", write_keys },     { "@environment@\n", write_environment },
		{ "@checks@\n", write_checks },
	};
	cleanup_free char *line = NULL;
	size_t size = 0, i;

	while (getline(&line, &size, in) > 0) {
		for (i = 0; i < ARRAY_LEN(parts) && strcmp(line, parts[i].line); i++)
			;
		if (i < ARRAY_LEN(parts))
			parts[i].write(out);
		else if (!write_list(out, line))
			fputs(line, out);
	}
	return ferror(in) || fflush(out) ? 1 : 0;
}
