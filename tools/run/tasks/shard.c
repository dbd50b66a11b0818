/* SPDX-License-Identifier: MIT */
#include "tools/run/tasks/shard.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/base/environ.h"
#include "tools/base/str.h"
#include "tools/base/table.h"

int shard_parse(const char *text, struct run_shard *ret_shard)
{
	const char *slash = strchr(text, '/');
	cleanup_free char *first = slash ? str_copy_len(text, (size_t)(slash - text)) : NULL;
	long index, count;

	if (!slash || str_number(slash + 1, 1, SHARDS_MAX, &count) ||
	    str_number(first, 1, count, &index))
		return -EINVAL;
	*ret_shard = (struct run_shard){ (unsigned int)index, (unsigned int)count };
	return 0;
}

/* Kubernetes comes last: the machines of the others may be its pods. */
static const struct shard_variables {
	const char *index, *count;
	long first; /* the lowest index */
} systems[] = {
	{ "CI_NODE_INDEX", "CI_NODE_TOTAL", 1 }, /* GitLab */
	{ "BUILDKITE_PARALLEL_JOB", "BUILDKITE_PARALLEL_JOB_COUNT", 0 },
	{ "CIRCLE_NODE_INDEX", "CIRCLE_NODE_TOTAL", 0 },
	{ "JOB_COMPLETION_INDEX", "BERTH_SHARDS", 0 },
};

static const char *value_of(char *const *envp, const char *name)
{
	const char *value = environ_get(envp, name);

	return value && *value ? value : NULL;
}

int shard_detect(char *const *envp, struct run_shard *ret_shard, char **ret_error)
{
	const char *given = value_of(envp, "BERTH_SHARD");

	if (given && !shard_parse(given, ret_shard))
		return 0;
	if (given) {
		*ret_error = str_print("BERTH_SHARD is '%s', and a shard is written I/N\n"
		                       "hint: export BERTH_SHARD=2/4",
		                       given);
		return -EINVAL;
	}
	for (size_t i = 0; i < ARRAY_LEN(systems); i++) {
		const struct shard_variables *of = &systems[i];
		const char *index = value_of(envp, of->index), *count = value_of(envp, of->count);
		long number, all;

		/* a job of GitLab that is not parallel has CI_NODE_TOTAL=1 alone */
		if (!index && !(of->first && str_equal(count, "1")))
			continue;
		if (!count || str_number(count, 1, SHARDS_MAX, &all) ||
		    str_number(index ? index : "1", of->first, all - 1 + of->first, &number)) {
			*ret_error = str_print("%s is '%s' and %s is '%s': this is no shard\n"
			                       "hint: berth run --shard 2/4 -- COMMAND",
			                       of->index, index ? index : "", of->count,
			                       count ? count : "");
			return -EINVAL;
		}
		*ret_shard = (struct run_shard){ (unsigned int)(number - of->first + 1),
			                         (unsigned int)all };
		return 0;
	}
	*ret_error = str_copy("--shard auto: no variable tells which shard this machine is\n"
	                      "hint: export BERTH_SHARD=2/4");
	return -EINVAL;
}

const char *shard_build(char *const *envp)
{
	static const char *const names[] = { "BERTH_BUILD", "GITHUB_RUN_ID", "CI_PIPELINE_ID",
		                             "BUILDKITE_BUILD_ID", "CIRCLE_PIPELINE_ID" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (value_of(envp, names[i]))
			return value_of(envp, names[i]);
	return "";
}

struct shard_task {
	const char *name;
	int64_t ms;
	unsigned int index, shard; /* shard: from 0 */
};

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct shard_task *)a)->name, ((const struct shard_task *)b)->name);
}

static int longest_first(const void *a, const void *b)
{
	const struct shard_task *left = a, *right = b;

	return left->ms == right->ms ? by_name(a, b) : left->ms < right->ms ? 1 : -1;
}

static struct shard_task *sorted(char *const *tasks, const int64_t *ms,
                                 int (*order)(const void *, const void *))
{
	size_t count = strv_len(tasks), known = 0;
	struct shard_task *list = mem_alloc(count * sizeof(*list));
	int64_t sum = 0;

	for (size_t i = 0; i < count; i++) {
		list[i] = (struct shard_task){ tasks[i], ms[i] > 0 ? ms[i] : 0, (unsigned int)i,
			                       0 };
		known += ms[i] > 0;
		sum += list[i].ms;
	}
	for (size_t i = 0; i < count; i++)
		if (!list[i].ms)
			list[i].ms = known ? (sum + (int64_t)known - 1) / (int64_t)known : 1;
	qsort(list, count, sizeof(*list), order);
	return list;
}

/*
 * Make the longest part shorter: move one of its tasks to another part, or exchange two tasks.
 * Return: whether that was possible.
 */
static bool improve(struct shard_task *list, size_t count, int64_t *load, unsigned int shards)
{
	struct shard_task *best = NULL, *other = NULL;
	unsigned int longest = 0, target = 0;
	int64_t least, moved;

	for (unsigned int i = 1; i < shards; i++)
		longest = load[i] > load[longest] ? i : longest;
	least = load[longest];
	for (struct shard_task *from = list; from < list + count; from++) {
		if (from->shard != longest)
			continue;
		/* the first @shards of the others are parts, which take the task for nothing */
		for (size_t k = 0; k < shards + count; k++) {
			struct shard_task *to = k < shards ? NULL : &list[k - shards];
			unsigned int part = to ? to->shard : (unsigned int)k;
			int64_t ms = from->ms - (to ? to->ms : 0), own = load[longest] - ms,
				theirs = load[part] + ms, more = own > theirs ? own : theirs;

			if (part == longest || more >= least)
				continue;
			least = more;
			best = from;
			other = to;
			target = part;
		}
	}
	if (!best)
		return false;
	moved = best->ms - (other ? other->ms : 0);
	load[longest] -= moved;
	load[target] += moved;
	best->shard = target;
	if (other)
		other->shard = longest;
	return true;
}

void shard_divide(char *const *tasks, const int64_t *ms, unsigned int shards,
                  unsigned int *ret_parts)
{
	enum { ROUNDS_MAX = 1000 };
	size_t count = strv_len(tasks);
	cleanup_free struct shard_task *list = sorted(tasks, ms, longest_first);
	cleanup_free int64_t *load = mem_alloc(shards * sizeof(*load));

	for (size_t i = 0; i < count; i++) {
		unsigned int least = 0;

		for (unsigned int k = 1; k < shards; k++)
			least = load[k] < load[least] ? k : least;
		list[i].shard = least;
		load[least] += list[i].ms;
	}
	for (int i = 0; i < ROUNDS_MAX && improve(list, count, load, shards); i++)
		;
	for (size_t i = 0; i < count; i++)
		ret_parts[list[i].index] = list[i].shard + 1;
}

uint64_t shard_hash(char *const *tasks, const int64_t *ms, unsigned int shards)
{
	cleanup_free struct shard_task *list = sorted(tasks, ms, by_name);
	uint64_t hash = table_hash(TABLE_HASH, &shards, sizeof(shards));

	for (size_t i = 0; i < strv_len(tasks); i++) {
		hash = table_hash(table_hash_text(hash, list[i].name), "", 1);
		hash = table_hash(hash, &list[i].ms, sizeof(list[i].ms));
	}
	return hash;
}
