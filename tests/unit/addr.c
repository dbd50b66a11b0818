/* SPDX-License-Identifier: MIT */
/* core/addr: which addresses the port map concerns. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "core/addr.h"
#include "tests/unit/test.h"

static struct berth_portmap *map;

static int fresh(void **state)
{
	(void)state;
	map = calloc(1, sizeof(*map));
	berth_portmap_init(map, 1, 20000, 32);
	map->addr_count = 2;
	inet_pton(AF_INET6, "::ffff:10.1.2.3", &map->addrs[0]);
	inet_pton(AF_INET6, "2001:db8::7", &map->addrs[1]);
	return 0;
}

static int done(void **state)
{
	(void)state;
	free(map);
	return 0;
}

static bool local4(const char *text, uint16_t port, uint32_t len, struct berth_addr *ret)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons(port) };

	assert_int_equal(inet_pton(AF_INET, text, &sa.sin_addr), 1);
	return berth_addr_parse(map, &sa, len, BERTH_ADDR_PLAIN, ret);
}

static bool local6(const char *text, uint16_t port, uint32_t len, struct berth_addr *ret)
{
	struct sockaddr_in6 sa = { .sin6_family = AF_INET6, .sin6_port = htons(port) };

	assert_int_equal(inet_pton(AF_INET6, text, &sa.sin6_addr), 1);
	return berth_addr_parse(map, &sa, len, BERTH_ADDR_PLAIN, ret);
}

static void local_addresses_are_ours(void **state)
{
	static const char *const four[] = { "127.0.0.1",       "127.255.255.255", "127.0.0.53",
		                            "0.0.0.0",         "10.1.2.3",        "224.0.0.1",
		                            "239.255.255.250", "255.255.255.255" };
	static const char *const six[] = {
		"::1",         "::",      "::ffff:127.0.0.1", "::ffff:0.0.0.0", "::ffff:10.1.2.3",
		"2001:db8::7", "ff02::1", "::ffff:239.1.2.3"
	};
	struct berth_addr addr;

	(void)state;
	for (size_t i = 0; i < sizeof(four) / sizeof(four[0]); i++) {
		assert_true(local4(four[i], 3101, sizeof(struct sockaddr_in), &addr));
		assert_int_equal(addr.port, 3101);
	}
	for (size_t i = 0; i < sizeof(six) / sizeof(six[0]); i++)
		assert_true(local6(six[i], 3101, sizeof(struct sockaddr_in6), &addr));
}

static void everything_else_is_not(void **state)
{
	static const char *const four[] = { "126.255.255.255", "128.0.0.1", "10.1.2.4",
		                            "223.255.255.255", "240.0.0.1", "255.255.255.254",
		                            "0.0.0.1" };
	static const char *const six[] = { "::2",         "fe80::1",          "::ffff:8.8.8.8",
		                           "2001:db8::8", "::fffe:127.0.0.1", "::127.0.0.1" };
	struct berth_addr addr;

	(void)state;
	for (size_t i = 0; i < sizeof(four) / sizeof(four[0]); i++)
		assert_false(local4(four[i], 3101, sizeof(struct sockaddr_in), &addr));
	for (size_t i = 0; i < sizeof(six) / sizeof(six[0]); i++)
		assert_false(local6(six[i], 3101, sizeof(struct sockaddr_in6), &addr));
}

static void short_addresses_are_the_kernels_business(void **state)
{
	struct berth_addr addr;

	(void)state;
	assert_false(berth_addr_parse(map, NULL, 16, BERTH_ADDR_PLAIN, &addr));
	for (uint32_t len = 0; len < 16; len++)
		assert_false(local4("127.0.0.1", 3101, len, &addr));
	for (uint32_t len = 0; len < 24; len++)
		assert_false(local6("::1", 3101, len, &addr));
	assert_true(local6("::1", 3101, 24, &addr)); /* SIN6_LEN_RFC2133: no scope id */
}

static void port_zero_is_never_touched(void **state)
{
	struct berth_addr addr;

	(void)state;
	assert_false(local4("127.0.0.1", 0, 16, &addr));
}

static void unspec_counts_as_inet_only_where_linux_does(void **state)
{
	struct sockaddr_in sa = { .sin_family = AF_UNSPEC, .sin_port = htons(3101) };
	struct berth_addr addr;

	(void)state;
	assert_false(berth_addr_parse(map, &sa, sizeof(sa), BERTH_ADDR_PLAIN, &addr));
	assert_true(berth_addr_parse(map, &sa, sizeof(sa), BERTH_ADDR_UNSPEC_IS_INET, &addr));
}

static void unaligned_addresses_are_fine(void **state)
{
	unsigned char space[sizeof(struct sockaddr_in6) + 1];
	struct sockaddr_in6 sa = { .sin6_family = AF_INET6,
		                   .sin6_port = htons(3101),
		                   .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct berth_addr addr;

	(void)state;
	memcpy(space + 1, &sa, sizeof(sa));
	assert_true(berth_addr_parse(map, space + 1, sizeof(sa), BERTH_ADDR_PLAIN, &addr));
	berth_addr_set_port(space + 1, 20007);
	memcpy(&sa, space + 1, sizeof(sa));
	assert_int_equal(ntohs(sa.sin6_port), 20007);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(local_addresses_are_ours),
		cmocka_unit_test(everything_else_is_not),
		cmocka_unit_test(short_addresses_are_the_kernels_business),
		cmocka_unit_test(port_zero_is_never_touched),
		cmocka_unit_test(unspec_counts_as_inet_only_where_linux_does),
		cmocka_unit_test(unaligned_addresses_are_fine),
	};

	return cmocka_run_group_tests(tests, fresh, done);
}
