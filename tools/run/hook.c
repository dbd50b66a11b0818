/* SPDX-License-Identifier: MIT */
/*
 * The hook is a shell command, started once for each finding, one after another, so that a burst of findings is no burst of
 * processes. The finding is its stdin (a file in memory, so nothing waits for a reader) and, for short commands, in
 * BERTH_* variables. What it prints goes to stderr: the suite's stdout is the suite's.
 *
 * Laws: the same problem in several workers is one call, by its fingerprint. A hook has HOOK_MS, then it is killed with its
 * process group; when the run is over, all that wait have HOOK_MS together. What is not called then is counted and said.
 */
#include "tools/run/hook.h"

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

enum { HOOK_MS = 10000 };

struct call {
	char *json;
	char **envp; /* strv */
};

struct hook {
	const char *command;
	const struct run *run;
	char **told; /* strv of fingerprints */
	struct call *calls;
	size_t count, next;
	pid_t pid; /* of the one that runs; 0 = none */
	int pidfd;
	struct loop_timer *deadline;
	unsigned int failed, killed;
};

struct hook *hook_open(const struct run *run)
{
	struct hook *hook = run->options->hook ? mem_alloc(sizeof(*hook)) : NULL;

	if (!hook)
		return NULL;
	hook->command = run->options->hook;
	hook->run = run;
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
		{ "BERTH_RUN", hook->run->id },
	};
	char **envp = strv_copy(environ);

	for (size_t i = 0; i < ARRAY_LEN(set); i++)
		environ_set(&envp, set[i].name, set[i].value);
	return envp;
}

/* ---- one call ---- */

static int spawn(const struct hook *hook, const struct call *call, pid_t *ret_pid)
{
	cleanup_close int input = file_in_memory(call->json);
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
	loop_cancel(hook->run->loop, hook->deadline);
	hook->deadline = NULL;
	loop_remove(hook->run->loop, fd);
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
	kill(-hook->pid, SIGKILL); /* on_ended() comes of it */
}

static int start(struct hook *hook, const struct call *call)
{
	int ret = spawn(hook, call, &hook->pid);

	if (ret) {
		hook->pid = 0;
		return ret;
	}
	hook->pidfd = (int)syscall(SYS_pidfd_open, hook->pid, 0);
	ret = hook->pidfd < 0 ? -errno
	                      : loop_add(hook->run->loop, hook->pidfd, EPOLLIN, on_ended, hook);
	if (!ret) {
		hook->deadline = loop_after(hook->run->loop, HOOK_MS, on_late, hook);
		return 0;
	}
	kill(-hook->pid, SIGKILL); /* nobody would see its end */
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

void hook_tell(struct hook *hook, const struct watch_finding *finding)
{
	json_t *json;

	if (!hook || finding->known || finding->severity == FINDING_NOTE ||
	    strv_has(hook->told, finding->fingerprint))
		return;
	strv_add(&hook->told, finding->fingerprint);
	json = finding_json(finding);
	hook->calls = mem_grow(hook->calls, hook->count + 1, sizeof(*hook->calls));
	hook->calls[hook->count++] = (struct call){ json_dumps(json, JSON_COMPACT),
		                                    environment(hook, finding) };
	json_decref(json);
	start_next(hook);
}

/* ---- the end ---- */

static void say(const struct hook *hook)
{
	if (hook->killed)
		log_line("the hook was killed %u times: it took longer than %d s", hook->killed,
		         HOOK_MS / 1000);
	else if (hook->failed)
		log_line("the hook failed for %u of %zu findings", hook->failed, hook->next);
	if (hook->next < hook->count)
		log_line("the hook was not called for %zu of %zu findings: the run was over",
		         hook->count - hook->next, hook->count);
}

void hook_close(struct hook *hook)
{
	int64_t deadline_ms = clock_ms() + HOOK_MS;

	if (!hook)
		return;
	while (hook->pid && clock_ms() < deadline_ms)
		(void)loop_step(hook->run->loop, (int)(deadline_ms - clock_ms()));
	if (hook->pid) {
		loop_cancel(hook->run->loop, hook->deadline);
		loop_remove(hook->run->loop, hook->pidfd);
		close(hook->pidfd);
		kill(-hook->pid, SIGKILL);
		waitpid(hook->pid, NULL, 0);
		hook->killed++;
	}
	say(hook);
	for (size_t i = 0; i < hook->count; i++) {
		free(hook->calls[i].json);
		strv_free(hook->calls[i].envp);
	}
	free(hook->calls);
	strv_free(hook->told);
	free(hook);
}
