/* SPDX-License-Identifier: MIT */
#ifndef BERTH_ISOLATE_SECCOMP_TARGET_H
#define BERTH_ISOLATE_SECCOMP_TARGET_H
/*
 * The process that waits for an answer: its memory and its descriptors, from the outside. It stands still in one system
 * call, but its other threads do not, and it may be killed at any moment.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The thread that was asked for last: most callers call more than once. */
struct target_last {
	pid_t pid; /* 0 = none */
	int pidfd;
};

struct target {
	int notify_fd;
	pid_t pid;   /* the thread that called, in our pid namespace */
	uint64_t id; /* of the notification */
	struct target_last *last;
};

/* Copy from and to the target. Return: false unless all @len bytes were there. */
bool target_read(const struct target *target, uint64_t from, void *to, size_t len);
bool target_write(const struct target *target, uint64_t to, const void *from, size_t len);

/* Gather @count (<= IOV_MAX) pieces of the target's memory, an array of its own struct iovec at @iov, as far as @space goes. */
ssize_t target_gather(const struct target *target, uint64_t iov, size_t count, void *to,
                      size_t space);

/* Bytes that such an array has space for. Return: -EFAULT. */
ssize_t target_space(const struct target *target, uint64_t iov, size_t count);

/* Spread @len bytes over it. Return: false unless all of them fit and were written. */
bool target_scatter(const struct target *target, uint64_t iov, size_t count, const void *from,
                    size_t len);

/**
 * A duplicate of the target's descriptor @fd.
 * Return: close() it; -EBADF it has none; -EPERM it may not be looked into; -ESRCH it is gone.
 */
int target_fd(const struct target *target, int fd);
void target_forget(struct target_last *last);

/* True if the target still waits: @pid was its number all along, and nobody else's. */
bool target_waits(const struct target *target);

/* The program that the target runs; its name only, if it may not be looked into; "" if it is gone. */
void target_program(const struct target *target, char *text, size_t space);

#endif
