/* SPDX-License-Identifier: MIT */
/*
 * Bug 15: a syscall() that allows a list and answers ENOSYS to the rest (systemd#20586,
 * telepresence#1488, dino#1107): all other numbers pass, with six arguments of full width, and
 * errors as the kernel gives them.
 */
#include "t.h"
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

static long in_thread(void)
{
	uint32_t word = 7;

	return syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 8, NULL, NULL, 0);
}

/* clone as fork: the child comes back through the same function */
static long forked(void)
{
	long pid = syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);

	if (!pid)
		_exit(0);
	return pid;
}

int main(void)
{
	int fd = (int)MUST(memfd_create("plain", MFD_CLOEXEC));
	char *page;

	EQ(1, syscall(SYS_gettid) == getpid());
	EQ(1, syscall(SYS_getpid) == getpid());
	WANT(0, ftruncate(fd, 3 * 4096));
	WANT(2, pwrite(fd, "hi", 2, 2 * 4096));
	/* the sixth argument counts: the page at offset 8192 */
	page = (char *)syscall(SYS_mmap, NULL, 4096, PROT_READ, MAP_SHARED, fd, 2 * 4096);
	EQ(0, page == MAP_FAILED || memcmp(page, "hi", 3));
	WANT(0, syscall(SYS_munmap, page, 4096));
	/* a pointer above 4 GiB, a length above 4 GiB */
	FAILS(ENOMEM,
	      syscall(SYS_mmap, NULL, 1UL << 60, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0L));
	FAILS(EAGAIN, in_thread());
	reap((pid_t)MUST(forked()));
	FAILS(EBADF, syscall(SYS_close, -1));
	FAILS(EINVAL, syscall(SYS_membarrier, -1, 0, 0));
	FAILS(ENOSYS, syscall(100000));
	FAILS(ENOSYS, syscall(-5));
	WANT(0, syscall(SYS_faccessat, AT_FDCWD, "/", R_OK));
	FAILS(ENOENT, syscall(SYS_openat, AT_FDCWD, "/nonexistent", O_RDONLY));
	return 0;
}
