/* SPDX-License-Identifier: MIT */
/* core/policy: every verdict on a bind, a connect or a datagram, with its note. */
#include <errno.h>

#include "core/policy.h"
#include "tests/unit/test.h"

enum { BASE = 20000, LEN = 8 };

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

static void is_decision(struct berth_decision got, enum berth_verdict verdict, uint16_t real_port,
                        enum berth_note_kind note, uint16_t note_port, int error)
{
	assert_int_equal(got.verdict, verdict);
	assert_int_equal(got.note, note);
	assert_int_equal(got.note_port, note_port);
	assert_int_equal(got.error, error);
	if (verdict == BERTH_USE)
		assert_int_equal(got.real_port, real_port);
}

static void a_declared_port_is_bound_under_its_real_number(void **state)
{
	struct berth_portmap *map = *state;
	uint16_t real = berth_portmap_declare(map, 3101);
	struct berth_decision first = berth_bind_begin(map, BERTH_TCP, 3101),
			      second = berth_bind_begin(map, BERTH_TCP, 3101);

	is_decision(first, BERTH_USE, real, BERTH_NOTE_NONE, 0, 0);
	assert_true(first.first);
	is_decision(second, BERTH_USE, real, BERTH_NOTE_NONE, 0, 0);
	assert_false(second.first);
}

static void an_undeclared_port_is_learned_once(void **state)
{
	struct berth_portmap *map = *state;
	struct berth_decision decision = berth_bind_begin(map, BERTH_TCP, 4000);

	is_decision(decision, BERTH_USE, BASE, BERTH_NOTE_LEARNED, BASE, 0);
	assert_true(decision.first);
	is_decision(berth_bind_begin(map, BERTH_TCP, 4000), BERTH_USE, BASE, BERTH_NOTE_NONE, 0, 0);
	/* the other protocol has the same number, and its first bind is noted, too */
	is_decision(berth_bind_begin(map, BERTH_UDP, 4000), BERTH_USE, BASE, BERTH_NOTE_LEARNED,
	            BASE, 0);
}

static void a_real_port_passes(void **state)
{
	struct berth_portmap *map = *state;
	uint16_t real = berth_portmap_declare(map, 3101);

	is_decision(berth_bind_begin(map, BERTH_TCP, real), BERTH_PASS, 0, BERTH_NOTE_NONE, 0, 0);
	is_decision(berth_outbound(map, BERTH_UDP, real), BERTH_PASS, 0, BERTH_NOTE_NONE, 0, 0);
}

static void a_shared_port_keeps_its_number(void **state)
{
	struct berth_portmap *map = *state;

	berth_portmap_share(map, 6379);
	is_decision(berth_bind_begin(map, BERTH_TCP, 6379), BERTH_USE, 6379, BERTH_NOTE_NONE, 0, 0);
	is_decision(berth_outbound(map, BERTH_TCP, 6379), BERTH_PASS, 0, BERTH_NOTE_NONE, 0, 0);
	map->flags |= BERTH_MAP_STRICT;
	is_decision(berth_outbound(map, BERTH_TCP, 6379), BERTH_PASS, 0, BERTH_NOTE_NONE, 0, 0);
}

static void a_full_block_refuses_tcp(void **state)
{
	struct berth_portmap *map = *state;

	for (uint16_t i = 0; i < LEN; i++)
		berth_bind_begin(map, BERTH_TCP, (uint16_t)(3000 + i));
	is_decision(berth_bind_begin(map, BERTH_TCP, 4000), BERTH_REFUSE, 0, BERTH_NOTE_EXHAUSTED,
	            0, EADDRINUSE);
}

static void a_udp_port_beyond_its_share_keeps_its_number(void **state)
{
	struct berth_portmap *map = *state;

	for (uint16_t i = 0; i < LEN / 4; i++)
		berth_bind_begin(map, BERTH_UDP, (uint16_t)(3000 + i));
	is_decision(berth_bind_begin(map, BERTH_UDP, 4000), BERTH_USE, 4000, BERTH_NOTE_UNMAPPED,
	            4000, 0);
}

static void an_outsider_makes_the_port_move(void **state)
{
	struct berth_portmap *map = *state;
	struct berth_decision decision = berth_bind_begin(map, BERTH_TCP, 3101);

	berth_bind_failed(map, EADDRINUSE, &decision);
	is_decision(decision, BERTH_USE, BASE + 1, BERTH_NOTE_OUTSIDER, BASE, EADDRINUSE);
	assert_true(decision.first);
	berth_portmap_bound(map, decision.real_port);
	is_decision(berth_outbound(map, BERTH_TCP, 3101), BERTH_USE, BASE + 1, BERTH_NOTE_NONE, 0,
	            0);
}

static void outsiders_everywhere_end_in_a_conflict(void **state)
{
	struct berth_portmap *map = *state;
	struct berth_decision decision = berth_bind_begin(map, BERTH_TCP, 3101);

	for (uint16_t i = 1; i < LEN; i++) {
		berth_bind_failed(map, EADDRINUSE, &decision);
		is_decision(decision, BERTH_USE, (uint16_t)(BASE + i), BERTH_NOTE_OUTSIDER,
		            (uint16_t)(BASE + i - 1), EADDRINUSE);
	}
	berth_bind_failed(map, EADDRINUSE, &decision);
	is_decision(decision, BERTH_REFUSE, 0, BERTH_NOTE_CONFLICT, BASE + LEN - 1, EADDRINUSE);
}

static void what_the_worker_may_hold_is_in_use(void **state)
{
	struct berth_portmap *map = *state;
	struct berth_decision bound = berth_bind_begin(map, BERTH_TCP, 3101), again,
			      contended = berth_bind_begin(map, BERTH_TCP, 3102);

	berth_portmap_bound(map, bound.real_port);
	again = berth_bind_begin(map, BERTH_TCP, 3101);
	berth_bind_failed(map, EADDRINUSE, &again);
	is_decision(again, BERTH_REFUSE, 0, BERTH_NOTE_CONFLICT, bound.real_port, EADDRINUSE);
	/* two at once: neither can be sure */
	again = berth_bind_begin(map, BERTH_TCP, 3102);
	berth_bind_failed(map, EADDRINUSE, &contended);
	is_decision(contended, BERTH_REFUSE, 0, BERTH_NOTE_CONFLICT, again.real_port, EADDRINUSE);
}

static void another_failure_is_the_answer_and_leaves_no_trace(void **state)
{
	struct berth_portmap *map = *state;
	struct berth_decision decision = berth_bind_begin(map, BERTH_TCP, 3101);

	berth_bind_failed(map, EACCES, &decision);
	is_decision(decision, BERTH_REFUSE, 0, BERTH_NOTE_NONE, BASE, EACCES);
	assert_true(berth_bind_begin(map, BERTH_TCP, 3101).first);
}

static void a_foreign_port_passes_with_a_note(void **state)
{
	struct berth_portmap *map = *state;

	is_decision(berth_outbound(map, BERTH_TCP, 5432), BERTH_PASS, 0, BERTH_NOTE_FOREIGN, 5432,
	            0);
	map->flags |= BERTH_MAP_STRICT;
	is_decision(berth_outbound(map, BERTH_TCP, 5432), BERTH_REFUSE, 0, BERTH_NOTE_REFUSED, 5432,
	            ECONNREFUSED);
}

static void an_ephemeral_port_passes_even_when_strict(void **state)
{
	struct berth_portmap *map = *state;

	map->flags |= BERTH_MAP_STRICT;
	is_decision(berth_outbound(map, BERTH_TCP, (uint16_t)map->ephemeral_low), BERTH_PASS, 0,
	            BERTH_NOTE_NONE, 0, 0);
}

static void a_note_says_what_was_decided_and_foreign_only_once(void **state)
{
	struct berth_portmap *map = *state;
	const struct berth_ip ip = { { 1, 2, 3, 4 } };
	struct berth_decision foreign = berth_outbound(map, BERTH_UDP, 5432),
			      plain = berth_outbound(map, BERTH_TCP, 40000);
	struct berth_note note = { 0 };

	assert_true(berth_decision_has_note(map, &foreign));
	assert_false(berth_decision_has_note(map, &foreign));
	assert_false(berth_decision_has_note(map, &plain));
	berth_decision_note(&foreign, &ip, &note);
	assert_int_equal(note.kind, BERTH_NOTE_FOREIGN);
	assert_int_equal(note.proto, BERTH_UDP);
	assert_int_equal(note.virtual_port, 5432);
	assert_int_equal(note.real_port, 5432);
	assert_memory_equal(&note.ip, &ip, sizeof(ip));
	map->flags |= BERTH_MAP_STRICT;
	foreign = berth_outbound(map, BERTH_UDP, 5432);
	assert_true(berth_decision_has_note(map, &foreign));
	assert_true(berth_decision_has_note(map, &foreign));
}

static void the_protocol_matters_only_where_the_tables_differ(void **state)
{
	struct berth_portmap *map = *state;

	berth_portmap_declare(map, 3101);
	berth_bind_begin(map, BERTH_TCP, 4000);
	assert_false(berth_policy_needs_proto(map, 3101));
	assert_true(berth_policy_needs_proto(map, 4000));
	assert_true(berth_policy_needs_proto(map, 5432));
}

static void a_socket_path_is_moved_by_its_rule_only(void **state)
{
	struct berth_unix_rule rules[BERTH_UNIX_RULES_MAX] = {
		{ "/tmp/.s.PGSQL.5432", "/run/w1/.s.PGSQL.5432" }, { "/tmp/b", "/run/w1/b" }
	};
	char path[BERTH_UNIX_PATH] = "/tmp/b";

	(void)state;
	assert_string_equal(berth_unix_real(rules, path), "/run/w1/b");
	strcpy(path, "/tmp/bb");
	assert_null(berth_unix_real(rules, path));
	memset(path, 0, sizeof(path));
	assert_null(berth_unix_real(rules, path));
	/* 108 bytes need not end with NUL, unix(7) */
	memset(path, '/', sizeof(path));
	memset(rules[1].from, '/', sizeof(rules[1].from));
	assert_ptr_equal(berth_unix_real(rules, path), rules[1].to);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh, done)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_declared_port_is_bound_under_its_real_number),
		TEST(an_undeclared_port_is_learned_once),
		TEST(a_real_port_passes),
		TEST(a_shared_port_keeps_its_number),
		TEST(a_full_block_refuses_tcp),
		TEST(a_udp_port_beyond_its_share_keeps_its_number),
		TEST(an_outsider_makes_the_port_move),
		TEST(outsiders_everywhere_end_in_a_conflict),
		TEST(what_the_worker_may_hold_is_in_use),
		TEST(another_failure_is_the_answer_and_leaves_no_trace),
		TEST(a_foreign_port_passes_with_a_note),
		TEST(an_ephemeral_port_passes_even_when_strict),
		TEST(a_note_says_what_was_decided_and_foreign_only_once),
		TEST(the_protocol_matters_only_where_the_tables_differ),
		TEST(a_socket_path_is_moved_by_its_rule_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
