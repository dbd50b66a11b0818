/* SPDX-License-Identifier: MIT */
#ifndef BERTH_CLI_PROJECT_H
#define BERTH_CLI_PROJECT_H
/* The project directory, to which all relative paths of a run are relative. */

/**
 * Find the nearest file @name ("berth.yaml") from the working directory upwards, not above the home
 * directory.
 * Return: its absolute path, which the caller must free; NULL if there is none.
 */
char *project_config(const char *name);

/**
 * Find the project directory: that of @config (may be NULL), else the top of the git work tree,
 * else the working directory. The home directory and / are a project only if they are the
 * working directory or have the berth.yaml.
 * Return: its absolute path, which the caller must free.
 */
char *project_find(const char *config);

#endif
