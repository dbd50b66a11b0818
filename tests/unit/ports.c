/* SPDX-License-Identifier: MIT */
/*
 * Blocks are exclusive, aligned, stable and outside the ephemeral range; port map files; the two
 * lists of ports.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <jansson.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/test.h"
#include "tools/base/file.h"
#include "tools/base/str.h"
#include "tools/ports/allocated.h"
#include "tools/ports/learned.h"
#include "tools/ports/ports.h"

static char dir[64];

static struct ports *opened(const struct ports_setup *setup)
{
	struct ports *ports = NULL;
	char *error = NULL;

	assert_int_equal(ports_open(setup, &ports, &error), 0);
	return ports;
}

static void refused(const struct ports_setup *setup, const char *part)
{
	struct ports *ports = NULL;
	char *error = NULL;

	assert_int_equal(ports_open(setup, &ports, &error), -34);
	assert_non_null(strstr(error, part));
	free(error);
}

static void refuses_impossible_ranges(void **state)
{
	(void)state;
	refused(&(struct ports_setup){ .range_first = 30000, .range_last = 40000 },
	        "from which the kernel hands out ports itself");
	refused(&(struct ports_setup){ .range_first = 20001, .range_last = 20040 },
	        "holds no block");
	refused(&(struct ports_setup){ .range_first = 20000, .range_last = 20127, .workers = 5 },
	        "it holds 4 blocks");
	refused(
		&(struct ports_setup){
			.range_first = 20000, .range_last = 20127, .workers = 2, .block_len = 65 },
		"lower `block` (--block)");
	refused(&(struct ports_setup){ .block_len = 20000, .workers = 1 }, "too large");
}

/*
 * Two runs in one small range, with different sizes of block, take all of it and never share a
 * port.
 */
static void blocks_never_overlap(void **state)
{
	const struct ports_setup small = {
		.range_first = 12512, .range_last = 12767, .project = "/p", .workers = 2
	};
	const struct ports_setup large = { .range_first = 12512,
		                           .range_last = 12767,
		                           .project = "/q",
		                           .workers = 3,
		                           .block_len = 40 };
	struct ports *runs[2] = { opened(&small), opened(&large) };
	struct ports_block blocks[16];
	bool taken[65536] = { false };
	unsigned int count = 0;
	char *error = NULL;

	(void)state;
	for (int i = 0; i < 16; i++) {
		char task[8];

		snprintf(task, sizeof(task), "%d", i);
		if (ports_claim(runs[i % 2], task, &blocks[count], &error)) {
			assert_non_null(strstr(error, "--block"));
			free(error);
			error = NULL;
			continue;
		}
		assert_int_equal(blocks[count].base % PORTS_GRANULE, 0);
		for (unsigned int port = blocks[count].base;
		     port < blocks[count].base + blocks[count].len; port++) {
			assert_false(taken[port]);
			assert_in_range(port, 12512, 12767);
			taken[port] = true;
		}
		count++;
	}
	assert_true(count >= 4);
	while (count)
		ports_block_release(&blocks[--count]);
	ports_close(runs[0]);
	ports_close(runs[1]);
}

static void block_is_stable_and_released(void **state)
{
	const struct ports_setup setup = { .project = "/some/project", .workers = 1 };
	unsigned int bases[3];

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct ports *ports = opened(&setup);
		struct ports_block block;
		char *error = NULL;

		assert_int_equal(ports_claim(ports, i == 2 ? "other" : "auth", &block, &error), 0);
		bases[i] = block.base;
		ports_block_release(&block);
		ports_close(ports);
	}
	assert_int_equal(bases[0], bases[1]);
	assert_int_not_equal(bases[0], bases[2]);
}

static struct ports_survey counted(const struct ports_setup *setup)
{
	struct ports *ports = opened(setup); /* reads the used ports once */
	struct ports_survey survey;

	assert_int_equal(ports_count(ports, &survey), 0);
	ports_close(ports);
	return survey;
}

/* A range that no default uses. Blocks of two granules, so that one lease costs a whole block. */
static void free_blocks_are_counted(void **state)
{
	const struct ports_setup one = {
		.range_first = 12832, .range_last = 13087, .project = "/p", .workers = 1
	};
	const struct ports_setup two = {
		.range_first = 12832, .range_last = 13087, .workers = 1, .block_len = 64
	};
	struct ports *ports = opened(&one);
	struct ports_survey before = counted(&two), after;
	struct ports_block block;
	char *error = NULL;

	(void)state;
	assert_int_equal(before.blocks, 4);
	assert_int_equal(counted(&one).blocks, 8);
	assert_int_equal(ports_claim(ports, "count", &block, &error), 0);
	after = counted(&two);
	assert_int_equal(after.leased, before.leased + 1);
	assert_true(after.left < before.left);
	assert_int_equal(counted(&one).blocks, 8);
	ports_block_release(&block);
	assert_int_equal(counted(&two).left, before.left);
	ports_close(ports);
}

/* Leave TCP @port in TIME_WAIT, which the end has that closes first. */
static void leave_in_time_wait(uint16_t port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		                       .sin_port = htons(port),
		                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int server = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0),
	    served, on = 1;
	char byte;

	setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	assert_int_equal(bind(server, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(server, 1), 0);
	assert_int_equal(connect(client, (struct sockaddr *)&address, sizeof(address)), 0);
	served = accept(server, NULL, NULL);
	close(served);
	assert_int_equal(read(client, &byte, 1), 0);
	close(client);
	close(server);
}

static void claims(unsigned int first, unsigned int last, unsigned int requested, unsigned int base,
                   unsigned int len)
{
	const struct ports_setup setup = { .range_first = (uint16_t)first,
		                           .range_last = (uint16_t)last,
		                           .project = "/p",
		                           .workers = 1,
		                           .block_len = requested };
	struct ports *ports = opened(&setup);
	struct ports_block block;
	char *error = NULL;

	assert_int_equal(ports_claim(ports, "1", &block, &error), 0);
	assert_int_equal(block.base, base);
	assert_int_equal(block.len, len);
	ports_block_release(&block);
	ports_close(ports);
}

/*
 * A block without ports in TIME_WAIT, else the longest row without any. In ranges that no other
 * test uses.
 */
static void ports_in_time_wait_are_left_out(void **state)
{
	(void)state;
	leave_in_time_wait(13152);
	claims(13152, 13215, 0, 13184, 32);
	leave_in_time_wait(13088);
	leave_in_time_wait(13111);
	claims(13088, 13119, 0, 13089, 22);
	claims(13088, 13151, 60, 13112, 36);
}

static void map_file_is_private_and_valid(void **state)
{
	const struct ports_setup setup = { .project = "/p", .workers = 1 };
	struct ports *ports = opened(&setup);
	struct ports_block block = { .base = 20000, .len = 32 };
	struct berth_portmap *map;
	struct stat info;
	char *path = str_print("%s/w1.map", dir);

	(void)state;
	assert_int_equal(ports_map_create(ports, path, 0600, 1, &block, &map), 0);
	assert_true(berth_portmap_valid(map));
	assert_int_equal(map->block_base, 20000);
	assert_in_range(map->ephemeral_low, 1, 65535);
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0600);
	/* no hole, which a full disk would turn into SIGBUS */
	assert_true(info.st_blocks * 512 >= info.st_size);
	assert_int_equal(ports_map_create(ports, path, 0600, 1, &block, &map), -17);
	ports_map_close(map);
	ports_close(ports);
	free(path);
}

static bool seven_is_dead(const char *run_id)
{
	return !strcmp(run_id, "7777");
}

static size_t entries(void)
{
	char *path = str_print("%s/allocated-ports.json", dir);
	json_t *array = json_load_file(path, 0, NULL);
	size_t count = json_array_size(array);

	assert_true(json_is_array(array));
	json_decref(array);
	free(path);
	return count;
}

static void allocations_are_merged(void **state)
{
	const struct allocated_port ports[] = { { "a\xff", 1, BERTH_TCP, 3101, 20000, 1 },
		                                { "b", 2, BERTH_UDP, 53, 20032, 2 } };
	struct allocated_run one = { dir, "1111", "/p", 0 }, seven = { dir, "7777", "/p", 0 };

	(void)state;
	assert_int_equal(allocated_put(&one, NULL, 0, seven_is_dead), 0);
	assert_int_equal(entries(), 0);
	assert_int_equal(allocated_put(&seven, ports, 2, seven_is_dead), 0);
	assert_int_equal(entries(), 2);
	assert_int_equal(allocated_put(&one, ports, 1, seven_is_dead), 0);
	assert_int_equal(entries(), 1);
	assert_int_equal(allocated_put(&one, ports, 2, seven_is_dead), 0);
	assert_int_equal(entries(), 2);
	assert_int_equal(allocated_put(&one, NULL, 0, seven_is_dead), 0);
	assert_int_equal(entries(), 0);
}

/* A suite can write to its map. */
static void a_map_with_a_false_length_is_no_danger(void **state)
{
	struct berth_portmap *map = mmap(NULL, sizeof(*map), PROT_READ | PROT_WRITE,
	                                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct allocated_port *ports;

	(void)state;
	berth_portmap_init(map, 1, 20000, 32);
	berth_portmap_declare(map, 3101);
	map->block_len = UINT32_MAX;
	assert_int_equal(allocated_of_map(map, "1", 1, &ports), 1);
	assert_int_equal(ports[0].real_port, 20000);
	free(ports);
	munmap(map, sizeof(*map));
}

static void learns_by_command_and_task(void **state)
{
	char *npm[] = { "npm", "test", NULL }, *make[] = { "make", NULL };
	struct learned_port ports[] = { { 3101, false }, { 3103, false }, { 0, false } };
	uint16_t *found;

	(void)state;
	assert_int_equal(learned_load(dir, npm, "auth", &found), 0);
	assert_null(found);
	assert_int_equal(learned_save(dir, npm, "auth", ports), 0);
	assert_int_equal(learned_save(dir, npm, "auth", ports), 0);
	assert_int_equal(learned_load(dir, npm, "auth", &found), 0);
	assert_int_equal(found[0], 3101);
	assert_int_equal(found[1], 3103);
	assert_int_equal(found[2], 0);
	free(found);
	assert_int_equal(learned_load(dir, npm, NULL, &found), 0);
	assert_int_equal(found[0], 0);
	free(found);
	assert_int_equal(learned_load(dir, make, "auth", &found), 0);
	assert_int_equal(found[0], 0);
	free(found);
}

static void udp_ports_count_when_they_come_back(void **state)
{
	struct learned_port service[] = { { 8501, true }, { 40111, true }, { 0, false } };
	struct learned_port again[] = { { 8501, true }, { 51222, true }, { 0, false } };
	char *npm[] = { "npm", "run", "udp", NULL };
	uint16_t *found;

	(void)state;
	assert_int_equal(learned_save(dir, npm, NULL, service), 0);
	assert_int_equal(learned_load(dir, npm, NULL, &found), 0);
	assert_int_equal(found[0], 0);
	free(found);
	assert_int_equal(learned_save(dir, npm, NULL, again), 0);
	assert_int_equal(learned_load(dir, npm, NULL, &found), 0);
	assert_int_equal(found[0], 8501);
	assert_int_equal(found[1], 0);
	free(found);
}

static int make_dir(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/berth-unit-XXXXXX");
	return !mkdtemp(dir);
}

static int remove_dir(void **state)
{
	(void)state;
	return dir_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_impossible_ranges),
		cmocka_unit_test(blocks_never_overlap),
		cmocka_unit_test(block_is_stable_and_released),
		cmocka_unit_test(free_blocks_are_counted),
		cmocka_unit_test(ports_in_time_wait_are_left_out),
		cmocka_unit_test(map_file_is_private_and_valid),
		cmocka_unit_test(allocations_are_merged),
		cmocka_unit_test(a_map_with_a_false_length_is_no_danger),
		cmocka_unit_test(learns_by_command_and_task),
		cmocka_unit_test(udp_ports_count_when_they_come_back),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
