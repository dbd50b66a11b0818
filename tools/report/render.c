/* SPDX-License-Identifier: MIT */
/* The table of formats. Every format has a file; none of them calls this one. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/report/private.h"

const char *const report_format_names[REPORT_FORMATS + 1] = {
#define FORMAT(NAME, name, help) #name,
#include "tools/report/format.def"
	NULL
};

static int (*const renderers[REPORT_FORMATS])(const struct report_run *,
                                              const struct report_options *, struct str *) = {
#define FORMAT(NAME, name, help) report_##name,
#include "tools/report/format.def"
};

int report_render(const struct report_run *run, enum report_format format,
                  const struct report_options *options, struct str *text)
{
	static const struct report_options none;

	return renderers[format](run, options ? options : &none, text);
}

/*
 * Replace a regular file, also behind a link, but write into a device: root could replace
 * /dev/null.
 */
static int write_to(const char *path, const char *text, size_t len)
{
	cleanup_free char *real = NULL;
	cleanup_close int fd = -1;
	struct stat info;

	if (stat(path, &info) || S_ISREG(info.st_mode)) {
		real = realpath(path, NULL);
		return file_replace(real ? real : path, text, len, 0644);
	}
	/* O_NONBLOCK: a FIFO without a reader is an error, ENXIO, instead of a wait */
	fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0 || fcntl(fd, F_SETFL, 0))
		return -errno;
	return file_write_all(fd, text, len);
}

int report_write(const struct report_run *run, enum report_format format,
                 const struct report_options *options, const char *path)
{
	cleanup_str struct str text = { 0 };
	struct report_options here = { 0 };
	const char *slash = strrchr(path, '/');
	cleanup_free char *dir = slash ? str_copy_len(path, (size_t)(slash + 1 - path)) : NULL;
	cleanup_free char *real = realpath(dir ? dir : ".", NULL);
	int ret;

	if (options)
		here = *options;
	here.report_dir = real;
	ret = report_render(run, format, &here, &text);
	if (ret)
		return ret;
	if (!strcmp(path, "-"))
		return file_write_all(STDOUT_FILENO, text.text ? text.text : "", text.len);
	return write_to(path, text.text ? text.text : "", text.len);
}
