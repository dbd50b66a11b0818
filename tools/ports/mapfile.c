/* SPDX-License-Identifier: MIT */
/*
 * The file of a port map. Its 650 KB are allocated at once, though a worker uses a few pages. It
 * stays mapped in the supervisor, and keeps its name until the run ends, because each exec of the
 * worker opens it again.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "tools/base/cleanup.h"
#include "tools/ports/host.h"
#include "tools/ports/ports.h"

int ports_map_create(const struct ports *ports, const char *path, mode_t mode, unsigned int worker,
                     const struct ports_block *block, struct berth_portmap **ret_map)
{
	cleanup_close int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
	const struct ports_host *host = ports_host_of(ports);
	struct berth_portmap *map;
	uint16_t first, last;
	int ret;

	if (fd < 0 || fchmod(fd, mode))
		return -errno;
	/* a hole would cause SIGBUS on a full disk, here or in the suite */
	ret = posix_fallocate(fd, 0, sizeof(*map));
	if (ret)
		return -ret;
	map = mmap(NULL, sizeof(*map), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return -errno;
	berth_portmap_init(map, worker, block->base, block->len);
	map->ephemeral_low = host->ephemeral_low;
	map->ephemeral_high = host->ephemeral_high;
	map->addr_count = host->addr_count;
	memcpy(map->addrs, host->addrs, host->addr_count * sizeof(host->addrs[0]));
	ports_range(ports, &first, &last);
	map->range_first = first;
	map->range_last = last;
	*ret_map = map;
	return 0;
}

void ports_map_close(struct berth_portmap *map)
{
	if (map)
		munmap(map, sizeof(*map));
}
