/* SPDX-License-Identifier: MIT */
/*
 * One worker in rename mode: starts its relay process, and turns what that says into answers and
 * records. In the supervisor, on the loop. Nothing here talks to a database server.
 */
#include "tools/db/rename/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/base/str.h"
#include "tools/db/mode/record_line.h"

enum { SUFFIX_BYTES = 24, TASK_MAX = 14, BREAKER_OPENS = 3, BREAKER_MS = 30000 };

/*
 * _TASK_RANDOM: admin_is_suffix() knows it. All are equally long, so that views and functions in a
 * template can take it from the name of their database (sql/rewrite_catalog.c).
 */
static char *make_suffix(const struct db_worker *worker)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz012345"; /* 32: five bits each */
	const char *task = worker->task && *worker->task ? worker->task : "w";
	struct str out = { 0 };
	unsigned char random[SUFFIX_BYTES] = { 0 };

	str_add(&out, "_");
	for (size_t i = 0; task[i] && i < TASK_MAX; i++) {
		char byte = task[i] >= 'A' && task[i] <= 'Z' ? (char)(task[i] | 32) : task[i];
		bool plain = (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9');

		str_add_len(&out, plain ? &byte : "_", 1);
	}
	str_add(&out, "_");
	while (getrandom(random, sizeof(random), 0) < 0 && errno == EINTR)
		;
	for (size_t i = 0; out.len < SUFFIX_BYTES; i++)
		str_add_len(&out, &letters[random[i] % 32], 1);
	return str_take(&out);
}

int rename_worker_new(struct db_worker *worker, struct rename_worker **ret_self)
{
	struct rename_mode *mode = worker->db->mode_data;
	struct rename_worker *self;

	for (unsigned int i = 0; i < worker->db->port_count; i++) {
		cleanup_free char *path = str_print("%s/w%u.s.PGSQL.%u", mode->socket_dir,
		                                    worker->number, worker->db->ports[i]);
		int ret = db_worker_socket_rules(worker, i, path);

		if (ret)
			return ret;
	}
	self = mem_alloc(sizeof(*self));
	*self = (struct rename_worker){
		.worker = worker, .mode = mode, .suffix = make_suffix(worker), .waiting = true
	};
	*ret_self = self;
	return 0;
}

void rename_worker_free(struct rename_worker *self)
{
	struct db_worker *worker = self->worker;

	loop_cancel(worker->db->config.loop, self->failure_timer);
	free(self->suffix);
	free(self->failure);
	free(self);
	db_worker_gone(worker);
}

static void report_failure(void *arg)
{
	struct rename_worker *self = arg;

	cleanup_free char *text = str_print("unable to give the worker its database: %s",
	                                    self->failure);

	self->failure_timer = NULL;
	db_worker_answer(self->worker, -EIO, text);
}

void rename_worker_fail(struct rename_worker *self, const char *why)
{
	if (!self->failure)
		self->failure = str_copy(why);
	if (self->worker->ready && !self->failure_timer)
		self->failure_timer = loop_after(self->mode->db->config.loop, 0, report_failure,
		                                 self);
}

/* --- the circuit breaker --- */

static void breaker_succeeded(struct rename_breaker *breaker)
{
	free(breaker->why);
	*breaker = (struct rename_breaker){ 0 };
}

static void breaker_failed(struct rename_worker *self, const char *failure)
{
	struct rename_breaker *breaker = &self->mode->breaker;

	free(steal(&breaker->why));
	if (++breaker->failures < BREAKER_OPENS)
		return;
	breaker->until_ms = clock_ms() + BREAKER_MS;
	breaker->why = str_print("%u workers in a row could not connect to the server; it is not "
	                         "asked again for %d s. "
	                         "The last time: %s",
	                         breaker->failures, BREAKER_MS / 1000, failure);
	if (breaker->failures == BREAKER_OPENS)
		db_record(self->worker, DB_RECORD_BREAKER, self->mode->db->ports[0], -1,
		          breaker->why);
}

static bool breaker_is_open(const struct rename_breaker *breaker)
{
	return breaker->why && clock_ms() < breaker->until_ms;
}

/* --- the relay process --- */

void rename_setup_done(struct rename_mode *mode)
{
	if (mode->preparer)
		coproc_send(mode->preparer, "done");
	mode->in_setup = false;
}

void rename_record_template(struct rename_mode *mode, const char *detail)
{
	struct db_worker no_worker = { .db = mode->db };

	db_record(&no_worker, DB_RECORD_TEMPLATE, 0, clock_ms() - mode->began_ms, detail);
}

/* One worker watches the connections of the server for all; it must be one that lives. */
static void choose_pool_watcher(const struct db *db)
{
	struct rename_worker *chosen = NULL;

	for (struct db_worker *worker = db->workers; worker; worker = worker->next) {
		struct rename_worker *self = worker->mode_data;

		if (!worker->number || worker->ending || !worker->usable || !self->process)
			continue;
		if (self->watches_pool)
			return;
		chosen = self;
	}
	if (!chosen)
		return;
	chosen->watches_pool = true;
	coproc_send(chosen->process, "watch");
}

static void on_ready(struct rename_worker *self, const char *ms)
{
	struct db_worker *worker = self->worker;

	(void)ms; /* the process's part of the time */
	/* the process may have moved on to another port */
	for (unsigned int i = 0; i < worker->db->port_count; i++)
		worker->real[i] = berth_portmap_real(worker->map, BERTH_TCP, worker->db->ports[i]);
	db_record(worker, DB_RECORD_READY, 0, clock_ms() - worker->began_ms,
	          worker->number ? "create" : "setup");
	breaker_succeeded(&self->mode->breaker);
	db_worker_answer(worker, 0, "");
	choose_pool_watcher(worker->db);
}

static void on_error(struct rename_worker *self, const char *why)
{
	if (self->worker->ready)
		rename_worker_fail(self, why);
	else if (!self->worker->number)
		self->mode->settled(self->mode, why);
}

static void on_unreachable(struct rename_worker *self, const char *why)
{
	breaker_failed(self, why);
	rename_worker_fail(self, why);
}

static void on_refused(struct rename_worker *self, const char *why)
{
	db_worker_refuse(self->worker, -EIO, why);
}

static void on_kept(struct rename_worker *self, const char *physical)
{
	const struct db_url *url = self->mode->db->urls;
	uint16_t port;
	cleanup_free char *host = str_shell_word(db_url_server(url, &port));
	cleanup_free char *role = str_shell_word(url->role), *name = str_shell_word(physical);
	cleanup_free char *command = str_print("psql -h %s -p %u -U %s %s", host, port, role, name);

	db_record(self->worker, DB_RECORD_KEPT, url->port, -1, command);
	self->kept = true;
}

static void on_leftover(struct rename_worker *self, const char *unused)
{
	(void)unused;
	db_record(self->worker, DB_RECORD_DIED, self->mode->db->ports[0], -1,
	          "the next run on it drops what this one left there");
	self->kept = true;
}

static void on_committed(struct rename_worker *self, const char *unused)
{
	(void)unused;
	rename_setup_done(self->mode);
	rename_record_template(self->mode, "built");
	self->mode->settled(self->mode, NULL);
}

/* What a relay process says: processes.h. */
static const struct {
	const char *word;
	void (*act)(struct rename_worker *self, const char *argument); /* "" if there is none */
} words[] = {
	{ "ready", on_ready },        { "error", on_error }, { "unreachable", on_unreachable },
	{ "refused", on_refused },    { "kept", on_kept },   { "leftover", on_leftover },
	{ "committed", on_committed }
};

static void on_line(void *arg, const char *text)
{
	struct rename_worker *self = arg;
	size_t len = strcspn(text, " ");

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strlen(words[i].word) == len && !strncmp(words[i].word, text, len)) {
			words[i].act(self, text + len + (text[len] == ' '));
			return;
		}
	record_line_deliver(self->worker, self->mode->db->ports[0], text);
}

static void on_end(void *arg)
{
	struct rename_worker *self = arg;
	struct db_worker *worker = self->worker;

	self->process = NULL;
	choose_pool_watcher(worker->db);
	if (!worker->number && self->mode->in_setup) {
		rename_setup_done(self->mode);
		self->mode->settled(self->mode,
		                    self->failure ? self->failure : "the setup command failed");
	}
	if (worker->ending) {
		if (worker->usable && !self->kept)
			db_record(worker, DB_RECORD_REMOVED, 0, -1, "");
		rename_worker_free(self);
		return;
	}
	if (worker->usable)
		db_record(worker, DB_RECORD_DIED, 0, -1, "the relay ended unexpectedly");
	rename_worker_fail(self, "its relay process ended unexpectedly");
}

void rename_worker_start(struct rename_worker *self)
{
	struct rename_mode *mode = self->mode;
	const struct db_config *config = &mode->db->config;
	int ret;

	self->waiting = false;
	if (breaker_is_open(&mode->breaker)) {
		rename_worker_fail(self, mode->breaker.why);
		return;
	}
	self->plan = (struct rename_plan){ .db = mode->db,
		                           .worker = self->worker,
		                           .suffix = self->suffix,
		                           .template_hash = config->command ? mode->hash : NULL,
		                           .once = !mode->db->template_files,
		                           .snapshot = config->snapshot,
		                           .socket_dir = mode->socket_dir };
	ret = coproc_start(&(struct coproc_setup){ .loop = config->loop,
	                                           .main = relay_process_main,
	                                           .main_arg = &self->plan,
	                                           .on_line = on_line,
	                                           .on_end = on_end,
	                                           .arg = self },
	                   &self->process);
	if (ret)
		rename_worker_fail(self, strerror(-ret));
}

int rename_worker_order(struct rename_worker *self, const char *word, const char *argument)
{
	cleanup_free char *text = str_print("%s%s%s", word, argument ? " " : "",
	                                    argument ? argument : "");

	if (!self->process)
		return -ECHILD;
	coproc_send(self->process, text);
	return 0;
}
