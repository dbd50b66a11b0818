/* SPDX-License-Identifier: MIT */
#ifndef BERTH_RUN_DATABASE_SETUP_H
#define BERTH_RUN_DATABASE_SETUP_H
/* The command that migrates and seeds the template, and what it depends on. */
#include <stdbool.h>

#include "tools/run/options.h"

/** Return: a command for a shell, the caller's to free; NULL if there is none. */
char *setup_command(const struct run_options *options);

/**
 * @ret_inputs	strv, the caller's to free: `inputs` of all databases
 * Return: a setup command has no `inputs`, which replace the guess.
 */
bool setup_inputs(const struct run_options *options, char ***ret_inputs);

/**
 * For `berth check`: the files that the key of the template covers.
 * @ret_names	strv, the caller's to free; NULL: none is known, and the setup runs in every run
 * Return: there is a setup command.
 */
bool setup_list_inputs(const struct run_options *options, char ***ret_names);

/** For -v. @how: "built", "cached" or "snapshot"; @files: that the key covers. */
void setup_log_template(const char *how, const char *command, unsigned int files);

#endif
