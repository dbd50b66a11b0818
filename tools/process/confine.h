/* SPDX-License-Identifier: MIT */
#ifndef BERTH_PROCESS_CONFINE_H
#define BERTH_PROCESS_CONFINE_H
/*
 * What each of our long-lived processes gives up when it is set up: capabilities, new privileges,
 * core dumps, and system calls that it does not need. Children inherit all of it, so confine()
 * comes after the last start of a suite's program.
 */
enum confine_role {
	CONFINE_SUPERVISOR, /* after the last worker's start */
	CONFINE_GUARD,
	CONFINE_RELAY,   /* and other processes with connections to a database server */
	CONFINE_MONITOR, /* `berth monitor` */
};

/* what only some runs need */
enum confine_need {
	CONFINE_FOR_BPF = 1, /* read and write BPF maps */
	/* start private servers again, clone them by overlay, run them as another user */
	CONFINE_FOR_SERVERS = 2,
	CONFINE_FOR_SOCKET = 4, /* connect to a Unix socket that only its owner may use */
	CONFINE_FOR_FAULTS = 8, /* reset connections of the suite */
};

/**
 * Give up as much as possible, past errors.
 * @needs	enum confine_need
 * Return: 0; the first -errno.
 */
int confine(enum confine_role role, unsigned int needs);

#endif
