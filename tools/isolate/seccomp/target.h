/* SPDX-License-Identifier: MIT */
#ifndef BERTH_ISOLATE_SECCOMP_TARGET_H
#define BERTH_ISOLATE_SECCOMP_TARGET_H
/*
 * The target: the process that waits for an answer. Its memory and its descriptors, from outside.
 * It is stopped in one system call, but its other threads run, and it may be killed at any moment.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The thread of the last target_fd(): most threads make more than one call. */
struct target_last {
	pid_t pid; /* 0 = none */
	int pidfd;
};

struct target {
	int notify_fd;
	pid_t pid;   /* the calling thread, in the supervisor's PID namespace */
	uint64_t id; /* of the notification */
	struct target_last *last;
};

/* Copy from and to the target. Return: false unless all @len bytes were there. */
bool target_read(const struct target *target, uint64_t from, void *to, size_t len);
bool target_write(const struct target *target, uint64_t to, const void *from, size_t len);

/* Gather up to @space bytes of the @count (<= IOV_MAX) pieces of the target's array at @iov. */
ssize_t target_gather(const struct target *target, uint64_t iov, size_t count, void *to,
                      size_t space);

/* Return: the bytes for which such an array has space; -EFAULT. */
ssize_t target_space(const struct target *target, uint64_t iov, size_t count);

/* Spread @len bytes over it. Return: false unless all of them were written. */
bool target_scatter(const struct target *target, uint64_t iov, size_t count, const void *from,
                    size_t len);

/**
 * A duplicate of the target's descriptor @fd.
 * Return: to close(); -EBADF it has none; -EPERM it may not be read; -ESRCH it is gone.
 */
int target_fd(const struct target *target, int fd);
void target_forget(struct target_last *last);

/* True if the target has the user id that the supervisor acts with. */
bool target_is_our_user(const struct target *target);

/* True if the target still waits: then no other process can have had its number meanwhile. */
bool target_waits(const struct target *target);

/* The program that the target runs; its name only if the path may not be read; "" if it is gone. */
void target_program(const struct target *target, char *text, size_t space);

#endif
