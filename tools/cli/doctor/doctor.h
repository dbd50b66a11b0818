/* SPDX-License-Identifier: MIT */
#ifndef BERTH_CLI_DOCTOR_H
#define BERTH_CLI_DOCTOR_H
/*
 * A check of `berth doctor` is a row of doctor.def and a function check_NAME(), which adds
 * findings:
 *
 *	doctor_say(doctor, DOCTOR_WARNING, "%u of %u blocks are free", ...);
 *	doctor_cause(doctor, "other runs hold them");
 *	doctor_remedy(doctor, "berth ps");
 *
 * A check adds at least one finding. It takes its facts from the module that it checks, and only
 * rates them. An error keeps runs from working. A warning means that a requested feature is missing
 * or soon will be. A note means that an optional feature is missing.
 */
#include <jansson.h>

#include "tools/cli/settings/cli.h"

enum doctor_severity { DOCTOR_OK, DOCTOR_NOTE, DOCTOR_WARNING, DOCTOR_ERROR, DOCTOR_SEVERITIES };

enum {
	DOCTOR_SETS = 5,
	DOCTOR_QUICK = 1,
	DOCTOR_FULL = 2,
	DOCTOR_DATABASE = 4,
	DOCTOR_PERFORMANCE = 8,
	DOCTOR_NETWORK = 16
};

extern const struct doctor_set {
	const char *name;
	unsigned int bit;
} doctor_sets[DOCTOR_SETS];

struct doctor;
struct doctor_check {
	const char *name;
	unsigned int sets; /* DOCTOR_QUICK | ...; every check is in DOCTOR_FULL */
	const char *help;
	void (*run)(struct doctor *doctor);
};

struct doctor_finding {
	const char *check;
	enum doctor_severity severity;
	char *found, *cause, *remedy; /* cause and remedy may be NULL */
};

struct doctor {
	const struct run_options *options;
	char **mistakes;   /* in berth.yaml, which is then ignored; strv */
	const char *check; /* name of the check that runs now */
	struct doctor_finding *findings;
	size_t count;
};

extern const struct doctor_check doctor_checks[]; /* ends with a NULL name */

#define CHECK(name, ...) void check_##name(struct doctor *doctor);
#include "tools/cli/doctor/doctor.def"

void doctor_say(struct doctor *doctor, enum doctor_severity severity, const char *found, ...)
	PRINTF(3, 4);

/* Add to the last finding. */
void doctor_cause(struct doctor *doctor, const char *cause, ...) PRINTF(2, 3);
void doctor_remedy(struct doctor *doctor, const char *remedy, ...) PRINTF(2, 3);

#endif
