/* SPDX-License-Identifier: MIT */
#ifndef BERTH_PROCESS_CONFINE_H
#define BERTH_PROCESS_CONFINE_H
/*
 * What each of our long-lived processes gives up once it is set up: capabilities, new privileges, core dumps, and the system
 * calls that its work does not need. Children inherit all of it, so it comes after the last fork of somebody else's program.
 */
enum confine_role {
	CONFINE_SUPERVISOR, /* after the last worker's start */
	CONFINE_GUARD,
	CONFINE_INIT,    /* after its command's start */
	CONFINE_RELAY,   /* and whoever else speaks to a database server all the time */
	CONFINE_MONITOR, /* `berth monitor` */
};

/* what one run goes on needing and another does not */
enum confine_need {
	CONFINE_FOR_BPF = 1, /* maps to be read and written */
	/* private servers: started again at a reset, cloned by overlay, run as another user */
	CONFINE_FOR_SERVERS = 2,
	CONFINE_FOR_SOCKET = 4, /* a unix socket that is open to its owner alone */
	CONFINE_FOR_FAULTS = 8, /* connections of the suite to be reset */
};

/**
 * As much as can be: what is missing already is fine, and one refusal does not keep the rest from being given up.
 * @needs	enum confine_need
 * Return: 0; -errno of the first refusal.
 */
int confine(enum confine_role role, unsigned int needs);

#endif
