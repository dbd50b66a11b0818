/* SPDX-License-Identifier: MIT */
/* core/portmap: claims, races, outsiders, notes. */
#include <pthread.h>

#include "core/portmap.h"
#include "tests/unit/test.h"

enum { BASE = 20000, LEN = 32 };

static int fresh(void **state)
{
	struct berth_portmap *map = calloc(1, sizeof(*map));

	berth_portmap_init(map, 1, BASE, LEN);
	*state = map;
	return 0;
}

static int done(void **state)
{
	free(*state);
	return 0;
}

static uint16_t claim(struct berth_portmap *map, enum berth_proto proto, uint16_t port)
{
	bool is_new;

	return berth_portmap_claim(map, proto, port, &is_new);
}

static void a_map_knows_its_maker(void **state)
{
	struct berth_portmap *map = *state;

	assert_true(berth_portmap_valid(map));
	map->version++;
	assert_false(berth_portmap_valid(map));
}

static void a_declared_port_goes_both_ways(void **state)
{
	struct berth_portmap *map = *state;
	uint16_t real = berth_portmap_declare(map, 3101);

	assert_in_range(real, BASE, BASE + LEN - 1);
	assert_int_equal(berth_portmap_real(map, BERTH_TCP, 3101), real);
	assert_int_equal(berth_portmap_real(map, BERTH_UDP, 3101), real);
	assert_int_equal(berth_portmap_virtual(map, real), 3101);
	assert_int_equal(berth_portmap_virtual(map, 3101), 3101);
	assert_int_equal(berth_portmap_declare(map, 3101), real);
}

static void an_undeclared_port_is_claimed_for_its_protocol_only(void **state)
{
	struct berth_portmap *map = *state;
	bool is_new;
	uint16_t real = berth_portmap_claim(map, BERTH_TCP, 53, &is_new);

	assert_true(is_new);
	assert_int_equal(berth_portmap_real(map, BERTH_UDP, 53), 0);
	assert_int_equal(berth_portmap_claim(map, BERTH_TCP, 53, &is_new), real);
	assert_false(is_new);
	/* same number for both */
	assert_int_equal(berth_portmap_claim(map, BERTH_UDP, 53, &is_new), real);
	assert_true(is_new);
}

static void a_full_block_says_so_and_keeps_what_it_has(void **state)
{
	struct berth_portmap *map = *state;

	for (uint16_t i = 0; i < LEN; i++)
		assert_int_not_equal(claim(map, BERTH_TCP, (uint16_t)(3000 + i)), 0);
	assert_int_equal(claim(map, BERTH_TCP, 4000), 0);
	assert_int_equal(map->slots_full & 0xffff, LEN); /* the next search ends at once */
	assert_int_equal(berth_portmap_declare(map, 4000), 0);
	assert_int_not_equal(claim(map, BERTH_TCP, 3000), 0);
	assert_int_equal(claim(map, BERTH_UDP, 4000), 0);
	assert_int_equal(map->udp_claims, 0);
}

static void undeclared_udp_ports_get_a_quarter_of_the_block(void **state)
{
	struct berth_portmap *map = *state;

	for (uint16_t i = 0; i < LEN / 4; i++)
		assert_in_range(claim(map, BERTH_UDP, (uint16_t)(3000 + i)), BASE, BASE + LEN - 1);
	/* keeps its number, and no note says otherwise */
	assert_int_equal(claim(map, BERTH_UDP, 4000), 4000);
	assert_int_equal(berth_portmap_real(map, BERTH_UDP, 4000), 0);
	assert_in_range(claim(map, BERTH_TCP, 4000), BASE, BASE + LEN - 1);
	/* as TCP has it, so does UDP */
	assert_in_range(claim(map, BERTH_UDP, 4000), BASE, BASE + LEN - 1);
	assert_in_range(berth_portmap_declare(map, 5000), BASE, BASE + LEN - 1);
}

static void a_virtual_port_inside_the_block_is_itself(void **state)
{
	struct berth_portmap *map = *state;

	assert_int_equal(claim(map, BERTH_TCP, BASE + 5), BASE + 5);
	assert_int_equal(berth_portmap_virtual(map, BASE + 5), BASE + 5);
	assert_false(berth_portmap_is_real(map, BERTH_TCP, BASE + 5));
	for (uint16_t i = 0; i < LEN - 1; i++)
		assert_int_not_equal(claim(map, BERTH_TCP, (uint16_t)(3000 + i)), BASE + 5);
}

static void a_real_port_is_recognized(void **state)
{
	struct berth_portmap *map = *state;
	uint16_t real = berth_portmap_declare(map, 3101);

	assert_true(berth_portmap_is_real(map, BERTH_TCP, real));
	assert_false(berth_portmap_is_real(map, BERTH_TCP, (uint16_t)(real + 1)));
	assert_false(berth_portmap_is_real(map, BERTH_TCP, 3101));
}

static void a_shared_port_is_left_alone(void **state)
{
	struct berth_portmap *map = *state;

	berth_portmap_share(map, 6379);
	assert_int_equal(berth_portmap_real(map, BERTH_TCP, 6379), 6379);
	assert_int_equal(claim(map, BERTH_UDP, 6379), 6379);
	assert_int_equal(berth_portmap_move(map, BERTH_TCP, 6379, 6379), 0);
}

static void what_the_kernel_gave_is_its_own(void **state)
{
	struct berth_portmap *map = *state;
	uint16_t hardcoded = claim(map, BERTH_TCP, 40001);

	berth_portmap_given(map, 40000);
	berth_portmap_given(map, 40001);
	berth_portmap_given(map, 3101);
	assert_int_equal(claim(map, BERTH_TCP, 40000), 40000);
	assert_int_equal(claim(map, BERTH_UDP, 40000), 40000);
	assert_int_equal(berth_portmap_real(map, BERTH_TCP, 40001), hardcoded);
	assert_int_not_equal(hardcoded, 40001);
	assert_int_not_equal(claim(map, BERTH_TCP, 3101), 3101);
}

static void an_outsider_makes_a_first_bind_move_on(void **state)
{
	struct berth_portmap *map = *state;
	uint16_t real = berth_portmap_declare(map, 3101), next;

	berth_portmap_try(map, real);
	next = berth_portmap_move(map, BERTH_TCP, 3101, real);
	assert_int_not_equal(next, 0);
	assert_int_not_equal(next, real);
	assert_int_equal(berth_portmap_real(map, BERTH_TCP, 3101), next);
	assert_int_equal(berth_portmap_real(map, BERTH_UDP, 3101), real);
	assert_int_equal(berth_portmap_virtual(map, next), 3101);
	assert_int_equal(berth_portmap_virtual(map, real), 3101);
}

static void what_the_worker_may_hold_never_moves(void **state)
{
	struct berth_portmap *map = *state;
	uint16_t bound = berth_portmap_declare(map, 3101),
		 contended = berth_portmap_declare(map, 3102);

	berth_portmap_try(map, bound);
	berth_portmap_bound(map, bound);
	berth_portmap_try(map, bound);
	assert_int_equal(berth_portmap_move(map, BERTH_TCP, 3101, bound), 0);
	berth_portmap_try(map, contended); /* two at once: neither can be sure */
	berth_portmap_try(map, contended);
	assert_int_equal(berth_portmap_move(map, BERTH_TCP, 3102, contended), 0);
	assert_int_equal(berth_portmap_real(map, BERTH_TCP, 3102), contended);
}

static void a_bind_that_failed_otherwise_leaves_no_trace(void **state)
{
	struct berth_portmap *map = *state;
	uint16_t real = berth_portmap_declare(map, 3101);

	berth_portmap_try(map, real);
	berth_portmap_untry(map, real);
	berth_portmap_try(map, real);
	assert_int_not_equal(berth_portmap_move(map, BERTH_TCP, 3101, real), 0);
}

enum { THREADS = 8 };

static pthread_barrier_t start;

static void *claim_all(void *map)
{
	pthread_barrier_wait(&start); /* or the first would be through before the last begins */
	for (uint16_t port = 3000; port < 3000 + LEN; port++)
		claim(map, port % 8 ? BERTH_TCP : BERTH_UDP, port);
	return NULL;
}

static void racing_claims_agree_and_lose_no_slot(void **state)
{
	assert_int_equal(pthread_barrier_init(&start, NULL, THREADS), 0);
	for (int round = 0; round < 200; round++) {
		struct berth_portmap *map = *state;
		pthread_t threads[THREADS];

		memset(map, 0, sizeof(*map));
		berth_portmap_init(map, 1, BASE, LEN);
		for (int i = 0; i < THREADS; i++)
			assert_int_equal(pthread_create(&threads[i], NULL, claim_all, map), 0);
		for (int i = 0; i < THREADS; i++)
			pthread_join(threads[i], NULL);
		for (uint16_t port = 3000; port < 3000 + LEN; port++) {
			uint16_t real = berth_portmap_real(map, port % 8 ? BERTH_TCP : BERTH_UDP,
			                                   port);

			/*
			 * at the end of the block a racer may find it full for an instant: no one
			 * has the port
			 */
			if (real)
				assert_int_equal(berth_portmap_virtual(map, real), port);
			else
				assert_int_not_equal(
					claim(map, port % 8 ? BERTH_TCP : BERTH_UDP, port), 0);
		}
		assert_int_equal(map->udp_claims, LEN / 8);
	}
}

static void notes_come_back_whole_and_gaps_show(void **state)
{
	struct berth_portmap *map = *state;
	struct berth_note note = { .kind = BERTH_NOTE_ESCAPE,
		                   .error = 4,
		                   .text = "/usr/bin/static" },
			  got;

	assert_false(berth_portmap_read_note(map, 0, &got));
	for (uint32_t i = 0; i < BERTH_NOTES_MAX + 1; i++) {
		note.pid = (int32_t)i;
		berth_portmap_note(map, &note);
	}
	assert_false(berth_portmap_read_note(map, 0, &got)); /* overwritten */
	assert_true(berth_portmap_read_note(map, BERTH_NOTES_MAX, &got));
	assert_int_equal(got.pid, BERTH_NOTES_MAX);
	assert_string_equal(got.text, "/usr/bin/static");
}

static void a_foreign_port_is_first_once(void **state)
{
	struct berth_portmap *map = *state;

	assert_true(berth_portmap_foreign_first(map, BERTH_TCP, 5173));
	assert_false(berth_portmap_foreign_first(map, BERTH_TCP, 5173));
	assert_true(berth_portmap_foreign_first(map, BERTH_UDP, 5173));
	berth_portmap_foreign_forget(map, BERTH_TCP, 5173);
	assert_true(berth_portmap_foreign_first(map, BERTH_TCP, 5173));
	assert_true(berth_portmap_escape_first(map, "/a"));
	assert_false(berth_portmap_escape_first(map, "/a"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh, done)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_map_knows_its_maker),
		TEST(a_declared_port_goes_both_ways),
		TEST(an_undeclared_port_is_claimed_for_its_protocol_only),
		TEST(a_full_block_says_so_and_keeps_what_it_has),
		TEST(undeclared_udp_ports_get_a_quarter_of_the_block),
		TEST(a_virtual_port_inside_the_block_is_itself),
		TEST(a_real_port_is_recognized),
		TEST(a_shared_port_is_left_alone),
		TEST(what_the_kernel_gave_is_its_own),
		TEST(an_outsider_makes_a_first_bind_move_on),
		TEST(what_the_worker_may_hold_never_moves),
		TEST(a_bind_that_failed_otherwise_leaves_no_trace),
		TEST(racing_claims_agree_and_lose_no_slot),
		TEST(notes_come_back_whole_and_gaps_show),
		TEST(a_foreign_port_is_first_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
