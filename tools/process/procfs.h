/* SPDX-License-Identifier: MIT */
#ifndef BERTH_PROCESS_PROCFS_H
#define BERTH_PROCESS_PROCFS_H
/*
 * The files of /proc/PID, proc(5). proc.h makes of them what people read.
 *
 * The parsers are pure and total, because a process chooses its own name and environment. Functions
 * return 0 or -errno, and -ESRCH for a process that has ended.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PROC_COMM 16

struct proc_stat {
	pid_t pid, ppid;
	char comm[PROC_COMM]; /* the process chose it; blanks in place of control characters */
	char state;           /* 'Z' a zombie, 'T' stopped ... */
	bool is_ending;       /* PF_EXITING: no signal and no grace is needed any more */
	uint64_t start_ticks; /* since boot; pid and start name one process */
};

/**
 * Parse a /proc/PID/stat, where a comm may hold blanks and parentheses. Return: false if it is
 * none.
 */
bool proc_parse_stat(const char *text, struct proc_stat *ret_stat);

/**
 * Read /proc/PID/stat: cheap enough for every process of a worker at every tick.
 * @dir	/proc/PID, open
 */
int proc_read_stat(pid_t pid, struct proc_stat *ret_stat);
int proc_read_stat_at(int dir, struct proc_stat *ret_stat);

/** True for a process that exists and is not a zombie. */
bool proc_is_alive(pid_t pid);

/** True for a process that a signal has stopped (SIGSTOP, SIGTSTP). */
bool proc_is_stopped(pid_t pid);

/**
 * Read /proc/PID/@name; a thread's number will do as well.
 * @ret_text	the caller's to free; unchanged on failure
 * @ret_len	may be NULL
 */
int proc_read_file(pid_t pid, const char *name, char **ret_text, size_t *ret_len);

/**
 * Find variable @name in the text of /proc/PID/environ, whose strings end with NUL.
 * Return: its value inside @text; NULL if it is not there.
 */
const char *proc_parse_environ(const char *text, size_t len, const char *name);

/** The last number of NSpid in a /proc/PID/status, proc(5). Return: 0 if there is none. */
pid_t proc_parse_inside(const char *status);

/** Call @fn for every process of the host; it returns false to stop. */
typedef bool (*proc_fn)(void *arg, pid_t pid);
int proc_each(proc_fn fn, void *arg);

#endif
