/* SPDX-License-Identifier: MIT */
#ifndef BERTH_CLI_LINT_H
#define BERTH_CLI_LINT_H
/* Valid settings that are probably mistakes. */
#include "tools/run/options.h"

/** Add one message for people per probable mistake. @messages: a strv; a message is added once. */
void lint_options(const struct run_options *options, char ***messages);

/** The same for the test runner's own configuration beside berth.yaml. */
void lint_project(const struct run_options *options, char ***messages);

/**
 * Make the plan of a run.
 * Return: why `berth run` refuses the settings, for the caller to free; NULL if it accepts them.
 */
char *lint_plan(const struct run_options *options);

bool lint_ports_have(const struct run_ports *ports, unsigned int port);

#endif
