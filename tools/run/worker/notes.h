/* SPDX-License-Identifier: MIT */
#ifndef BERTH_RUN_WORKER_NOTES_H
#define BERTH_RUN_WORKER_NOTES_H
/*
 * What the backends report through the ring of notes in each worker's port map, and which of it is
 * a finding. The same finding of several workers is one line of the summary. A suite may scan for
 * ports, so each kind has a few findings only; the last of them counts the notes that came later.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/portmap.h"

struct notes;

struct notes_setup {
	unsigned int workers;
	bool private_processes; /* the shim sees other pids than we do */
	bool hides_foreign;     /* foreign connections are no findings: --foreign off */
	bool suggests_database; /* the run has no databases: name the option that makes one */
	/* a bind that failed with EADDRINUSE */
	void (*on_conflict)(void *arg, unsigned int worker, const struct berth_note *note);
	void *arg;
};

/* The worker whose ring is read. */
struct notes_worker {
	unsigned int number; /* 1..setup.workers */
	const char *name;
	struct berth_portmap *map; /* NULL: nothing is read */
	pid_t init;                /* its worker init; 0 once that has ended */
	unsigned int block_len;
};

struct note_finding {
	unsigned int kind; /* enum berth_note_kind */
	char *text;        /* without the workers' names */
	char *workers;     /* "w1 w3" */
	/* for `--db`: a URL of a server of that kind, static; NULL = no suggestion */
	const char *database_url;
	enum berth_proto proto;
	uint16_t port; /* the first one; of a foreign connection it is in .text */
	uint64_t more; /* further notes of this kind, of @workers, which are no findings */
	bool *named;   /* of each worker: @workers names it */
};

struct notes *notes_open(const struct notes_setup *setup);
void notes_close(struct notes *notes);

/** Read the notes that have come since the last call. */
void notes_drain(struct notes *notes, const struct notes_worker *worker);

/** True if any worker learned a port since the last call. */
bool notes_take_learned(struct notes *notes);

/** True if this worker ever learned a port. */
bool notes_learned(const struct notes *notes, unsigned int worker);

/** True if a worker reached a server outside the run; also with setup.hides_foreign. */
bool notes_found_foreign(const struct notes *notes);

/** True if a program of a worker ran without isolation. */
bool notes_lost_isolation(const struct notes *notes);

/** How many notes were overwritten before they were read. */
uint64_t notes_lost(const struct notes *notes);

/** True if a finding names this foreign connection, or counts it. */
bool notes_has_foreign(const struct notes *notes, enum berth_proto proto, uint16_t port);

const struct note_finding *notes_findings(const struct notes *notes, unsigned int *ret_count);

#endif
