/* SPDX-License-Identifier: MIT */
#ifndef BERTH_CORE_TYPES_H
#define BERTH_CORE_TYPES_H
/*
 * The fixed-width types of core/, which compiles for the host, for the shim and for BPF. No other
 * file of core/ knows the difference.
 */
/* For functions that return a structure or have six arguments: a BPF function can do neither. */
#define berth_inline static inline __attribute__((__always_inline__))

#ifdef __bpf__
/* a program that reads kernel structures includes vmlinux.h first, and has the types from there */
#ifndef __VMLINUX_H__
#include <linux/types.h>
typedef _Bool bool;
typedef __SIZE_TYPE__ size_t;
#define true 1
#define false 0
#endif
typedef __u8 uint8_t;
typedef __u16 uint16_t;
typedef __u32 uint32_t;
typedef __u64 uint64_t;
typedef __s32 int32_t;
#define NULL ((void *)0)

/*
 * clang 14 cannot select atomic loads, stores and fences for BPF. A volatile load is one load
 * instruction, and every machine orders what is reached through the loaded value behind it. An
 * exchange is a full barrier.
 */
#define __atomic_load_n(cell, order)         (*(volatile __typeof__(*(cell)) *)(cell))
#define __atomic_store_n(cell, value, order) ((void)__sync_lock_test_and_set((cell), (value)))
#define __atomic_thread_fence(order)         __asm__ volatile("" ::: "memory")

/* BPF_FUNC_loop, Linux 5.17 */
static long (*const berth_bpf_loop)(uint32_t, void *, void *, uint64_t) = (void *)181;
#define berth_loop(steps, step, arg) berth_bpf_loop((steps), (step), (arg), 0)

/* The empty assembly hides the value from the compiler, so the bound stays in the program. */
#define berth_index(value, count) \
	({ \
		uint32_t index_ = (value); \
\
		__asm__("" : "+r"(index_)); \
		index_ % (count); \
	})
#else
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Call @step(0, arg), @step(1, arg) ... until one returns other than 0, at most @steps times. The
 * BPF verifier looks at such a step once, and at a plain loop once for each turn (128 turns: 22 ms
 * for each program, measured).
 */
static inline void berth_loop(uint32_t steps, long (*step)(uint32_t, void *), void *arg)
{
	for (uint32_t i = 0; i < steps; i++)
		if (step(i, arg))
			return;
}

/*
 * @value, which is below @count, a power of two, as the index of an array in a port map. The BPF
 * verifier wants to see the bound at the access: it forgets that of a value that the compiler has
 * put aside in four bytes of stack (clang 13), and a compiler leaves out a bound that it can prove.
 */
#define berth_index(value, count) (value)
#endif

#endif
