/* SPDX-License-Identifier: MIT */
#ifndef BERTH_CLI_H
#define BERTH_CLI_H
/*
 * The berth command line: what main(), the parser and the verbs share.
 *
 *	cli_parse()		argv -> struct cli, by the tables verbs.def and options.def
 *	config_apply()		berth.yaml below the flags (config.h)
 *	verb->run()		one file per verb; prints, returns the exit status
 *	cli_free()
 */
#include "tools/cli/settings/options.h"
#include "tools/run/options.h"

enum { EXIT_USAGE = 125 };
/* the first argument ends the options: what follows is a command of its own */
enum { ARGS_COMMAND = -1 };

struct cli {
	const struct verb *verb;
	char **args; /* what is not an option; strv */
	struct run_options run;
	struct origin origins[OPTIONS]; /* who set each option */

	/* the fields of options that do not concern a run; what they mean is in options.def */
	bool help, template, schema, json, force, to_stdout, github, all, last_failed;
	unsigned int verbose, worker, pid;
	char *profile, *config, *run_id;
};

struct verb {
	const char *name, *usage;
	int args_low, args_high;
	const char *help, *more;
	int (*run)(struct cli *cli);
};

enum {
#define VERB(name, ...) VERB_##name,
#include "tools/cli/settings/verbs.def"
	VERBS
};
extern const struct verb verb_table[VERBS + 1]; /* ends with a NULL name */

#define VERB(name, ...) int verb_##name(struct cli *cli);
#include "tools/cli/settings/verbs.def"

const struct verb *verb_find(const char *name);

/**
 * Read the command line. Prints what is wrong.
 * Return: 0; EXIT_USAGE.
 */
int cli_parse(struct cli *cli, int argc, char **argv);
void cli_free(struct cli *cli);

/** Two lines: what is wrong, and where help is. Return: EXIT_USAGE, so that a verb can return it. */
int cli_usage(const struct cli *cli, const char *format, ...) PRINTF(2, 3);

#endif
