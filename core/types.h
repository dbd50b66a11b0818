/* SPDX-License-Identifier: MIT */
#ifndef BERTH_CORE_TYPES_H
#define BERTH_CORE_TYPES_H
/*
 * The fixed-width types of the contract. core/ compiles hosted, inside the shim and for BPF; this is the one place that
 * knows the difference.
 */
#ifdef __bpf__
#include "vmlinux.h"
typedef __u8 uint8_t;
typedef __u16 uint16_t;
typedef __u32 uint32_t;
typedef __u64 uint64_t;
typedef __s32 int32_t;
#else
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#endif

#endif
