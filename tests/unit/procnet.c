/* SPDX-License-Identifier: MIT */
/* core/procnet: which lines of /proc/net/tcp a worker sees, and with which ports. */
#include <arpa/inet.h>
#include <stdio.h>

#include "core/procnet.h"
#include "tests/unit/test.h"

static struct berth_portmap *map;

/*
 * 3101 -> 20000 for both, 53 -> 20001 for UDP only, 4000 shared; the range is 20000-29999, the
 * block has 32 ports of it
 */
static int fresh(void **state)
{
	bool is_new;

	(void)state;
	map = calloc(1, sizeof(*map));
	berth_portmap_init(map, 1, 20000, 32);
	map->range_first = 20000;
	map->range_last = 29999;
	map->addr_count = 1;
	inet_pton(AF_INET6, "::ffff:10.1.2.3", &map->addrs[0]);
	assert_int_equal(berth_portmap_declare(map, 3101), 20000);
	assert_int_equal(berth_portmap_claim(map, BERTH_UDP, 53, &is_new), 20001);
	berth_portmap_share(map, 4000);
	return 0;
}

static int done(void **state)
{
	(void)state;
	free(map);
	return 0;
}

/*
 * A line with these ends, in the form of this machine's kernel; as the worker sees it: "LOCAL
 * REMOTE", "hidden" or "early".
 */
static const char *seen(enum berth_proto proto, const char *local, unsigned int here,
                        const char *remote, unsigned int there, unsigned int state)
{
	static char text[40];
	unsigned int ports[2];
	struct in_addr at[2];
	char line[160];
	int len;

	assert_int_equal(inet_pton(AF_INET, local, &at[0]) + inet_pton(AF_INET, remote, &at[1]), 2);
	len = snprintf(line, sizeof(line),
	               "  12: %08X:%04X %08X:%04X %02X 00000000:00000000 00:00000000 0",
	               at[0].s_addr, here, at[1].s_addr, there, state);
	switch (berth_procnet_line(map, proto, line, (size_t)len)) {
	case BERTH_PROCNET_HIDE: return "hidden";
	case BERTH_PROCNET_EARLY: return "early";
	default:
		assert_int_equal(sscanf(line, "  12: %*8[0-9A-F]:%04X %*8[0-9A-F]:%04X", &ports[0],
		                        &ports[1]),
		                 2);
		snprintf(text, sizeof(text), "%u %u", ports[0], ports[1]);
		return text;
	}
}

static const char *listener(unsigned int port)
{
	return seen(BERTH_TCP, "127.0.0.1", port, "0.0.0.0", 0, 10);
}

static void own_sockets_have_virtual_ports(void **state)
{
	(void)state;
	assert_string_equal(listener(20000), "3101 0");
	assert_string_equal(seen(BERTH_TCP, "127.0.0.1", 40000, "127.0.0.1", 20000, 1),
	                    "40000 3101");
	assert_string_equal(seen(BERTH_TCP, "10.1.2.3", 20000, "10.1.2.3", 40000, 1), "3101 40000");
	assert_string_equal(seen(BERTH_UDP, "0.0.0.0", 20001, "0.0.0.0", 0, 7), "53 0");
	assert_string_equal(seen(BERTH_UDP, "0.0.0.0", 20000, "0.0.0.0", 0, 7), "3101 0");
}

static void others_are_hidden(void **state)
{
	(void)state;
	/* the host's: this worker's is another */
	assert_string_equal(listener(3101), "hidden");
	assert_string_equal(listener(20032), "hidden"); /* a neighbour's */
	assert_string_equal(seen(BERTH_TCP, "127.0.0.1", 40000, "127.0.0.1", 3101, 1), "hidden");
	assert_string_equal(seen(BERTH_TCP, "127.0.0.1", 40000, "127.0.0.1", 29999, 1), "hidden");
	/* the slot is UDP's: a stranger has the TCP port */
	assert_string_equal(listener(20001), "hidden");
	assert_string_equal(listener(20002), "early"); /* or the map is behind */
	/* a former run's TIME_WAIT */
	assert_string_equal(seen(BERTH_TCP, "127.0.0.1", 20002, "127.0.0.1", 40000, 6), "hidden");
}

static void the_rest_is_as_it_is(void **state)
{
	(void)state;
	assert_string_equal(listener(8080), "8080 0");
	assert_string_equal(listener(53), "53 0");
	assert_string_equal(listener(4000), "4000 0");
	/* somewhere else */
	assert_string_equal(seen(BERTH_TCP, "10.1.2.3", 40000, "10.9.9.9", 20000, 1),
	                    "40000 20000");
	map->flags |= BERTH_MAP_STRICT;
	assert_string_equal(listener(8080), "hidden");
	assert_string_equal(listener(4000), "4000 0");
	assert_string_equal(listener(40000), "40000 0");
	assert_string_equal(listener(20000), "3101 0");
}

static void a_port_that_moved_is_the_strangers(void **state)
{
	(void)state;
	berth_portmap_try(map, 20000);
	assert_int_equal(berth_portmap_move(map, BERTH_TCP, 3101, 20000), 20002);
	assert_string_equal(listener(20000), "hidden");
	assert_string_equal(listener(20002), "3101 0");
	assert_string_equal(seen(BERTH_UDP, "0.0.0.0", 20000, "0.0.0.0", 0, 7), "3101 0");
}

static void six(void **state)
{
	char line[] = "   0: 00000000000000000000000001000000:4E20 "
		      "00000000000000000000000000000000:0000 0A 0";

	(void)state;
	assert_int_equal(berth_procnet_line(map, BERTH_TCP, line, sizeof(line) - 1),
	                 BERTH_PROCNET_SHOW);
	assert_non_null(strstr(line, "01000000:0C1D 0"));
}

static void what_is_no_line_passes(void **state)
{
	static const char *const texts[] = {
		"",
		"  sl  local_address rem_address   st",
		"  1:",
		"  1: 0100007F:4E20",
		"  1: 0100007F0100007F:4E20 00000000:0000 0A",
		"  1: 0100007F:4E2 00000000:0000 0A",
		"  1: 0100007",
		"  1: 0100007F0100007F0100007F0100007F0100007F:4E20 0"
	};
	char line[80];

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		strcpy(line, texts[i]);
		assert_int_equal(berth_procnet_line(map, BERTH_TCP, line, strlen(line)),
		                 BERTH_PROCNET_SHOW);
		assert_string_equal(line, texts[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(own_sockets_have_virtual_ports, fresh, done),
		cmocka_unit_test_setup_teardown(others_are_hidden, fresh, done),
		cmocka_unit_test_setup_teardown(the_rest_is_as_it_is, fresh, done),
		cmocka_unit_test_setup_teardown(a_port_that_moved_is_the_strangers, fresh, done),
		cmocka_unit_test_setup_teardown(six, fresh, done),
		cmocka_unit_test_setup_teardown(what_is_no_line_passes, fresh, done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
