/* SPDX-License-Identifier: MIT */
#ifndef BERTH_WATCH_FINDING_LIST_H
#define BERTH_WATCH_FINDING_LIST_H
/* The findings of a run. The same problem of one worker is one finding with a count. */
#include "tools/watch/finding/finding.h"

struct finding_list;

/**
 * @baseline	file of known fingerprints, see finding_baseline_read(); NULL = none
 * Return: 0; -errno of reading it.
 */
int finding_list_open(const char *baseline, struct finding_list **ret_list);
void finding_list_close(struct finding_list *list);

/** Compute its fingerprint and take it. */
void finding_list_add(struct finding_list *list, struct watch_finding *finding);

size_t finding_list_count(const struct finding_list *list);
struct watch_finding *finding_list_get(const struct finding_list *list, size_t index);

/** Remove what an allow rule matched. Call it once, when no finding will be added any more. */
void finding_list_drop_allowed(struct finding_list *list);

#endif
