/* SPDX-License-Identifier: MIT */
/*
 * The rename mode, seen from the run: one agent per worker, which is its relay and holds its lease, and one steward for the
 * template. Nothing here talks to a database.
 *
 *	hash of the setup's inputs (job) -> steward: cached, or setup -> worker 0 -> commit -> the other workers' agents
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/base/file.h"
#include "tools/base/str.h"
#include "tools/process/coprocess.h"
#include "tools/db/rename/lease.h"
#include "tools/db/sql/names.h"
#include "tools/db/record_line.h"
#include "tools/db/template/template.h"

enum { TASK_MOST = 16, BREAKER_OPENS = 3, BREAKER_MS = 30000 };

/*
 * Workers that could not connect, one after the other, though each had tried for a while with growing pauses. From BREAKER_OPENS on
 * no further one asks the server, until BREAKER_MS have passed; then one may try.
 */
struct breaker {
	unsigned int failures;
	int64_t until_ms;
	char *why;
};

struct shared {
	struct template_plan plan;
	struct lease_plan steward_plan;
	struct coproc *steward;
	struct job *job;
	struct breaker breaker;
	char *hash, *failure, *socket_dir;
	bool ready, in_setup;
	int64_t began_ms;
};

/* what a worker has in this mode */
struct tenant {
	struct db_worker *worker;
	struct coproc *agent;
	struct lease_plan plan;
	char *suffix, *failure;
	struct loop_timer *news;
	bool waiting, kept;
	bool watches; /* the server as a whole */
};

static struct shared *shared_of(const struct db *db)
{
	return db->mode_data;
}

/* _TASK_RANDOM: see is_suffix() in admin.c */
static char *make_suffix(const struct db_worker *worker)
{
	/* 32: five bits each */
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz012345";
	const char *task = worker->task && *worker->task ? worker->task : "w";
	struct str out = { 0 };
	unsigned char random[8] = { 0 };

	str_add(&out, "_");
	for (size_t i = 0; task[i] && i < TASK_MOST; i++) {
		char byte = task[i] >= 'A' && task[i] <= 'Z' ? (char)(task[i] | 32) : task[i];
		bool plain = (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9');

		str_add_len(&out, plain ? &byte : "_", 1);
	}
	str_add(&out, "_");
	while (getrandom(random, sizeof(random), 0) < 0 && errno == EINTR)
		;
	for (size_t i = 0; i < sizeof(random); i++)
		str_add_len(&out, &letters[random[i] % 32], 1);
	return str_take(&out);
}

static void tenant_gone(struct tenant *tenant)
{
	struct db_worker *worker = tenant->worker;

	loop_cancel(worker->db->setup.loop, tenant->news);
	free(tenant->suffix);
	free(tenant->failure);
	free(tenant);
	db_worker_gone(worker);
}

static void tell_news(void *arg)
{
	struct tenant *tenant = arg;

	tenant->news = NULL;
	db_worker_answer(tenant->worker, -EIO, tenant->failure);
}

static void fail_worker(struct tenant *tenant, const char *why)
{
	if (!tenant->failure) /* the first reason is the one to tell */
		tenant->failure = str_print("unable to give the worker its database: %s", why);
	if (tenant->worker->ready && !tenant->news)
		tenant->news = loop_after(tenant->worker->db->setup.loop, 0, tell_news, tenant);
}

/* --- the breaker --- */

static void breaker_note(struct tenant *tenant, const char *failure)
{
	struct breaker *breaker = &shared_of(tenant->worker->db)->breaker;

	free(steal(&breaker->why));
	breaker->failures = failure ? breaker->failures + 1 : 0;
	if (breaker->failures < BREAKER_OPENS)
		return;
	breaker->until_ms = clock_ms() + BREAKER_MS;
	breaker->why = str_print("%u workers in a row could not connect to the server; it is not "
	                         "asked again for %d s. "
	                         "The last time: %s",
	                         breaker->failures, BREAKER_MS / 1000, failure);
	if (breaker->failures == BREAKER_OPENS)
		db_record(tenant->worker, DB_RECORD_BREAKER, tenant->worker->db->ports[0], -1,
		          breaker->why);
}

static bool breaker_is_open(const struct db *db)
{
	const struct breaker *breaker = &shared_of(db)->breaker;

	return breaker->why && clock_ms() < breaker->until_ms;
}

/* --- a worker's agent --- */

static void template_settled(struct db *db, const char *failure);

static void say_done(struct db *db)
{
	if (shared_of(db)->steward)
		coproc_say(shared_of(db)->steward, "done");
	shared_of(db)->in_setup = false;
}

static void template_record(struct db *db, const char *detail)
{
	struct db_worker nobody = { .db = db };

	db_record(&nobody, DB_RECORD_TEMPLATE, 0, clock_ms() - shared_of(db)->began_ms, detail);
}

/* One of the workers is enough to watch the server as a whole, but it must be one that lives. */
static void choose_watchman(struct db *db)
{
	struct tenant *chosen = NULL;

	for (struct db_worker *worker = db->workers; worker; worker = worker->next) {
		struct tenant *tenant = worker->mode_data;

		if (!worker->number || worker->ending || !worker->usable || !tenant->agent)
			continue;
		if (tenant->watches)
			return;
		chosen = tenant;
	}
	if (!chosen)
		return;
	chosen->watches = true;
	coproc_say(chosen->agent, "watch");
}

static void on_ready(struct tenant *tenant, const char *ms)
{
	struct db_worker *worker = tenant->worker;

	(void)ms; /* the agent's part of it */
	/* the agent may have moved on to another */
	for (unsigned int i = 0; i < worker->db->port_count; i++)
		worker->real[i] = berth_portmap_real(worker->map, BERTH_TCP, worker->db->ports[i]);
	db_record(worker, DB_RECORD_READY, 0, clock_ms() - worker->began_ms,
	          worker->number ? "create" : "setup");
	breaker_note(tenant, NULL);
	db_worker_answer(worker, 0, "");
	choose_watchman(worker->db);
}

static void on_error(struct tenant *tenant, const char *why)
{
	if (tenant->worker->ready)
		fail_worker(tenant, why);
	else if (!tenant->worker->number)
		template_settled(tenant->worker->db, why);
}

static void on_unreachable(struct tenant *tenant, const char *why)
{
	breaker_note(tenant, why);
	fail_worker(tenant, why);
}

static void on_refused(struct tenant *tenant, const char *why)
{
	db_worker_refuse(tenant->worker, -EIO, why);
}

static void on_kept(struct tenant *tenant, const char *physical)
{
	const struct db_url *url = tenant->worker->db->urls;
	uint16_t port;
	cleanup_free char *host = str_shell_word(db_url_server(url, &port));
	cleanup_free char *role = str_shell_word(url->role), *name = str_shell_word(physical);
	cleanup_free char *command = str_print("psql -h %s -p %u -U %s %s", host, port, role, name);

	db_record(tenant->worker, DB_RECORD_KEPT, url->port, -1, command);
	tenant->kept = true;
}

static void on_left(struct tenant *tenant, const char *nothing)
{
	(void)nothing;
	db_record(tenant->worker, DB_RECORD_DIED, tenant->worker->db->ports[0], -1,
	          "the next run on it drops what this one left there");
	tenant->kept = true;
}

static void on_committed(struct tenant *tenant, const char *nothing)
{
	struct db *db = tenant->worker->db;

	(void)nothing;
	say_done(db);
	template_record(db, "built");
	template_settled(db, NULL);
}

/* What an agent says: lease.h. */
static const struct {
	const char *word;
	void (*act)(struct tenant *tenant, const char *argument); /* "" if there is none */
} words[] = {
	{ "ready", on_ready },        { "error", on_error }, { "unreachable", on_unreachable },
	{ "refused", on_refused },    { "kept", on_kept },   { "left", on_left },
	{ "committed", on_committed }
};

static void on_said(void *arg, const char *text)
{
	struct tenant *tenant = arg;
	size_t len = strcspn(text, " ");

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strlen(words[i].word) == len && !strncmp(words[i].word, text, len)) {
			words[i].act(tenant, text + len + (text[len] == ' '));
			return;
		}
	record_line_deliver(tenant->worker, tenant->worker->db->ports[0], text);
}

static void on_agent_end(void *arg)
{
	struct tenant *tenant = arg;
	struct db_worker *worker = tenant->worker;

	tenant->agent = NULL;
	choose_watchman(worker->db);
	if (!worker->number && shared_of(worker->db)->in_setup) {
		say_done(worker->db);
		template_settled(worker->db, "the setup command failed");
	}
	if (worker->ending) {
		if (worker->usable && !tenant->kept)
			db_record(worker, DB_RECORD_REMOVED, 0, -1, "");
		tenant_gone(tenant);
		return;
	}
	if (worker->usable)
		db_record(worker, DB_RECORD_DIED, 0, -1, "the relay ended unexpectedly");
	fail_worker(tenant, "its agent ended unexpectedly");
}

static void worker_start(struct tenant *tenant)
{
	struct db *db = tenant->worker->db;
	int ret;

	tenant->waiting = false;
	if (breaker_is_open(db)) {
		fail_worker(tenant, shared_of(db)->breaker.why);
		return;
	}
	tenant->plan = (struct lease_plan){ .db = db,
		                            .worker = tenant->worker,
		                            .suffix = tenant->suffix,
		                            .template_hash = db->setup.command ? shared_of(db)->hash
		                                                               : NULL,
		                            .snapshot = db->setup.snapshot,
		                            .socket_dir = shared_of(db)->socket_dir };
	ret = coproc_start(db->setup.loop, lease_worker, &tenant->plan, on_said, on_agent_end,
	                   tenant, &tenant->agent);
	if (ret)
		fail_worker(tenant, strerror(-ret));
}

/* --- the template --- */

static void template_settled(struct db *db, const char *failure)
{
	struct shared *shared = shared_of(db);

	shared->ready = true;
	free(shared->failure);
	shared->failure = str_copy(failure);
	for (struct db_worker *worker = db->workers; worker; worker = worker->next) {
		struct tenant *tenant = worker->mode_data;

		if (!tenant->waiting || worker->ending || !worker->number)
			continue;
		tenant->waiting = false;
		if (failure)
			fail_worker(tenant, failure);
		else
			worker_start(tenant);
	}
}

static void on_steward_said(void *arg, const char *text)
{
	struct db *db = arg;
	struct shared *shared = shared_of(db);

	if (!strcmp(text, "cached") || !strcmp(text, "none")) {
		if (*text == 'c')
			template_record(db, "cached");
		template_settled(db, NULL);
	} else if (!strcmp(text, "setup")) {
		shared->in_setup = true;
		if (!db->setup.run_setup || db->setup.run_setup(db->setup.arg, db->setup.command)) {
			say_done(db);
			template_settled(db, "the setup command could not be started");
		}
	} else if (str_starts(text, "error ")) {
		template_settled(db, text + 6);
	}
}

static void on_steward_end(void *arg)
{
	struct db *db = arg;
	struct shared *shared = shared_of(db);

	shared->steward = NULL;
	if (!shared->ready && !shared->in_setup)
		template_settled(db, "the steward ended unexpectedly");
}

static void start_steward(struct db *db)
{
	struct shared *shared = shared_of(db);
	int ret;

	shared->steward_plan = (struct lease_plan){
		.db = db, .template_hash = db->setup.command ? shared->hash : NULL
	};
	ret = coproc_start(db->setup.loop, lease_steward, &shared->steward_plan, on_steward_said,
	                   on_steward_end, db, &shared->steward);
	if (ret)
		template_settled(db, strerror(-ret));
}

static void on_hash(void *arg, int error, const char *text)
{
	struct db *db = arg;
	struct shared *shared = shared_of(db);

	shared->job = NULL;
	if (error || strlen(text) != 32) {
		template_settled(db, error == -E2BIG ? "too many files named as inputs of the setup"
		                                     : strerror(-error));
		return;
	}
	shared->hash = str_copy(text);
	start_steward(db);
}

static int shared_prepare(struct db_worker *worker)
{
	struct tenant *tenant = mem_alloc(sizeof(*tenant));
	struct shared *shared = shared_of(worker->db);

	*tenant = (struct tenant){ .worker = worker,
		                   .suffix = make_suffix(worker),
		                   .waiting = true };
	worker->mode_data = tenant;
	for (unsigned int i = 0; i < worker->db->port_count; i++) {
		cleanup_free char *path = str_print("%s/w%u.s.PGSQL.%u", shared->socket_dir,
		                                    worker->number, worker->db->ports[i]);
		int ret = db_worker_socket_rules(worker, i, path);

		if (ret) {
			free(tenant->suffix);
			free(tenant);
			return ret;
		}
	}
	if (!worker->number || (shared->ready && !shared->failure))
		worker_start(tenant);
	else if (shared->failure)
		fail_worker(tenant, shared->failure);
	return 0;
}

static int order(struct db_worker *worker, const char *word, const char *name)
{
	struct tenant *tenant = worker->mode_data;
	cleanup_free char *text = name ? str_print("%s %s", word, name) : str_copy(word);

	if (!tenant->agent)
		return -ECHILD;
	coproc_say(tenant->agent, text);
	return 0;
}

static int shared_reset(struct db_worker *worker, const char *snapshot)
{
	return order(worker, "reset", snapshot);
}

static int shared_snapshot(struct db_worker *worker, const char *name)
{
	return order(worker, "snapshot", name);
}

static void shared_end(struct db_worker *worker)
{
	struct tenant *tenant = worker->mode_data;
	const struct db_config *setup = &worker->db->setup;
	bool keep = worker->number && worker->usable &&
	            (setup->keep || (setup->keep_failed && worker->failed));

	if (!tenant->agent)
		tenant_gone(tenant);
	else if (!worker->number && !worker->failed && worker->usable)
		coproc_say(tenant->agent, "commit");
	else
		coproc_say(tenant->agent, keep ? "keep" : "drop");
}

static void shared_close(struct db *db)
{
	struct shared *shared = shared_of(db);

	job_cancel(shared->job);
	coproc_discard(shared->steward);
	if (shared->socket_dir)
		(void)dir_remove(shared->socket_dir);
	free(shared->breaker.why);
	free(shared->hash);
	free(shared->failure);
	free(shared->socket_dir);
	free(shared);
	db->mode_data = NULL;
}

static int shared_open(struct db *db, char **ret_reason)
{
	struct shared *shared = mem_alloc(sizeof(*shared));
	/* the relay is our own process: our own user must reach the directory */
	struct db_programs nobody = { 0 };
	int ret;

	db->mode_data = shared;
	shared->began_ms = clock_ms();
	shared->plan = (struct template_plan){ .urls = db->urls,
		                               .url_count = db->url_count,
		                               .project_dir = db->setup.project_dir,
		                               .command = db->setup.command,
		                               .inputs = db->setup.inputs };
	ret = db_programs_socket_dir(&nobody, db->setup.run_dir, &shared->socket_dir);
	ret = ret ? ret
	          : job_start(&(struct job_setup){ .loop = db->setup.loop,
	                                           .run = template_hash,
	                                           .arg = &shared->plan,
	                                           .done = on_hash,
	                                           .done_arg = db },
	                      &shared->job);
	if (ret) {
		shared_close(db);
		return ret;
	}
	*ret_reason = db_url_where(db->urls);
	return 0;
}

static char *shared_physical(const struct db_worker *worker, unsigned int url)
{
	const struct tenant *tenant = worker->mode_data;
	const char *logical = worker->db->urls[url].name;
	struct names names;
	struct str name = { 0 };

	names_init(&names, tenant->suffix);
	names_physical(&names, logical, strlen(logical), &name);
	names_free(&names);
	return str_take(&name);
}

const struct db_mode_ops db_mode_rename = {
	.name = "rename",
	.open = shared_open,
	.prepare = shared_prepare,
	.reset = shared_reset,
	.snapshot = shared_snapshot,
	.end = shared_end,
	.close = shared_close,
	.physical = shared_physical,
};
