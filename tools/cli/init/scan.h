/* SPDX-License-Identifier: MIT */
#ifndef BERTH_CLI_SCAN_H
#define BERTH_CLI_SCAN_H
/*
 * What a project's files say about its ports, databases and tests: `berth init` writes it down.
 *
 *	struct scan scan = { 0 };
 *	scan_project(&scan, dir);
 *	scan_free(&scan);
 */
#include <stdbool.h>
#include <stddef.h>

enum scan_kind {
	SCAN_PORT, /* text: the number */
	/* the same, of a container: its server is not the suite's own process */
	SCAN_PUBLISHED,
	SCAN_DATABASE, /* text: kind:port:name, see scan_database */
	SCAN_COMMAND,  /* text: how the tests are started */
	SCAN_SETUP,    /* text: what seems to migrate or seed a database */
	SCAN_TASK,     /* text: name of a Playwright project */
};

struct scan_finding {
	enum scan_kind kind;
	char *text;
	char *places;      /* "playwright.config.ts:12, .env:3 PORT" */
	unsigned int rank; /* of commands: the least is the best */
	/* of databases */
	const char *database; /* "postgres", "redis", "mariadb" */
	unsigned int port;
	char *url;   /* without password; NULL = only the name is known */
	bool in_env; /* it is DATABASE_URL of .env, where `berth run` looks for the rest */
};

struct scan {
	struct scan_finding *findings;
	size_t count;
	unsigned int files; /* looked into */
};

/* Look into the known files of @dir, two folders deep. What cannot be read is passed over. */
void scan_project(struct scan *scan, const char *dir);
void scan_free(struct scan *scan);

#endif
