/* SPDX-License-Identifier: MIT */
/* See finding_list.h. */
#include "tools/watch/finding/finding_list.h"

#include <stdlib.h>

#include "tools/base/str.h"
#include "tools/base/table.h"

struct finding_list {
	struct watch_finding **findings;
	size_t count;
	struct table by_fingerprint; /* by hash of fingerprint and worker */
	char **baseline;
};

int finding_list_open(const char *baseline, struct finding_list **ret_list)
{
	char **fingerprints = NULL;
	int ret = baseline ? finding_baseline_read(baseline, &fingerprints) : 0;

	if (ret)
		return ret;
	*ret_list = mem_alloc(sizeof(**ret_list));
	(*ret_list)->baseline = fingerprints;
	return 0;
}

void finding_list_close(struct finding_list *list)
{
	if (!list)
		return;
	for (size_t i = 0; i < list->count; i++)
		finding_free(list->findings[i]);
	free(list->findings);
	table_free(&list->by_fingerprint, NULL);
	strv_free(list->baseline);
	free(list);
}

void finding_list_add(struct finding_list *list, struct watch_finding *finding)
{
	uint64_t key = table_hash(TABLE_HASH, &finding->worker, sizeof(finding->worker));
	struct watch_finding *same;

	finding_set_fingerprint(finding);
	key = table_hash_text(key, finding->fingerprint);
	same = table_get(&list->by_fingerprint, key);
	if (same) {
		same->count += finding->count;
		finding_free(finding);
		return;
	}
	finding->known = strv_has(list->baseline, finding->fingerprint);
	table_set(&list->by_fingerprint, key, finding);
	list->findings = mem_grow(list->findings, list->count + 1, sizeof(struct watch_finding *));
	list->findings[list->count++] = finding;
}

size_t finding_list_count(const struct finding_list *list)
{
	return list->count;
}

struct watch_finding *finding_list_get(const struct finding_list *list, size_t index)
{
	return list->findings[index];
}

void finding_list_drop_allowed(struct finding_list *list)
{
	size_t kept = 0;

	for (size_t i = 0; i < list->count; i++)
		if (list->findings[i]->allowed)
			finding_free(list->findings[i]);
		else
			list->findings[kept++] = list->findings[i];
	list->count = kept;
	table_free(&list->by_fingerprint, NULL);
}
