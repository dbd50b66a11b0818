/* SPDX-License-Identifier: MIT */
/*
 * epoll and a list of timers. epoll_wait(2) may return an event for a descriptor that an earlier
 * callback of the same step removed, or removed and added again. The generation number in the event
 * tells, and the event is dropped.
 */
#include "tools/base/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "tools/base/clock.h"
#include "tools/base/str.h"

struct loop_watch {
	loop_fd_fn fn; /* NULL = not watched */
	void *arg;
	uint32_t generation;
};

struct loop_timer {
	struct loop_timer *next;
	int64_t due_ms;
	loop_timer_fn fn;
	void *arg;
};

struct loop {
	int epoll;
	struct loop_watch *watches; /* by descriptor */
	size_t count;
	struct loop_timer *timers; /* by due time */
};

int loop_open(struct loop **ret_loop)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	if (epoll < 0)
		return -errno;
	*ret_loop = mem_alloc(sizeof(**ret_loop));
	(*ret_loop)->epoll = epoll;
	return 0;
}

void loop_close(struct loop *loop)
{
	if (!loop)
		return;
	while (loop->timers)
		loop_cancel(loop, loop->timers);
	close(loop->epoll);
	free(loop->watches);
	free(loop);
}

static struct epoll_event event_for(const struct loop *loop, int fd, uint32_t events)
{
	return (struct epoll_event){ .events = events,
		                     .data.u64 = (uint64_t)loop->watches[fd].generation << 32 |
		                                 (uint32_t)fd };
}

int loop_add(struct loop *loop, int fd, uint32_t events, loop_fd_fn fn, void *arg)
{
	struct epoll_event event;
	size_t need = (size_t)fd + 1;

	if (need > loop->count) {
		loop->watches = mem_grow(loop->watches, need * 2, sizeof(*loop->watches));
		for (size_t i = loop->count; i < need * 2; i++)
			loop->watches[i] = (struct loop_watch){ 0 };
		loop->count = need * 2;
	}
	loop->watches[fd] = (struct loop_watch){ fn, arg, loop->watches[fd].generation + 1 };
	event = event_for(loop, fd, events);
	if (!epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event))
		return 0;
	loop->watches[fd].fn = NULL;
	return -errno;
}

int loop_change(struct loop *loop, int fd, uint32_t events)
{
	struct epoll_event event = event_for(loop, fd, events);

	return epoll_ctl(loop->epoll, EPOLL_CTL_MOD, fd, &event) ? -errno : 0;
}

void loop_remove(struct loop *loop, int fd)
{
	if (fd < 0 || (size_t)fd >= loop->count || !loop->watches[fd].fn)
		return;
	loop->watches[fd].fn = NULL;
	epoll_ctl(loop->epoll, EPOLL_CTL_DEL, fd, NULL);
}

struct loop_timer *loop_after(struct loop *loop, int64_t delay_ms, loop_timer_fn fn, void *arg)
{
	struct loop_timer *timer = mem_alloc(sizeof(*timer));
	struct loop_timer **at = &loop->timers;

	*timer = (struct loop_timer){ .due_ms = clock_ms() + delay_ms, .fn = fn, .arg = arg };
	while (*at && (*at)->due_ms <= timer->due_ms)
		at = &(*at)->next;
	timer->next = *at;
	*at = timer;
	return timer;
}

void loop_cancel(struct loop *loop, struct loop_timer *timer)
{
	struct loop_timer **at;

	if (!timer)
		return;
	for (at = &loop->timers; *at && *at != timer; at = &(*at)->next)
		;
	if (!*at)
		return;
	*at = timer->next;
	free(timer);
}

static void run_timers(struct loop *loop)
{
	int64_t now = clock_ms();

	while (loop->timers && loop->timers->due_ms <= now) {
		struct loop_timer timer = *loop->timers;

		loop_cancel(loop, loop->timers);
		timer.fn(timer.arg);
	}
}

static int wait_ms(const struct loop *loop, int timeout_ms)
{
	int64_t left;

	if (!loop->timers)
		return timeout_ms;
	left = loop->timers->due_ms - clock_ms();
	if (left < 0)
		left = 0;
	if (timeout_ms >= 0 && left > timeout_ms)
		return timeout_ms;
	return left > 3600000 ? 3600000 : (int)left;
}

int loop_step(struct loop *loop, int timeout_ms)
{
	struct epoll_event events[64];
	int count = epoll_wait(loop->epoll, events, 64, wait_ms(loop, timeout_ms));

	if (count < 0 && errno != EINTR)
		return -errno;
	for (int i = 0; i < count; i++) {
		int fd = (int)(uint32_t)events[i].data.u64;
		struct loop_watch *watch = &loop->watches[fd];

		if (watch->fn && watch->generation == (uint32_t)(events[i].data.u64 >> 32))
			watch->fn(watch->arg, fd, events[i].events);
	}
	run_timers(loop);
	return 0;
}
