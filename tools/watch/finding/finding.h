/* SPDX-License-Identifier: MIT */
#ifndef BERTH_WATCH_FINDING_H
#define BERTH_WATCH_FINDING_H
/*
 * A finding: one problem, with everything a reader needs to mend it. The kinds are the rows of core/findings.def.
 *
 * The fingerprint names the problem, not the occurrence: it is the same in every run, so a baseline can hold what is known
 * already. It is made of the kind, the task, the virtual port or the name of the socket's file, the limit, the program and the
 * functions on the stack - never of process numbers, real ports, times, addresses, directories or worker numbers.
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
	enum finding_severity severity; /* its kind's, or milder */
	unsigned int worker;            /* 0 = the run as a whole */
	char *task, *test;              /* NULL: unknown */
	char *protocol;                 /* "tcp", "udp", "unix", NULL */
	char *path;                /* of a Unix socket, "@name" if it is abstract; NULL: none */
	uint16_t port, real_port;  /* as the suite calls it, as the kernel calls it; 0 = none */
	pid_t pid, pid_inside;     /* inside: in a PID namespace of the suite's own; 0 = in none */
	char *command, *directory; /* of the process that made it */
	const char *error; /* what calls failed with, of an error_rate; static, NULL: none */
	const char *limit; /* which, and how near, of a resource_limit; static, NULL: none */
	char **ancestry;   /* strv, parent first: "node (123)" */
	char **stack;      /* strv, innermost first */
	char *detail;      /* one sentence */
	int64_t time_ns;   /* CLOCK_REALTIME */
	int64_t since_ns;  /* CLOCK_MONOTONIC: when it began, which says in which test */
	/* the same clock: its process, should that alone lie in a test; 0 = unknown */
	int64_t began_ns;
	int64_t age_ms; /* how long it had been open; -1 = unknown */
	uint64_t count;
	char fingerprint[17]; /* hexadecimal */
	bool known;           /* in the baseline */
	bool allowed;         /* the allow list lets it pass: not told */
	bool told;            /* to setup.on_finding, with its test */
};

struct watch_finding *finding_new(enum finding_kind kind);
void finding_free(struct watch_finding *finding);

/** Compute .fingerprint; call it when the rest is filled in. */
void finding_seal(struct watch_finding *finding);

json_t *finding_json(const struct watch_finding *finding);

/* One allow rule: it matches a finding that meets every condition that is given. */
struct finding_rule {
	uint16_t port_first, port_last; /* host byte order; 0 = any port */
	const char *program;            /* glob, for the program's name or name and script */
	const char *stack;              /* part of a function's name, may be a glob */
};

/** Whether one of @count @rules matches. */
bool finding_allowed(const struct watch_finding *finding, const struct finding_rule *rules,
                     size_t count);

/**
 * The baseline: a text file, a fingerprint per line; the rest of the line, and lines that begin with #, are for people.
 * @ret_fingerprints	strv, the caller's to free; NULL where there is no such file
 * Return: 0; -errno of reading it.
 */
int finding_baseline_read(const char *path, char ***ret_fingerprints);

#endif
