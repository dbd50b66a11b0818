/* SPDX-License-Identifier: MIT */
#ifndef BERTH_CLI_LINT_H
#define BERTH_CLI_LINT_H
/* What is allowed but likely not meant. */
#include "tools/run/options.h"

/** Add one message for people per likely mistake. @messages is a strv; what is there already is not added again. */
void lint_options(const struct run_options *options, char ***messages);

/** Look into the runner's own configuration beside berth.yaml. */
void lint_project(const struct run_options *options, char ***messages);

/* The kernel's range for port 0; 32768-60999 if it cannot be read. */
void lint_ephemeral(unsigned int *ret_low, unsigned int *ret_high);
bool lint_ports_have(const struct run_ports *ports, unsigned int port);

#endif
