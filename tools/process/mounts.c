/* SPDX-License-Identifier: MIT */
/* See the kernel's overlayfs.rst for options. */
#include "tools/process/mounts.h"

#include <errno.h>
#include <sys/mount.h>

#include "tools/base/cleanup.h"
#include "tools/base/str.h"

int mounts_add_overlay(const struct mounts_overlay *overlay)
{
	cleanup_free char *hiding = overlay->hiding
	                                    ? str_print("/proc/self/fd/%d:", *overlay->hiding)
	                                    : str_copy("");
	cleanup_free char *options = str_print(
		"lowerdir=%s/proc/self/fd/%d,upperdir=/proc/self/fd/%d,workdir=/proc/self/fd/%d%s",
		hiding, overlay->lower, overlay->upper, overlay->work, overlay->options);

	return mount("berth", overlay->target, "overlay", overlay->flags, options) ? -errno : 0;
}
