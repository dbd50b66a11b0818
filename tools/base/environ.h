/* SPDX-License-Identifier: MIT */
#ifndef BERTH_BASE_ENVIRON_H
#define BERTH_BASE_ENVIRON_H
/* An environment for a program to be started: a strv of NAME=VALUE (see tools/base/str.h). */

/** Set @name; NULL removes it. */
void environ_set(char ***envp, const char *name, const char *value);

/** Return: the value, owned by @envp; NULL if it is not set. */
const char *environ_get(char *const *envp, const char *name);

#endif
