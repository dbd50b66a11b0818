/* SPDX-License-Identifier: MIT */
/* Checks how much of the machine is free, which decides how many workers are worth starting. */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/cli/doctor/doctor.h"

enum { WORKERS_PER_CORE = 4, WORKER_MIB = 512 };

static unsigned int workers_at_once(const struct run_options *options)
{
	return options->slots ? options->slots : run_options_workers(options);
}

void check_cores(struct doctor *doctor)
{
	double load[3] = { 0 };
	cpu_set_t set;
	unsigned int cores, workers = workers_at_once(doctor->options);

	CPU_ZERO(&set);
	cores = sched_getaffinity(0, sizeof(set), &set) ? 1 : (unsigned int)CPU_COUNT(&set);
	(void)getloadavg(load, 3);
	doctor_say(doctor, load[0] > 2.0 * cores ? DOCTOR_WARNING : DOCTOR_OK,
	           "%u processor%s may be used; the load was %.1f, %.1f, %.1f in the last 1, 5, 15 "
	           "minutes",
	           cores, cores == 1 ? "" : "s", load[0], load[1], load[2]);
	if (load[0] > 2.0 * cores) {
		doctor_cause(doctor, "more programs want to run than there are processors: time "
		                     "limits of tests will fail");
		doctor_remedy(doctor, "berth ps, ps -eo pid,pcpu,args --sort=-pcpu | head");
	}
	if (workers <= cores * WORKERS_PER_CORE)
		return;
	doctor_say(doctor, DOCTOR_NOTE, "%u workers at once on %u processors", workers, cores);
	doctor_cause(doctor, "more than %d each rarely end sooner, and time limits of tests fail",
	             WORKERS_PER_CORE);
	doctor_remedy(doctor, "berth run -j %u", cores * 2);
}

/* The number after @name, such as "MemAvailable:", in KiB. */
static bool meminfo(const char *text, const char *key, unsigned long long *ret_kib)
{
	const char *at = strstr(text, key);

	return at && sscanf(at + strlen(key), "%llu", ret_kib) == 1;
}

void check_memory(struct doctor *doctor)
{
	cleanup_free char *text = NULL;
	unsigned long long left_kib = 0, total_kib = 0;
	unsigned int workers = workers_at_once(doctor->options);

	if (file_read("/proc/meminfo", &text, NULL) || !meminfo(text, "MemAvailable:", &left_kib) ||
	    !meminfo(text, "MemTotal:", &total_kib)) {
		doctor_say(doctor, DOCTOR_NOTE,
		           "the memory cannot be read: /proc/meminfo lacks something");
		return;
	}
	doctor_say(doctor,
	           left_kib / 1024 < (unsigned long long)workers * WORKER_MIB ? DOCTOR_WARNING
	                                                                      : DOCTOR_OK,
	           "%llu of %llu MiB are available, for %u worker%s at once", left_kib / 1024,
	           total_kib / 1024, workers, workers == 1 ? "" : "s");
	if (left_kib / 1024 >= (unsigned long long)workers * WORKER_MIB)
		return;
	doctor_cause(doctor, "a worker with a browser needs about %d MiB", WORKER_MIB);
	doctor_remedy(doctor, "berth run -j %llu",
	              left_kib / 1024 / WORKER_MIB ? left_kib / 1024 / WORKER_MIB : 1);
}

static const struct {
	const char *name, *path;
	double limit; /* percent of the last ten seconds in which some process waited */
	const char *remedy;
} pressures[] = {
	{ "processors", "/proc/pressure/cpu", 60,
	  "berth run -j 1, or end others: ps -eo pid,pcpu,args --sort=-pcpu | head" },
	{ "memory", "/proc/pressure/memory", 10,
	  "berth run -j 1 --mem 1G; ps -eo pid,rss,args --sort=-rss | head" },
	{ "disks", "/proc/pressure/io", 40, "iostat -x 1 3; TMPDIR on a faster disk" },
};

void check_pressure(struct doctor *doctor)
{
	for (size_t i = 0; i < ARRAY_LEN(pressures); i++) {
		cleanup_free char *text = NULL;
		double percent;
		int ret = file_read(pressures[i].path, &text, NULL);

		if (ret || sscanf(text, "some avg10=%lf", &percent) != 1) {
			doctor_say(doctor, DOCTOR_NOTE,
			           "the kernel does not say how long programs wait");
			doctor_cause(doctor, "%s: %s", pressures[i].path,
			             ret ? strerror(-ret) : "unknown format");
			doctor_remedy(doctor, "boot with psi=1");
			return;
		}
		doctor_say(doctor, percent > pressures[i].limit ? DOCTOR_WARNING : DOCTOR_OK,
		           "programs waited for %s in %.0f %% of the last ten seconds",
		           pressures[i].name, percent);
		if (percent > pressures[i].limit)
			doctor_remedy(doctor, "%s", pressures[i].remedy);
	}
}
