/* SPDX-License-Identifier: MIT */
/* Everything that the record holds, as one JSON document. */
#include "tools/report/private.h"

static json_t *pack_workers(const struct report_run *run)
{
	json_t *list = json_array();

	for (size_t i = 0; i < run->worker_count; i++) {
		const struct report_worker *worker = &run->workers[i];
		json_t *one = json_pack("{s:i, s:s, s:s, s:i, s:I, s:I, s:s}", "worker",
		                        (int)worker->number, "task", worker->task, "status",
		                        worker->status, "exit_status", worker->exit_status,
		                        "from_ms", (json_int_t)worker->from_ms, "until_ms",
		                        (json_int_t)worker->until_ms, "log", worker->log);

		if (worker->counts)
			json_object_set(one, "counts", json_object_get(worker->counts, "counts"));
		json_array_append_new(list, one);
	}
	return list;
}

int report_json(const struct report_run *run, const struct report_options *options,
                struct str *text)
{
	json_t *root = json_object(), *findings = json_array();

	(void)options;
	for (size_t i = 0; i < run->finding_count; i++)
		json_array_append(findings, run->findings[i]);
	json_object_set_new(root, "v", json_integer(REPORT_VERSION));
	json_object_set(root, "run", run->run ? run->run : json_null());
	json_object_set(root, "ended", run->ended ? run->ended : json_null());
	json_object_set_new(root, "workers", pack_workers(run));
	json_object_set_new(root, "findings", findings);
	json_object_set_new(root, "malformed_lines", json_integer((json_int_t)run->malformed));
	json_object_set(root, "records", run->records);
	text_add_json(text, root, JSON_INDENT(2));
	return 0;
}
