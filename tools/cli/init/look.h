/* SPDX-License-Identifier: MIT */
#ifndef BERTH_CLI_LOOK_H
#define BERTH_CLI_LOOK_H
/*
 * The parts of scan.c: each look_X() reads a line or a file and adds findings by scan_add().
 * Nothing here fails: a part that cannot be read has no findings.
 */
#include "tools/cli/init/scan.h"

/* Commands of a workspace, below the top of the project, come after those of the top. */
enum { WORKSPACE_RANK = 100 };

struct place {
	const char *file; /* below the project */
	unsigned int line;
	const char *user; /* role of a URL without one; NULL = not known */
	bool of_server;   /* a port here is one on which the suite's own server listens */
};

struct look_database {
	const char *scheme; /* as in a URL; others are left out */
	const char *user, *port, *name;
	bool in_env;
};

/** Add a finding, or another place to a finding of the same text. Return: the finding. */
struct scan_finding *scan_add(struct scan *scan, enum scan_kind kind, const char *text,
                              struct place place);
/** The same for @len digits. Return: NULL if they are no port from 80 on. */
struct scan_finding *scan_add_port(struct scan *scan, enum scan_kind kind, const char *digits,
                                   size_t len, struct place place);
void scan_add_database(struct scan *scan, const struct look_database *database, struct place place);

/* in a line */
void look_ports(struct scan *scan, const char *line, struct place place);
/** @logins_only: only URLs with a role and a name */
void look_urls(struct scan *scan, const char *line, bool logins_only, struct place place);

/* in a whole file */

/** A compose file. @env: the text of the .env file beside it, "" if there is none. */
void look_compose(struct scan *scan, const char *text, const char *env, struct place place);
/** The names in `projects: [...]` of a configuration of Playwright. */
void look_projects(struct scan *scan, const char *text, struct place place);
/** Names and roles of databases in settings of a framework; see settings.c. */
void look_settings(struct scan *scan, const char *text, bool needs_engine, struct place place);
/** The scripts of the package.json in @dir/@place.file. */
void look_scripts(struct scan *scan, const char *dir, const char *text, struct place place);

#endif
