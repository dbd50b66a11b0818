/* SPDX-License-Identifier: MIT */
#ifndef BERTH_CLI_PROJECT_H
#define BERTH_CLI_PROJECT_H
/*
 * Where the project is: everything relative in a run is relative to it. Absolute paths, the
 * caller's to free.
 */

/**
 * The nearest file @name ("berth.yaml") from the working directory upwards, not above the home
 * directory.
 * Return: its path; NULL if there is none.
 */
char *project_config(const char *name);

/**
 * The project directory: where @config (may be NULL) is, else the top of the git work tree, else
 * the working directory. The home directory and / are a project only if they are the working
 * directory or have the berth.yaml.
 */
char *project_find(const char *config);

#endif
