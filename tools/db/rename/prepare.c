/* SPDX-License-Identifier: MIT */
/*
 * The steward of a run: drops what dead runs have left on the server, then finds out who makes the template. Of all runs that
 * need it, on all machines, the one that has the lock of its name does; the others wait until it is there, or the lock is free.
 */
#include "tools/db/rename/processes.h"

#include <stdlib.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/db/rename/admin.h"
#include "tools/process/coprocess.h"

enum { ELECTION_MS = 600000 };

static bool template_exists(struct admin *admin, const struct rename_plan *plan)
{
	char name[RENAME_TEMPLATE_NAME];
	bool is_template;

	rename_template_name(name, plan->template_hash, 0);
	return admin_exists(admin, name, &is_template) && is_template;
}

/* Wait until the template is there or is ours to make. Return: what to say; NULL if nobody listens any more. */
static const char *elect(struct admin *admin, const struct rename_plan *plan, int line)
{
	int64_t until = clock_ms() + ELECTION_MS;
	char name[RENAME_TEMPLATE_NAME];
	bool closed = false;

	rename_template_name(name, plan->template_hash, 0);
	while (!closed && clock_ms() < until) {
		if (template_exists(admin, plan))
			return "cached";
		if (admin_lock(admin, name))
			return template_exists(admin, plan) ? "cached" : "setup";
		free(coproc_hear(line, 100, &closed));
	}
	return closed ? NULL : "error another run holds the template's lock for ten minutes";
}

void rename_prepare_main(void *arg, int line)
{
	struct rename_plan *plan = arg;
	cleanup_free char *why = NULL;
	const char *answer = "none";
	struct admin *admin;
	bool closed = false;

	rename_confine(plan->db);
	if (admin_open(&plan->db->urls[0], line, &admin, &why)) {
		coproc_tell(line, "error %s", why);
		return;
	}
	coproc_tell(line, "reaped %u",
	            admin_reap(admin) + admin_collect(admin, plan->db->setup.template_quota_bytes));
	if (plan->template_hash)
		answer = elect(admin, plan, line);
	if (answer)
		coproc_tell(line, "%s", answer);
	/* until `done`: the lock is this session's */
	while (answer && !strcmp(answer, "setup") && !closed)
		if (coproc_hear(line, 60000, &closed))
			break;
	admin_close(admin);
}
