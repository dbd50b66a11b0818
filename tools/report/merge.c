/* SPDX-License-Identifier: MIT */
/*
 * Workers get new numbers, one range for each shard; their records say in "shard" and
 * "shard_worker" who they were. A run without --shard counts as the only part of the whole.
 */
#include "tools/report/merge.h"

#include <stdlib.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/base/json.h"
#include "tools/base/table.h"
#include "tools/report/private.h"

struct merge {
	struct report_run *const *shards;
	size_t count;
	const char *build;
	struct report *report;
	int64_t last; /* number of a worker */
	int64_t passed, failed;
	int exit_status;
	int error; /* the first */
};

static const json_t *shard_of(const struct report_run *run)
{
	return json_object_get(run->run, "shard");
}

static int64_t index_of(const struct report_run *run)
{
	return shard_of(run) ? record_number(shard_of(run), "index") : 1;
}

static int64_t shards_of(const struct report_run *run)
{
	return shard_of(run) ? record_number(shard_of(run), "count") : 1;
}

/* The tasks of all shards, as far as this one knows them; borrowed. */
static const json_t *list_of(const struct report_run *run)
{
	return json_object_get(shard_of(run) ? shard_of(run) : run->run,
	                       shard_of(run) ? "all" : "tasks");
}

static int by_index(const void *a, const void *b)
{
	const struct report_run *left = *(struct report_run *const *)a,
				*right = *(struct report_run *const *)b;
	int64_t order = index_of(left) - index_of(right);

	if (!order)
		order = left->from_ms - right->from_ms;
	return order < 0 ? -1 : order > 0;
}

char *merge_name(struct report_run **shards, size_t count)
{
	uint64_t hash = TABLE_HASH;

	qsort(shards, count, sizeof(struct report_run *), by_index);
	for (size_t i = 0; i < count; i++) {
		hash = table_hash_text(hash, record_text(shards[i]->run, "id"));
		hash = table_hash(hash, &shards[i]->from_ms, sizeof(shards[i]->from_ms));
	}
	return str_print("m%06llx", (unsigned long long)(hash >> 40));
}

static void add(struct merge *merge, const char *type, json_t *fields)
{
	int ret = report_record(merge->report, type, fields);

	merge->error = merge->error ? merge->error : ret;
}

/* A worker that failed before it began. */
static void add_problem(struct merge *merge, const char *task, char *error)
{
	cleanup_free char *text = error;

	merge->last++;
	merge->failed++;
	merge->exit_status = MERGE_INCOMPLETE;
	add(merge, "worker_ended",
	    json_pack("{s:I, s:o, s:s, s:i, s:i, s:o, s:I}", "worker", (json_int_t)merge->last,
	              "task", json_text(task), "status", "failed", "exit_status", 0, "duration_ms",
	              0, "error", json_text(text), "time_ms",
	              (json_int_t)merge->shards[0]->from_ms));
}

static void add_run(struct merge *merge, const char *name)
{
	const struct report_run *first = merge->shards[0];
	json_t *fields = json_copy(first->run);
	int64_t workers = 0, from_ms = first->from_ms;

	for (size_t i = 0; i < merge->count; i++) {
		workers += (int64_t)merge->shards[i]->worker_count;
		if (merge->shards[i]->from_ms < from_ms)
			from_ms = merge->shards[i]->from_ms;
	}
	json_object_del(fields, "shard");
	json_object_set_new(fields, "id", json_string(name));
	json_object_set_new(fields, "workers", json_integer(workers));
	json_object_set_new(fields, "tasks", json_deep_copy(list_of(first)));
	json_object_set_new(fields, "shards", json_integer(shards_of(first)));
	json_object_set_new(fields, "time_ms", json_integer(from_ms));
	add(merge, "run", fields);
}

/* The worker's number in the merged record. */
static int64_t renumber(const struct report_run *run, int64_t number, int64_t before)
{
	for (size_t i = 0; i < run->worker_count; i++)
		if (run->workers[i].number == number)
			return before + (int64_t)i + 1;
	return 0;
}

static void add_records(struct merge *merge, const struct report_run *run)
{
	json_t *record;
	size_t i;

	json_array_foreach(run->records, i, record)
	{
		const char *type = record_text(record, "type");
		int64_t worker = record_number(record, "worker");
		json_t *fields;

		if (!strcmp(type, "run") || !strcmp(type, "run_ended"))
			continue;
		fields = json_copy(record);
		if (worker)
			json_object_set_new(fields, "worker",
			                    json_integer(renumber(run, worker, merge->last)));
		if (str_starts(type, "worker_") && shard_of(run)) {
			json_object_set_new(fields, "shard", json_integer(index_of(run)));
			json_object_set_new(fields, "shard_worker", json_integer(worker));
		}
		add(merge, type, fields);
	}
	merge->last += (int64_t)run->worker_count;
	merge->passed += run_count_workers(run, "passed");
	merge->failed += run_count_workers(run, "failed");
	if (record_number(run->ended, "exit_status") > merge->exit_status)
		merge->exit_status = (int)record_number(run->ended, "exit_status");
}

/* Is each shard there, once, whole and of the same list? */
static void check_shards(struct merge *merge)
{
	const struct report_run *first = merge->shards[0];

	for (size_t i = 0; i < merge->count; i++) {
		const struct report_run *run = merge->shards[i];
		cleanup_free char *name = str_print("shard %lld/%lld", (long long)index_of(run),
		                                    (long long)shards_of(run));

		if (shards_of(run) != shards_of(first) ||
		    strcmp(record_text(shard_of(run), "hash"),
		           record_text(shard_of(first), "hash")))
			add_problem(merge, name,
			            str_print("its tasks or their times are not those of shard "
			                      "%lld/%lld",
			                      (long long)index_of(first),
			                      (long long)shards_of(first)));
		else if (i && index_of(run) == index_of(merge->shards[i - 1]))
			add_problem(merge, name,
			            str_print("it is there twice: run %s and run %s",
			                      record_text(merge->shards[i - 1]->run, "id"),
			                      record_text(run->run, "id")));
		/* from a cache, in place of a job that did not run */
		if (shard_of(run) && strcmp(record_text(shard_of(run), "build"), merge->build))
			add_problem(merge, name,
			            str_print("it is of build '%s', not '%s'",
			                      record_text(shard_of(run), "build"), merge->build));
		if (!run->ended || run->malformed)
			add_problem(merge, name, str_copy("its record is not complete"));
	}
	for (int64_t index = 1; index <= shards_of(first); index++) {
		bool found = false;

		for (size_t i = 0; i < merge->count; i++)
			found |= index_of(merge->shards[i]) == index;
		if (!found) {
			cleanup_free char *name = str_print("shard %lld/%lld", (long long)index,
			                                    (long long)shards_of(first));

			add_problem(merge, name, str_copy("it is missing"));
		}
	}
}

/* How often a task ran to its end, by a key of its name. */
struct merge_task {
	unsigned int ran;
	char *places; /* "shard 1 shard 3" */
};

static void task_free(void *task)
{
	free(((struct merge_task *)task)->places);
	free(task);
}

static uint64_t key_of(const char *task)
{
	cleanup_free char *shown = str_redacted(task); /* as in the list */
	uint64_t key = table_hash_text(TABLE_HASH, shown);

	return key ? key : 1;
}

/* Did each task run, once? */
static void check_tasks(struct merge *merge)
{
	const json_t *list = list_of(merge->shards[0]), *name;
	struct table tasks = { 0 };
	size_t i;

	json_array_foreach(list, i, name) table_set(&tasks, key_of(record_string(name)),
	                                            mem_alloc(sizeof(struct merge_task)));
	for (i = 0; i < merge->count && json_array_size(list); i++) {
		const struct report_run *run = merge->shards[i];

		for (size_t k = 0; k < run->worker_count; k++) {
			struct merge_task *task = table_get(&tasks, key_of(run->workers[k].task));
			char *places;

			if (!task || !run->workers[k].until_ms)
				continue;
			task->ran++;
			places = str_print("%s%sshard %lld", task->places ? task->places : "",
			                   task->places ? ", " : "", (long long)index_of(run));
			free(task->places);
			task->places = places;
		}
	}
	json_array_foreach(list, i, name)
	{
		const struct merge_task *task = table_get(&tasks, key_of(record_string(name)));

		if (!task->ran)
			add_problem(merge, record_string(name), str_copy("it ran nowhere"));
		else if (task->ran > 1)
			add_problem(merge, record_string(name),
			            str_print("it ran %u times: %s", task->ran, task->places));
	}
	table_free(&tasks, task_free);
}

int merge_write(struct report_run *const *shards, size_t count, const char *name, const char *build,
                struct report *report, int *ret_status)
{
	struct merge merge = { .shards = shards,
		               .count = count,
		               .build = *build ? build : record_text(shard_of(shards[0]), "build"),
		               .report = report };
	int64_t from_ms = shards[0]->from_ms, until_ms = 0, missed = 0;

	add_run(&merge, name);
	for (size_t i = 0; i < count; i++)
		add_records(&merge, shards[i]);
	check_shards(&merge);
	check_tasks(&merge);
	for (size_t i = 0; i < count; i++) {
		from_ms = shards[i]->from_ms < from_ms ? shards[i]->from_ms : from_ms;
		until_ms = shards[i]->until_ms > until_ms ? shards[i]->until_ms : until_ms;
		missed += record_number(shards[i]->ended, "missed");
	}
	add(&merge, "run_ended",
	    json_pack("{s:i, s:I, s:I, s:I, s:I, s:I}", "exit_status", merge.exit_status, "passed",
	              (json_int_t)merge.passed, "failed", (json_int_t)merge.failed, "duration_ms",
	              (json_int_t)(until_ms - from_ms), "missed", (json_int_t)missed, "time_ms",
	              (json_int_t)until_ms));
	*ret_status = merge.exit_status;
	return merge.error;
}
