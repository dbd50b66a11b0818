/* SPDX-License-Identifier: MIT */
/*
 * The databases of one worker on the shared server, and their leases. In the relay process;
 * blocking.
 *
 * Order, so that a crash leaves nothing without an owner: lock, create, comment; drop, unlock. The
 * lock is taken first and given back last, with the session.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/base/str.h"
#include "tools/db/mode/record_line.h"
#include "tools/db/rename/relay_process.h"
#include "tools/process/coprocess.h"

enum { DROP_MAX_MS = 5000, DROP_EVERY_MS = 100 };

void rename_template_name(char name[RENAME_TEMPLATE_NAME], const char *hash, unsigned int url)
{
	snprintf(name, RENAME_TEMPLATE_NAME, "berth_tpl_%.24s_%u", hash, url % 100);
}

/* The logical name may be 63 bytes long, so only its hash is part of the snapshot's name. */
static void snapshot_name(char name[RENAME_TEMPLATE_NAME], const char *snapshot,
                          const char *logical)
{
	snprintf(name, RENAME_TEMPLATE_NAME, "berth_snap_%.32s_%08x", snapshot,
	         names_hash(logical, strlen(logical)));
}

/* --- sessions --- */

int relay_databases_connect(struct relay_process *self, unsigned int port, char **ret_why)
{
	int ret = admin_open(db_url_at(self->db, port), self->line, &self->admins[port], ret_why);

	if (ret || admin_lock(self->admins[port], self->plan->suffix))
		return ret;
	*ret_why = str_copy("its lease is taken");
	admin_close(steal(&self->admins[port])); /* a session in admins[] has the lease */
	return -EEXIST;
}

/* The server has released the lock with the old session, so the new one takes it again. */
bool relay_databases_reconnect(struct relay_process *self, unsigned int port)
{
	cleanup_free char *why = NULL;

	if (self->admins[port] && admin_alive(self->admins[port]))
		return true;
	admin_close(steal(&self->admins[port]));
	return !relay_databases_connect(self, port, &why);
}

/* Return: a session with the server of URL number @url; NULL if there is none. */
static struct admin *session_for(struct relay_process *self, unsigned int url)
{
	unsigned int port = 0;

	while (self->db->ports[port] != self->db->urls[url].port)
		port++;
	return relay_databases_reconnect(self, port) ? self->admins[port] : NULL;
}

/* --- one database --- */

/* Return: Berth does not rename the database of URL number @url: postgres, template1. */
static bool is_shared(const struct relay_process *self, unsigned int url)
{
	return names_is_shared(self->db->urls[url].name, strlen(self->db->urls[url].name));
}

static char *physical_of(struct relay_process *self, unsigned int url)
{
	const char *logical = self->db->urls[url].name;
	struct str name = { 0 };

	names_physical(&self->names, logical, strlen(logical), &name);
	return str_take(&name);
}

static struct admin_lease lease_of(const struct relay_process *self, unsigned int url)
{
	return (struct admin_lease){ .run = self->db->config.run_id,
		                     .task = self->worker->task ? self->worker->task : "",
		                     .suffix = self->plan->suffix,
		                     .logical = self->db->urls[url].name,
		                     .worker = self->worker->number };
}

/*
 * What the database is copied from: the snapshot, the template, the logical database if there is
 * one; NULL = nothing.
 */
static const char *source_of(struct relay_process *self, unsigned int url, struct admin *admin,
                             char name[RENAME_TEMPLATE_NAME])
{
	const char *logical = self->db->urls[url].name;
	bool is_template;

	if (!self->worker->number)
		return NULL;
	if (self->snapshot)
		snapshot_name(name, self->snapshot, logical);
	else if (self->plan->template_hash)
		rename_template_name(name, self->plan->template_hash, url);
	else
		return admin_exists(admin, logical, &is_template) ? logical : NULL;
	return name;
}

static int create(struct relay_process *self, unsigned int url, char **ret_why)
{
	cleanup_free char *physical = physical_of(self, url), *why = NULL, *cause = NULL;
	struct admin_lease lease = lease_of(self, url);
	struct admin *admin = session_for(self, url);
	char name[RENAME_TEMPLATE_NAME];
	const char *source = admin ? source_of(self, url, admin, name) : NULL;
	int ret;

	if (source == name)
		admin_use_template(admin, name);
	ret = admin ? admin_create(admin, physical, source, &lease, &why) : -ECONNREFUSED;
	if (ret == -EPERM || ret == -EBUSY)
		(void)admin_check(admin, source ? source : "template1", &cause);
	if (ret)
		*ret_why = str_print("unable to create database '%s': %s", physical,
		                     cause ? cause
		                     : why ? why
		                           : strerror(-ret));
	return ret;
}

static int snapshot_one(struct relay_process *self, unsigned int url, const char *snapshot,
                        char **ret_why)
{
	cleanup_free char *physical = physical_of(self, url);
	struct admin_lease lease = lease_of(self, url);
	struct admin *admin = session_for(self, url);
	char name[RENAME_TEMPLATE_NAME];

	snapshot_name(name, snapshot, lease.logical);
	return !admin ? -ECONNREFUSED
	              : admin_snapshot(admin, physical, &lease,
	                               &(struct admin_template){ .name = name,
	                                                         .logical = lease.logical,
	                                                         .snapshot = snapshot },
	                               ret_why);
}

static int seal(struct relay_process *self, unsigned int url, char **ret_why)
{
	cleanup_free char *physical = physical_of(self, url);
	struct admin *admin = session_for(self, url);
	char name[RENAME_TEMPLATE_NAME];

	rename_template_name(name, self->plan->template_hash, url);
	return !admin ? -ECONNREFUSED
	              : admin_seal(admin, physical,
	                           &(struct admin_template){ .name = name,
	                                                     .logical = self->db->urls[url].name,
	                                                     .once = self->plan->once },
	                           ret_why);
}

/* --- all of them --- */

int relay_databases_check_snapshot(struct relay_process *self, const char *snapshot, char **ret_why)
{
	for (unsigned int i = 0; i < self->db->url_count; i++) {
		struct admin *admin;
		char name[RENAME_TEMPLATE_NAME];
		bool is_template;

		if (is_shared(self, i))
			continue;
		admin = session_for(self, i);
		snapshot_name(name, snapshot, self->db->urls[i].name);
		if (admin && admin_exists(admin, name, &is_template))
			continue;
		*ret_why = str_print("there is no snapshot '%s' of database '%s' on this server",
		                     snapshot, self->db->urls[i].name);
		return -ENODATA;
	}
	return 0;
}

int relay_databases_create(struct relay_process *self, char **ret_why)
{
	int ret = 0;

	for (unsigned int i = 0; i < self->db->url_count && !ret; i++)
		if (!is_shared(self, i))
			ret = create(self, i, ret_why);
	return ret;
}

int relay_databases_snapshot(struct relay_process *self, const char *snapshot, char **ret_why)
{
	int ret = 0;

	for (unsigned int i = 0; i < self->db->url_count && !ret; i++)
		if (!is_shared(self, i))
			ret = snapshot_one(self, i, snapshot, ret_why);
	return ret;
}

/* The first one last, because other runs look for that one only. */
int relay_databases_seal(struct relay_process *self, char **ret_why)
{
	int ret = 0;

	for (unsigned int i = self->db->url_count; i-- > 0 && !ret;)
		if (!is_shared(self, i))
			ret = seal(self, i, ret_why);
	return ret;
}

void relay_databases_comment(struct relay_process *self, bool kept)
{
	for (unsigned int i = 0; i < self->db->url_count; i++) {
		cleanup_free char *physical = physical_of(self, i);
		struct admin_lease lease = lease_of(self, i);
		struct admin *admin;

		if (is_shared(self, i) || !(admin = session_for(self, i)))
			continue;
		if (!admin_comment(admin, physical, &lease, kept)) {
			if (kept)
				coproc_report(self->line, "kept %s", physical);
		} else if (kept) {
			coproc_report(self->line, "not-kept the server refuses a comment on '%s'",
			              physical);
		}
	}
}

struct leftover {
	struct relay_process *self;
	struct str line;
};

static void add_leftover(void *arg, const char *database)
{
	struct leftover *leftover = arg;
	const struct db *db = leftover->self->db;
	cleanup_str struct str logical = { 0 };

	names_logical(&leftover->self->names, database, strlen(database), &logical);
	for (unsigned int i = 0; i < db->url_count; i++)
		if (!strcmp(db->urls[i].name, logical.text))
			return;
	record_line_add_leftover(&leftover->line, logical.text);
}

void relay_databases_report_leftover(struct relay_process *self)
{
	struct leftover leftover = { .self = self };

	for (unsigned int i = 0; i < self->db->port_count; i++)
		if (self->worker->number && self->admins[i])
			admin_each_suffix(self->admins[i], self->plan->suffix, add_leftover,
			                  &leftover);
	if (leftover.line.len)
		coproc_report(self->line, "%s", leftover.line.text);
	str_free(&leftover.line);
}

static bool drop_all(struct relay_process *self)
{
	bool dropped = true;

	for (unsigned int i = 0; i < self->db->port_count; i++)
		if (!relay_databases_reconnect(self, i) ||
		    admin_drop_suffix(self->admins[i], self->plan->suffix, true))
			dropped = false;
	return dropped;
}

/*
 * The server may restart, or a role whose sessions ours may not end may still be connected: both
 * are worth some seconds.
 */
bool relay_databases_drop(struct relay_process *self)
{
	int64_t due_ms = clock_ms() + DROP_MAX_MS;

	while (!drop_all(self)) {
		if (clock_ms() >= due_ms)
			return false;
		poll(NULL, 0, DROP_EVERY_MS);
	}
	return true;
}
