/* SPDX-License-Identifier: MIT */
/*
 * The process that prepares a shared server for a run: drops what dead runs left there, looks
 * whether its databases can be copied, then finds out who makes the template. Of all runs that need
 * it, on all machines, the one with the lock of its name does. The others wait until the template
 * is there or the lock is free.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/db/rename/admin.h"
#include "tools/db/rename/processes.h"
#include "tools/db/sql/names.h"
#include "tools/process/coprocess.h"

enum { ELECTION_MS = 600000, ELECTION_EVERY_MS = 100, SETUP_EVERY_MS = 60000 };

static bool template_exists(struct admin *admin, const char *name)
{
	bool is_template;

	return admin_exists(admin, name, &is_template) && is_template;
}

/*
 * Wait until the template is there or this run is to make it. Return: what to say; NULL if the
 * supervisor is gone.
 */
static const char *elect(struct admin *admin, const char *template_hash, int line)
{
	int64_t until_ms = clock_ms() + ELECTION_MS;
	char name[RENAME_TEMPLATE_NAME];
	bool closed = false;

	rename_template_name(name, template_hash, 0);
	while (!closed && clock_ms() < until_ms) {
		if (template_exists(admin, name))
			return "cached";
		if (admin_lock(admin, name))
			return template_exists(admin, name) ? "cached" : "setup";
		free(coproc_receive(line, ELECTION_EVERY_MS, &closed));
	}
	return closed ? NULL : "error another run holds the template's lock for ten minutes";
}

/* The databases at port number @port. Return: 0; -EPERM, *ret_why. */
static int check_port(const struct db *db, unsigned int port, struct admin *admin, int line,
                      char **ret_why)
{
	bool copies = !db->config.command && !db->config.snapshot;
	int ret = 0;

	for (unsigned int i = 0; i < db->url_count && ret != -EPERM; i++) {
		const char *name = db->urls[i].name;
		cleanup_free char *why = NULL;

		if (db->urls[i].port != db->ports[port] || names_is_shared(name, strlen(name)))
			continue;
		ret = admin_check(admin, copies ? name : NULL, &why);
		if (ret == -EBUSY) /* that can end in time */
			coproc_report(line, "busy %s", why);
		else if (ret)
			*ret_why = steal(&why);
	}
	return ret == -EPERM ? ret : 0;
}

/*
 * Before a worker waits for it: may the roles create and copy, and is a session in what is copied?
 * Return: 0; -EPERM, *ret_why.
 */
static int check(const struct db *db, struct admin *first, int line, char **ret_why)
{
	int ret = 0;

	for (unsigned int port = 0; port < db->port_count && !ret; port++) {
		cleanup_free char *why = NULL;
		struct admin *admin = first;

		if (db->ports[port] != db->urls[0].port &&
		    admin_open(db_url_at(db, port), line, &admin, &why))
			continue; /* the relay process says so */
		ret = check_port(db, port, admin, line, ret_why);
		if (admin != first)
			admin_close(admin);
	}
	return ret;
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
		coproc_report(line, "error %s", why);
		return;
	}
	coproc_report(line, "reaped %u",
	              admin_reap(admin) +
	                      admin_collect(admin, plan->db->config.template_quota_bytes));
	if (check(plan->db, admin, line, &why)) {
		coproc_report(line, "error %s", why);
		answer = NULL;
	} else if (plan->template_hash) {
		answer = elect(admin, plan->template_hash, line);
	}
	if (answer)
		coproc_report(line, "%s", answer);
	/* the lock belongs to this session, which must last until `done` */
	while (answer && !strcmp(answer, "setup") && !closed)
		if (coproc_receive(line, SETUP_EVERY_MS, &closed))
			break;
	admin_close(admin);
}
