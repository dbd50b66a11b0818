/* SPDX-License-Identifier: MIT */
#ifndef BERTH_CLI_CONFIG_H
#define BERTH_CLI_CONFIG_H
/*
 * berth.yaml.
 *
 *	struct config *config;
 *	char **errors = NULL;
 *	config_read(path, &config, &errors)	every mistake of the file at once, "berth.yaml:12: key: expected ..., got ..."
 *	config_profile(config, cli, ...)	which profile holds
 *	config_apply(config, profile, cli)	below what the flags have set
 *	config_free(config)
 *
 * A profile is a section like the top level, but for `profiles`. What is given in a section has been checked, so that
 * applying it cannot fail.
 */
#include "tools/cli/settings/cli.h"

/* one text, and where it is written */
struct config_item {
	unsigned int line;
	char *text;
};

struct config_values {
	struct config_item *items;
	unsigned int count;
};

/* of `databases` or `allow`; values by the number of the key */
struct config_entry {
	unsigned int line;
	struct config_values values[KEYS_MAX];
};

struct config_section {
	char *name; /* of the profile; "" for the top level */
	unsigned int line;
	struct config_values values[OPTIONS];
	struct {
		struct config_entry *entries;
		unsigned int count;
	} lists[LISTS];
};

struct config {
	char *path, *shown;              /* absolute; as messages name it */
	struct config_section *sections; /* [0] is the top level */
	unsigned int count;
};

/**
 * Read and check a file.
 * @errors	a strv that messages are added to
 * Return: 0; -EINVAL with messages; -errno with one message if the file cannot be read.
 */
int config_read(const char *path, struct config **ret_config, char ***errors);

/* The same from memory; @shown is the file's name in messages. */
int config_parse(const char *text, size_t len, const char *shown, struct config **ret_config,
                 char ***errors);
void config_free(struct config *config);

/**
 * The profile in force: --profile, else BERTH_PROFILE, else `ci` where CI is set and the file has it.
 * @ret_name	NULL if none is; not to be freed
 * Return: 0; -ENOENT if the one that was asked for is not in the file.
 */
int config_profile(const struct config *config, const struct cli *cli, const char **ret_name);

/** Set in @cli what the top level and the profile (NULL = none) say and the flags do not. */
void config_apply(const struct config *config, const char *profile, struct cli *cli);

/**
 * All of it for a verb that needs settings: find the file, read it, choose the profile, apply, find the project
 * directory. Prints what is wrong.
 * Return: 0, also where there is no file; EXIT_USAGE.
 */
int config_load(struct cli *cli);

/** There is no berth.yaml: is there a berth.yml? Prints that. Return: 0; EXIT_USAGE. */
int config_other_ending(void);

/**
 * Normalize a YAML document for the schema of config.c: see shape.c.
 * Return: 0 and the normal form, the caller's to free; -EINVAL with messages in @errors.
 */
int config_shape(const char *text, size_t len, const char *shown, char **ret_text, char ***errors);

#endif
