/* SPDX-License-Identifier: MIT */
#ifndef BERTH_CLI_DOCTOR_H
#define BERTH_CLI_DOCTOR_H
/*
 * `berth doctor`: a check is a row of doctor.def and a function check_NAME(), which says what it found:
 *
 *	doctor_say(doctor, DOCTOR_WARNING, "%u of %u blocks are free", ...);
 *	doctor_cause(doctor, "other runs hold them");
 *	doctor_mend(doctor, "berth ps");
 *
 * It may say several things, and says at least one. What a check needs to know about a room, the room tells; here it is only
 * judged: an error keeps a run from working, a warning costs something that was asked for or soon will, a note costs a
 * feature that not everybody needs.
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
	unsigned int sets; /* DOCTOR_QUICK | ...; all are in DOCTOR_FULL */
	const char *help;
	void (*run)(struct doctor *doctor);
};

struct doctor_finding {
	const char *check;
	enum doctor_severity severity;
	char *found, *cause, *mend; /* cause and mend may be NULL */
};

struct doctor {
	const struct run_options *options;
	char **mistakes;   /* of berth.yaml, which is then not in force; strv */
	const char *check; /* the name of the one that runs */
	struct doctor_finding *findings;
	size_t count;
};

extern const struct doctor_check doctor_checks[]; /* ends with a NULL name */

#define CHECK(name, ...) void check_##name(struct doctor *doctor);
#include "tools/cli/doctor/doctor.def"

void doctor_say(struct doctor *doctor, enum doctor_severity severity, const char *found, ...)
	PRINTF(3, 4);

/* About what was said last */
void doctor_cause(struct doctor *doctor, const char *cause, ...) PRINTF(2, 3);
void doctor_mend(struct doctor *doctor, const char *mend, ...) PRINTF(2, 3);

#endif
