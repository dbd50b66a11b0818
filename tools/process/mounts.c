/* SPDX-License-Identifier: MIT */
/* See user_namespaces(7) for the order of writes, and the kernel's overlayfs.rst for options. */
#include "tools/process/mounts.h"

#include <errno.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/base/str.h"

/* Map @id to itself. */
static int map_id(const char *path, unsigned int id)
{
	cleanup_free char *map = str_print("%u %u 1\n", id, id);

	return file_put(path, map);
}

int mounts_enter_namespace(bool user, unsigned long propagation)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	int ret = 0;

	if (unshare(CLONE_NEWNS | (user ? CLONE_NEWUSER : 0)))
		return -errno;
	if (user) {
		/* before gid_map */
		(void)file_put("/proc/self/setgroups", "deny");
		ret = map_id("/proc/self/uid_map", uid);
		ret = ret ? ret : map_id("/proc/self/gid_map", gid);
	}
	if (!ret && mount(NULL, "/", NULL, MS_REC | propagation, NULL))
		ret = -errno;
	return ret;
}

int mounts_add_overlay(const struct mounts_overlay *overlay)
{
	cleanup_free char *options = str_print(
		"lowerdir=/proc/self/fd/%d,upperdir=/proc/self/fd/%d,workdir=/proc/self/fd/%d%s",
		overlay->lower, overlay->upper, overlay->work, overlay->options);

	return mount("berth", overlay->target, "overlay", overlay->flags, options) ? -errno : 0;
}
