/* SPDX-License-Identifier: MIT */
/* The list of findings, to which the checks of `berth doctor` add. */
#include "tools/cli/doctor/doctor.h"

void doctor_say(struct doctor *doctor, enum doctor_severity severity, const char *found, ...)
{
	struct doctor_finding *finding;
	va_list list;

	doctor->findings = mem_grow(doctor->findings, doctor->count + 1, sizeof(*doctor->findings));
	finding = &doctor->findings[doctor->count++];
	*finding = (struct doctor_finding){ .check = doctor->check, .severity = severity };
	va_start(list, found);
	finding->found = str_vprint(found, list);
	va_end(list);
}

void doctor_cause(struct doctor *doctor, const char *cause, ...)
{
	va_list list;

	va_start(list, cause);
	doctor->findings[doctor->count - 1].cause = str_vprint(cause, list);
	va_end(list);
}

void doctor_remedy(struct doctor *doctor, const char *remedy, ...)
{
	va_list list;

	va_start(list, remedy);
	doctor->findings[doctor->count - 1].remedy = str_vprint(remedy, list);
	va_end(list);
}
