/* SPDX-License-Identifier: MIT */
/* Bug 13: dlsym, malloc and close recurse before initialisation (proxychains#119, samba 15660, jemalloc#443,
 * tebako#527): sockets in .preinit_array, before any library's constructor has run, and an allocator that makes
 * system calls of its own. */
#include "t.h"
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

static void early(int argc, char **argv, char **envp)
{
	(void)argc;
	(void)argv;
	(void)envp;
	early_listener = listen_on("127.0.0.1", PORT);
}

__attribute__((section(".preinit_array"), used)) static void (*const first)(int, char **, char **) = early;

int main(void)
{
	int client = FD(client_of("127.0.0.1", PORT)), served = FD(accept(early_listener, NULL, NULL));

	IS("127.0.0.1:4760", name_of(early_listener));
	pass_byte(client, served, 'e');
	EQ(1, malloc(100) != NULL);
	round_trip("127.0.0.1", PORT + 1);
	return 0;
}
