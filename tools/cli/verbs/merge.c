/* SPDX-License-Identifier: MIT */
/* `berth merge`: find the records of the shards, and make one run of them in the results. */
#include <errno.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/base/log.h"
#include "tools/cli/common/results.h"
#include "tools/cli/verbs/show_report.h"
#include "tools/process/child.h"
#include "tools/report/merge.h"
#include "tools/run/tasks/shard.h"
#include "tools/run/tasks/source.h"

enum { UNZIP_TIMEOUT_MS = 10 * 60 * 1000, TIMES_WEIGHT = 2 };

/* What was found; runs of one results directory stand together. */
struct shards {
	struct report_run **runs;
	char **dirs; /* of the results, one for each run */
	size_t count;
};

static void shards_free(struct shards *shards)
{
	for (size_t i = 0; i < shards->count; i++)
		report_run_free(shards->runs[i]);
	free(shards->runs);
	strv_free(shards->dirs);
}

/* Add the record @path; of a results directory the newest counts. Return: 0; the exit status. */
static int add_record(struct shards *shards, const char *path)
{
	cleanup_free char *dir = str_copy(path);
	struct report_run *run;
	int ret = report_load(path, &run);
	char *runs;

	if (ret || !run->run) {
		log_line("unable to read the record '%s': %s", path,
		         strerror(ret ? -ret : ENODATA));
		if (!ret)
			report_run_free(run);
		return 1;
	}
	if (json_object_get(run->run, "shards")) { /* merged earlier */
		report_run_free(run);
		return 0;
	}
	*strrchr(dir, '/') = 0;
	runs = strstr(dir, "/runs/") ? strrchr(dir, '/') : NULL;
	if (runs) /* RESULTS/runs/ID */
		*runs = 0;
	for (size_t i = 0; runs && i < shards->count; i++) {
		if (strcmp(shards->dirs[i], dir))
			continue;
		if (run->from_ms > shards->runs[i]->from_ms) {
			struct report_run *older = shards->runs[i];

			shards->runs[i] = run;
			run = older;
		}
		report_run_free(run);
		return 0;
	}
	shards->runs = mem_grow(shards->runs, shards->count + 1, sizeof(*shards->runs));
	shards->runs[shards->count++] = run;
	strv_own(&shards->dirs, steal(&dir));
	return 0;
}

static int add_records_in(struct shards *shards, char *dir)
{
	char *roots[] = { dir, NULL };
	size_t before = shards->count;
	FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	int ret = 0;

	for (FTSENT *entry; walk && (entry = fts_read(walk));)
		if (entry->fts_info == FTS_F && !strcmp(entry->fts_name, "events.ndjson"))
			ret = ret ? ret : add_record(shards, entry->fts_path);
	if (walk)
		fts_close(walk);
	if (ret || shards->count > before)
		return ret;
	log_line("'%s' has no record of a run", dir);
	log_hint("keep the directory of berth run --results DIR as an artifact");
	return 1;
}

static int unpack(const char *archive, const char *dir)
{
	cleanup_free char *cwd = getcwd(NULL, 0);
	char *argv[] = {
		"unzip", "-q", "-o", (char *)(uintptr_t)archive, "-d", (char *)(uintptr_t)dir, NULL
	};
	const struct child_program program = { .argv = argv,
		                               .dir = cwd,
		                               .timeout_ms = UNZIP_TIMEOUT_MS };
	cleanup_str struct str output = { 0 };
	int status = child_exec(&program, &output);

	if (!status)
		return 0;
	log_line("unable to unpack '%s': %s", archive,
	         status == 127 ? "unzip is missing"
	         : output.len  ? output.text
	                       : "unzip failed");
	if (status == 127)
		log_hint("apt install unzip, or unpack the archives and name the directories");
	return 1;
}

/* @scratch: for archives. */
static int find_shards(const struct cli *cli, const char *scratch, struct shards *shards)
{
	int ret = 0;

	for (size_t i = 0; cli->args[i] && !ret; i++) {
		cleanup_free char *dir = str_print("%s/%zu", scratch, i);
		bool packed = str_ends(cli->args[i], ".zip");

		ret = packed ? unpack(cli->args[i], dir) : 0;
		if (!ret)
			ret = add_records_in(shards, packed ? dir : cli->args[i]);
	}
	return ret;
}

static int compare(const void *a, const void *b)
{
	const struct report_worker *const *left = a, *const *right = b;

	return strcmp((*left)->task, (*right)->task);
}

/*
 * Times of the tasks that passed; those of the others stay as they were. Of a task that is known,
 * half of the new time counts: one slow machine changes the parts little.
 */
static int write_times(const char *path, const struct report_run *run)
{
	cleanup_strv char **tasks = NULL;
	cleanup_free const struct report_worker **workers = mem_alloc((run->worker_count + 1) *
	                                                              sizeof(*workers));
	cleanup_free int64_t *ms = mem_alloc((run->worker_count + 1) * sizeof(*ms));
	cleanup_free char *error = NULL;
	cleanup_str struct str text = { 0 };

	for (size_t i = 0; i < run->worker_count; i++)
		workers[i] = &run->workers[i];
	qsort(workers, run->worker_count, sizeof(*workers), compare);
	for (size_t i = 0; i < run->worker_count; i++)
		strv_add(&tasks, workers[i]->task);
	if (!access(path, F_OK) && tasks_read_times(path, tasks, ms, &error)) {
		log_line("%s", error);
		return 1;
	}
	for (size_t i = 0; i < run->worker_count; i++) {
		const struct report_worker *worker = workers[i];
		int64_t took = worker->until_ms - worker->from_ms;

		if (!strcmp(worker->status, "passed"))
			ms[i] = ms[i] ? (ms[i] + took) / TIMES_WEIGHT : took;
		if (ms[i] > 0 && (!i || strcmp(workers[i - 1]->task, worker->task)))
			str_addf(&text, "%lld %s\n", (long long)ms[i], worker->task);
	}
	if (!file_replace(path, text.text ? text.text : "", text.len, 0644))
		return 0;
	log_line("unable to write the times '%s': %s", path, strerror(errno));
	return 1;
}

static void show_problems(const struct report_run *run)
{
	for (size_t i = 0; i < run->worker_count; i++)
		if (!run->workers[i].shard && *run->workers[i].error)
			log_line("%s: %s", run->workers[i].task, run->workers[i].error);
}

/* Write the merged record into the results, and read it back. */
static int make_record(const struct shards *shards, const char *dir, const char *name,
                       struct report_run **ret_run, int *ret_status)
{
	cleanup_free char *path = str_print("%s/events.ndjson", dir);
	struct report *report = NULL;
	int ret = dir_make(dir, 0700);

	if (!ret && unlink(path) && errno != ENOENT)
		ret = -errno;
	if (!ret)
		ret = report_open(dir, &report);
	if (!ret)
		ret = merge_write(shards->runs, shards->count, name, shard_build(environ), report,
		                  ret_status);
	report_close(report);
	if (!ret)
		ret = report_load(dir, ret_run);
	if (ret)
		log_line("unable to write the merged record '%s': %s", dir, strerror(-ret));
	return ret ? EXIT_USAGE : 0;
}

static int merge(struct cli *cli, const struct shards *shards)
{
	cleanup_free char *results = results_dir(cli),
			  *name = merge_name(shards->runs, shards->count),
			  *dir = str_print("%s/runs/%s", results, name);
	struct report_options options = { .merge = cli->run.merge, .run_dir = dir };
	struct report_run *run;
	int status = 0, failed = make_record(shards, dir, name, &run, &status), recorded;

	if (failed)
		return failed;
	recorded = history_record(results, run);
	if (recorded)
		log_line("unable to add the run to the history '%s/history.sqlite': %s", results,
		         history_error(recorded));
	options.project_dir = json_string_value(json_object_get(run->run, "project"));
	failed = show_report(cli, run, &options);
	if (cli->run.shard_times && write_times(cli->run.shard_times, run))
		failed = 1;
	if (report_ci_publish(run, &options))
		log_line("unable to publish the report");
	show_problems(run);
	log_line("run %s: %zu shards, %lld passed, %lld failed", name, shards->count,
	         (long long)json_integer_value(json_object_get(run->ended, "passed")),
	         (long long)json_integer_value(json_object_get(run->ended, "failed")));
	if (status == MERGE_INCOMPLETE)
		log_line("exit status %d: the shards are not the whole", status);
	report_run_free(run);
	return status ? status : failed ? EXIT_USAGE : 0;
}

int verb_merge(struct cli *cli)
{
	char scratch[] = "/tmp/berth-merge-XXXXXX";
	struct shards shards = { 0 };
	int ret;

	if (!mkdtemp(scratch)) {
		log_line("unable to make a directory in /tmp: %s", strerror(errno));
		return EXIT_USAGE;
	}
	ret = find_shards(cli, scratch, &shards);
	if (!ret)
		ret = merge(cli, &shards);
	shards_free(&shards);
	(void)dir_remove(scratch);
	return ret;
}
