/* SPDX-License-Identifier: MIT */
/*
 * In the supervisor. The hook is a shell command, started once for each finding, one after another,
 * so that many findings do not start many processes at once. The finding is its stdin (a file in
 * memory, so nothing waits for a reader) and, for short commands, in BERTH_* variables. Its output
 * goes to stderr: stdout belongs to the suite.
 *
 * The same problem in several workers is one call, by its fingerprint. A call may take HOOK_MAX_MS,
 * then its process group is killed. When the run is over, all calls that wait have HOOK_MAX_MS
 * together; the rest is counted and reported.
 */
#include "tools/run/monitor/hook.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/base/environ.h"
#include "tools/base/file.h"
#include "tools/base/log.h"

enum { HOOK_MAX_MS = 10000 };

struct hook_call {
	char *json;
	char **envp; /* strv */
};

struct hook {
	struct loop *loop;
	const char *command, *run_id;
	char **fingerprints; /* of the findings so far; strv */
	struct hook_call *calls;
	size_t count, next;
	pid_t pid; /* of the call that runs; 0 = none */
	int pidfd;
	struct loop_timer *deadline;
	unsigned int failed, killed;
};

struct hook *hook_open(struct loop *loop, const char *command, const char *run_id)
{
	struct hook *hook = mem_alloc(sizeof(*hook));

	*hook = (struct hook){ .loop = loop, .command = command, .run_id = run_id };
	return hook;
}

static char **environment(const struct hook *hook, const struct watch_finding *finding)
{
	cleanup_free char *worker = str_print("%u", finding->worker);
	const struct {
		const char *name, *value;
	} set[] = {
		{ "BERTH_FINDING", finding_table[finding->kind].name },
		{ "BERTH_SEVERITY", finding_severity_names[finding->severity] },
		{ "BERTH_DETAIL", finding->detail },
		{ "BERTH_WORKER", finding->worker ? worker : NULL },
		{ "BERTH_TASK", finding->task },
		{ "BERTH_RUN", hook->run_id },
	};
	char **envp = strv_copy(environ);

	for (size_t i = 0; i < ARRAY_LEN(set); i++)
		environ_set(&envp, set[i].name, set[i].value);
	return envp;
}

/* ---- one call ---- */

static int spawn(const struct hook *hook, const struct hook_call *call, pid_t *ret_pid)
{
	cleanup_close int input = file_in_memory(call->json, strlen(call->json));
	char *const words[] = { (char *)"sh", (char *)"-c", (char *)(uintptr_t)hook->command,
		                NULL };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t signals;
	int ret;

	if (input < 0)
		return input;
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, input, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&files, STDERR_FILENO, STDOUT_FILENO);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
	                                              POSIX_SPAWN_SETPGROUP);
	sigemptyset(&signals);
	posix_spawnattr_setsigmask(&attributes, &signals);
	sigfillset(&signals);
	posix_spawnattr_setsigdefault(&attributes, &signals);
	ret = posix_spawn(ret_pid, "/bin/sh", &files, &attributes, words, call->envp);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&files);
	return -ret;
}

static void start_next(struct hook *hook);

static void on_ended(void *arg, int fd, uint32_t events)
{
	struct hook *hook = arg;
	int status = 0;

	(void)events;
	loop_cancel(hook->loop, hook->deadline);
	hook->deadline = NULL;
	loop_remove(hook->loop, fd);
	close(fd);
	waitpid(hook->pid, &status, 0);
	hook->failed += status != 0;
	hook->pid = 0;
	start_next(hook);
}

static void on_late(void *arg)
{
	struct hook *hook = arg;

	hook->deadline = NULL;
	hook->killed++;
	kill(-hook->pid, SIGKILL); /* then on_ended() is called */
}

static int start(struct hook *hook, const struct hook_call *call)
{
	int ret = spawn(hook, call, &hook->pid);

	if (ret) {
		hook->pid = 0;
		return ret;
	}
	hook->pidfd = (int)syscall(SYS_pidfd_open, hook->pid, 0);
	ret = hook->pidfd < 0 ? -errno : loop_add(hook->loop, hook->pidfd, EPOLLIN, on_ended, hook);
	if (!ret) {
		hook->deadline = loop_after(hook->loop, HOOK_MAX_MS, on_late, hook);
		return 0;
	}
	kill(-hook->pid, SIGKILL); /* its end would not be seen */
	waitpid(hook->pid, NULL, 0);
	if (hook->pidfd >= 0)
		close(hook->pidfd);
	hook->pid = 0;
	return ret;
}

static void start_next(struct hook *hook)
{
	while (!hook->pid && hook->next < hook->count)
		hook->failed += start(hook, &hook->calls[hook->next++]) != 0;
}

void hook_call(struct hook *hook, const struct watch_finding *finding)
{
	json_t *json;

	if (!hook || strv_has(hook->fingerprints, finding->fingerprint))
		return;
	strv_add(&hook->fingerprints, finding->fingerprint);
	json = finding_json(finding);
	hook->calls = mem_grow(hook->calls, hook->count + 1, sizeof(*hook->calls));
	hook->calls[hook->count++] = (struct hook_call){ json_dumps(json, JSON_COMPACT),
		                                         environment(hook, finding) };
	json_decref(json);
	start_next(hook);
}

/* ---- the end ---- */

static void report(const struct hook *hook)
{
	if (hook->killed)
		log_line("the hook was killed %u times: it took longer than %d s", hook->killed,
		         HOOK_MAX_MS / 1000);
	else if (hook->failed)
		log_line("the hook failed for %u of %zu findings", hook->failed, hook->next);
	if (hook->next < hook->count)
		log_line("the hook was not called for %zu of %zu findings: the run was over",
		         hook->count - hook->next, hook->count);
}

void hook_close(struct hook *hook)
{
	int64_t deadline_ms = clock_ms() + HOOK_MAX_MS;

	if (!hook)
		return;
	while (hook->pid && clock_ms() < deadline_ms)
		(void)loop_step(hook->loop, (int)(deadline_ms - clock_ms()));
	if (hook->pid) {
		loop_cancel(hook->loop, hook->deadline);
		loop_remove(hook->loop, hook->pidfd);
		close(hook->pidfd);
		kill(-hook->pid, SIGKILL);
		waitpid(hook->pid, NULL, 0);
		hook->killed++;
	}
	report(hook);
	for (size_t i = 0; i < hook->count; i++) {
		free(hook->calls[i].json);
		strv_free(hook->calls[i].envp);
	}
	free(hook->calls);
	strv_free(hook->fingerprints);
	free(hook);
}
