/* SPDX-License-Identifier: MIT */
#ifndef BERTH_CLI_SCAN_H
#define BERTH_CLI_SCAN_H
/*
 * Searches a project's files for ports, databases and test commands, for `berth init`.
 *
 *	struct scan scan = { 0 };
 *	scan_project(&scan, dir);
 *	scan_free(&scan);
 */
#include <stdbool.h>
#include <stddef.h>

enum scan_kind {
	SCAN_PORT, /* text: the number */
	/* the same, published by a container: the suite does not start that server itself */
	SCAN_PUBLISHED,
	SCAN_DATABASE, /* text: kind:port:name, see scan_database */
	SCAN_COMMAND,  /* text: the command that starts the tests */
	SCAN_SETUP,    /* text: a command that seems to migrate or seed a database */
	SCAN_TASK,     /* text: name of a Playwright project */
};

struct scan_finding {
	enum scan_kind kind;
	char *text;
	char *places;      /* "playwright.config.ts:12, .env:3 PORT" */
	unsigned int rank; /* of commands: the lowest is the best */
	bool listens;      /* of ports: the suite's own program listens there */
	bool built;        /* of published ports: the project's own program, in a container */
	/* of databases */
	const char *database; /* "postgres", "redis", "mariadb" */
	unsigned int port;
	char *url;   /* without password; NULL if only the name is known */
	bool in_env; /* from DATABASE_URL in .env, where `berth run` finds the password */
};

struct scan {
	struct scan_finding *findings;
	size_t count;
	unsigned int files; /* number of files that were read */
};

/* Search the known files of @dir, two folders deep. Unreadable files are skipped. */
void scan_project(struct scan *scan, const char *dir);
void scan_free(struct scan *scan);

#endif
