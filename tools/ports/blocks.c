/* SPDX-License-Identifier: MIT */
/*
 * Claims blocks without a daemon and without a lock file. Runs in the supervisor.
 *
 * Ports are divided into granules of 32 at fixed positions (port / 32), so that runs with different
 * settings cannot overlap. A granule belongs to the process that has bound the abstract Unix socket
 * @berth/ports/FIRST. bind(2) is atomic, these names exist in the network namespace as ports do,
 * and the kernel releases them with the last holder (unix(7)). A block is a row of granules; if no
 * row is free and no size was requested, it is one granule.
 *
 * That keeps runs of Berth apart. Other sockets appear in one sock_diag dump for each run. A run of
 * few workers binds the ports of its block once instead. A block with a used port is skipped. A
 * socket that appears later makes the port map move the port.
 *
 * A server without SO_REUSEADDR cannot bind a port in TIME_WAIT, and the port map would take that
 * for a conflict inside the worker. So a block with such ports is cut to its longest row without
 * any, and used only if no whole block is left. Slots are taken from the front of a block, so ports
 * in TIME_WAIT are at the front, too.
 *
 * Blocks are never in ip_local_port_range, from which the kernel chooses ports.
 * ip_local_reserved_ports does not matter: it forbids no bind.
 */
#include "tools/ports/ports.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/hash.h"
#include "tools/base/cleanup.h"
#include "tools/base/diag.h"
#include "tools/base/file.h"
#include "tools/base/log.h"
#include "tools/base/str.h"
#include "tools/ports/host.h"

enum { GRANULES = BERTH_PORTS / PORTS_GRANULE, FEW_WORKERS = 4, SHARE = 12 };

struct ports {
	struct ports_host host;
	unsigned int first, last; /* granules, inclusive */
	unsigned int block_len;
	unsigned int block_granules;
	bool may_shrink; /* no size of block was requested */
	unsigned int workers;
	char *project;
	bool looked;                  /* the dump is made for the first block that needs it */
	uint32_t used[GRANULES];      /* bit: a socket uses this port */
	uint32_t lingering[GRANULES]; /* bit: only TIME_WAIT uses it */
};

static unsigned int granules_of(unsigned int ports)
{
	return (ports + PORTS_GRANULE - 1) / PORTS_GRANULE;
}

static void set_block(struct ports *ports, unsigned int len)
{
	ports->block_len = len;
	ports->block_granules = granules_of(len);
}

unsigned int ports_block_len(unsigned int free_ports, unsigned int workers)
{
	unsigned int granules = free_ports / SHARE / PORTS_GRANULE / (workers ? workers : 1);

	if (granules > PORTS_BLOCK_MAX / PORTS_GRANULE)
		return PORTS_BLOCK_MAX;
	return granules ? granules * PORTS_GRANULE : PORTS_GRANULE;
}

static bool overlaps(const struct ports_host *host, unsigned int first, unsigned int last)
{
	return first <= host->ephemeral_high && last >= host->ephemeral_low;
}

/* The default range if it is free, else the wider gap beside the ephemeral range. */
static int choose_range(const struct ports_host *host, unsigned int *ret_first,
                        unsigned int *ret_last)
{
	unsigned int below = host->ephemeral_low > 1024 ? host->ephemeral_low - 1024 : 0;
	unsigned int above = 65535 - host->ephemeral_high;

	*ret_first = PORTS_RANGE_FIRST;
	*ret_last = PORTS_RANGE_LAST;
	if (!overlaps(host, *ret_first, *ret_last))
		return 0;
	*ret_first = below >= above ? 1024 : host->ephemeral_high + 1;
	*ret_last = below >= above ? host->ephemeral_low - 1 : 65535;
	return (below > above ? below : above) >= 2 * PORTS_GRANULE ? 0 : -ERANGE;
}

static int range_error(const struct ports_host *host, unsigned int first, unsigned int last,
                       char **ret_error)
{
	*ret_error = str_print("the port range %u-%u overlaps %u-%u, from which the kernel hands "
	                       "out ports itself\n"
	                       "hint: choose another `range`, or: sysctl "
	                       "net.ipv4.ip_local_port_range=\"32768 60999\"",
	                       first, last, host->ephemeral_low, host->ephemeral_high);
	return -ERANGE;
}

/* Read the leases of all runs in the kernel's list: to bind a name could disturb a run. */
static int read_leases(const struct ports *ports, bool *leased, unsigned int *ret_count)
{
	static const char lease[] = " @berth/ports/";
	cleanup_free char *text = NULL;
	int ret = file_read("/proc/net/unix", &text, NULL);

	for (const char *at = text; !ret && (at = strstr(at, lease)); at++) {
		unsigned long granule = strtoul(at + strlen(lease), NULL, 10) / PORTS_GRANULE;

		if (granule < GRANULES && !leased[granule]) {
			leased[granule] = true;
			*ret_count += granule >= ports->first && granule <= ports->last;
		}
	}
	return ret;
}

static int set_range(struct ports *ports, const struct ports_setup *setup, char **ret_error)
{
	unsigned int first = setup->range_first, last = setup->range_last, taken = 0;
	bool leased[GRANULES] = { false };

	if (!first && choose_range(&ports->host, &first, &last))
		return range_error(&ports->host, PORTS_RANGE_FIRST, PORTS_RANGE_LAST, ret_error);
	if (!last)
		last = PORTS_RANGE_LAST;
	if (overlaps(&ports->host, first, last))
		return range_error(&ports->host, first, last, ret_error);
	ports->first = granules_of(first);
	ports->last = (last + 1) / PORTS_GRANULE - 1;
	if (last + 1 < PORTS_GRANULE || ports->first > ports->last) {
		*ret_error = str_print("the port range %u-%u holds no block of %d ports", first,
		                       last, PORTS_GRANULE);
		return -ERANGE;
	}
	if (ports->may_shrink) {
		unsigned int granules = ports->last - ports->first + 1;

		if (read_leases(ports, leased, &taken))
			taken = 0;
		set_block(ports,
		          ports_block_len((granules - taken) * PORTS_GRANULE, ports->workers));
	}
	return 0;
}

static int predict(const struct ports *ports, unsigned int workers, char **ret_error)
{
	unsigned int blocks = (ports->last - ports->first + 1) / ports->block_granules;

	if (workers <= blocks)
		return 0;
	*ret_error = str_print(
		"%u workers with a block of %u ports each do not fit into the port range %u-%u: "
		"it holds %u blocks\nhint: widen `range`, or lower `block` (--block)",
		workers, ports->block_len, ports->first * PORTS_GRANULE,
		ports->last * PORTS_GRANULE + PORTS_GRANULE - 1, blocks);
	return -ERANGE;
}

int ports_open(const struct ports_setup *setup, struct ports **ret_ports, char **ret_error)
{
	struct ports *ports = mem_alloc(sizeof(*ports));
	int ret;

	ports->may_shrink = !setup->block_len;
	set_block(ports, setup->block_len);
	ports->workers = setup->workers;
	ports->project = str_copy(setup->project ? setup->project : "");
	ports_host_read(&ports->host);
	if (ports->block_len > BERTH_SLOTS_MAX) {
		*ret_error = str_print("a block of %u ports is too large: at most %u",
		                       ports->block_len, BERTH_SLOTS_MAX);
		ret = -ERANGE;
	} else {
		ret = set_range(ports, setup, ret_error);
	}
	if (!ret)
		ret = predict(ports, setup->workers, ret_error);
	if (ret)
		ports_close(ports);
	else
		*ret_ports = ports;
	return ret;
}

void ports_close(struct ports *ports)
{
	if (!ports)
		return;
	free(ports->project);
	free(ports);
}

void ports_range(const struct ports *ports, uint16_t *ret_first, uint16_t *ret_last)
{
	*ret_first = (uint16_t)(ports->first * PORTS_GRANULE);
	*ret_last = (uint16_t)(ports->last * PORTS_GRANULE + PORTS_GRANULE - 1);
}

const struct ports_host *ports_host_of(const struct ports *ports)
{
	return &ports->host;
}

static void mark_used(void *arg, const struct diag_socket *socket)
{
	struct ports *ports = arg;
	bool lingers = socket->proto == BERTH_TCP && socket->state == DIAG_TIME_WAIT;
	uint32_t *words = lingers ? ports->lingering : ports->used;

	words[socket->local_port / PORTS_GRANULE] |= 1u << socket->local_port % PORTS_GRANULE;
}

static void find_used_ports(struct ports *ports)
{
	struct diag_filter filter = { 0 };

	if (ports->looked)
		return;
	ports->looked = true;
	ports_range(ports, &filter.first, &filter.last);
	/* without sock_diag the first bind of a port shows whether it is free (core/portmap.c) */
	if (diag_each(-1, &filter, mark_used, ports))
		log_act("no sock_diag: ports %u-%u are taken to be free", filter.first,
		        filter.last);
}

static bool has_bit(const uint32_t *words, unsigned int port)
{
	return words[port / PORTS_GRANULE] >> port % PORTS_GRANULE & 1;
}

/*
 * Find the longest row of ports without TIME_WAIT in the block that begins at @granule.
 * Return: its length, perhaps 0; -EADDRINUSE if a port of the block is used.
 */
static int find_row(const struct ports *ports, unsigned int granule, unsigned int *ret_base)
{
	unsigned int base = granule * PORTS_GRANULE, longest = 0, len = 0;

	*ret_base = base;
	for (unsigned int port = base; port < base + ports->block_len; port++) {
		if (has_bit(ports->used, port))
			return -EADDRINUSE;
		len = has_bit(ports->lingering, port) ? 0 : len + 1;
		if (len <= longest)
			continue;
		longest = len;
		*ret_base = port + 1 - len;
	}
	return (int)longest;
}

/* Return: the lease; -EADDRINUSE if another run has it; -errno. */
static int claim_granule(unsigned int granule)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	cleanup_close int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int len = snprintf(name.sun_path + 1, sizeof(name.sun_path) - 1, "berth/ports/%u",
	                   granule * PORTS_GRANULE);

	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&name,
	         (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1) + (socklen_t)len))
		return -errno;
	return steal_fd(&fd);
}

static int claim_at(const struct ports *ports, unsigned int granule, struct ports_block *ret_block)
{
	struct ports_block block = { .base = granule * PORTS_GRANULE, .len = ports->block_len };

	block.leases = mem_alloc(ports->block_granules * sizeof(int));
	for (unsigned int i = 0; i < ports->block_granules; i++) {
		int lease = claim_granule(granule + i);

		if (lease < 0) {
			ports_block_release(&block);
			return lease;
		}
		block.leases[block.lease_count++] = lease;
	}
	*ret_block = block;
	return 0;
}

/* The number of the place where the search begins, of @homes places. */
static uint32_t home_of(const char *project, const char *task, unsigned int homes)
{
	uint32_t hash = berth_hash_byte(berth_hash_text(BERTH_HASH, project), 0);

	return berth_hash_text(hash, task) % homes;
}

/*
 * Search once around, from the place where this project's task always begins.
 * @min	so many ports in a row must not be in TIME_WAIT; 0 = all may be
 */
static int search(struct ports *ports, uint32_t start, unsigned int min,
                  struct ports_block *ret_block)
{
	unsigned int places = ports->last - ports->first + 2 - ports->block_granules;

	for (unsigned int i = 0; i < places; i++) {
		unsigned int granule = ports->first + (start + i) % places, base;
		int len = find_row(ports, granule, &base), ret;

		if (len < (int)min)
			continue;
		ret = claim_at(ports, granule, ret_block);
		if (!ret && min) {
			ret_block->base = base;
			ret_block->len = (unsigned int)len;
		}
		if (ret != -EADDRINUSE)
			return ret;
	}
	return -ENOSPC;
}

/* A whole block, else a part of one, else of a small one, else one with all ports in TIME_WAIT. */
static int search_all(struct ports *ports, uint32_t start, struct ports_block *ret_block)
{
	unsigned int min = ports->block_len;
	int ret = search(ports, start, min, ret_block);

	while (ret == -ENOSPC && min) {
		min /= 2;
		if (min < PORTS_GRANULE && ports->may_shrink)
			set_block(ports, PORTS_GRANULE);
		ret = search(ports, start, min, ret_block);
	}
	return ret;
}

/* True if @port can be bound on every address of both families, without SO_REUSEADDR. */
static bool can_bind(int type, unsigned int port)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };
	struct sockaddr_in any4 = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	cleanup_close int fd = socket(AF_INET6, type | SOCK_CLOEXEC, 0);
	int off = 0;

	if (fd >= 0 && !setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off))) {
		if (!bind(fd, (struct sockaddr *)&any, sizeof(any)))
			return true;
		if (errno == EADDRINUSE)
			return false;
	}
	if (fd >= 0)
		close(fd);
	fd = socket(AF_INET, type | SOCK_CLOEXEC, 0); /* a host without IPv6 */
	return fd >= 0 && !bind(fd, (struct sockaddr *)&any4, sizeof(any4));
}

/*
 * A run of few workers claims the blocks of its last run, and binds the ports of each first granule
 * to see whether they are free. That takes a quarter of a millisecond. The dump takes 7 ms on a
 * host with 14 000 connections in TIME_WAIT. The block is claimed before, so that no other run is
 * disturbed. A used port beyond the first granule is treated as one that appears later.
 * Return: 0 and the block; -EAGAIN if another block is needed.
 */
static int claim_first(struct ports *ports, uint32_t start, struct ports_block *ret_block)
{
	unsigned int base = (ports->first + start) * PORTS_GRANULE;
	unsigned int end = base + (ports->block_len < PORTS_GRANULE || !ports->may_shrink
	                                   ? ports->block_len
	                                   : PORTS_GRANULE);
	bool is_free = true;

	if (ports->looked || ports->workers > FEW_WORKERS ||
	    claim_at(ports, base / PORTS_GRANULE, ret_block))
		return -EAGAIN;
	for (unsigned int port = base; port < end && is_free; port++)
		is_free = can_bind(SOCK_STREAM, port) && can_bind(SOCK_DGRAM, port);
	if (!is_free)
		ports_block_release(ret_block);
	return is_free ? 0 : -EAGAIN;
}

int ports_claim(struct ports *ports, const char *task, struct ports_block *ret_block,
                char **ret_error)
{
	/* the search begins at the same place for every size of block */
	unsigned int granules = ports->last - ports->first + 1;
	unsigned int homes = ports->may_shrink ? granules - granules / SHARE
	                                       : granules + 1 - ports->block_granules;
	uint32_t start = home_of(ports->project, task, homes);
	uint16_t first, last;
	int ret;

	if (!claim_first(ports, start, ret_block))
		return 0;
	find_used_ports(ports);
	ret = search_all(ports, start, ret_block);
	if (!ret)
		return 0;
	ports_range(ports, &first, &last);
	if (ret == -ENOSPC)
		*ret_error = str_print(
			"no block of %u free ports is left in the port range %u-%u\n"
			"hint: other runs hold them (`berth ps`); widen `range`, or lower `block` "
			"(--block)",
			ports->block_len, first, last);
	else
		*ret_error = str_print("unable to claim a block of ports: %s", strerror(-ret));
	return ret;
}

int ports_claim_again(struct ports *ports, unsigned int base, unsigned int len,
                      const struct ports_pair *pairs, size_t count, struct ports_block *ret_block)
{
	unsigned int first = base / PORTS_GRANULE, usual = ports->block_len;
	int ret;

	if (!len || first < ports->first || granules_of(base + len) > ports->last + 1)
		return -EADDRINUSE;
	find_used_ports(ports);
	for (size_t i = 0; i < count; i++)
		if (has_bit(ports->used, pairs[i].real_port))
			return -EADDRINUSE;
	set_block(ports, base + len - first * PORTS_GRANULE);
	ret = claim_at(ports, first, ret_block);
	set_block(ports, usual);
	if (ret)
		return ret;
	ret_block->base = base;
	ret_block->len = len;
	return 0;
}

int ports_count(struct ports *ports, struct ports_survey *ret_survey)
{
	bool leased[GRANULES] = { false };
	unsigned int granule = ports->first, base, i;
	int ret;

	*ret_survey = (struct ports_survey){ .ephemeral_low = ports->host.ephemeral_low,
		                             .ephemeral_high = ports->host.ephemeral_high };
	ret_survey->blocks = (ports->last - ports->first + 1) / ports->block_granules;
	ret = read_leases(ports, leased, &ret_survey->leased);
	if (ret)
		return ret;
	find_used_ports(ports);
	while (granule + ports->block_granules <= ports->last + 1) {
		for (i = 0; i < ports->block_granules && !leased[granule + i]; i++)
			;
		if (i == ports->block_granules && find_row(ports, granule, &base) >= 0) {
			ret_survey->left++;
			granule += ports->block_granules;
		} else {
			granule++;
		}
	}
	return 0;
}

void ports_block_release(struct ports_block *block)
{
	for (unsigned int i = 0; i < block->lease_count; i++)
		close(block->leases[i]);
	free(block->leases);
	block->leases = NULL;
	block->lease_count = 0;
}
