/* SPDX-License-Identifier: MIT */
/*
 * `berth doctor` runs the checks of a set and prints their findings. The exit status tells the
 * worst. The checks are in machine.c, network.c, database.c and load.c. They add findings by
 * finding.c.
 *
 * A check must leave nothing behind and must not disturb a live run.
 */
#include "tools/cli/doctor/doctor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/base/json.h"
#include "tools/cli/settings/config.h"
#include "tools/cli/common/output.h"
#include "tools/cli/settings/project.h"
#include "tools/cli/common/term.h"

const struct doctor_check doctor_checks[] = {
#define CHECK(name_, sets_, help_) { #name_, (sets_) | DOCTOR_FULL, help_, check_##name_ },
#include "tools/cli/doctor/doctor.def"
	{ NULL, 0, NULL, NULL },
};

const struct doctor_set doctor_sets[DOCTOR_SETS] = {
	{ "quick", DOCTOR_QUICK },       { "full", DOCTOR_FULL },
	{ "database", DOCTOR_DATABASE }, { "performance", DOCTOR_PERFORMANCE },
	{ "network", DOCTOR_NETWORK },
};

static const char *const severity_names[DOCTOR_SEVERITIES] = { "ok", "note", "warning", "error" };

static const int exit_statuses[DOCTOR_SEVERITIES] = { 0, 0, 1, 2 };

static enum doctor_severity worst(const struct doctor *doctor)
{
	enum doctor_severity found = DOCTOR_OK;

	for (size_t i = 0; i < doctor->count; i++)
		if (doctor->findings[i].severity > found)
			found = doctor->findings[i].severity;
	return found;
}

static unsigned int count_of(const struct doctor *doctor, enum doctor_severity severity)
{
	unsigned int count = 0;

	for (size_t i = 0; i < doctor->count; i++)
		count += doctor->findings[i].severity == severity;
	return count;
}

static void print_more(struct term_table *table, const char *label, const char *text)
{
	if (!text)
		return;
	term_cell(table, "");
	term_cell(table, "");
	term_cellf(table, "%s: %s", label, text);
	term_row(table);
}

static void print_text(const struct doctor *doctor)
{
	struct term_table table = { .wrap = true };
	const char *before = "";

	for (size_t i = 0; i < doctor->count; i++) {
		const struct doctor_finding *finding = &doctor->findings[i];

		term_cell(&table, severity_names[finding->severity]);
		term_cell(&table, finding->check);
		term_cell(&table, finding->found);
		term_row(&table);
		print_more(&table, "cause", finding->cause);
		print_more(&table, "remedy", finding->remedy);
	}
	term_print(&table);
	for (unsigned int i = DOCTOR_SEVERITIES; i-- > 0;) {
		unsigned int count = count_of(doctor, (enum doctor_severity)i);

		if (!count)
			continue;
		printf("%s%u %s%s", before, count, severity_names[i],
		       i != DOCTOR_OK && count > 1 ? "s" : "");
		before = ", ";
	}
	putchar('\n');
}

static void print_json(const struct doctor *doctor, const char *set, int64_t ms)
{
	json_t *findings = json_array(), *counts = json_object();

	for (size_t i = 0; i < doctor->count; i++) {
		const struct doctor_finding *finding = &doctor->findings[i];

		json_array_append_new(findings, json_pack("{s:s, s:s, s:o, s:o, s:o}", "check",
		                                          finding->check, "severity",
		                                          severity_names[finding->severity],
		                                          "found", json_text(finding->found),
		                                          "cause", json_text(finding->cause),
		                                          "remedy", json_text(finding->remedy)));
	}
	for (unsigned int i = 0; i < DOCTOR_SEVERITIES; i++)
		json_object_set_new(counts, severity_names[i],
		                    json_integer(count_of(doctor, (enum doctor_severity)i)));
	output_json(json_pack("{s:s, s:s, s:o, s:I, s:o}", "set", set, "verdict",
	                      severity_names[worst(doctor)], "counts", counts, "ms", (json_int_t)ms,
	                      "findings", findings));
}

/* A berth.yaml with mistakes is one finding. The other checks still run. */
static void read_config(struct doctor *doctor, struct cli *cli)
{
	cleanup_free char *path = cli->config ? str_copy(cli->config)
	                                      : project_config("berth.yaml");
	struct config *config = NULL;

	if (path && config_read(path, &config, &doctor->mistakes) && !doctor->mistakes)
		strv_own(&doctor->mistakes, str_print("unable to read '%s'", path));
	config_free(config);
	if (!doctor->mistakes && config_load(cli))
		strv_add(&doctor->mistakes, "the settings cannot be read");
	if (!cli->run.project_dir)
		cli->run.project_dir = project_find(path);
	doctor->options = &cli->run;
}

static void free_findings(struct doctor *doctor)
{
	for (size_t i = 0; i < doctor->count; i++) {
		free(doctor->findings[i].found);
		free(doctor->findings[i].cause);
		free(doctor->findings[i].remedy);
	}
	free(doctor->findings);
	strv_free(doctor->mistakes);
}

int verb_doctor(struct cli *cli)
{
	const char *name = cli->args ? cli->args[0] : doctor_sets[0].name;
	struct doctor doctor = { 0 };
	int64_t began_ms = clock_ms();
	size_t set = 0;
	int status;

	while (set < DOCTOR_SETS && strcmp(doctor_sets[set].name, name))
		set++;
	if (set == DOCTOR_SETS)
		return cli_usage(cli,
		                 "expected quick, full, database, performance or network, got '%s'",
		                 name);
	read_config(&doctor, cli);
	for (const struct doctor_check *check = doctor_checks; check->name; check++) {
		if (!(check->sets & doctor_sets[set].bit))
			continue;
		doctor.check = check->name;
		check->run(&doctor);
	}
	if (cli->json)
		print_json(&doctor, name, clock_ms() - began_ms);
	else
		print_text(&doctor);
	status = exit_statuses[worst(&doctor)];
	free_findings(&doctor);
	return status;
}
