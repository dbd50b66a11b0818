/* SPDX-License-Identifier: MIT */
#ifndef BERTH_RUN_SHARD_H
#define BERTH_RUN_SHARD_H
/*
 * The part of a suite that one of several machines runs. Pure: the same list and the same times
 * give the same parts on every machine, in whatever order the tasks are listed.
 */
#include "tools/run/options.h"

enum { SHARDS_MAX = 4096 };

/** Parse "2/4". Return: 0; -EINVAL. */
int shard_parse(const char *text, struct run_shard *ret_shard);

/**
 * Find out by the variables of CI systems which shard this machine is.
 * Return: 0; -EINVAL and *ret_error, a whole message, the caller's to free.
 */
int shard_detect(char *const *envp, struct run_shard *ret_shard, char **ret_error);

/**
 * The build to which the shards of one CI run belong, also when a job is repeated.
 * Return: "" if it is not known; borrowed.
 */
const char *shard_build(char *const *envp);

/**
 * Divide tasks so that the longest part is short.
 * @ms		of each task; 0 = not known: taken for the mean of the others
 * @ret_parts	by index of the task: its shard, 1..@shards
 */
void shard_divide(char *const *tasks, const int64_t *ms, unsigned int shards,
                  unsigned int *ret_parts);

/** Return: a hash of all that the parts follow from; it does not depend on the order of @tasks. */
uint64_t shard_hash(char *const *tasks, const int64_t *ms, unsigned int shards);

#endif
