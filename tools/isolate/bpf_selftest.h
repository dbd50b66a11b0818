/* SPDX-License-Identifier: MIT */
#ifndef BERTH_ISOLATE_BPF_SELFTEST_H
#define BERTH_ISOLATE_BPF_SELFTEST_H
/*
 * The self-test of the bpf backend: bpf.c makes a cgroup and a map for it, and attaches its
 * programs; then
 *
 *	bpf_selftest_prepare()	fills the map
 *	bpf_selftest_run()	binds, connects and asks for names in that cgroup
 */
#include "core/portmap.h"

/** Return: 0; -EADDRNOTAVAIL there is no free port on 127.0.0.1. */
int bpf_selftest_prepare(struct berth_portmap *map);

/** Return: 0; -ENOTSUP and *ret_reason, a constant half-sentence; -errno. */
int bpf_selftest_run(int cgroup, const struct berth_portmap *map, const char **ret_reason);

#endif
