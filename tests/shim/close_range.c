/* SPDX-License-Identifier: MIT */
/*
 * Bug 14: close_range kills private descriptors, or private descriptors leak over exec
 * (proxychains#439, onload#111): a program that closes everything above stderr goes on to use
 * sockets, and its exec'd self too, with no stranger open.
 */
#include "t.h"
#include <sys/syscall.h>

enum { PORT = 4200 };

static int open_count(void)
{
	int count = 0;

	for (int fd = 3; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

int main(int argc, char **argv)
{
	if (argc > 1) {
		EQ(0, open_count());
		round_trip("127.0.0.1", PORT);
		EQ(3, socket(AF_INET, SOCK_STREAM, 0));
		return 0;
	}
	if (syscall(SYS_close_range, 3U, ~0U, 0U))
		SKIP("no close_range in this kernel");
	EQ(0, open_count());
	round_trip("127.0.0.1", PORT);
	EQ(3, socket(AF_INET, SOCK_STREAM, 0));
	WANT(0, bind_to(3, "127.0.0.1", PORT + 1));
	IS("127.0.0.1:4201", name_of(3));
	WANT(0, syscall(SYS_close_range, 3U, ~0U, 0U));
	FAILS(EBADF, bind_to(3, "127.0.0.1", PORT + 1));
	execl(self_path(), argv[0], "child", NULL);
	FAIL("execl: %s", err_name(errno));
}
