/* SPDX-License-Identifier: MIT */
#ifndef BERTH_BASE_LOOP_H
#define BERTH_BASE_LOOP_H
/*
 * The event loop of a process: descriptors and timers. The supervisor blocks only here.
 *
 *	struct loop *loop;
 *	loop_open(&loop);
 *	loop_add(loop, fd, EPOLLIN, on_readable, me);
 *	timer = loop_after(loop, 5000, on_late, me);
 *	while (!done && !loop_step(loop, -1))
 *		;
 *	loop_close(loop);
 *
 * A callback may add and remove any descriptor and timer, its own included. The caller removes a
 * descriptor from the loop before it closes it.
 */
#include <stdint.h>
#include <sys/epoll.h>

struct loop;
struct loop_timer;

typedef void (*loop_fd_fn)(void *arg, int fd, uint32_t events);
typedef void (*loop_timer_fn)(void *arg);

int loop_open(struct loop **ret_loop);
void loop_close(struct loop *loop);

/** Watch @fd for @events (EPOLLIN, EPOLLOUT). Return: 0; -errno of epoll_ctl(2). */
int loop_add(struct loop *loop, int fd, uint32_t events, loop_fd_fn fn, void *arg);
int loop_change(struct loop *loop, int fd, uint32_t events);
void loop_remove(struct loop *loop, int fd);

/** Call @fn once, @delay_ms from now; the timer is freed before the call. */
struct loop_timer *loop_after(struct loop *loop, int64_t delay_ms, loop_timer_fn fn, void *arg);
void loop_cancel(struct loop *loop, struct loop_timer *timer); /* @timer may be NULL */

/**
 * Wait for an event or a timer, at most @timeout_ms (-1 = no limit), and call its function.
 * Return: 0, also after a signal; -errno of epoll_wait(2).
 */
int loop_step(struct loop *loop, int timeout_ms);

#endif
