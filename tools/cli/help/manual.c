/* SPDX-License-Identifier: MIT */
/*
 * The man pages' sources are in docs; the parts that the tables know are filled in here, as scdoc(5), so that
 * a page cannot lag behind the command.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/cli/settings/cli.h"
#include "tools/cli/doctor/doctor.h"
#include "tools/cli/help/help.h"

/* Literal text for scdoc: its markup characters are escaped */
static void literal(FILE *out, const char *text)
{
	for (; *text; text++)
		fprintf(out, strchr("\\*_#`<>[]|", *text) ? "\\%c" : "%c", *text);
}

/* Text of the tables: *strong* stays markup, an underscore is itself */
static void prose(FILE *out, const char *text)
{
	for (; *text; text++)
		fprintf(out, *text == '_' ? "\\%c" : "%c", *text);
}

static void paragraph(FILE *out, const struct option *option)
{
	cleanup_free char *wants = option_expected(option);

	fprintf(out, "\t%c", option->help[0] - 'a' + 'A');
	prose(out, option->help + 1);
	fprintf(out, ".");
	if (option_values(option) == VALUES_NAMES) {
		fprintf(out, " One of ");
		prose(out, wants);
		fprintf(out, ".");
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

static void write_options(FILE *out)
{
	for (unsigned int verb = 0; verb < VERBS; verb++) {
		fprintf(out, "## berth %s\n\n*berth %s* ", verb_table[verb].name,
		        verb_table[verb].name);
		literal(out, verb_table[verb].usage);
		fprintf(out, "\n\n%c", verb_table[verb].help[0] - 'a' + 'A');
		prose(out, verb_table[verb].help + 1);
		fprintf(out, ". ");
		prose(out, verb_table[verb].details);
		fprintf(out, "\n\n");
		for (const struct option *option = option_table; option < option_table + OPTIONS;
		     option++)
			if (option_in(option, verb) && !option_everywhere(option))
				write_option(out, option);
	}
	fprintf(out, "## every verb\n\n");
	for (const struct option *option = option_table; option < option_table + OPTIONS; option++)
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
	cleanup_free char *wants = option_expected(option);

	fprintf(out, "*%s*: ", option->name);
	if (option_is_text(option))
		literal(out, option->arg);
	else
		prose(out, wants);
	fprintf(out, "%s\n", option_is_list(option) ? "; one or a list" : "");
	paragraph(out, option);
}

static void write_keys(FILE *out)
{
	for (const struct option *option = option_table; option < option_table + OPTIONS; option++)
		if (option->where & OPTION_IN_YAML)
			write_key(out, option);
}

static void write_list(FILE *out, unsigned int list)
{
	for (unsigned int i = 0; i < option_lists[list].count; i++)
		write_key(out, &option_lists[list].keys[i]);
}

static void write_databases(FILE *out)
{
	write_list(out, LIST_DATABASE);
}

static void write_allow(FILE *out)
{
	write_list(out, LIST_ALLOW);
}

static void write_alarm(FILE *out)
{
	write_list(out, LIST_ALARM);
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

/* The sets of a check in the words of the command line; full has them all. */
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

int help_template(FILE *in, FILE *out)
{
	static const struct {
		const char *line;
		void (*write)(FILE *out);
	} parts[] = {
		{ "@verbs@\n", write_verbs },
		{ "@options@\n", write_options },
		{ "@keys@\n", write_keys },
		{ "@databases@\n", write_databases },
		{ "@allow@\n", write_allow },
		{ "@alarm@\n", write_alarm },
		{ "@environment@\n", write_environment },
		{ "@checks@\n", write_checks },
	};
	cleanup_free char *line = NULL;
	size_t room = 0, i;

	while (getline(&line, &room, in) > 0) {
		for (i = 0; i < ARRAY_LEN(parts) && strcmp(line, parts[i].line); i++)
			;
		if (i < ARRAY_LEN(parts))
			parts[i].write(out);
		else
			fputs(line, out);
	}
	return ferror(in) || fflush(out) ? 1 : 0;
}
