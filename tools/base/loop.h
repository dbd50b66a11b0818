/* SPDX-License-Identifier: MIT */
#ifndef BERTH_BASE_LOOP_H
#define BERTH_BASE_LOOP_H
/*
 * The one loop of a process: descriptors (epoll) and timers. Every room of the supervisor hangs its descriptors here;
 * nobody blocks elsewhere.
 *
 *	struct loop *loop;
 *	loop_open(&loop);
 *	loop_add(loop, fd, EPOLLIN, on_readable, me);
 *	timer = loop_after(loop, 5000, on_late, me);
 *	while (!done && !loop_step(loop, -1))
 *		;
 *	loop_close(loop);
 *
 * A callback may add and remove anything, itself included. Descriptors are not owned: whoever added one removes it
 * before closing it.
 */
#include <stdint.h>
#include <sys/epoll.h>

struct loop;
struct loop_timer;

typedef void (*loop_fd_fn)(void *arg, int fd, uint32_t events);
typedef void (*loop_timer_fn)(void *arg);

int loop_open(struct loop **ret_loop);
void loop_close(struct loop *loop);

/** Watch @fd for EPOLLIN and friends. Return: 0; -errno of epoll_ctl(2). */
int loop_add(struct loop *loop, int fd, uint32_t events, loop_fd_fn fn, void *arg);
int loop_change(struct loop *loop, int fd, uint32_t events);
void loop_remove(struct loop *loop, int fd);

/** Call @fn once, @delay_ms from now. The timer is gone when it has fired; loop_cancel(NULL) is fine. */
struct loop_timer *loop_after(struct loop *loop, int64_t delay_ms, loop_timer_fn fn, void *arg);
void loop_cancel(struct loop *loop, struct loop_timer *timer);

/**
 * Wait for something to happen, at most @timeout_ms (-1 = until the next timer or event), and make its calls.
 * Return: 0; -errno of epoll_wait(2), never -EINTR.
 */
int loop_step(struct loop *loop, int timeout_ms);

#endif
