/* SPDX-License-Identifier: MIT */
/*
 * Writing events.ndjson. A record is one line and one write(2) to a file that is opened for
 * appending. So a reader sees half a record only when the disk is full, and a crash loses no
 * earlier record.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/base/file.h"
#include "tools/report/report.h"

struct report {
	int fd;
};

static const struct record_row {
	const char *type, *fields;
} rows[] = {
#define RECORD(type, fields, help) { #type, fields },
#include "tools/report/record.def"
};

int report_open(const char *dir, struct report **ret_report)
{
	cleanup_free char *path = str_print("%s/events.ndjson", dir);
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);

	if (fd < 0)
		return -errno;
	*ret_report = mem_alloc(sizeof(**ret_report));
	(*ret_report)->fd = fd;
	return 0;
}

static bool is_complete(const char *type, const json_t *fields)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		cleanup_strv char **needed = NULL;

		if (strcmp(rows[i].type, type))
			continue;
		needed = strv_split(rows[i].fields, " ");
		for (char **name = needed; name && *name; name++)
			if (!json_object_get(fields, *name))
				return false;
		return true;
	}
	return false;
}

int report_record(struct report *report, const char *type, json_t *fields)
{
	cleanup_free char *line = NULL;
	cleanup_str struct str text = { 0 };

	if (!is_complete(type, fields)) {
		json_decref(fields);
		return -EINVAL;
	}
	json_object_set_new(fields, "v", json_integer(REPORT_VERSION));
	json_object_set_new(fields, "type", json_string(type));
	if (!json_object_get(fields, "time_ms"))
		json_object_set_new(fields, "time_ms", json_integer(clock_wall_ns() / 1000000));
	line = json_dumps(fields, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(fields);
	if (!line)
		return -EINVAL;
	str_addf(&text, "%s\n", line);
	return file_write_all(report->fd, text.text, text.len);
}

void report_close(struct report *report)
{
	if (!report)
		return;
	close(report->fd);
	free(report);
}
