/* SPDX-License-Identifier: MIT */
#ifndef BERTH_REPORT_MERGE_H
#define BERTH_REPORT_MERGE_H
/*
 * One record from the records of all shards, and the proof that their union is the whole: what is
 * missing, ran twice or does not fit becomes a worker that failed, so that every report shows it.
 */
#include "tools/report/report.h"

/**
 * @shards	records of runs, sorted here by the number of the shard
 * @count	at least 1
 * Return: the name of the merged run; the same records give the same name. The caller's to free.
 */
char *merge_name(struct report_run **shards, size_t count);

enum { MERGE_INCOMPLETE = 123 };

/**
 * Write the merged record. @shards: in the order of merge_name().
 * @build	of our own job: shards of another one do not count; "" = that of the first shard
 * @ret_status	the largest exit status of the shards; MERGE_INCOMPLETE if the proof fails
 * Return: 0; -errno.
 */
int merge_write(struct report_run *const *shards, size_t count, const char *name, const char *build,
                struct report *report, int *ret_status);

#endif
