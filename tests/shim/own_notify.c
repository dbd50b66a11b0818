/* SPDX-License-Identifier: MIT */
/*
 * Bug 19: the second listener is refused with EBUSY (WSL#9548, fence#220): a program that starts a
 * seccomp notification listener of its own and answers it. The kernel has one per filter chain, so
 * the seccomp backend cannot pass this.
 */
#include "t.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

enum { PORT = 4800 };

static void *ask(void *unused)
{
	(void)unused;
	round_trip("127.0.0.1", PORT);
	/* refused by the program's own supervisor */
	return (void *)(syscall(SYS_getpriority, 0, 0) == -1 && errno == EPERM ? "refused"
	                                                                       : "allowed");
}

int main(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getpriority, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(*code), code };
	struct seccomp_notif request = { 0 };
	struct seccomp_notif_resp answer = { .error = -EPERM };
	pthread_t thread;
	void *result;
	int listener;

	WANT(0, prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	listener = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
	                        SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
	if (listener < 0 && errno == EINVAL)
		SKIP("no seccomp notification in this kernel");
	MUST(listener);
	if (pthread_create(&thread, NULL, ask, NULL))
		FAIL("pthread_create");
	MUST(ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &request));
	answer.id = request.id;
	MUST(ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer));
	EQ(0, pthread_join(thread, &result));
	IS("refused", result);
	return 0;
}
