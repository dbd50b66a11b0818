/* SPDX-License-Identifier: MIT */
/*
 * A controller is in version 2 of cgroups or in a hierarchy of its own, of version 1, never in both (cgroups(7)); hosts with
 * both are common where a container engine is older than its kernel. Each limit takes what there is: the worker's own cgroup,
 * or a directory that we make for it below our own place in that hierarchy, which its first process joins by hand.
 */
#include "tools/limits/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/base/str.h"
#include "tools/limits/cgroup.h"

enum { CPU_PERIOD_US = 100000, CPU_PERIODS_LEAST = 50, MEMORY_NEAR = 85, NEAR = 90 };

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

static const struct control {
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
                  char ***places)
{
	cleanup_free char *run = cgroup_place(controls[limit].controller, run_id),
			  *text = controls[limit].v1.text(value);
	cleanup_free char *path = run ? str_print("%s/w%u", run, worker) : NULL;
	cleanup_close int dir = -1;
	int ret;

	if (!run)
		return -ENOTSUP;
	if (!mkdir(run, 0755))
		strv_add(places, run);
	if (mkdir(path, 0755))
		return -errno;
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ret = dir < 0 ? -errno : file_put_at(dir, controls[limit].v1.file, text);
	return ret ? ret : steal_fd(&dir);
}

unsigned int limits_set(const char *run_id, unsigned int worker, int cgroup,
                        const struct limits_wanted *wanted, struct limits *ret_limits,
                        char ***places)
{
	unsigned int unset = 0;

	*ret_limits = (struct limits){ .wanted = *wanted };
	for (int i = 0; i < LIMITS; i++) {
		int *dir = &ret_limits->dirs[i];

		*dir = wanted->of[i] && cgroup >= 0 ? set_v2(cgroup, i, wanted->of[i]) : -1;
		ret_limits->joined[i] = *dir >= 0;
		if (wanted->of[i] && *dir < 0)
			*dir = set_v1(run_id, worker, i, wanted->of[i], places);
		unset += wanted->of[i] && *dir < 0;
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

/* ---- looking ---- */

/* The number behind "KEY " in @file, or the file's only one if @key is "". 0 if it is not there. */
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

/* The first of the two files that says something: version 2, version 1. */
static uint64_t number_of(int dir, const char *v2, const char *v2_key, const char *v1,
                          const char *v1_key)
{
	uint64_t number = number_in(dir, v2, v2_key);

	return number ? number : number_in(dir, v1, v1_key);
}

static char *look_at_memory(const struct limits *limits, enum limit_level *ret_level)
{
	int dir = limits->dirs[LIMIT_MEMORY];
	uint64_t most = limits->wanted.of[LIMIT_MEMORY];
	uint64_t used = number_of(dir, "memory.current", "", "memory.usage_in_bytes", "");
	uint64_t cache = number_of(dir, "memory.stat", "inactive_file", "memory.stat",
	                           "total_inactive_file");
	uint64_t killed = number_of(dir, "memory.events", "oom_kill", "memory.oom_control",
	                            "oom_kill");

	used -= cache < used ? cache : used;
	*ret_level = killed ? LIMIT_MET : used >= most / 100 * MEMORY_NEAR ? LIMIT_NEAR : LIMIT_FAR;
	if (killed)
		return str_print("more than %llu MiB of memory were needed: the kernel has killed "
		                 "%llu of its processes",
		                 (unsigned long long)most >> 20, (unsigned long long)killed);
	return str_print("%llu of its %llu MiB of memory are in use",
	                 (unsigned long long)used >> 20, (unsigned long long)most >> 20);
}

static char *look_at_cpu(const struct limits *limits, enum limit_level *ret_level)
{
	int dir = limits->dirs[LIMIT_CPU];
	uint64_t periods = number_in(dir, "cpu.stat", "nr_periods"),
		 held = number_in(dir, "cpu.stat", "nr_throttled");

	*ret_level = periods >= CPU_PERIODS_LEAST && held >= periods * NEAR / 100 ? LIMIT_NEAR
	                                                                          : LIMIT_FAR;
	return str_print("it is held back nearly all the time by its limit of %g processors",
	                 (double)limits->wanted.of[LIMIT_CPU] / 1000);
}

static char *look_at_pids(const struct limits *limits, enum limit_level *ret_level)
{
	int dir = limits->dirs[LIMIT_PIDS];
	uint64_t most = limits->wanted.of[LIMIT_PIDS],
		 refused = number_in(dir, "pids.events", "max");
	uint64_t current = number_in(dir, "pids.current", "");

	*ret_level = refused ? LIMIT_MET : current * 100 >= most * NEAR ? LIMIT_NEAR : LIMIT_FAR;
	if (refused)
		return str_print("a process or thread could not be started, because %llu were "
		                 "running: %llu times",
		                 (unsigned long long)most, (unsigned long long)refused);
	return str_print("%llu of its %llu processes and threads are running",
	                 (unsigned long long)current, (unsigned long long)most);
}

char *limits_look(struct limits *limits, enum limit limit)
{
	static char *(*const looks[LIMITS])(const struct limits *limits,
	                                    enum limit_level *ret_level) = {
		look_at_memory,
		look_at_cpu,
		look_at_pids,
	};
	cleanup_free char *sentence = NULL;
	enum limit_level level;

	if (limits->dirs[limit] < 0)
		return NULL;
	sentence = looks[limit](limits, &level);
	if (level <= limits->told[limit])
		return NULL;
	limits->told[limit] = level;
	return steal(&sentence);
}
