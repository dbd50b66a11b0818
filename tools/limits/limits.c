/* SPDX-License-Identifier: MIT */
/*
 * A controller belongs to cgroup v2 or to a version 1 hierarchy, never to both (cgroups(7)), and a
 * host may have both. In version 2 a limit is set on the worker's cgroup. In version 1 it is set on
 * a directory that we make below our own cgroup of that hierarchy, and the worker's first process
 * joins it.
 */
#include "tools/limits/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/base/str.h"
#include "tools/limits/cgroup.h"

enum { CPU_PERIOD_US = 100000, CPU_PERIODS_MIN = 50, MEMORY_NEAR_PERCENT = 85, NEAR_PERCENT = 90 };

static char *as_is(uint64_t value)
{
	return str_print("%llu", (unsigned long long)value);
}

static char *cpu_quota(uint64_t millicores)
{
	return str_print("%llu", (unsigned long long)millicores * CPU_PERIOD_US / 1000);
}

static char *cpu_max(uint64_t millicores)
{
	return str_print("%llu %d", (unsigned long long)millicores * CPU_PERIOD_US / 1000,
	                 CPU_PERIOD_US);
}

static const struct limit_control {
	const char *controller;
	struct {
		const char *file;
		char *(*text)(uint64_t value);
	} v2, v1;
} controls[LIMITS] = {
	[LIMIT_MEMORY] = { "memory", { "memory.max", as_is }, { "memory.limit_in_bytes", as_is } },
	[LIMIT_CPU] = { "cpu", { "cpu.max", cpu_max }, { "cpu.cfs_quota_us", cpu_quota } },
	[LIMIT_PIDS] = { "pids", { "pids.max", as_is }, { "pids.max", as_is } },
};

/* ---- setting ---- */

static int set_v2(int cgroup, enum limit limit, uint64_t value)
{
	cleanup_free char *enable = str_print("+%s", controls[limit].controller),
			  *text = controls[limit].v2.text(value);
	int ret;

	(void)file_put_at(cgroup, "../cgroup.subtree_control", enable);
	ret = file_put_at(cgroup, controls[limit].v2.file, text);
	return ret ? ret : fcntl(cgroup, F_DUPFD_CLOEXEC, 0);
}

static int set_v1(const char *run_id, unsigned int worker, enum limit limit, uint64_t value,
                  char ***dirs)
{
	cleanup_free char *run = cgroup_place(controls[limit].controller, run_id),
			  *text = controls[limit].v1.text(value);
	cleanup_free char *path = run ? str_print("%s/w%u", run, worker) : NULL;
	cleanup_close int dir = -1;
	int ret;

	if (!run)
		return -ENOTSUP;
	if (!mkdir(run, 0755))
		strv_add(dirs, run);
	if (mkdir(path, 0755))
		return -errno;
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ret = dir < 0 ? -errno : file_put_at(dir, controls[limit].v1.file, text);
	return ret ? ret : steal_fd(&dir);
}

unsigned int limits_set(const char *run_id, unsigned int worker, int cgroup,
                        const struct limit_amounts *amounts, struct limits *ret_limits,
                        char ***dirs)
{
	unsigned int unset = 0;

	*ret_limits = (struct limits){ .amounts = *amounts };
	for (int i = 0; i < LIMITS; i++) {
		int *dir = &ret_limits->dirs[i];

		*dir = amounts->of[i] && cgroup >= 0 ? set_v2(cgroup, i, amounts->of[i]) : -1;
		ret_limits->joined[i] = *dir >= 0;
		if (amounts->of[i] && *dir < 0)
			*dir = set_v1(run_id, worker, i, amounts->of[i], dirs);
		unset += amounts->of[i] && *dir < 0;
	}
	return unset;
}

void limits_close(struct limits *limits)
{
	for (int i = 0; i < LIMITS; i++)
		if (limits->dirs[i] >= 0)
			close(limits->dirs[i]);
}

int limits_join(const struct limits *limits)
{
	int ret = 0;

	for (int i = 0; i < LIMITS && !ret; i++)
		if (limits->dirs[i] >= 0 && !limits->joined[i])
			ret = file_put_at(limits->dirs[i], "cgroup.procs", "0");
	return ret;
}

/* ---- checking ---- */

/* Return: the number behind "KEY " in @file, its only number if @key is ""; 0 if there is none. */
static uint64_t number_in(int dir, const char *file, const char *key)
{
	cleanup_free char *text = NULL;
	size_t len = strlen(key);

	if (file_read_at(dir, file, &text, NULL))
		return 0;
	for (const char *line = text; line;
	     line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
		if (!strncmp(line, key, len) && (!len || line[len] == ' '))
			return strtoull(line + len, NULL, 10);
	return 0;
}

/* The same, of the file of version 2, else of that of version 1. */
static uint64_t number_of(int dir, const char *v2, const char *v2_key, const char *v1,
                          const char *v1_key)
{
	uint64_t number = number_in(dir, v2, v2_key);

	return number ? number : number_in(dir, v1, v1_key);
}

static char *check_memory(const struct limits *limits, enum limit_level *ret_level)
{
	int dir = limits->dirs[LIMIT_MEMORY];
	uint64_t max = limits->amounts.of[LIMIT_MEMORY];
	uint64_t used = number_of(dir, "memory.current", "", "memory.usage_in_bytes", "");
	uint64_t cache = number_of(dir, "memory.stat", "inactive_file", "memory.stat",
	                           "total_inactive_file");
	uint64_t killed = number_of(dir, "memory.events", "oom_kill", "memory.oom_control",
	                            "oom_kill");

	used -= cache < used ? cache : used;
	*ret_level = killed                                    ? LIMIT_REACHED
	             : used >= max / 100 * MEMORY_NEAR_PERCENT ? LIMIT_NEAR
	                                                       : LIMIT_FAR;
	if (killed)
		return str_print("more than %llu MiB of memory were needed: the kernel has killed "
		                 "%llu of its processes",
		                 (unsigned long long)max >> 20, (unsigned long long)killed);
	return str_print("%llu of its %llu MiB of memory are in use",
	                 (unsigned long long)used >> 20, (unsigned long long)max >> 20);
}

static char *check_cpu(const struct limits *limits, enum limit_level *ret_level)
{
	int dir = limits->dirs[LIMIT_CPU];
	uint64_t periods = number_in(dir, "cpu.stat", "nr_periods"),
		 held = number_in(dir, "cpu.stat", "nr_throttled");

	*ret_level = periods >= CPU_PERIODS_MIN && held >= periods * NEAR_PERCENT / 100 ? LIMIT_NEAR
	                                                                                : LIMIT_FAR;
	return str_print("it is held back nearly all the time by its limit of %g processors",
	                 (double)limits->amounts.of[LIMIT_CPU] / 1000);
}

static char *check_pids(const struct limits *limits, enum limit_level *ret_level)
{
	int dir = limits->dirs[LIMIT_PIDS];
	uint64_t max = limits->amounts.of[LIMIT_PIDS],
		 refused = number_in(dir, "pids.events", "max");
	uint64_t current = number_in(dir, "pids.current", "");

	*ret_level = refused                               ? LIMIT_REACHED
	             : current * 100 >= max * NEAR_PERCENT ? LIMIT_NEAR
	                                                   : LIMIT_FAR;
	if (refused)
		return str_print("a process or thread could not be started, because %llu were "
		                 "running: %llu times",
		                 (unsigned long long)max, (unsigned long long)refused);
	return str_print("%llu of its %llu processes and threads are running",
	                 (unsigned long long)current, (unsigned long long)max);
}

char *limits_check(struct limits *limits, enum limit limit)
{
	static char *(*const checks[LIMITS])(const struct limits *limits,
	                                     enum limit_level *ret_level) = {
		check_memory,
		check_cpu,
		check_pids,
	};
	cleanup_free char *sentence = NULL;
	enum limit_level level;

	if (limits->dirs[limit] < 0)
		return NULL;
	sentence = checks[limit](limits, &level);
	if (level <= limits->reported[limit])
		return NULL;
	limits->reported[limit] = level;
	return steal(&sentence);
}
