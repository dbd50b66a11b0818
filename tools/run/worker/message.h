/* SPDX-License-Identifier: MIT */
#ifndef BERTH_RUN_WORKER_MESSAGE_H
#define BERTH_RUN_WORKER_MESSAGE_H
/*
 * Messages between the supervisor and a worker init, over a SOCK_SEQPACKET pair. End of file means
 * that the other side is dead. `berth exec` gets those about its program as they are.
 */
#include <stdint.h>
#include <sys/types.h>

enum worker_init_kind {
	/* from the worker init; each .pid is the supervisor's number of it, 0 if it is not known */
	INIT_STARTED,  /* the program .id runs; .pid */
	INIT_FAILED,   /* it does not; .number errno, .text what failed */
	INIT_EXITED,   /* it ended; .number as wait(2) gave it */
	INIT_STOPPED,  /* the command was stopped; .number signal, .pid */
	INIT_LEFTOVER, /* a process outlived the command; .pid, .text its command line */
	INIT_SURVIVED, /* a process could not be ended (another user's); .pid, .text */
	/* to the worker init */
	INIT_SIGNAL, /* pass .number on to the program .id, nothing else */
	INIT_END,    /* pass .number on, give grace, then kill */
	INIT_KILL,   /* kill now */
	INIT_JUDGED, /* the leftovers have been looked at: they may be ended */
	INIT_EXEC,   /* start a further program .id, with INIT_FDS descriptors */
};

struct worker_init_message {
	uint32_t kind;
	int32_t number;
	int32_t pid;
	uint32_t id; /* 0 = the command; else a further program */
	char text[240];
};

/*
 * The descriptors of INIT_EXEC: the program's three streams, and a file in memory with strings that
 * NULs end: working directory ("" = the command's), value of TERM ("" = the command's), arguments.
 */
enum { INIT_FDS = 4 };

/** Return: 0; -errno, -EPIPE if the other side is dead. */
int worker_init_send_message(int channel, const struct worker_init_message *message);

/** The same in parts. @text may be NULL. Return: 0; -errno, -EPIPE if the other side is dead. */
int worker_init_send(int channel, enum worker_init_kind kind, int number, pid_t pid,
                     const char *text);

/** Send INIT_SIGNAL to program @id. Return: the same. */
int worker_init_signal(int channel, uint32_t id, int number);

/** Send INIT_EXEC. The descriptors stay the caller's. Return: as worker_init_send(). */
int worker_init_send_exec(int channel, uint32_t id, const int fds[INIT_FDS]);

/** Read the strings of INIT_EXEC. Return: a strv, the caller's; NULL if they cannot be read. */
char **worker_init_read_strings(int fd);

/**
 * @ret_fds	the descriptors of INIT_EXEC, the caller's to close, else -1; NULL = expect none
 * Return: 1 and *ret_message; 0 end of file; -EAGAIN no message; -errno.
 */
int worker_init_receive(int channel, struct worker_init_message *ret_message, int *ret_fds);

#endif
