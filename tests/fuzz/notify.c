/* SPDX-License-Identifier: MIT */
/*
 * Any notification of any process: the arguments, the process's memory and the answers of the
 * kernel are the fuzzer's. The decoder and the handlers stay in bounds; every notification is
 * answered exactly once or waits; what reaches the kernel names a port of the block; and a call
 * that continues has not changed the process's memory.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MEMORY_AT = 0x10000, MEMORY = 4096, BLOCK = 20000, BLOCK_LEN = 8, A_SOCKET = 1000 };

static struct fuzzed {
	uint8_t memory[MEMORY];
	size_t size;
	uint8_t kernel[16]; /* what it answers, in turn */
	unsigned int turn, answers, writes, protocol;
	bool went_on;
} fuzzed;

static int kernel_says(void)
{
	uint8_t byte = fuzzed.kernel[fuzzed.turn++ % sizeof(fuzzed.kernel)];

	errno = byte;
	return byte ? -1 : 0;
}

static void check_port(const void *sa, socklen_t len)
{
	const uint8_t *byte = sa;
	uint16_t family;

	if (len < 16)
		return;
	memcpy(&family, sa, sizeof(family));
	if (family == AF_UNIX && !byte[2] && memcmp(byte + 3, "berth/20000", 11))
		abort();
	if (family == AF_UNIX)
		return;
	if ((unsigned int)(byte[2] << 8 | byte[3]) - BLOCK >= BLOCK_LEN)
		abort();
}

static int fake_bind(int fd, const struct sockaddr *sa, socklen_t len)
{
	(void)fd;
	check_port(sa, len);
	return kernel_says();
}

static int fake_name(int fd, struct sockaddr *sa, socklen_t *len)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)(BLOCK + fuzzed.kernel[0] % 16))
	};

	(void)fd;
	address.sin_addr.s_addr = htonl(fuzzed.kernel[1] & 1 ? INADDR_LOOPBACK : 0x08080808);
	if (kernel_says())
		return -1;
	memcpy(sa, &address, sizeof(address));
	*len = sizeof(address);
	return 0;
}

static int fake_accept(int fd, struct sockaddr *sa, socklen_t *len, int flags)
{
	(void)flags;
	return fake_name(fd, sa, len) ? -1 : dup(STDERR_FILENO);
}

static ssize_t fake_sendmsg(int fd, const struct msghdr *message, int flags)
{
	(void)fd;
	(void)flags;
	return kernel_says() ? -1 : (ssize_t)message->msg_iov->iov_len;
}

static ssize_t fake_recvmsg(int fd, struct msghdr *message, int flags)
{
	(void)flags;
	if (fake_name(fd, message->msg_name, &message->msg_namelen))
		return -1;
	message->msg_controllen = message->msg_controllen < 8 ? message->msg_controllen : 8;
	return (ssize_t)(message->msg_iov->iov_len < fuzzed.kernel[2] ? message->msg_iov->iov_len
	                                                              : fuzzed.kernel[2]);
}

static int fake_getsockopt(int fd, int level, int option, void *value, socklen_t *len)
{
	(void)fd;
	(void)level;
	memset(value, 0, *len);
	if (option == SO_PROTOCOL)
		memcpy(value, &fuzzed.protocol, sizeof(int));
	return 0;
}

static int fake_ok(int fd, ...)
{
	(void)fd;
	return 0;
}

static int fake_poll(struct pollfd *fds, nfds_t count, int timeout)
{
	(void)timeout;
	fds->revents = POLLIN;
	return (int)count;
}

static int fake_ioctl(int fd, unsigned long number, void *arg);

#define bind            fake_bind
#define connect         fake_bind
#define getsockname     fake_name
#define getpeername     fake_name
#define accept4         fake_accept
#define sendmsg         fake_sendmsg
#define recvmsg         fake_recvmsg
#define getsockopt      fake_getsockopt
#define setsockopt(...) 0
#define fcntl           fake_ok
#define poll            fake_poll
#define ioctl           fake_ioctl
#include "tools/isolate/seccomp/call.c"
#include "tools/isolate/seccomp/answer.c"
#include "tools/isolate/seccomp/request.c"
#include "tools/isolate/seccomp/socket.c"
#include "tools/isolate/seccomp/datagram.c"
#undef ioctl

#include "core/abstract.c"
#include "core/addr.c"
#include "core/launch.c"
#include "core/policy.c"
#include "core/portmap.c"

static int fake_ioctl(int fd, unsigned long number, void *arg)
{
	const struct seccomp_notif_resp *answer = arg;

	(void)fd;
	if (number == SECCOMP_IOCTL_NOTIF_ADDFD) {
		fuzzed.answers++;
	} else if (number == SECCOMP_IOCTL_NOTIF_SEND) {
		fuzzed.answers++;
		fuzzed.went_on = answer->flags & SECCOMP_USER_NOTIF_FLAG_CONTINUE;
		if (fuzzed.went_on && (answer->error || answer->val || fuzzed.writes))
			abort();
		if (answer->error > 0 || answer->error < -4095)
			abort();
	}
	return 0;
}

/* The process, made of the input. */
static uint8_t *at(uint64_t address, size_t len)
{
	if (address < MEMORY_AT || address - MEMORY_AT > fuzzed.size ||
	    len > fuzzed.size - (address - MEMORY_AT))
		return NULL;
	return fuzzed.memory + (address - MEMORY_AT);
}

bool target_read(const struct target *target, uint64_t from, void *to, size_t len)
{
	(void)target;
	if (!at(from, len))
		return false;
	memcpy(to, at(from, len), len);
	return true;
}

bool target_write(const struct target *target, uint64_t to, const void *from, size_t len)
{
	(void)target;
	if (!at(to, len))
		return false;
	fuzzed.writes++;
	memcpy(at(to, len), from, len);
	return true;
}

ssize_t target_gather(const struct target *target, uint64_t iov, size_t count, void *to,
                      size_t space)
{
	(void)target;
	if (count > IOV_MAX || !at(iov, count * sizeof(struct iovec)))
		return -EFAULT;
	memset(to, 1, space < 8 ? space : 8);
	return 8;
}

ssize_t target_space(const struct target *target, uint64_t iov, size_t count)
{
	(void)target;
	return at(iov, count) ? (ssize_t)(count * 8) : -EFAULT;
}

bool target_scatter(const struct target *target, uint64_t iov, size_t count, const void *from,
                    size_t len)
{
	static volatile uint8_t sink;

	(void)target;
	for (size_t i = 0; i < len; i++)
		sink = ((const uint8_t *)from)[i];
	(void)sink;
	fuzzed.writes++;
	return at(iov, count);
}

int target_fd(const struct target *target, int fd)
{
	(void)target;
	return fd == -1 ? -EBADF : dup(STDERR_FILENO);
}

bool target_is_our_user(const struct target *target)
{
	(void)target;
	return !kernel_says();
}

bool target_waits(const struct target *target)
{
	(void)target;
	return fuzzed.kernel[3] & 1;
}

void target_program(const struct target *target, char *text, size_t space)
{
	(void)target;
	strncpy(text, "/fuzzed", space);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct berth_portmap map;
	struct seccomp_notif request = { .id = 1, .pid = 1 };
	struct seccomp_notif_resp answer = { 0 };
	struct notify_worker worker = { .map = &map };
	struct notify_wait wait = { .fd = -1 };
	bool answered;

	if (size < sizeof(request.data) + sizeof(fuzzed.kernel) + 1)
		return 0;
	memset(&fuzzed, 0, sizeof(fuzzed));
	memset(&map, 0, sizeof(map));
	berth_portmap_init(&map, 1, BLOCK, BLOCK_LEN);
	berth_portmap_declare(&map, 3101);
	memcpy(&request.data, data, sizeof(request.data));
	data += sizeof(request.data), size -= sizeof(request.data);
	memcpy(fuzzed.kernel, data, sizeof(fuzzed.kernel));
	data += sizeof(fuzzed.kernel), size -= sizeof(fuzzed.kernel);
	fuzzed.protocol = data[0] & 1 ? IPPROTO_UDP : IPPROTO_TCP;
	worker.source_bound = data[0] & 2;
	map.flags = data[0] & 4 ? BERTH_MAP_STRICT : 0;
	request.data.arch = data[0] & 8 ? AUDIT_ARCH_I386 : NATIVE;
	fuzzed.size = size - 1 < MEMORY ? size - 1 : MEMORY;
	memcpy(fuzzed.memory, data + 1, fuzzed.size);
	answered = notify_answer(1, &worker, &request, &answer, &wait);
	if (answered != (fuzzed.answers == 1) || answered != (wait.fd < 0))
		abort();
	if (wait.fd >= 0)
		close(wait.fd);
	return 0;
}
