/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation: everything is allowed, and the calls of core/calls.def notify the
 * supervisor. So do io_uring_setup, whose rings would carry connects past every filter, and the
 * same calls of 32-bit programs, which the supervisor refuses by name. x32 calls, which no
 * distribution uses, fail with ENOSYS.
 *
 * The handover of the notification descriptor uses read, write and process memory. These are never
 * trapped.
 */
#include "tools/isolate/seccomp/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/base/str.h"

enum filter_action { PASS, TRAP, ADDR1, ADDR4, DATAGRAM, DATAGRAM4 };

static const struct filter_row {
	const char *name;
	enum filter_action action;
} rows[] = {
#define ROW_BOTH(name, action) { #name, action },
#define ROW_LIBC(name, action)
#define CALL(name, class, entry, calls, action) ROW_##entry(name, action)
#include "core/calls.def"
	{ "io_uring_setup", TRAP },
};

/* the 32-bit programs that this machine can run, too */
#if defined(__x86_64__)
enum { SECOND_ARCH = SCMP_ARCH_X86 };
#elif defined(__aarch64__)
enum { SECOND_ARCH = SCMP_ARCH_ARM };
#endif

static int add_row(scmp_filter_ctx context, const struct filter_row *row, bool datagrams)
{
	int number = seccomp_syscall_resolve_name(row->name);
	struct scmp_arg_cmp not_null = { .arg = row->action == ADDR1 ? 1 : 4,
		                         .op = SCMP_CMP_NE,
		                         .datum_a = 0 };

	if (row->action == PASS || (row->action >= DATAGRAM && !datagrams))
		return 0;
	if (row->action == ADDR1 || row->action == ADDR4 || row->action == DATAGRAM4)
		return seccomp_rule_add_array(context, SCMP_ACT_NOTIFY, number, 1, &not_null);
	return seccomp_rule_add(context, SCMP_ACT_NOTIFY, number, 0);
}

static int fill(scmp_filter_ctx context, bool datagrams)
{
	int ret = seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS));

	if (!ret)
		ret = seccomp_arch_add(context, SECOND_ARCH);
	for (size_t i = 0; i < ARRAY_LEN(rows) && !ret; i++)
		ret = add_row(context, &rows[i], datagrams);
	return ret;
}

static int export(scmp_filter_ctx context, struct seccomp_filter *ret_filter)
{
	cleanup_close int fd = memfd_create("berth-filter", MFD_CLOEXEC);
	struct stat info;
	int ret = fd < 0 ? -errno : seccomp_export_bpf(context, fd);

	if (ret)
		return ret;
	if (fstat(fd, &info))
		return -errno;
	ret_filter->len = (unsigned short)((size_t)info.st_size / sizeof(*ret_filter->code));
	ret_filter->code = mem_alloc((size_t)info.st_size);
	if (pread(fd, ret_filter->code, (size_t)info.st_size, 0) != info.st_size) {
		free(steal(&ret_filter->code));
		return -EIO;
	}
	return 0;
}

int seccomp_filter_build(bool datagrams, struct seccomp_filter *ret_filter)
{
	scmp_filter_ctx context = seccomp_init(SCMP_ACT_ALLOW);
	int ret = context ? fill(context, datagrams) : -ENOMEM;

	if (!ret)
		ret = export(context, ret_filter);
	seccomp_release(context);
	return ret;
}
