/* SPDX-License-Identifier: MIT */
/*
 * Bug 13: dlsym, malloc and close recurse before initialisation (proxychains#119, samba 15660,
 * jemalloc#443, tebako#527): sockets in .preinit_array, before any library's constructor has run,
 * and an allocator that makes system calls of its own. Datagrams, files, libraries and programs as
 * well.
 */
#include "t.h"
#include <dlfcn.h>
#include <spawn.h>
#include <sys/syscall.h>

enum { PORT = 4760 };

static char heap[1 << 20];
static size_t used;
static int early_listener = -1;

/* as jemalloc does at its first call: syscall(), open, close */
void *malloc(size_t size)
{
	size_t at = __atomic_fetch_add(&used, (size + 31) & ~(size_t)15, __ATOMIC_RELAXED) + 16;

	syscall(SYS_gettid);
	close((int)syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDONLY | O_CLOEXEC));
	if (at + size > sizeof(heap))
		return NULL;
	memcpy(heap + at - 16, &size, sizeof(size));
	return heap + at;
}

void free(void *p)
{
	(void)p;
}

void *calloc(size_t count, size_t size)
{
	return malloc(count * size);
}

void *realloc(void *p, size_t size)
{
	void *more = malloc(size);
	size_t old = 0;

	if (p && more) {
		memcpy(&old, (char *)p - 16, sizeof(old));
		memcpy(more, p, old < size ? old : size);
	}
	return more;
}

static void datagrams(void)
{
	struct addr to = addr("127.0.0.1", PORT + 2), from = { .len = sizeof(from.ss) };
	struct iovec byte = { &(char){ 'd' }, 1 };
	struct mmsghdr one = { .msg_hdr = { .msg_name = &to.sa,
		                            .msg_namelen = to.len,
		                            .msg_iov = &byte,
		                            .msg_iovlen = 1 } };
	int here = FD(udp_on("127.0.0.1", PORT + 2)), there = FD(udp_on("127.0.0.1", PORT + 3));

	WANT(1, sendto(there, "d", 1, 0, &to.sa, to.len));
	WANT(1, recvfrom(here, byte.iov_base, 1, 0, &from.sa, &from.len));
	IS("127.0.0.1:4763", show(&from));
	WANT(1, sendmsg(there, &one.msg_hdr, 0));
	WANT(1, sendmmsg(there, &one, 1, 0));
	one.msg_hdr.msg_name = &from.sa;
	WANT(1, recvmsg(here, &one.msg_hdr, 0));
	IS("127.0.0.1:4763", show(&from));
	WANT(1, recvmmsg(here, &one, 1, 0, NULL));
	IS("127.0.0.1:4763", show(&from));
	close(here);
	close(there);
}

static void files(void)
{
	FILE *stream = fopen("/dev/null", "re"), *stream64 = fopen64("/dev/null", "re");

	EQ(1, stream && stream64 && !fclose(stream) && !fclose(stream64));
	EQ(0, close((int)MUST(open("/dev/null", O_RDONLY | O_CLOEXEC))));
	EQ(0, close((int)MUST(open64("/dev/null", O_RDONLY | O_CLOEXEC))));
	EQ(0, close((int)MUST(openat64(AT_FDCWD, "/dev/null", O_RDONLY | O_CLOEXEC))));
	EQ(1, dlopen(NULL, RTLD_LAZY) != NULL);
}

static void programs(char **envp)
{
	char *argv[] = { (char *)"true", NULL };
	pid_t pid;

	EQ(0, posix_spawn(&pid, "/bin/true", NULL, NULL, argv, envp));
	reap(pid);
	EQ(0, posix_spawnp(&pid, "true", NULL, NULL, argv, envp));
	reap(pid);
	for (int i = 0; i < 3; i++) {
		pid = (pid_t)MUST(fork());
		if (!pid && i == 0)
			execve("/bin/true", argv, envp);
		if (!pid && i == 1)
			execvpe("true", argv, envp);
		if (!pid && i == 2)
			fexecve(open("/bin/true", O_RDONLY | O_CLOEXEC), argv, envp);
		if (!pid)
			FAIL("exec %d: %s", i, err_name(errno));
		reap(pid);
	}
}

static void early(int argc, char **argv, char **envp)
{
	(void)argc;
	(void)argv;
	programs(envp);
	serve_and_connect("127.0.0.1", PORT + 4);
	datagrams();
	files();
	early_listener = listen_on("127.0.0.1", PORT);
}

__attribute__((section(".preinit_array"), used)) static void (*const first)(int, char **,
                                                                            char **) = early;

int main(void)
{
	int client = FD(client_of("127.0.0.1", PORT)),
	    served = FD(accept(early_listener, NULL, NULL));

	IS("127.0.0.1:4760", name_of(early_listener));
	pass_byte(client, served, 'e');
	EQ(1, malloc(100) != NULL);
	round_trip("127.0.0.1", PORT + 1);
	return 0;
}
