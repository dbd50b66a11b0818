/* SPDX-License-Identifier: MIT */
/*
 * What the processes of the workers report through the port map's ring of notes, and what of it is a finding.
 *
 * The same finding of several workers is one line of the summary. A foreign connection is a finding only if somebody
 * outside the worker listens there: programs probe for free ports, and find their own servers on port 0, all day long.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/db/common/url.h"
#include "tools/run/foreign.h"
#include "tools/run/run.h"
#include "tools/run/watching.h"

const char *const note_names[] = {
	[BERTH_NOTE_NONE] = "none",           [BERTH_NOTE_LEARNED] = "learned",
	[BERTH_NOTE_FOREIGN] = "foreign",     [BERTH_NOTE_REFUSED] = "refused",
	[BERTH_NOTE_EXHAUSTED] = "exhausted", [BERTH_NOTE_OUTSIDER] = "outsider",
	[BERTH_NOTE_CONFLICT] = "conflict",   [BERTH_NOTE_ESCAPE] = "escape",
	[BERTH_NOTE_DEEPBIND] = "deepbind",   [BERTH_NOTE_UNMAPPED] = "unmapped",
	[BERTH_NOTE_IO_URING] = "io_uring",   [BERTH_NOTE_BLIND] = "blind",
};

static const char *proto_name(const struct berth_note *note)
{
	return note->proto == BERTH_UDP ? "UDP" : "TCP";
}

/* Text of a finding; NULL if the note is none. */
typedef char *(*note_fn)(struct run_worker *worker, const struct berth_note *note);

static char *on_learned(struct run_worker *worker, const struct berth_note *note)
{
	(void)note;
	worker->learned = true;
	worker->run->allocate_dirty = true;
	return NULL;
}

static char *on_foreign(struct run_worker *worker, const struct berth_note *note)
{
	cleanup_free char *who = NULL;

	if (!foreign_is_outsider(worker, (enum berth_proto)note->proto, note->virtual_port, &who)) {
		berth_portmap_foreign_forget(worker->map, (enum berth_proto)note->proto,
		                             note->virtual_port);
		return NULL;
	}
	worker->run->foreign = true;
	if (worker->run->options->foreign == RUN_GATE_OFF)
		return NULL;
	return str_print("connected to %s port %u outside of the run%s%s", proto_name(note),
	                 note->virtual_port, who ? ": " : "", who ? who : "");
}

static char *on_refused(struct run_worker *worker, const struct berth_note *note)
{
	(void)worker;
	return str_print("was refused %s port %u outside of the run (strict)", proto_name(note),
	                 note->virtual_port);
}

static char *on_exhausted(struct run_worker *worker, const struct berth_note *note)
{
	worker->run->lost_isolation = true;
	return str_print("found no free real port for %s port %u: its block of %u is exhausted "
	                 "(raise `block`, --block)",
	                 proto_name(note), note->virtual_port, worker->block.len);
}

static char *on_outsider(struct run_worker *worker, const struct berth_note *note)
{
	(void)worker;
	return str_print("%s port %u moved on: a process outside of the run holds real port %u",
	                 proto_name(note), note->virtual_port, note->real_port);
}

static char *on_escape(struct run_worker *worker, const struct berth_note *note)
{
	worker->run->lost_isolation = true;
	return str_print("started '%s', which the shim cannot enter: its ports are the host's "
	                 "(berth explain %s)",
	                 note->text, note->text);
}

static char *on_io_uring(struct run_worker *worker, const struct berth_note *note)
{
	(void)worker;
	return str_print("refused io_uring to '%s': its socket calls would pass the seccomp filter",
	                 note->text);
}

static char *on_blind(struct run_worker *worker, const struct berth_note *note)
{
	worker->run->lost_isolation = true;
	return str_print("could not look into '%s': its ports are the host's", note->text);
}

static char *on_conflict(struct run_worker *worker, const struct berth_note *note)
{
	/* whether it matters is judged at the end: many a suite asks for it, or copes */
	watching_conflict(worker, note);
	return NULL;
}

static const note_fn handlers[] = {
	[BERTH_NOTE_LEARNED] = on_learned,   [BERTH_NOTE_FOREIGN] = on_foreign,
	[BERTH_NOTE_REFUSED] = on_refused,   [BERTH_NOTE_EXHAUSTED] = on_exhausted,
	[BERTH_NOTE_OUTSIDER] = on_outsider, [BERTH_NOTE_CONFLICT] = on_conflict,
	[BERTH_NOTE_ESCAPE] = on_escape,     [BERTH_NOTE_DEEPBIND] = NULL,
	[BERTH_NOTE_UNMAPPED] = NULL,        [BERTH_NOTE_IO_URING] = on_io_uring,
	[BERTH_NOTE_BLIND] = on_blind,
};

static void name_worker(struct note_finding *finding, const struct run_worker *worker)
{
	cleanup_free char *name = worker_name(worker);
	char *workers;

	finding->count++;
	if (finding->last_worker == worker->number)
		return;
	finding->last_worker = worker->number;
	workers = finding->workers ? str_print("%s %s", finding->workers, name) : str_copy(name);
	free(finding->workers);
	finding->workers = workers;
}

static struct note_finding *add_finding(struct run *run, const struct run_worker *worker,
                                        unsigned int kind, const char *text)
{
	struct note_finding *finding = NULL;

	for (unsigned int i = 0; i < run->finding_count && !finding; i++)
		if (run->findings[i].kind == kind && !strcmp(run->findings[i].text, text))
			finding = &run->findings[i];
	if (!finding) {
		run->findings = mem_grow(run->findings, run->finding_count + 1,
		                         sizeof(*run->findings));
		finding = &run->findings[run->finding_count++];
		*finding = (struct note_finding){ .kind = kind, .text = str_copy(text) };
	}
	name_worker(finding, worker);
	return finding;
}

static void on_note(struct run_worker *worker, const struct berth_note *note)
{
	note_fn handler = note->kind < ARRAY_LEN(handlers) ? handlers[note->kind] : NULL;
	cleanup_free char *text = handler ? handler(worker, note) : NULL;
	struct note_finding *finding;

	if (!text)
		return;
	finding = add_finding(worker->run, worker, note->kind, text);
	if (note->kind == BERTH_NOTE_FOREIGN && note->proto == BERTH_TCP && !worker->run->database)
		finding->database_url = db_url_example(note->virtual_port);
}

void notes_drain_worker(struct run_worker *worker)
{
	uint32_t next;

	if (!worker->map)
		return;
	next = __atomic_load_n(&worker->map->note_next, __ATOMIC_ACQUIRE);
	if (next - worker->notes_read > BERTH_NOTES_MAX) {
		worker->notes_lost += next - worker->notes_read - BERTH_NOTES_MAX;
		worker->notes_read = next - BERTH_NOTES_MAX;
	}
	while (worker->notes_read != next) {
		struct berth_note note;

		if (!berth_portmap_read_note(worker->map, worker->notes_read, &note)) {
			/* Being written just now: next time. Should its writer have died, it is passed over. */
			if (worker->channel >= 0 && next - worker->notes_read < BERTH_NOTES_MAX / 2)
				return;
			worker->notes_lost++;
		} else {
			on_note(worker, &note);
		}
		worker->notes_read++;
	}
}

void notes_drain(struct run *run)
{
	for (unsigned int i = 0; i < run->made; i++)
		if (run->workers[i].channel >= 0)
			notes_drain_worker(&run->workers[i]);
}
