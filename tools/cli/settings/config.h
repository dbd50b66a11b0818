/* SPDX-License-Identifier: MIT */
#ifndef BERTH_CLI_CONFIG_H
#define BERTH_CLI_CONFIG_H
/*
 * berth.yaml.
 *
 *	struct config *config;
 *	char **errors = NULL;
 *	config_read(path, &config, &errors)	checks all of the file, every profile included
 *	config_profile(config, cli, ...)	chooses the profile
 *	config_apply(config, profile, cli)	sets what no flag has set
 *	config_free(config)
 *
 * A profile, and `up` for `berth up`, is a section like the top level, but without these.
 * config_read() accepts only a file in which every value can be set, so that
 * config_apply() cannot fail.
 */
#include "tools/cli/settings/cli.h"

struct config {
	char *path, *shown; /* absolute; as messages name it */
	char **profiles;    /* names, in the order of the file; strv */
	struct yaml_document_s *document;
};

/**
 * Read and check a file.
 * @errors	strv that messages are added to: "berth.yaml:12: key: expected ..., got ..."
 * Return: 0; -EINVAL with messages; -errno with one message if the file cannot be read.
 */
int config_read(const char *path, struct config **ret_config, char ***errors);

/** The same from memory. @shown is the file's name in messages. */
int config_parse(const char *text, size_t len, const char *shown, struct config **ret_config,
                 char ***errors);
void config_free(struct config *config);

/**
 * Choose the profile: --profile, else BERTH_PROFILE, else `ci` where CI is set and the file has it.
 * @ret_name	NULL = none; the caller must not free it
 * Return: 0; -ENOENT if the file does not have the requested profile.
 */
int config_profile(const struct config *config, const struct cli *cli, const char **ret_name);

/** Set the settings of the top level and of @profile (NULL = none). Flags that are set stay. */
void config_apply(const struct config *config, const char *profile, struct cli *cli);

/**
 * Do all of it for a verb that needs settings: find and read the file, choose the profile, apply
 * it, find the project directory. Prints errors.
 * Return: 0, also if there is no file; EXIT_USAGE.
 */
int config_load(struct cli *cli);

/** Where there is no berth.yaml: print an error if there is a berth.yml. Return: 0; EXIT_USAGE. */
int config_refuse_yml(void);

#endif
