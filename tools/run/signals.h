/* SPDX-License-Identifier: MIT */
#ifndef BERTH_RUN_SIGNALS_H
#define BERTH_RUN_SIGNALS_H
/*
 * The signals of the supervisor: blocked, read from a signalfd(2), and sorted by what they ask for.
 * What is done about them is decided by supervisor.c.
 */
#include <stdbool.h>

#include "tools/run/worker/init.h"

enum signal_meaning {
	SIGNAL_PASS_ON, /* it belongs to the command: SIGQUIT, SIGUSR1, SIGUSR2, and ignored ones */
	SIGNAL_END,     /* end the run: SIGINT, SIGTERM, SIGHUP */
	SIGNAL_STOP,    /* ^Z: SIGTSTP */
};

struct run_signal {
	int number;
	enum signal_meaning meaning;
	bool from_terminal; /* the kernel sent it, to the whole foreground process group */
};

struct signals;

/**
 * @single	the only worker shares our process group, so a ^Z reaches it without us
 * @inherit	its mask, pipe and child are set to what they were before
 * Return: 0; -errno.
 */
int signals_open(bool single, struct worker_init_inherit *inherit, struct signals **ret_signals);
void signals_close(struct signals *signals);

int signals_fd(const struct signals *signals);

/** Return: true and *ret_signal; false if none has come. */
bool signals_next(struct signals *signals, struct run_signal *ret_signal);

#endif
