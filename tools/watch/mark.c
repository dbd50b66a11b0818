/* SPDX-License-Identifier: MIT */
/*
 * `berth mark`: which test a worker is in. One datagram, "WORKER NAME", to mark.sock in the run's directory; whoever may
 * enter that directory may send. A lost or malformed datagram costs an attribution, nothing else.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/str.h"
#include "tools/base/unix.h"
#include "tools/watch/model.h"

enum { MARK_MOST = 1024 };

static void on_mark(void *arg, int fd, uint32_t events)
{
	char text[MARK_MOST + 1];
	ssize_t len = recv(fd, text, MARK_MOST, MSG_DONTWAIT);
	char *name;
	long worker;

	(void)events;
	if (len <= 0)
		return;
	text[len] = 0;
	name = strchr(text, ' ');
	if (!name)
		return;
	*name++ = 0;
	if (!str_number(text, 1, BERTH_WORKERS_MOST, &worker))
		watch_mark(arg, (unsigned int)worker, name);
}

int mark_open(struct watch *watch)
{
	cleanup_close int fd = -1, dir = -1;
	struct sockaddr_un address;
	int ret;

	watch->mark_socket = -1;
	if (!watch->setup.run_dir || !watch->setup.loop)
		return 0;
	ret = unix_address(watch->setup.run_dir, "mark.sock", &address, &dir);
	if (ret)
		return ret;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)))
		return -errno;
	(void)fchmodat(dir, "mark.sock", 0666, 0); /* workers may have changed their user */
	ret = loop_add(watch->setup.loop, fd, EPOLLIN, on_mark, watch);
	if (!ret)
		watch->mark_socket = steal_fd(&fd);
	return ret;
}

void mark_close(struct watch *watch)
{
	cleanup_free char *path = NULL;

	if (watch->mark_socket < 0)
		return;
	loop_remove(watch->setup.loop, watch->mark_socket);
	close(watch->mark_socket);
	path = str_print("%s/mark.sock", watch->setup.run_dir);
	unlink(path);
}

int watch_mark_send(const char *run_dir, unsigned int worker, const char *name)
{
	cleanup_free char *text = str_print("%u %.*s", worker, MARK_MOST - 16, name);
	cleanup_close int fd = -1, dir = -1;
	struct sockaddr_un address;
	int ret = unix_address(run_dir, "mark.sock", &address, &dir);

	if (ret)
		return ret;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || sendto(fd, text, strlen(text), 0, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return 0;
}
