/* SPDX-License-Identifier: MIT */
/*
 * Answering a notification: a table of handlers, one for each kind of call, and the answer to the
 * kernel. Runs in the supervisor.
 *
 * Continue safety. Two kinds of answer are given:
 *
 *	done	The address was copied once, judged, and rewritten in our copy; the call was made on
 *		our own duplicate of the socket. The target's memory is not read again, so no thread
 *		of it can change what was judged.
 *	continue
 *		(SECCOMP_USER_NOTIF_FLAG_CONTINUE) for a call that needs no rewriting. The kernel
 *		reads the address again, and another thread may have put a virtual port there
 *		meanwhile. Then that call goes to the host's port, as it would outside Berth. Only
 *		the suite itself can do this, by racing its own call. A filter that confines hostile
 *		programs could not accept it; this filter does not confine.
 *
 * Some calls must be rewritten after they end, so the kernel cannot make them: a receive that wants
 * the sender's address (where datagrams are looked at), and accept(2) once a client with a source
 * port of the worker has connected. If there is nothing to receive, the answer waits: for the
 * socket, in the supervisor's loop, and for the target's signals, which the kernel holds back
 * meanwhile (WAIT_KILLABLE_RECV). When a signal is pending the target continues, and the kernel's
 * own call ends with EINTR or begins again.
 */
#include "tools/isolate/seccomp/answer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "core/elf.h"
#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/base/str.h"
#include "tools/isolate/seccomp/request.h"
#include "tools/process/procfs.h"

static int on_io_uring(struct notify_request *request)
{
	request_note_program(request, BERTH_NOTE_IO_URING, ENOSYS);
	return -ENOSYS; /* as a kernel without io_uring: programs fall back */
}

static int on_foreign_arch(struct notify_request *request)
{
	request_note_program(request, BERTH_NOTE_ESCAPE, BERTH_ELF_FOREIGN_CLASS);
	return -ENOSYS;
}

static int (*const handlers[NOTIFY_KINDS])(struct notify_request *) = {
	[NOTIFY_FOREIGN_ARCH] = on_foreign_arch,
	[NOTIFY_IO_URING] = on_io_uring,
	[NOTIFY_BIND] = on_bind,
	[NOTIFY_CONNECT] = on_connect,
	[NOTIFY_ACCEPT] = on_accept,
	[NOTIFY_SOCKNAME] = on_name,
	[NOTIFY_PEERNAME] = on_name,
	[NOTIFY_SENDTO] = on_sendto,
	[NOTIFY_SENDMSG] = on_sendmsg,
	[NOTIFY_SENDMMSG] = on_sendmmsg,
	[NOTIFY_RECVFROM] = on_recvfrom,
	[NOTIFY_RECVMSG] = on_recvmsg,
	[NOTIFY_RECVMMSG] = on_recvmmsg,
};

static void send_answer(int notify_fd, const struct seccomp_notif *notif,
                        struct seccomp_notif_resp *answer, int ret)
{
	answer->id = notif->id;
	answer->error = ret < 0 && ret != CONTINUE_CALL ? ret : 0;
	answer->val = ret > 0 ? ret : 0;
	answer->flags = ret == CONTINUE_CALL ? SECCOMP_USER_NOTIF_FLAG_CONTINUE : 0;
	/* ENOENT: the target was killed, or a signal took it out of the call */
	ioctl(notify_fd, SECCOMP_IOCTL_NOTIF_SEND, answer);
}

bool notify_answer(int notify_fd, struct notify_worker *worker, const struct seccomp_notif *notif,
                   struct seccomp_notif_resp *answer, struct notify_wait *wait)
{
	struct notify_request request = { .worker = worker, .map = worker->map, .wait = wait };
	int ret = CONTINUE_CALL;

	request.call = notify_decode(&notif->data);
	request.target = (struct target){ notify_fd, (pid_t)notif->pid, notif->id, &worker->last };
	/* 0: the process is in a PID namespace that is not below the supervisor's */
	if (notif->pid && handlers[request.call.kind])
		ret = handlers[request.call.kind](&request);
	if (ret == CALL_WAITS)
		return false;
	if (!request.answered)
		send_answer(notify_fd, notif, answer, ret);
	return true;
}

/* True if a signal is pending that the thread does not block, proc_pid_status(5). */
static bool is_signalled(pid_t pid)
{
	static const char *const fields[] = { "\nSigPnd:", "\nShdPnd:", "\nSigBlk:" };
	cleanup_free char *text = NULL;
	unsigned long long mask[3] = { 0 };

	if (proc_read_file(pid, "status", &text, NULL))
		return true;
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		const char *at = strstr(text, fields[i]);

		mask[i] = at ? strtoull(at + strlen(fields[i]), NULL, 16) : 0;
	}
	return (mask[0] | mask[1]) & ~mask[2];
}

bool notify_wait_ends(int notify_fd, const struct seccomp_notif *notif,
                      struct seccomp_notif_resp *answer, const struct notify_wait *wait)
{
	struct target target = { .notify_fd = notify_fd,
		                 .pid = (pid_t)notif->pid,
		                 .id = notif->id };
	int ret = CONTINUE_CALL;

	if (!target_waits(&target))
		return true;
	if (wait->deadline_ms && clock_ms() >= wait->deadline_ms)
		ret = wait->done ? (int)wait->done : -EAGAIN;
	else if (!is_signalled(target.pid))
		return false;
	else if (wait->done)
		ret = (int)wait->done;
	send_answer(notify_fd, notif, answer, ret);
	return true;
}
