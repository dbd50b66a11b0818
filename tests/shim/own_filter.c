/* SPDX-License-Identifier: MIT */
/*
 * Bug 19: a program with a seccomp filter of its own, as browsers and servers have it, goes on
 * binding and connecting, and its own rules hold.
 */
#include "t.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

enum { PORT = 4790 };

int main(void)
{
	/* listen with a backlog of 99 is refused, all else is allowed */
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_listen, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 99, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(*code), code };
	int server = FD(listen_on("127.0.0.1", PORT));

	WANT(0, prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	WANT(0, prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program));
	FAILS(EPERM, listen(server, 99));
	WANT(0, listen(server, 98));
	close(server);
	round_trip("127.0.0.1", PORT);
	round_trip("127.0.0.1", PORT + 1);
	return 0;
}
