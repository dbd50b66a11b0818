/* SPDX-License-Identifier: MIT */
/*
 * The rename mode, seen from the run: one agent per worker, which is its relay and holds its lease, and one steward for the
 * template. Nothing here talks to a database.
 *
 *	hash of the setup's inputs (job) -> steward: cached, or setup -> worker 0 -> commit -> the other workers' agents
 */
#include "tools/db/rename/rename.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/base/file.h"
#include "tools/base/str.h"
#include "tools/process/coprocess.h"
#include "tools/process/job.h"
#include "tools/db/rename/processes.h"
#include "tools/db/sql/names.h"
#include "tools/db/mode/record_line.h"
#include "tools/db/template/template.h"

enum { TASK_MAX = 16, BREAKER_OPENS = 3, BREAKER_MS = 30000 };

/*
 * Workers that could not connect, one after the other, though each had tried for a while with growing pauses. From BREAKER_OPENS on
 * no further one asks the server, until BREAKER_MS have passed; then one may try.
 */
struct breaker {
	unsigned int failures;
	int64_t until_ms;
	char *why;
};

struct rename_mode {
	struct template_plan plan;
	struct rename_plan prepare_plan;
	struct coproc *preparer;
	struct job *job;
	struct breaker breaker;
	char *hash, *failure, *socket_dir;
	bool ready, in_setup;
	int64_t began_ms;
};

/* what a worker has in this mode */
struct rename_worker {
	struct db_worker *worker;
	struct coproc *process;
	struct rename_plan plan;
	char *suffix, *failure;
	struct loop_timer *failure_timer;
	bool waiting, kept;
	bool watches; /* the server as a whole */
};

static struct rename_mode *rename_mode_of(const struct db *db)
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
	for (size_t i = 0; task[i] && i < TASK_MAX; i++) {
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

static void rename_worker_free(struct rename_worker *self)
{
	struct db_worker *worker = self->worker;

	loop_cancel(worker->db->setup.loop, self->failure_timer);
	free(self->suffix);
	free(self->failure);
	free(self);
	db_worker_gone(worker);
}

static void report_failure(void *arg)
{
	struct rename_worker *self = arg;

	self->failure_timer = NULL;
	db_worker_answer(self->worker, -EIO, self->failure);
}

static void fail_worker(struct rename_worker *self, const char *why)
{
	if (!self->failure) /* the first reason is the one to tell */
		self->failure = str_print("unable to give the worker its database: %s", why);
	if (self->worker->ready && !self->failure_timer)
		self->failure_timer = loop_after(self->worker->db->setup.loop, 0, report_failure,
		                                 self);
}

/* --- the breaker --- */

static void breaker_note(struct rename_worker *self, const char *failure)
{
	struct breaker *breaker = &rename_mode_of(self->worker->db)->breaker;

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
		db_record(self->worker, DB_RECORD_BREAKER, self->worker->db->ports[0], -1,
		          breaker->why);
}

static bool breaker_is_open(const struct db *db)
{
	const struct breaker *breaker = &rename_mode_of(db)->breaker;

	return breaker->why && clock_ms() < breaker->until_ms;
}

/* --- a worker's agent --- */

static void template_settled(struct db *db, const char *failure);

static void say_done(struct db *db)
{
	if (rename_mode_of(db)->preparer)
		coproc_say(rename_mode_of(db)->preparer, "done");
	rename_mode_of(db)->in_setup = false;
}

static void template_record(struct db *db, const char *detail)
{
	struct db_worker nobody = { .db = db };

	db_record(&nobody, DB_RECORD_TEMPLATE, 0, clock_ms() - rename_mode_of(db)->began_ms,
	          detail);
}

/* One of the workers is enough to watch the server as a whole, but it must be one that lives. */
static void choose_pool_watcher(struct db *db)
{
	struct rename_worker *chosen = NULL;

	for (struct db_worker *worker = db->workers; worker; worker = worker->next) {
		struct rename_worker *self = worker->mode_data;

		if (!worker->number || worker->ending || !worker->usable || !self->process)
			continue;
		if (self->watches)
			return;
		chosen = self;
	}
	if (!chosen)
		return;
	chosen->watches = true;
	coproc_say(chosen->process, "watch");
}

static void on_ready(struct rename_worker *self, const char *ms)
{
	struct db_worker *worker = self->worker;

	(void)ms; /* the agent's part of it */
	/* the agent may have moved on to another */
	for (unsigned int i = 0; i < worker->db->port_count; i++)
		worker->real[i] = berth_portmap_real(worker->map, BERTH_TCP, worker->db->ports[i]);
	db_record(worker, DB_RECORD_READY, 0, clock_ms() - worker->began_ms,
	          worker->number ? "create" : "setup");
	breaker_note(self, NULL);
	db_worker_answer(worker, 0, "");
	choose_pool_watcher(worker->db);
}

static void on_error(struct rename_worker *self, const char *why)
{
	if (self->worker->ready)
		fail_worker(self, why);
	else if (!self->worker->number)
		template_settled(self->worker->db, why);
}

static void on_unreachable(struct rename_worker *self, const char *why)
{
	breaker_note(self, why);
	fail_worker(self, why);
}

static void on_refused(struct rename_worker *self, const char *why)
{
	db_worker_refuse(self->worker, -EIO, why);
}

static void on_kept(struct rename_worker *self, const char *physical)
{
	const struct db_url *url = self->worker->db->urls;
	uint16_t port;
	cleanup_free char *host = str_shell_word(db_url_server(url, &port));
	cleanup_free char *role = str_shell_word(url->role), *name = str_shell_word(physical);
	cleanup_free char *command = str_print("psql -h %s -p %u -U %s %s", host, port, role, name);

	db_record(self->worker, DB_RECORD_KEPT, url->port, -1, command);
	self->kept = true;
}

static void on_leftover(struct rename_worker *self, const char *nothing)
{
	(void)nothing;
	db_record(self->worker, DB_RECORD_DIED, self->worker->db->ports[0], -1,
	          "the next run on it drops what this one left there");
	self->kept = true;
}

static void on_committed(struct rename_worker *self, const char *nothing)
{
	struct db *db = self->worker->db;

	(void)nothing;
	say_done(db);
	template_record(db, "built");
	template_settled(db, NULL);
}

/* What an agent says: lease.h. */
static const struct {
	const char *word;
	void (*act)(struct rename_worker *self, const char *argument); /* "" if there is none */
} words[] = {
	{ "ready", on_ready },        { "error", on_error }, { "unreachable", on_unreachable },
	{ "refused", on_refused },    { "kept", on_kept },   { "left", on_leftover },
	{ "committed", on_committed }
};

static void on_process_line(void *arg, const char *text)
{
	struct rename_worker *self = arg;
	size_t len = strcspn(text, " ");

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strlen(words[i].word) == len && !strncmp(words[i].word, text, len)) {
			words[i].act(self, text + len + (text[len] == ' '));
			return;
		}
	record_line_deliver(self->worker, self->worker->db->ports[0], text);
}

static void on_process_end(void *arg)
{
	struct rename_worker *self = arg;
	struct db_worker *worker = self->worker;

	self->process = NULL;
	choose_pool_watcher(worker->db);
	if (!worker->number && rename_mode_of(worker->db)->in_setup) {
		say_done(worker->db);
		template_settled(worker->db, "the setup command failed");
	}
	if (worker->ending) {
		if (worker->usable && !self->kept)
			db_record(worker, DB_RECORD_REMOVED, 0, -1, "");
		rename_worker_free(self);
		return;
	}
	if (worker->usable)
		db_record(worker, DB_RECORD_DIED, 0, -1, "the relay ended unexpectedly");
	fail_worker(self, "its agent ended unexpectedly");
}

static void worker_start(struct rename_worker *self)
{
	struct db *db = self->worker->db;
	int ret;

	self->waiting = false;
	if (breaker_is_open(db)) {
		fail_worker(self, rename_mode_of(db)->breaker.why);
		return;
	}
	self->plan = (struct rename_plan){ .db = db,
		                           .worker = self->worker,
		                           .suffix = self->suffix,
		                           .template_hash = db->setup.command
		                                                    ? rename_mode_of(db)->hash
		                                                    : NULL,
		                           .snapshot = db->setup.snapshot,
		                           .socket_dir = rename_mode_of(db)->socket_dir };
	ret = coproc_start(db->setup.loop, relay_process_main, &self->plan, on_process_line,
	                   on_process_end, self, &self->process);
	if (ret)
		fail_worker(self, strerror(-ret));
}

/* --- the template --- */

static void template_settled(struct db *db, const char *failure)
{
	struct rename_mode *mode = rename_mode_of(db);

	mode->ready = true;
	free(mode->failure);
	mode->failure = str_copy(failure);
	for (struct db_worker *worker = db->workers; worker; worker = worker->next) {
		struct rename_worker *self = worker->mode_data;

		if (!self->waiting || worker->ending || !worker->number)
			continue;
		self->waiting = false;
		if (failure)
			fail_worker(self, failure);
		else
			worker_start(self);
	}
}

static void on_preparer_line(void *arg, const char *text)
{
	struct db *db = arg;
	struct rename_mode *mode = rename_mode_of(db);

	if (!strcmp(text, "cached") || !strcmp(text, "none")) {
		if (*text == 'c')
			template_record(db, "cached");
		template_settled(db, NULL);
	} else if (!strcmp(text, "setup")) {
		mode->in_setup = true;
		if (!db->setup.run_setup || db->setup.run_setup(db->setup.arg, db->setup.command)) {
			say_done(db);
			template_settled(db, "the setup command could not be started");
		}
	} else if (str_starts(text, "error ")) {
		template_settled(db, text + 6);
	}
}

static void on_preparer_end(void *arg)
{
	struct db *db = arg;
	struct rename_mode *mode = rename_mode_of(db);

	mode->preparer = NULL;
	if (!mode->ready && !mode->in_setup)
		template_settled(db, "the steward ended unexpectedly");
}

static void start_preparer(struct db *db)
{
	struct rename_mode *mode = rename_mode_of(db);
	int ret;

	mode->prepare_plan = (struct rename_plan){ .db = db,
		                                   .template_hash = db->setup.command ? mode->hash
		                                                                      : NULL };
	ret = coproc_start(db->setup.loop, rename_prepare_main, &mode->prepare_plan,
	                   on_preparer_line, on_preparer_end, db, &mode->preparer);
	if (ret)
		template_settled(db, strerror(-ret));
}

static void on_hash(void *arg, int error, const char *text)
{
	struct db *db = arg;
	struct rename_mode *mode = rename_mode_of(db);

	mode->job = NULL;
	if (error || strlen(text) != 32) {
		template_settled(db, error == -E2BIG ? "too many files named as inputs of the setup"
		                                     : strerror(-error));
		return;
	}
	mode->hash = str_copy(text);
	start_preparer(db);
}

static int rename_worker_prepare(struct db_worker *worker)
{
	struct rename_worker *self = mem_alloc(sizeof(*self));
	struct rename_mode *mode = rename_mode_of(worker->db);

	*self = (struct rename_worker){ .worker = worker,
		                        .suffix = make_suffix(worker),
		                        .waiting = true };
	worker->mode_data = self;
	for (unsigned int i = 0; i < worker->db->port_count; i++) {
		cleanup_free char *path = str_print("%s/w%u.s.PGSQL.%u", mode->socket_dir,
		                                    worker->number, worker->db->ports[i]);
		int ret = db_worker_socket_rules(worker, i, path);

		if (ret) {
			free(self->suffix);
			free(self);
			return ret;
		}
	}
	if (!worker->number || (mode->ready && !mode->failure))
		worker_start(self);
	else if (mode->failure)
		fail_worker(self, mode->failure);
	return 0;
}

static int order(struct db_worker *worker, const char *word, const char *name)
{
	struct rename_worker *self = worker->mode_data;
	cleanup_free char *text = name ? str_print("%s %s", word, name) : str_copy(word);

	if (!self->process)
		return -ECHILD;
	coproc_say(self->process, text);
	return 0;
}

static int rename_worker_reset(struct db_worker *worker, const char *snapshot)
{
	return order(worker, "reset", snapshot);
}

static int rename_worker_snapshot(struct db_worker *worker, const char *name)
{
	return order(worker, "snapshot", name);
}

static void rename_worker_end(struct db_worker *worker)
{
	struct rename_worker *self = worker->mode_data;
	const struct db_config *setup = &worker->db->setup;
	bool keep = worker->number && worker->usable &&
	            (setup->keep || (setup->keep_failed && worker->failed));

	if (!self->process)
		rename_worker_free(self);
	else if (!worker->number && !worker->failed && worker->usable)
		coproc_say(self->process, "commit");
	else
		coproc_say(self->process, keep ? "keep" : "drop");
}

static void rename_mode_close(struct db *db)
{
	struct rename_mode *mode = rename_mode_of(db);

	job_cancel(mode->job);
	coproc_discard(mode->preparer);
	if (mode->socket_dir)
		(void)dir_remove(mode->socket_dir);
	free(mode->breaker.why);
	free(mode->hash);
	free(mode->failure);
	free(mode->socket_dir);
	free(mode);
	db->mode_data = NULL;
}

static int rename_mode_open(struct db *db, char **ret_reason)
{
	struct rename_mode *mode = mem_alloc(sizeof(*mode));
	/* the relay is our own process: our own user must reach the directory */
	struct db_programs nobody = { 0 };
	int ret;

	db->mode_data = mode;
	mode->began_ms = clock_ms();
	mode->plan = (struct template_plan){ .urls = db->urls,
		                             .url_count = db->url_count,
		                             .project_dir = db->setup.project_dir,
		                             .command = db->setup.command,
		                             .inputs = db->setup.inputs };
	ret = db_programs_socket_dir(&nobody, db->setup.run_dir, &mode->socket_dir);
	ret = ret ? ret
	          : job_start(&(struct job_setup){ .loop = db->setup.loop,
	                                           .run = template_hash,
	                                           .arg = &mode->plan,
	                                           .done = on_hash,
	                                           .done_arg = db },
	                      &mode->job);
	if (ret) {
		rename_mode_close(db);
		return ret;
	}
	*ret_reason = db_url_where(db->urls);
	return 0;
}

static char *rename_worker_physical(const struct db_worker *worker, unsigned int url)
{
	const struct rename_worker *self = worker->mode_data;
	const char *logical = worker->db->urls[url].name;
	struct names names;
	struct str name = { 0 };

	names_init(&names, self->suffix);
	names_physical(&names, logical, strlen(logical), &name);
	names_free(&names);
	return str_take(&name);
}

const struct db_mode_ops db_mode_rename = {
	.name = "rename",
	.open = rename_mode_open,
	.prepare = rename_worker_prepare,
	.reset = rename_worker_reset,
	.snapshot = rename_worker_snapshot,
	.end = rename_worker_end,
	.close = rename_mode_close,
	.physical = rename_worker_physical,
};
