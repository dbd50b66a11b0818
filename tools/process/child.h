/* SPDX-License-Identifier: MIT */
#ifndef BERTH_PROCESS_CHILD_H
#define BERTH_PROCESS_CHILD_H
/*
 * Child processes that their caller waits for. A process with an event loop must not block and uses
 * job.h instead.
 *
 *	error = child_call(try_mount, &where, &text);			a function
 *	status = child_exec(&(struct child_program){ argv }, &output);	a program
 *
 * A child dies with its parent, has default signal handlers and an empty signal mask. Nothing here
 * prints.
 */
#include <stdint.h>
#include <sys/types.h>

#include "tools/base/str.h"

/** fork(2), and @signal_number to the child when its parent dies. Return: as fork(2); -errno. */
pid_t child_fork(int signal_number);

/**
 * Wait for the end of child @pid; after @timeout_ms (0 = no limit) kill it.
 * Return: its exit status; 128 + the number of the signal that ended it; -ETIMEDOUT; -errno.
 */
int child_wait(pid_t pid, int64_t timeout_ms);

/** Runs in the child. @ret_text is sent to the parent. Return: 0 or -errno, for the parent. */
typedef int (*child_fn)(void *arg, struct str *ret_text);

struct namespaces;

/**
 * Call @fn in a child.
 * @own		namespaces that the child has for itself; @fn calls namespaces_settle()
 * @ret_text	what @fn wrote, never NULL, the caller's to free; NULL = discard it
 * Return: what @fn returned; -ECHILD the child was killed; -errno of fork(2) or pipe(2).
 */
int child_call(child_fn fn, void *arg, char **ret_text);
int child_call_in(const struct namespaces *own, child_fn fn, void *arg, char **ret_text);

struct child_program {
	char *const *argv;
	char *const *envp;  /* NULL = our own environment */
	const char *input;  /* for its standard input; NULL = none */
	int input_fd;       /* the same; 0 = none */
	const char *dir;    /* where it starts; NULL = "/" */
	bool own_errors;    /* its standard error is ours */
	int64_t timeout_ms; /* 0 = no limit */
};

/**
 * Run a program, with the PATH search of execvp(3).
 * @ret_output	its standard output and standard error are appended; NULL = they are ours
 * Return: as child_wait(); 127 if it could not be executed.
 */
int child_exec(const struct child_program *program, struct str *ret_output);

/* For job.c: send @fn's text and result through the pipe @out; take them apart again. */
_Noreturn void child_answer(child_fn fn, void *arg, int out);
int child_take_result(struct str *answer);

#endif
