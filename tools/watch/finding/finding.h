/* SPDX-License-Identifier: MIT */
#ifndef BERTH_WATCH_FINDING_H
#define BERTH_WATCH_FINDING_H
/*
 * A finding: one problem, with everything that a reader needs to correct it. The kinds are the rows
 * of core/findings.def.
 *
 * The fingerprint names the problem, not the occurrence. It is the same in every run, so that a
 * baseline can list what is known. It consists of the kind, the task, the virtual port or the file
 * name of the socket, the limit, the program and the functions on the stack. Pids, real ports,
 * times, addresses, directories and worker numbers are not part of it.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum finding_kind {
#define FINDING(name, ...) FINDING_##name,
#include "core/findings.def"
	FINDING_KINDS
};

enum finding_severity { FINDING_ERROR, FINDING_WARNING, FINDING_NOTE };
enum finding_gate { FINDING_GATE_NONE, FINDING_GATE_LEAKS, FINDING_GATE_FOREIGN };

struct finding_row {
	const char *name;
	enum finding_severity severity;
	enum finding_gate gate;
	const char *title, *remedy;
};
extern const struct finding_row finding_table[FINDING_KINDS];
extern const char *const finding_severity_names[];

struct watch_finding {
	enum finding_kind kind;
	enum finding_severity severity; /* of its kind, or lower */
	unsigned int worker;            /* 0 = the run as a whole */
	char *task;                     /* NULL = unknown */
	char **tests;                   /* it belongs to one of these; NULL = unknown */
	char *protocol;                 /* "tcp", "udp", "unix", NULL */
	char *path;                     /* of a Unix socket, "@name" if abstract; NULL = none */
	uint16_t port, real_port;       /* virtual and real, host byte order; 0 = none */
	pid_t pid, pid_inside;     /* inside: in the suite's own PID namespace; 0 = it has none */
	char *command, *directory; /* of the process; NULL = unknown */
	const char *error;         /* of an error_rate: its errno, static; NULL = none */
	const char *limit;         /* of a resource_limit: which one, static; NULL = none */
	char **ancestry;           /* strv, parent first: "node (123)" */
	char **stack;              /* strv, innermost first */
	char *detail;              /* one sentence */
	int64_t time_ns;           /* CLOCK_REALTIME: when it was found */
	int64_t since_ns; /* CLOCK_MONOTONIC: when it began; it belongs to the test of then */
	int64_t process_began_ns; /* the same clock: if .since_ns is in no test; 0 = unknown */
	int64_t age_ms;           /* how long it had been open; -1 = unknown */
	uint64_t count;
	char fingerprint[17]; /* hexadecimal */
	bool known;           /* it is in the baseline */
	bool allowed;         /* an allow rule matches: it is not reported */
	bool published;       /* it was passed to setup.on_finding, with its test */
};

struct watch_finding *finding_new(enum finding_kind kind);
void finding_free(struct watch_finding *finding);

/** Compute .fingerprint from the other fields. */
void finding_set_fingerprint(struct watch_finding *finding);

/** Return: a new object, the format of findings.json. */
json_t *finding_json(const struct watch_finding *finding);

/* An allow rule matches a finding that meets each of its conditions. */
struct finding_rule {
	uint16_t port_first, port_last; /* host byte order; 0 = any port */
	const char *program;            /* glob, for the program's name or name and script */
	const char *stack;              /* part of a function's name, may be a glob */
};

/** Whether one of @count @rules matches. */
bool finding_allowed(const struct watch_finding *finding, const struct finding_rule *rules,
                     size_t count);

/**
 * Read a baseline: a text file with one fingerprint at the start of each line. The rest of the line
 * is free text, and so is a line that begins with #.
 * @ret_fingerprints	strv, the caller's to free; NULL if the file does not exist
 * Return: 0; -errno.
 */
int finding_baseline_read(const char *path, char ***ret_fingerprints);

#endif
