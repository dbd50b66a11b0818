/* SPDX-License-Identifier: MIT */
/*
 * The supervisor's end of the line to the sampler (sampler.h), the process that looks at the
 * sessions of private PostgreSQL servers. At a worker's end its servers stay until the sampler has
 * looked for the last time: it reports the databases that the suite did not drop.
 */
#include <stdio.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/base/str.h"
#include "tools/db/mode/record_line.h"
#include "tools/db/private/worker.h"
#include "tools/process/coprocess.h"

enum { LAST_SAMPLE_MS = 1000 };

static void forgotten(struct private_worker *self)
{
	bool awaited = self->last_sample;

	self->watched = false;
	loop_cancel(self->mode->db->config.loop, self->last_sample);
	if (self->over)
		private_worker_free(self);
	else if (awaited)
		private_worker_end_servers(self);
}

static void on_line(void *arg, const char *text)
{
	struct db *db = arg;
	unsigned int number, index;
	int rest = 0, record = 0;

	if (sscanf(text, "%u %n", &number, &rest) != 1)
		return;
	for (struct db_worker *worker = db->workers; worker; worker = worker->next) {
		struct private_worker *self = worker->mode_data;

		if (worker->number != number || !self->watched)
			continue;
		if (!strcmp(text + rest, "forgotten"))
			forgotten(self);
		else if (sscanf(text + rest, "%u %n", &index, &record) == 1 && record &&
		         index < db->port_count)
			record_line_deliver(worker, db->ports[index], text + rest + record);
		return;
	}
}

static void on_end(void *arg)
{
	struct db *db = arg;

	private_mode_of(db)->sampler = NULL;
	for (struct db_worker *worker = db->workers, *next; worker; worker = next) {
		next = worker->next;
		forgotten(worker->mode_data);
	}
}

static bool have_sampler(struct private_mode *mode)
{
	mode->sampler_plan = (struct sampler_plan){ mode->db, mode->socket_dir };
	return mode->sampler ||
	       !coproc_start(&(struct coproc_setup){ .loop = mode->db->config.loop,
	                                             .main = sampler_main,
	                                             .main_arg = &mode->sampler_plan,
	                                             .on_line = on_line,
	                                             .on_end = on_end,
	                                             .arg = mode->db },
	                     &mode->sampler);
}

void sampling_begin(struct private_worker *self)
{
	const struct db *db = self->mode->db;

	for (unsigned int i = 0; i < db->port_count && self->worker->number; i++) {
		cleanup_free char *data = directory_source(self, &db->specs[i]);
		cleanup_free char *text = str_print("watch %u %u %u %s", self->worker->number, i,
		                                    self->worker->real[i], data);

		if (db->specs[i].engine != &db_engine_postgres || !have_sampler(self->mode))
			continue;
		coproc_send(self->mode->sampler, text);
		self->watched = true;
	}
}

static void on_late_sample(void *arg)
{
	private_worker_end_servers(arg);
}

void sampling_end(struct private_worker *self)
{
	cleanup_free char *forget = str_print("forget %u", self->worker->number);

	if (!self->watched) {
		private_worker_end_servers(self);
		return;
	}
	coproc_send(self->mode->sampler, forget);
	self->last_sample = loop_after(self->mode->db->config.loop, LAST_SAMPLE_MS, on_late_sample,
	                               self);
}
