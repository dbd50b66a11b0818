/* SPDX-License-Identifier: MIT */
#ifndef BERTH_CLI_LINT_H
#define BERTH_CLI_LINT_H
/* What is allowed but likely not meant. */
#include "tools/run/options.h"

/**
 * Add one message for people per likely mistake. @messages is a strv; what is there already is
 * not added again.
 */
void lint_options(const struct run_options *options, char ***messages);

/** Look into the runner's own configuration beside berth.yaml. */
void lint_project(const struct run_options *options, char ***messages);

bool lint_ports_have(const struct run_ports *ports, unsigned int port);

#endif
