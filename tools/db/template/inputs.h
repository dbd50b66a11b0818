/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_INPUTS_H
#define BERTH_DB_INPUTS_H
/*
 * The files that a setup command depends on, as part of a template's key. Reads the project; for a
 * job and for `berth check`.
 *
 * `inputs` of berth.yaml replaces the guess: the files that the command names, what these name in
 * turn, scripts of package.json and composer.json, and everything that migrations live in.
 */
#include <stdbool.h>

struct digest;

struct inputs_search {
	const char *project_dir, *command;
	char *const *globs;    /* strv, relative to the project: `inputs`; may be NULL */
	bool guess;            /* there is a setup command without `inputs` */
	struct digest *digest; /* gets names and contents; NULL = only the names are wanted */
};

/**
 * @ret_names	strv, relative to the project; the caller's to free, also on failure
 * Return: 0; -E2BIG too many files.
 */
int inputs_find(const struct inputs_search *search, char ***ret_names);

#endif
