/* SPDX-License-Identifier: MIT */
#ifndef BERTH_PROCESS_PROC_STAT_H
#define BERTH_PROCESS_PROC_STAT_H
/* The fields of /proc/PID/stat that matter here, proc(5). */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define PROC_COMM 16

struct proc_stat {
	pid_t pid, ppid;
	/* as the process named itself, but for control characters: a terminal would obey them */
	char comm[PROC_COMM];
	char state;           /* 'Z' a zombie, 'T' stopped ... */
	uint64_t start_ticks; /* since boot; with the pid it names one process for ever */
};

/** Read the text of /proc/PID/stat. A comm may hold blanks and parentheses. Return: false if it is not one. */
bool proc_parse_stat(const char *text, struct proc_stat *ret_stat);

/**
 * Just the numbers: cheap enough for every process of a worker, every tick.
 * @dir	in the second, /proc/PID, open
 * Return: 0; -ESRCH if the process is gone; -errno.
 */
int proc_read_stat(pid_t pid, struct proc_stat *ret_stat);
int proc_read_stat_at(int dir, struct proc_stat *ret_stat);

#endif
