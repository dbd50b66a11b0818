/* SPDX-License-Identifier: MIT */
#ifndef BERTH_CLI_H
#define BERTH_CLI_H
/*
 * The command line of berth: what main(), the parser and the verbs share.
 *
 *	cli_parse()		argv -> struct cli, by the tables verbs.def and options.def
 *	verb_NAME()		one file per verb: prints, returns the exit status
 *	config_load()		berth.yaml below the flags, for verbs that need settings (config.h)
 *	cli_free()
 */
#include "tools/cli/settings/options.h"
#include "tools/run/options.h"

enum { EXIT_USAGE = 125 };
/*
 * args_max of a verb with a command. ARGS_COMMAND: the first argument ends the options.
 * ARGS_NAME_COMMAND: at most one argument, and after "--" the command of the run.
 */
enum { ARGS_COMMAND = -1, ARGS_NAME_COMMAND = -2 };

struct cli {
	const struct verb *verb;
	char **args; /* all that is not an option; strv */
	struct run_options run;
	struct set_by set_by[OPTIONS]; /* what gave each option its value */

	/* The options that do not concern a run; options.def explains them. */
	bool help, help_all, template, schema, json, force, to_stdout, github, all, last_failed;
	bool detach, follow, purge;
	unsigned int verbose, pid, runs;
	int64_t ready_timeout_ms; /* 0 = a minute */
	char *profile, *config, *run_id, *worker, *server, *ready;
};

enum {
#define VERB(name, ...) VERB_##name,
#include "tools/cli/settings/verbs.def"
	VERBS
};

struct verb {
	unsigned int id; /* VERB_name */
	const char *name, *usage;
	int args_min, args_max;
	const char *help, *details;
};

extern const struct verb verb_table[VERBS];

#define VERB(name, ...) int verb_##name(struct cli *cli);
#include "tools/cli/settings/verbs.def"

/** Return: the verb; NULL if there is none of that name. */
const struct verb *verb_find(const char *name);
/** How many options a verb has. Help shows only the common ones of more than VERB_OPTIONS_MAX. */
enum { VERB_OPTIONS_MAX = 20 };
unsigned int verb_count_options(const struct verb *verb);
/**
 * Return: the name of the verb that @name is probably a typing error for; NULL if there is none.
 */
const char *verb_nearest(const char *name);

/**
 * Read the command line. Prints an error.
 * Return: 0; EXIT_USAGE.
 */
int cli_parse(struct cli *cli, int argc, char **argv);
void cli_free(struct cli *cli);

/** Print an error and where help is. Return: EXIT_USAGE, so that a verb can return it. */
int cli_usage(const struct cli *cli, const char *format, ...) PRINTF(2, 3);

#endif
