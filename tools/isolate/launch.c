/* SPDX-License-Identifier: MIT */
/*
 * berth-launch PATH ARGV0 [ARGUMENT]...: install the seccomp filter and become PATH.
 *
 * The shim's exec hook puts this program before one that the shim cannot enter. It is a program of
 * its own, static and small: the hook may run in the child of a vfork, where a filter would catch
 * the parent, too.
 *
 * PATH sees what it would have seen: arguments, environment, descriptors, signals, /proc/self/exe.
 * No failure keeps it from running: then it runs without the filter, and a note reports it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/launch.h"
#include "tools/isolate/seccomp/listener.h"
#include "tools/isolate/seccomp/filter.h"

enum { CODE_MAX = 512 };

/* Leave a note that @program runs without the filter. */
static void note_escape(const char *program)
{
	const char *path = getenv("BERTH_MAP");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	struct berth_portmap *map;
	struct berth_note note;

	if (fd < 0)
		return;
	map = mmap(NULL, sizeof(*map), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (map == MAP_FAILED || !berth_portmap_valid(map) ||
	    !berth_launch_note(map, BERTH_NOTE_ESCAPE, BERTH_ELF_STATIC, program, &note))
		return;
	note.pid = getpid();
	note.pid_inside = 1;
	berth_portmap_note(map, &note);
}

static int connect_supervisor(void)
{
	const char *path = getenv("BERTH_LISTENER");
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct timeval deadline = { .tv_sec = LISTENER_DEADLINE_MS / 1000 };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0 || !path || strlen(path) >= sizeof(un.sun_path))
		return -1;
	strcpy(un.sun_path, path);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof(deadline));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &deadline, sizeof(deadline));
	return connect(fd, (struct sockaddr *)&un, sizeof(un)) ? -1 : fd;
}

/* Install the filter. Return: 0; -EBUSY if this process has a listener already; -errno. */
static int enter_filter(void)
{
	static struct sock_filter code[CODE_MAX];
	const char *worker = getenv("BERTH_WORKER");
	struct listener_hello hello = { .magic = LISTENER_MAGIC,
		                        .worker = worker ? (uint32_t)atoi(worker) : 0 };
	struct listener_offer offer;
	struct seccomp_filter filter = { .code = code };
	int fd = connect_supervisor();
	ssize_t got;
	char go;

	if (fd < 0)
		return -ECONNREFUSED;
	if (send(fd, &hello, sizeof(hello), MSG_NOSIGNAL) != sizeof(hello))
		return -EPIPE;
	got = recv(fd, code, sizeof(code), 0);
	if (got <= 0)
		return -EPIPE;
	filter.len = (unsigned short)((size_t)got / sizeof(*code));
	offer.fd = seccomp_filter_install(&filter);
	send(fd, &offer, sizeof(offer), MSG_NOSIGNAL);
	if (offer.fd < 0)
		return offer.fd;
	/* without it the descriptor closes with the exec: then trapped calls fail with ENOSYS */
	return recv(fd, &go, 1, 0) == 1 && go == LISTENER_GO ? 0 : -EPIPE;
}

int main(int argc, char **argv)
{
	int ret, error;

	if (argc < 2) {
		fprintf(stderr, "usage: berth-launch PATH ARGV0 [ARGUMENT]...\n");
		return 125;
	}
	ret = enter_filter();
	if (ret && ret != -EBUSY)
		note_escape(argv[1]);
	/* without a launcher in the environment, the variable was meant for us alone */
	if (!getenv("BERTH_LAUNCHER"))
		unsetenv("BERTH_LISTENER");
	execv(argv[1], argv + 2);
	error = errno;
	fprintf(stderr, "berth: unable to run '%s': %s\n", argv[1], strerror(error));
	return error == ENOENT ? 127 : 126;
}
