/* SPDX-License-Identifier: MIT */
#include "tools/run/worker/message.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/str.h"
#include "tools/base/unix.h"

int worker_init_send_message(int channel, const struct worker_init_message *message)
{
	if (channel < 0 || send(channel, message, sizeof(*message), MSG_NOSIGNAL) < 0)
		return channel < 0 ? -EPIPE : -errno;
	return 0;
}

int worker_init_send(int channel, enum worker_init_kind kind, int number, pid_t pid,
                     const char *text)
{
	struct worker_init_message message = { .kind = kind, .number = number, .pid = pid };

	if (text)
		snprintf(message.text, sizeof(message.text), "%s", text);
	return worker_init_send_message(channel, &message);
}

int worker_init_signal(int channel, uint32_t id, int number)
{
	const struct worker_init_message message = { .kind = INIT_SIGNAL,
		                                     .id = id,
		                                     .number = number };

	return worker_init_send_message(channel, &message);
}

int worker_init_send_exec(int channel, uint32_t id, const int fds[INIT_FDS])
{
	struct worker_init_message message = { .kind = INIT_EXEC, .id = id };

	return unix_send_fds(channel, &message, sizeof(message), fds, INIT_FDS);
}

int worker_init_receive(int channel, struct worker_init_message *ret_message, int *ret_fds)
{
	int none[INIT_FDS];
	ssize_t got = unix_receive_fds(channel, ret_message, sizeof(*ret_message),
	                               ret_fds ? ret_fds : none, INIT_FDS);

	if (got < 0)
		return got == -ECONNRESET ? 0 : (int)got;
	ret_message->text[sizeof(ret_message->text) - 1] = 0;
	return got == sizeof(*ret_message);
}

char **worker_init_read_strings(int fd)
{
	cleanup_free char *text = NULL;
	char **strings = NULL;
	struct stat info;
	size_t len;

	if (fstat(fd, &info) || info.st_size <= 0)
		return NULL;
	len = (size_t)info.st_size;
	text = mem_alloc(len + 1);
	if (pread(fd, text, len, 0) != info.st_size)
		return NULL;
	for (size_t at = 0; at < len; at += strlen(text + at) + 1)
		strv_add(&strings, text + at);
	return strings;
}
