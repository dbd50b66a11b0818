/* SPDX-License-Identifier: MIT */
#ifndef BERTH_PORTS_H
#define BERTH_PORTS_H
/*
 * Real ports: which block a worker gets, and the file that holds its port map.
 *
 *	ports_open()		look at the host once: range, ephemeral range, sockets in use
 *	ports_claim()		a block per worker, exclusive among all runs of this network namespace
 *	ports_map_create()	the file that the worker's processes map
 *	ports_block_release()
 *	ports_close()
 *
 * Functions return 0 or -errno; nothing here prints. Where there is a `ret_error`, it is a whole message for people (with
 * a second line `hint: ...` where they can act), the caller's to free, and set on every failure.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/portmap.h"

enum {
	PORTS_RANGE_FIRST = 20000,
	PORTS_RANGE_LAST = 29999,
	/* a block by default has this many ports, or fewer: see ports_block_len() */
	PORTS_BLOCK_MAX = 512,
	PORTS_GRANULE = 32, /* blocks are made of these; see blocks.c */
};

struct ports_setup {
	/* 0 = the default, or another gap if that one is not free here */
	uint16_t range_first, range_last;
	/* 0 = as ports_block_len() says, and fewer where other runs leave no room */
	unsigned int block_len;
	unsigned int workers; /* how many blocks will be claimed: exhaustion is predicted */
	const char *project;  /* with the task, decides where the search for a block begins */
};

struct ports_block {
	unsigned int base, len; /* real ports base .. base + len - 1 */
	int *leases;            /* close-on-exec; whoever holds a copy keeps the block */
	unsigned int lease_count;
};

struct ports;

/**
 * The default size of a block, for a run of @workers and a range of which @room ports are free: generous, because suites
 * that try port after port use up hundreds, but a twelfth of the room for the whole run, so that others find theirs. A
 * granule at least.
 */
unsigned int ports_block_len(unsigned int room, unsigned int workers);

/** Return: 0; -ERANGE the range is impossible or too small for @setup->workers; -errno. */
int ports_open(const struct ports_setup *setup, struct ports **ret_ports, char **ret_error);
void ports_close(struct ports *ports);

/* The range in force. */
void ports_range(const struct ports *ports, uint16_t *ret_first, uint16_t *ret_last);

/**
 * Claim a block for @task: the same one run after run, if it is free. Shorter than wanted, maybe, where ports linger in
 * TIME_WAIT in every block.
 * Return: 0; -ENOSPC every block of the range is in use; -errno.
 */
int ports_claim(struct ports *ports, const char *task, struct ports_block *ret_block,
                char **ret_error);

struct ports_survey {
	unsigned int blocks; /* that the range can hold */
	unsigned int left;   /* of them, how many a run could claim now */
	unsigned int leased; /* granules that runs of this network namespace have */
	/* where the kernel hands out ports itself, inclusive */
	unsigned int ephemeral_low, ephemeral_high;
};

/** Count without claiming anything: for `berth doctor`. Return: 0; -errno if the leases cannot be read. */
int ports_count(struct ports *ports, struct ports_survey *ret_survey);

/* Close the leases; the block is free when every process that inherited them has done so. */
void ports_block_release(struct ports_block *block);

/**
 * Create the port map file of one worker at @path and map it. What the host is like (its own addresses, its ephemeral
 * range) is filled in; nothing is declared yet.
 * @mode	of the file: 0600, or 0666 when the suite may change its user
 */
int ports_map_create(const struct ports *ports, const char *path, mode_t mode, unsigned int worker,
                     const struct ports_block *block, struct berth_portmap **ret_map);
void ports_map_close(struct berth_portmap *map);

#endif
