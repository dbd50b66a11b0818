/* SPDX-License-Identifier: MIT */
#ifndef BERTH_PORTS_H
#define BERTH_PORTS_H
/*
 * Real ports: the block of each worker, and the file of its port map.
 *
 *	ports_open()	read the host's ranges and sockets once
 *	ports_claim()	a block for a worker, which no other run of this network namespace gets
 *	ports_map_create()	the file that the worker's processes map
 *	ports_block_release()
 *	ports_close()
 *
 * Functions return 0 or -errno; nothing here prints. *ret_error is a whole message for people, with
 * a second line `hint: ...` where they can act. It is set on every failure, and the caller's to
 * free.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/portmap.h"

enum {
	PORTS_RANGE_FIRST = 20000,
	PORTS_RANGE_LAST = 29999,
	/* the default size of a block, or less: see ports_block_len() */
	PORTS_BLOCK_MAX = 512,
	PORTS_GRANULE = 32, /* see blocks.c */
};

struct ports_setup {
	/* 0 = the default, or another range if that is not free */
	uint16_t range_first, range_last;
	/* 0 = ports_block_len(), or less if other runs leave too little */
	unsigned int block_len;
	unsigned int workers; /* the number of blocks to be claimed */
	const char *project;  /* with the task, it decides where the search for a block begins */
};

struct ports_block {
	unsigned int base, len; /* real ports base .. base + len - 1 */
	int *leases;            /* close-on-exec; the block is ours while a process holds a copy */
	unsigned int lease_count;
};

struct ports;

/**
 * The default size of a block for a run of @workers in a range with @free_ports free ports. It is
 * generous, because suites that try port after port use hundreds. The whole run gets a twelfth of
 * the free ports, so that other runs find some. At least one granule.
 */
unsigned int ports_block_len(unsigned int free_ports, unsigned int workers);

/** Return: 0; -ERANGE if the range is not valid or too small for @setup->workers; -errno. */
int ports_open(const struct ports_setup *setup, struct ports **ret_ports, char **ret_error);
void ports_close(struct ports *ports);

/* The range that is used. */
void ports_range(const struct ports *ports, uint16_t *ret_first, uint16_t *ret_last);

/**
 * Claim a block for @task: the same one in each run, if it is free. It may be smaller than
 * requested if every block has ports in TIME_WAIT.
 * Return: 0; -ENOSPC if every block of the range is in use; -errno.
 */
int ports_claim(struct ports *ports, const char *task, struct ports_block *ret_block,
                char **ret_error);

/* A virtual port that has a real one already. */
struct ports_pair {
	uint16_t virtual_port, real_port;
};

/**
 * Claim the block that an environment had the last time.
 * @base, @len	as of that block
 * @pairs	no socket may use these real ports, but for TIME_WAIT
 * Return: 0; -EADDRINUSE it is not free; -errno.
 */
int ports_claim_again(struct ports *ports, unsigned int base, unsigned int len,
                      const struct ports_pair *pairs, size_t count, struct ports_block *ret_block);

struct ports_survey {
	unsigned int blocks; /* that fit into the range */
	unsigned int left;   /* of them, those that a run could claim now */
	unsigned int leased; /* granules that runs of this network namespace hold */
	/* the ephemeral range, inclusive */
	unsigned int ephemeral_low, ephemeral_high;
};

/** Count without claiming anything. Return: 0; -errno if the leases cannot be read. */
int ports_count(struct ports *ports, struct ports_survey *ret_survey);

/* Close the leases. The block is free when every process that has a copy has closed it. */
void ports_block_release(struct ports_block *block);

/**
 * Create the port map file of one worker and map it. It contains the facts about the host, and no
 * port is declared.
 * @mode	of the file: 0600, or 0666 if the suite may change its user
 */
int ports_map_create(const struct ports *ports, const char *path, mode_t mode, unsigned int worker,
                     const struct ports_block *block, struct berth_portmap **ret_map);
void ports_map_close(struct berth_portmap *map);

#endif
