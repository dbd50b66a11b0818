/* SPDX-License-Identifier: MIT */
/*
 * Checks what the kernel and this user's rights allow: backends, namespaces, cgroups, directories.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "core/abi.h"
#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/cli/common/backends.h"
#include "tools/cli/doctor/doctor.h"
#include "tools/cli/settings/lint.h"
#include "tools/limits/cgroup.h"
#include "tools/limits/limits.h"
#include "tools/process/child.h"
#include "tools/process/namespaces.h"
#include "tools/state/reap.h"
#include "tools/state/results.h"
#include "tools/state/runtime.h"
#include "tools/tree/tree.h"

enum { PROGRAM_MOST_MS = 5000, CGROUP_MOST_MS = 2000, FILES_PER_WORKER = 16, FILES_BESIDES = 128 };

#define MIB (1024ull * 1024)

void check_config(struct doctor *doctor)
{
	cleanup_strv char **messages = NULL;
	cleanup_free char *error = NULL;

	for (char **mistake = doctor->mistakes; mistake && *mistake; mistake++) {
		doctor_say(doctor, DOCTOR_ERROR, "%s", *mistake);
		doctor_remedy(doctor, "berth help berth.yaml");
	}
	if (doctor->mistakes)
		return;
	error = lint_plan(doctor->options);
	if (error) {
		doctor_say(doctor, DOCTOR_ERROR, "%s", error);
		doctor_remedy(doctor, "berth check");
	}
	lint_options(doctor->options, &messages);
	lint_project(doctor->options, &messages);
	for (char **message = messages; message && *message; message++)
		doctor_say(doctor, DOCTOR_WARNING, "%s", *message);
	if (!messages && !error)
		doctor_say(doctor, DOCTOR_OK, "the settings of %s", doctor->options->project_dir);
}

/* --- backends --- */

static const struct {
	enum isolate_backend backend;
	enum doctor_severity severity;
	const char *loss, *remedy, *remedy_as_root; /* remedy_as_root NULL = as remedy */
} backend_rows[] = {
	{ ISOLATE_PRELOAD, DOCTOR_ERROR, "there is no isolation without privileges",
	  "make, or install Berth again", NULL },
	{ ISOLATE_SECCOMP, DOCTOR_WARNING, "static programs escape the shim",
	  "in a container: docker run --security-opt seccomp=unconfined", NULL },
	{ ISOLATE_BPF, DOCTOR_NOTE, "other backends take its place, and the monitor is less exact",
	  "sudo berth run ...",
	  "Linux 5.18 or later; in a container: docker run --cap-add BPF --cap-add PERFMON "
	  "--cap-add NET_ADMIN" },
};

void check_backends(struct doctor *doctor)
{
	struct backends backends;

	backends_try(&backends);
	for (size_t i = 0; i < ARRAY_LEN(backend_rows); i++) {
		enum isolate_backend backend = backend_rows[i].backend;
		const char *name = isolate_backend_names[backend],
			   *reason = backends.reasons[backend];

		if (backends.works[backend]) {
			doctor_say(doctor, DOCTOR_OK, "backend %s works", name);
			continue;
		}
		doctor_say(doctor,
		           doctor->options->backend == backend ? DOCTOR_ERROR
		                                               : backend_rows[i].severity,
		           "backend %s does not work: %s", name, backend_rows[i].loss);
		doctor_cause(doctor, "%s", reason && *reason ? reason : "it could not be tested");
		doctor_remedy(doctor, "%s",
		              !geteuid() && backend_rows[i].remedy_as_root
		                      ? backend_rows[i].remedy_as_root
		                      : backend_rows[i].remedy);
	}
	backends_free(&backends);
}

/* Let /bin/cat print its own memory map, and look for the shim in it. */
void check_shim(struct doctor *doctor)
{
	cleanup_free char *install = NULL, *shim = NULL, *preload = NULL;
	cleanup_str struct str output = { 0 };
	char *argv[] = { (char *)"/bin/cat", (char *)"/proc/self/maps", NULL }, *envp[2] = { NULL };
	int status;

	if (dir_install(&install))
		install = str_copy("");
	shim = str_print("%s/lib/berth/libberth.so", install);
	if (access(shim, R_OK)) {
		doctor_say(doctor, DOCTOR_ERROR, "the shim '%s' cannot be read", shim);
		doctor_cause(doctor, "%s", strerror(errno));
		doctor_remedy(doctor, "make, or install Berth again");
		return;
	}
	envp[0] = preload = str_print("LD_PRELOAD=%s", shim);
	status = child_exec(&(struct child_program){ .argv = argv,
	                                             .envp = envp,
	                                             .timeout_ms = PROGRAM_MOST_MS },
	                    &output);
	if (!status && output.text && strstr(output.text, "/libberth.so")) {
		doctor_say(doctor, DOCTOR_OK, "%s is loaded by %s", shim, argv[0]);
		return;
	}
	doctor_say(doctor, DOCTOR_ERROR, "the shim '%s' is not loaded by %s", shim, argv[0]);
	doctor_cause(doctor, "%.*s", (int)strcspn(output.text ? output.text : "", "\n"),
	             status == -ETIMEDOUT ? "the program hangs"
	             : output.len         ? output.text
	                                  : "it could not be started");
	doctor_remedy(doctor, "berth explain %s", argv[0]);
}

/* --- kernel --- */

static bool has_pidfd(void)
{
	cleanup_close int fd = (int)syscall(SYS_pidfd_open, getpid(), 0);

	return fd >= 0;
}

/* Call with a closed descriptor: ENOSYS means that the kernel lacks the call. */
static bool has_getfd(void)
{
	return syscall(SYS_pidfd_getfd, -1, -1, 0) == -1 && errno != ENOSYS;
}

static bool has_notify(void)
{
	uint32_t action = SECCOMP_RET_USER_NOTIF;

	return !syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action);
}

/* The kernel checks flags before the program, seccomp(2): EINVAL = unknown flag, EFAULT = known. */
static bool has_wait_killable(void)
{
	const unsigned long new_listener = 1ul << 3, wait_killable_recv = 1ul << 5;

	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, new_listener | wait_killable_recv,
	               NULL) == -1 &&
	       errno == EFAULT;
}

static bool has_btf(void)
{
	return !access("/sys/kernel/btf/vmlinux", R_OK);
}

static const struct {
	bool (*has)(void);
	enum doctor_severity severity;
	const char *name, *loss;
} features[] = {
	{ has_pidfd, DOCTOR_ERROR, "pidfd_open (5.3)", "processes cannot be watched safely" },
	{ has_getfd, DOCTOR_WARNING, "pidfd_getfd (5.6)",
	  "no backend seccomp, so static programs escape" },
	{ has_notify, DOCTOR_WARNING, "seccomp notification (5.0)",
	  "no backend seccomp, so static programs escape" },
	{ has_wait_killable, DOCTOR_NOTE, "WAIT_KILLABLE_RECV (5.19)",
	  "under seccomp a signal may interrupt and repeat a call that is being rewritten" },
	{ has_btf, DOCTOR_NOTE, "BTF",
	  "no backend bpf, and the monitor polls instead of listening" },
};

void check_kernel(struct doctor *doctor)
{
	struct utsname name;
	bool all = true;

	uname(&name);
	for (size_t i = 0; i < ARRAY_LEN(features); i++) {
		if (features[i].has())
			continue;
		all = false;
		doctor_say(doctor, features[i].severity, "kernel %s has no %s: %s", name.release,
		           features[i].name, features[i].loss);
		doctor_remedy(doctor,
		              "a newer kernel; in a container, a less strict seccomp profile");
	}
	if (all)
		doctor_say(doctor, DOCTOR_OK, "kernel %s has every feature that Berth uses",
		           name.release);
}

static int make_namespaces(void *arg, struct str *ret_text)
{
	(void)arg;
	(void)ret_text;
	/* Ubuntu's AppArmor lets a program make them, and refuses the first mount in them */
	return namespaces_enter_mounts(true);
}

/* The sysctls by which distributions forbid user namespaces. */
static const struct {
	const char *file, *forbids, *remedy;
} forbidding[] = {
	{ "/proc/sys/user/max_user_namespaces", "0\n", "sysctl user.max_user_namespaces=15000" },
	{ "/proc/sys/kernel/unprivileged_userns_clone", "0\n",
	  "sysctl kernel.unprivileged_userns_clone=1" },
	{ "/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1\n",
	  "install Berth as a package, which has an AppArmor profile, or: "
	  "sysctl kernel.apparmor_restrict_unprivileged_userns=0" },
};

void check_namespaces(struct doctor *doctor)
{
	int ret = child_call(make_namespaces, NULL, NULL);

	if (!ret) {
		doctor_say(doctor, DOCTOR_OK, "user namespaces can be made");
		return;
	}
	doctor_say(doctor, geteuid() ? DOCTOR_WARNING : DOCTOR_NOTE,
	           "user namespaces cannot be made%s",
	           geteuid() ? ": workers share one working tree" : "; root does not need them");
	doctor_cause(doctor, "%s", strerror(-ret));
	doctor_remedy(doctor, "allow them to the container, or: berth run --tree copy");
	for (size_t i = 0; i < ARRAY_LEN(forbidding); i++) {
		cleanup_free char *text = NULL;

		if (file_read(forbidding[i].file, &text, NULL) ||
		    strcmp(text, forbidding[i].forbids))
			continue;
		free(doctor->findings[doctor->count - 1].remedy);
		doctor_remedy(doctor, "%s", forbidding[i].remedy);
		return;
	}
}

void check_overlay(struct doctor *doctor)
{
	const char *project = doctor->options->project_dir;
	bool user_namespace = false;
	cleanup_free char *reason = NULL, *scratch = NULL;
	int ret = runtime_scratch("try", &scratch);

	ret = ret ? ret : runtime_make_scratch(scratch);
	if (ret) {
		reason = str_print("unable to make '%s': %s", scratch ? scratch : "a directory",
		                   strerror(-ret));
	} else {
		ret = tree_probe(project, scratch, &user_namespace, &reason);
		(void)runtime_remove_scratch(scratch);
	}
	if (!ret) {
		doctor_say(doctor, DOCTOR_OK, "an overlay over %s works%s", project,
		           user_namespace ? ", in a user namespace: sudo does not work in it" : "");
		return;
	}
	doctor_say(doctor, doctor->options->tree == TREE_OVERLAY ? DOCTOR_ERROR : DOCTOR_WARNING,
	           "no overlay over %s: several workers share one working tree", project);
	doctor_cause(doctor, "%s", reason ? reason : strerror(-ret));
	doctor_remedy(doctor, "berth run --tree copy");
}

/* --- cgroup --- */

/* Set every limit as a run would: only the attempt shows which of them work. */
static void check_controllers(struct doctor *doctor, const char *id, const char *path)
{
	static const char *const names[LIMITS] = { "memory", "processors", "processes" };
	const struct limit_amounts some = {
		{ [LIMIT_MEMORY] = 1 << 30, [LIMIT_CPU] = 1000, [LIMIT_PIDS] = 1000 }
	};
	const struct run_options *options = doctor->options;
	const bool wanted[LIMITS] = { options->mem_bytes, options->cpu_cores > 0, options->pids };
	cleanup_close int worker = cgroup_make_worker(path, 1);
	cleanup_strv char **places = NULL;
	cleanup_str struct str missing = { 0 };
	struct limits limits;
	bool warn = false;

	(void)limits_set(id, 1, worker, &some, &limits, &places);
	for (int i = 0; i < LIMITS; i++) {
		if (limits.dirs[i] >= 0)
			continue;
		str_addf(&missing, "%s%s", missing.len ? ", " : "", names[i]);
		warn |= wanted[i];
	}
	limits_close(&limits);
	(void)cgroup_remove_all(places, 1000);
	if (!missing.len) {
		doctor_say(doctor, DOCTOR_OK, "cgroups with limits can be made%s",
		           places ? ", some of them in hierarchies of version 1" : "");
		return;
	}
	doctor_say(doctor, warn ? DOCTOR_WARNING : DOCTOR_NOTE,
	           "cgroups can be made, but without limits of %s", missing.text);
	doctor_cause(doctor, "the controllers are not handed down to %.*s",
	             (int)(strrchr(path, '/') - path), path);
	doctor_remedy(doctor, "systemd-run %s--scope -p Delegate=yes berth run ...",
	              geteuid() ? "--user " : "");
}

void check_cgroup(struct doctor *doctor)
{
	cleanup_free char *id = str_print("try-%d", (int)getpid()), *path = NULL, *killer = NULL;
	cleanup_close int dir = cgroup_make(id, &path);

	if (dir < 0) {
		doctor_say(doctor, DOCTOR_NOTE,
		           "no cgroup can be made: no limits, and Berth ends processes one by one");
		doctor_cause(doctor, "%s",
		             dir == -ENOTSUP ? "cgroup v2 is not mounted here" : strerror(-dir));
		doctor_remedy(doctor,
		              dir == -ENOTSUP
		                      ? "mount -t cgroup2 none /sys/fs/cgroup"
		                      : "systemd-run %s--scope -p Delegate=yes berth run ...",
		              geteuid() ? "--user " : "");
		return;
	}
	killer = str_print("%s/cgroup.kill", path);
	if (access(killer, W_OK)) {
		doctor_say(doctor, DOCTOR_NOTE, "a cgroup cannot be killed at once");
		doctor_cause(doctor, "cgroup.kill: %s; it needs Linux 5.14", strerror(errno));
		doctor_remedy(doctor, "a newer kernel");
	}
	check_controllers(doctor, id, path);
	(void)cgroup_remove(path, CGROUP_MOST_MS);
}

/* --- directories --- */

void check_runtime(struct doctor *doctor)
{
	cleanup_free char *path = NULL;
	const char *base = getenv("XDG_RUNTIME_DIR");
	int ret = dir_runtime(&path);

	if (!ret) {
		doctor_say(doctor, DOCTOR_OK, "%s is private to this user", path);
		return;
	}
	doctor_say(doctor, DOCTOR_ERROR, "the directory of run-time files cannot be used");
	doctor_cause(doctor, "%s",
	             ret == -EPERM ? "it has another owner, or others may access it"
	                           : strerror(-ret));
	if (base && *base == '/')
		doctor_remedy(doctor, "chmod 700 %s/berth, or: unset XDG_RUNTIME_DIR", base);
	else
		doctor_remedy(doctor, "rm -r /tmp/berth-%u", (unsigned int)geteuid());
}

void check_debris(struct doctor *doctor)
{
	cleanup_strv char **list = NULL;
	int ret = reap_runs(true, &list);

	if (ret) {
		doctor_say(doctor, DOCTOR_WARNING, "unable to look for what dead runs left: %s",
		           strerror(-ret));
	} else if (list) {
		doctor_say(doctor, DOCTOR_WARNING, "dead runs left %zu things behind",
		           strv_len(list));
		doctor_cause(doctor, "%s%s", list[0], list[1] ? ", ..." : "");
		doctor_remedy(doctor, "berth reap");
	} else {
		doctor_say(doctor, DOCTOR_OK, "dead runs left nothing behind");
	}
}

static void check_space(struct doctor *doctor, const char *what, const char *path,
                        uint64_t wanted_mib)
{
	struct statvfs info;
	uint64_t free_mib;

	if (statvfs(path, &info)) {
		doctor_say(doctor, DOCTOR_WARNING, "%s '%s': %s", what, path, strerror(errno));
		return;
	}
	free_mib = (uint64_t)info.f_bavail * info.f_frsize / MIB;
	if (info.f_flag & ST_RDONLY || access(path, W_OK)) {
		doctor_say(doctor, DOCTOR_ERROR, "%s cannot be written: %s", what, path);
		doctor_remedy(doctor,
		              "berth run --results DIR, for results; chown or remount the rest");
	} else if (free_mib < wanted_mib) {
		doctor_say(doctor, free_mib < wanted_mib / 16 ? DOCTOR_ERROR : DOCTOR_WARNING,
		           "%s has %llu MiB left: %s", what, (unsigned long long)free_mib, path);
		doctor_remedy(doctor, "du -xh -d 2 %s | sort -h | tail", path);
	} else if (info.f_files && info.f_favail < 10000) {
		doctor_say(doctor, DOCTOR_WARNING, "%s has %llu inodes left: %s", what,
		           (unsigned long long)info.f_favail, path);
		doctor_remedy(doctor, "du -x --inodes -d 2 %s | sort -n | tail", path);
	} else {
		doctor_say(doctor, DOCTOR_OK, "%s has %llu MiB left: %s", what,
		           (unsigned long long)free_mib, path);
	}
}

/* The parent of the directory that a run would make; NULL without random numbers. */
static char *scratch_parent(void)
{
	char *path = NULL;

	if (runtime_scratch("try", &path))
		return NULL;
	for (int up = 0; up < 2; up++)
		*strrchr(path, '/') = 0;
	return path;
}

void check_disk(struct doctor *doctor)
{
	cleanup_free char *scratch = scratch_parent(), *runtime = NULL, *results = NULL;
	const char *project = doctor->options->project_dir;

	results = doctor->options->results_dir ? str_copy(doctor->options->results_dir)
	                                       : results_default(project, NULL, NULL);
	while (access(results, F_OK) && results[1]) {
		char *slash = strrchr(results, '/');

		slash[slash == results] = 0;
	}
	check_space(doctor, "the results directory", results, 256);
	if (scratch)
		check_space(doctor, "the directory of trees and temporary files", scratch, 1024);
	if (!dir_runtime(&runtime))
		check_space(doctor, "the run-time directory", runtime, 64);
}

void check_files(struct doctor *doctor)
{
	const rlim_t wanted = BERTH_WORKERS_MAX * FILES_PER_WORKER + FILES_BESIDES;
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_max >= wanted) {
		doctor_say(doctor, DOCTOR_OK, "%llu files may be open, enough for %u workers",
		           (unsigned long long)limit.rlim_max, BERTH_WORKERS_MAX);
		return;
	}
	doctor_say(
		doctor,
		limit.rlim_max < FILES_BESIDES + 8 * FILES_PER_WORKER ? DOCTOR_WARNING
								      : DOCTOR_NOTE,
		"%llu files may be open, enough for %llu workers",
		(unsigned long long)limit.rlim_max,
		(unsigned long long)(limit.rlim_max > FILES_BESIDES
	                                     ? (limit.rlim_max - FILES_BESIDES) / FILES_PER_WORKER
	                                     : 0));
	doctor_cause(doctor, "the hard limit, which only root may raise");
	doctor_remedy(doctor, "prlimit --pid $$ --nofile=%llu:%llu, as root",
	              (unsigned long long)wanted, (unsigned long long)wanted);
}

void check_shm(struct doctor *doctor)
{
	struct statvfs info;
	unsigned long long total;

	if (statvfs("/dev/shm", &info)) {
		doctor_say(doctor, DOCTOR_WARNING, "no /dev/shm: browsers and PostgreSQL need it");
		doctor_cause(doctor, "%s", strerror(errno));
		doctor_remedy(doctor, "mount -t tmpfs -o mode=1777 tmpfs /dev/shm");
		return;
	}
	total = (unsigned long long)info.f_blocks * info.f_frsize / MIB;
	if (total > 64) {
		doctor_say(doctor, DOCTOR_OK, "/dev/shm has %llu MiB", total);
		return;
	}
	doctor_say(doctor, DOCTOR_WARNING, "/dev/shm has %llu MiB: browsers crash when it is full",
	           total);
	doctor_cause(doctor, "64 MiB is what containers get by default");
	doctor_remedy(doctor, "docker run --shm-size=1g, or: mount -o remount,size=1G /dev/shm");
}
