/* SPDX-License-Identifier: MIT */
/* Questions about a run that was read back, which several formats ask. */
#include <stdlib.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/report/private.h"

enum { TESTS_SHOWN = 3 };

const char *record_string(const json_t *value)
{
	const char *text = json_string_value(value);

	return text ? text : "";
}

const char *record_text(const json_t *record, const char *name)
{
	return record_string(json_object_get(record, name));
}

int64_t record_number(const json_t *record, const char *name)
{
	/* milliseconds until the year 5138: no time, port or count is greater */
	const double max = 1e14;
	double number = json_number_value(json_object_get(record, name));

	return number > max ? (int64_t)max : number < -max ? -(int64_t)max : (int64_t)number;
}

char *record_join(const json_t *list, const char *separator)
{
	struct str text = { 0 };
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
		str_addf(&text, "%s%s", i ? separator : "", record_string(item));
	return str_take(&text);
}

const struct report_worker *run_find_worker(const struct report_run *run, int64_t number)
{
	for (size_t i = 0; i < run->worker_count; i++)
		if (run->workers[i].number == number)
			return &run->workers[i];
	return NULL;
}

char *report_worker_name(const struct report_worker *worker)
{
	if (worker->shard)
		return str_print("s%u.w%u", worker->shard, worker->shard_worker);
	return str_print("w%u", worker->number);
}

char *run_worker_title(const struct report_run *run, int64_t number)
{
	const struct report_worker *worker = run_find_worker(run, number);
	cleanup_free char *name = worker ? report_worker_name(worker)
	                                 : str_print("w%lld", (long long)number);

	if (!number)
		return str_copy("run");
	/* a worker without a task of its own is called by its number */
	if (!worker || !*worker->task || str_equal(worker->task, strrchr(name, 'w') + 1))
		return steal(&name);
	return str_print("%s (%s)", name, worker->task);
}

int64_t run_span_end(const struct report_run *run, unsigned int worker, int64_t until_ms)
{
	const struct report_worker *owner = run_find_worker(run, worker);

	if (until_ms)
		return until_ms;
	return owner && owner->until_ms ? owner->until_ms : run->until_ms;
}

unsigned int run_shards(const struct report_run *run)
{
	return (unsigned int)record_number(run->run, "shards");
}

int64_t worker_duration_ms(const struct report_worker *worker)
{
	return worker->until_ms > worker->from_ms ? worker->until_ms - worker->from_ms : 0;
}

unsigned int run_count_workers(const struct report_run *run, const char *status)
{
	unsigned int count = 0;

	for (size_t i = 0; i < run->worker_count; i++)
		count += !strcmp(run->workers[i].status, status);
	return count;
}

unsigned int run_count_findings(const struct report_run *run, const char *severity)
{
	unsigned int count = 0;

	for (size_t i = 0; i < run->finding_count; i++)
		count += !strcmp(record_text(run->findings[i], "severity"), severity);
	return count;
}

/* The titles of the workers of all records from @index on whose @key is the same. */
static char *workers_of(const struct report_run *run, json_t *const *records, size_t count,
                        size_t index, const char *key)
{
	const char *wanted = record_text(records[index], key);
	struct str names = { 0 };

	for (size_t i = index; i < count; i++) {
		cleanup_free char *name = run_worker_title(run,
		                                           record_number(records[i], "worker"));

		if (str_equal(record_text(records[i], key), wanted))
			str_addf(&names, "%s%s", names.len ? ", " : "", name);
	}
	return str_take(&names);
}

static bool is_repeated(json_t *const *records, size_t index, const char *key)
{
	for (size_t i = 0; i < index; i++)
		if (str_equal(record_text(records[i], key), record_text(records[index], key)))
			return true;
	return false;
}

char *report_workers_of(const struct report_run *run, size_t index)
{
	return workers_of(run, run->findings, run->finding_count, index, "fingerprint");
}

bool report_is_repeated(const struct report_run *run, size_t index)
{
	return is_repeated(run->findings, index, "fingerprint");
}

bool run_is_shown(const struct report_run *run, size_t index)
{
	return strcmp(record_text(run->findings[index], "kind"), "conflict_avoided") &&
	       !report_is_repeated(run, index);
}

char *run_workers_of_test(const struct report_run *run, size_t index)
{
	return workers_of(run, run->failed, run->failed_count, index, "test");
}

bool run_is_repeated_test(const struct report_run *run, size_t index)
{
	return is_repeated(run->failed, index, "test");
}

char *report_test_of(const json_t *finding)
{
	const json_t *tests = json_object_get(finding, "tests"), *test;
	struct str text = { 0 };
	size_t i;

	if (!json_array_size(tests))
		return str_copy(record_text(finding, "test"));
	json_array_foreach(tests, i, test)
	{
		if (i < TESTS_SHOWN)
			str_addf(&text, "%s%s", i ? ", " : "one of: ", record_string(test));
	}
	if (i > TESTS_SHOWN)
		str_addf(&text, " and %zu more", i - TESTS_SHOWN);
	return str_take(&text);
}
