/* SPDX-License-Identifier: MIT */
#ifndef BERTH_BASE_ENVIRON_H
#define BERTH_BASE_ENVIRON_H
/* The environment of a program: a strv of NAME=VALUE (tools/base/str.h). */

/** Set variable @name to @value; NULL removes it. */
void environ_set(char ***envp, const char *name, const char *value);

/** Return: the value of @name, inside @envp; NULL if it is not set. */
const char *environ_get(char *const *envp, const char *name);

#endif
