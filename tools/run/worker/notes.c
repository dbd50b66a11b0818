/* SPDX-License-Identifier: MIT */
/*
 * In the supervisor. A foreign connection is a finding only if a process outside the worker listens
 * on the port: programs probe for free ports, and connect to their own servers on port 0.
 */
#include "tools/run/worker/notes.h"

#include <stdlib.h>
#include <string.h>

#include "core/abstract.h"
#include "core/elf.h"
#include "tools/base/cleanup.h"
#include "tools/base/str.h"
#include "tools/db/common/url.h"
#include "tools/process/family.h"
#include "tools/run/worker/foreign.h"

enum { FINDINGS_MAX = 8 }; /* of each kind */

struct notes {
	struct notes_setup setup;
	struct notes_ring {
		uint32_t read; /* tickets, see core/portmap.h */
		bool learned;
	} * rings;
	struct note_finding *findings;
	unsigned int finding_count;
	uint64_t lost;
	bool learned, lost_isolation, foreign;
};

struct notes *notes_open(const struct notes_setup *setup)
{
	struct notes *notes = mem_alloc(sizeof(*notes));

	notes->setup = *setup;
	notes->rings = mem_alloc(setup->workers * sizeof(*notes->rings));
	return notes;
}

void notes_close(struct notes *notes)
{
	if (!notes)
		return;
	for (unsigned int i = 0; i < notes->finding_count; i++) {
		free(notes->findings[i].text);
		free(notes->findings[i].workers);
		free(notes->findings[i].named);
	}
	free(notes->findings);
	free(notes->rings);
	free(notes);
}

/* ---- one note ---- */

/* A note that is being handled. */
struct note_case {
	struct notes *notes;
	const struct notes_worker *worker;
	const struct berth_note *note;
};

static const char *proto_name(const struct berth_note *note)
{
	return note->proto == BERTH_UDP ? "UDP" : "TCP";
}

/* Return: text of a finding, the caller's to free; NULL if the note is none. */
typedef char *(*note_fn)(const struct note_case *it);

static char *on_learned(const struct note_case *it)
{
	it->notes->rings[it->worker->number - 1].learned = it->notes->learned = true;
	return NULL;
}

/* What @note names: "TCP port 3101", "abstract socket @name". */
static char *describe(const struct berth_note *note)
{
	return !note->virtual_port ? str_print("abstract socket %s", note->text)
	                           : str_print("%s port %u", proto_name(note), note->virtual_port);
}

static bool is_outsider(const struct note_case *it, char **ret_who)
{
	enum berth_proto proto = (enum berth_proto)it->note->proto;
	const char *name = it->note->virtual_port ? NULL : it->note->text;

	if (name ? foreign_is_outsider_name(it->worker->init, name, ret_who)
	         : foreign_is_outsider(it->worker->init, proto, it->note->virtual_port, ret_who))
		return true;
	if (name)
		berth_abstract_forget(it->worker->map, name);
	else
		berth_portmap_foreign_forget(it->worker->map, proto, it->note->virtual_port);
	return false;
}

static char *on_foreign(const struct note_case *it)
{
	cleanup_free char *who = NULL, *what = describe(it->note);

	if (!is_outsider(it, &who))
		return NULL;
	it->notes->foreign = true;
	if (it->notes->setup.hides_foreign)
		return NULL;
	return str_print("connected to %s outside of the run%s%s", what, who ? ": " : "",
	                 who ? who : "");
}

static char *on_refused(const struct note_case *it)
{
	cleanup_free char *what = describe(it->note);

	return str_print("was refused %s outside of the run (strict)", what);
}

static char *on_exhausted(const struct note_case *it)
{
	it->notes->lost_isolation = true;
	return str_print("found no free real port for %s port %u: its block of %u is exhausted "
	                 "(raise `block`, --block)",
	                 proto_name(it->note), it->note->virtual_port, it->worker->block_len);
}

static char *on_outsider(const struct note_case *it)
{
	return str_print("%s port %u moved on: a process outside of the run holds real port %u",
	                 proto_name(it->note), it->note->virtual_port, it->note->real_port);
}

static char *on_escape(const struct note_case *it)
{
	it->notes->lost_isolation = true;
	return str_print("started '%s', which the shim cannot enter: it %s; its ports are the "
	                 "host's",
	                 it->note->text, berth_elf_reason((enum berth_elf_verdict)it->note->error));
}

static char *on_io_uring(const struct note_case *it)
{
	return str_print("refused io_uring to '%s': its socket calls would pass the seccomp filter",
	                 it->note->text);
}

static char *on_blind(const struct note_case *it)
{
	it->notes->lost_isolation = true;
	return str_print(
		"'%s' left the worker: its memory cannot be read, so its ports are the host's",
		it->note->text);
}

/* Whether it matters is judged when the worker has ended: many suites expect it, or retry. */
static char *on_conflict(const struct note_case *it)
{
	struct berth_note note = *it->note;

	if (note.pid_inside && it->notes->setup.private_processes)
		note.pid = process_find_inside(it->worker->init, note.pid);
	it->notes->setup.on_conflict(it->notes->setup.arg, it->worker->number, &note);
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

static void name_worker(struct note_finding *finding, const struct notes_worker *worker)
{
	char *workers;

	if (finding->named[worker->number - 1])
		return;
	finding->named[worker->number - 1] = true;
	workers = finding->workers ? str_print("%s %s", finding->workers, worker->name)
	                           : str_copy(worker->name);
	free(finding->workers);
	finding->workers = workers;
}

/* Return: the finding of @text; if @kind has too many, the last of them, which counts it. */
static struct note_finding *find_or_add(struct notes *notes, unsigned int kind, const char *text)
{
	/* one exhausted block is one finding, whatever port was refused */
	unsigned int count = 0, max = kind == BERTH_NOTE_EXHAUSTED ? 1 : FINDINGS_MAX;
	struct note_finding *finding = NULL;

	for (unsigned int i = 0; i < notes->finding_count; i++) {
		if (notes->findings[i].kind != kind)
			continue;
		finding = &notes->findings[i];
		count++;
		if (!strcmp(finding->text, text))
			return finding;
	}
	if (count == max) {
		finding->more++;
		return finding;
	}
	notes->findings = mem_grow(notes->findings, notes->finding_count + 1,
	                           sizeof(*notes->findings));
	finding = &notes->findings[notes->finding_count++];
	*finding = (struct note_finding){ .kind = kind,
		                          .text = str_copy(text),
		                          .named = mem_alloc(notes->setup.workers) };
	return finding;
}

static void on_note(struct notes *notes, const struct notes_worker *worker,
                    const struct berth_note *note)
{
	const struct note_case it = { notes, worker, note };
	note_fn handler = note->kind < ARRAY_LEN(handlers) ? handlers[note->kind] : NULL;
	cleanup_free char *text = handler ? handler(&it) : NULL;
	struct note_finding *finding;

	if (!text)
		return;
	finding = find_or_add(notes, note->kind, text);
	if (!finding->workers) {
		finding->proto = (enum berth_proto)note->proto;
		finding->port = note->virtual_port;
	}
	name_worker(finding, worker);
	if (!finding->more && note->kind == BERTH_NOTE_FOREIGN && note->proto == BERTH_TCP &&
	    note->virtual_port && notes->setup.suggests_database)
		finding->database_url = db_url_example(note->virtual_port);
}

/* ---- the ring ---- */

void notes_drain(struct notes *notes, const struct notes_worker *worker)
{
	struct notes_ring *ring = &notes->rings[worker->number - 1];
	uint32_t next;

	if (!worker->map)
		return;
	next = __atomic_load_n(&worker->map->note_next, __ATOMIC_ACQUIRE);
	if (next - ring->read > BERTH_NOTES_MAX) {
		notes->lost += next - ring->read - BERTH_NOTES_MAX;
		ring->read = next - BERTH_NOTES_MAX;
	}
	while (ring->read != next) {
		struct berth_note note;

		if (berth_portmap_read_note(worker->map, ring->read, &note)) {
			on_note(notes, worker, &note);
		} else {
			/* It is being written: read it next time, unless its writer has died. */
			if (worker->init && next - ring->read < BERTH_NOTES_MAX / 2)
				return;
			notes->lost++;
		}
		ring->read++;
	}
}

bool notes_take_learned(struct notes *notes)
{
	bool learned = notes->learned;

	notes->learned = false;
	return learned;
}

bool notes_learned(const struct notes *notes, unsigned int worker)
{
	return notes->rings[worker - 1].learned;
}

bool notes_found_foreign(const struct notes *notes)
{
	return notes->foreign;
}

bool notes_lost_isolation(const struct notes *notes)
{
	return notes->lost_isolation;
}

uint64_t notes_lost(const struct notes *notes)
{
	return notes->lost;
}

bool notes_has_foreign(const struct notes *notes, enum berth_proto proto, uint16_t port)
{
	for (unsigned int i = 0; i < notes->finding_count; i++) {
		const struct note_finding *finding = &notes->findings[i];

		if (finding->kind == BERTH_NOTE_FOREIGN &&
		    (finding->more || (finding->proto == proto && finding->port == port)))
			return true;
	}
	return false;
}

const struct note_finding *notes_findings(const struct notes *notes, unsigned int *ret_count)
{
	*ret_count = notes->finding_count;
	return notes->findings;
}
