/* SPDX-License-Identifier: MIT */
/* core/policy: every verdict on a bind, a connect or a datagram, with its note. */
#include <errno.h>
#include <stdio.h>

#include "core/abstract.h"
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

static void of_the_ephemeral_ports_only_those_of_the_worker_pass(void **state)
{
	struct berth_portmap *map = *state;
	uint16_t low = (uint16_t)map->ephemeral_low, given = 50051;

	berth_portmap_given(map, given);
	is_decision(berth_outbound(map, BERTH_TCP, low), BERTH_PASS, 0, BERTH_NOTE_FOREIGN, low, 0);
	map->flags |= BERTH_MAP_STRICT;
	is_decision(berth_outbound(map, BERTH_TCP, given), BERTH_PASS, 0, BERTH_NOTE_NONE, 0, 0);
	is_decision(berth_outbound(map, BERTH_TCP, low), BERTH_REFUSE, 0, BERTH_NOTE_REFUSED, low,
	            ECONNREFUSED);
	/* an answer to a client of datagrams */
	is_decision(berth_outbound(map, BERTH_UDP, low), BERTH_PASS, 0, BERTH_NOTE_NONE, 0, 0);
}

static void a_note_says_what_was_decided_and_foreign_only_once(void **state)
{
	struct berth_portmap *map = *state;
	const struct berth_ip ip = { { 1, 2, 3, 4 } };
	struct berth_decision foreign = berth_outbound(map, BERTH_UDP, 5432),
			      plain = berth_outbound(map, BERTH_UDP, 40000);
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

/* An abstract address: @name, filled up with 0 to @len bytes. */
struct abstract {
	uint8_t sa[BERTH_UNIX_ADDRESS];
	uint32_t len;
};

static struct abstract abstract_of(const char *name, uint32_t len)
{
	struct abstract address = { .sa = { 1, 0, 0 }, .len = BERTH_ABSTRACT_HEAD + len };

	memcpy(address.sa + BERTH_ABSTRACT_HEAD, name, strnlen(name, len));
	return address;
}

static struct abstract abstract_bound(struct berth_portmap *map, struct abstract address)
{
	assert_true(berth_abstract_parse(address.sa, address.len));
	berth_abstract_bind(map, address.sa, &address.len);
	assert_true(address.len <= BERTH_UNIX_ADDRESS);
	return address;
}

static void is_address(const struct abstract *want, const struct abstract *got)
{
	assert_int_equal(got->len, want->len);
	assert_memory_equal(got->sa, want->sa, want->len);
}

static void a_name_is_mapped_and_comes_back(void **state)
{
	struct berth_portmap *map = *state;
	char text[BERTH_UNIX_PATH];

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = 0;
	for (uint32_t len = 0; len < BERTH_UNIX_PATH; len++)
		for (uint32_t zeros = 0; zeros <= len; zeros++) {
			struct abstract name = abstract_of(text + sizeof(text) - 1 - (len - zeros),
			                                   len),
					mapped = abstract_bound(map, name), sent = name;

			assert_int_equal(berth_abstract_outbound(map, sent.sa, &sent.len).verdict,
			                 BERTH_USE);
			is_address(&mapped, &sent);
			/* it passes now */
			assert_false(berth_abstract_parse(mapped.sa, mapped.len));
			mapped.len = berth_abstract_restore(map, mapped.sa, sizeof(mapped.sa),
			                                    mapped.len);
			is_address(&name, &mapped);
			memset(map->long_names, 0, sizeof(map->long_names)); /* they are few */
		}
}

static void a_mapped_name_is_of_one_block(void **state)
{
	struct berth_portmap *map = *state;
	struct abstract name = abstract_of("x11", 3), mapped = abstract_bound(map, name), kept;

	assert_int_equal(mapped.len, name.len + BERTH_ABSTRACT_PREFIX);
	assert_memory_equal(mapped.sa + BERTH_ABSTRACT_HEAD, "berth/20000/@x11", 16);
	map->block_base = 20032;
	kept = mapped;
	assert_int_equal(berth_abstract_restore(map, kept.sa, sizeof(kept.sa), kept.len),
	                 mapped.len);
	is_address(&mapped, &kept);
	mapped = abstract_bound(map, name);
	assert_memory_equal(mapped.sa + BERTH_ABSTRACT_HEAD, "berth/20032/@x11", 16);
}

static void a_name_that_was_cut_off_comes_back_cut_off(void **state)
{
	struct berth_portmap *map = *state;
	struct abstract name = abstract_of("abcdefghijklmnop", 16),
			mapped = abstract_bound(map, name);

	/* two bytes of it were there */
	assert_int_equal(berth_abstract_restore(map, mapped.sa, mapped.len - 14, mapped.len),
	                 name.len);
	assert_memory_equal(mapped.sa + BERTH_ABSTRACT_HEAD, "ab\0\0\0\0", 6);
}

static void a_name_of_the_host_passes_with_a_note(void **state)
{
	struct berth_portmap *map = *state;
	struct abstract name = abstract_of("a\0b", 3), sent = name;
	struct berth_note note;
	struct berth_decision decision = berth_abstract_outbound(map, sent.sa, &sent.len);

	is_address(&name, &sent);
	is_decision(decision, BERTH_PASS, 0, BERTH_NOTE_FOREIGN, 0, 0);
	assert_true(berth_abstract_note(map, &decision, sent.sa, sent.len, &note));
	assert_string_equal(note.text, "@a@@");
	assert_false(berth_abstract_note(map, &decision, sent.sa, sent.len, &note));
	berth_abstract_forget(map, note.text);
	assert_true(berth_abstract_note(map, &decision, sent.sa, sent.len, &note));
	map->flags |= BERTH_MAP_STRICT;
	decision = berth_abstract_outbound(map, sent.sa, &sent.len);
	is_decision(decision, BERTH_REFUSE, 0, BERTH_NOTE_REFUSED, 0, ECONNREFUSED);
	assert_true(berth_abstract_note(map, &decision, sent.sa, sent.len, &note));
}

static void a_name_that_the_kernel_gave_passes(void **state)
{
	struct berth_portmap *map = *state;
	struct abstract name = abstract_of("0004f", 5);

	map->flags |= BERTH_MAP_STRICT;
	is_decision(berth_abstract_outbound(map, name.sa, &name.len), BERTH_PASS, 0,
	            BERTH_NOTE_NONE, 0, 0);
	(void)abstract_bound(map, name);
	assert_int_equal(berth_abstract_outbound(map, name.sa, &name.len).verdict, BERTH_USE);
}

static void other_addresses_are_no_names(void **state)
{
	struct abstract name = abstract_of("berth/ports/1", 13);

	(void)state;
	assert_false(berth_abstract_parse(name.sa, name.len));
	name = abstract_of("x", 1);
	assert_true(berth_abstract_parse(name.sa, name.len));
	assert_false(berth_abstract_parse(name.sa, 2)); /* autobind */
	assert_false(berth_abstract_parse(name.sa, BERTH_UNIX_ADDRESS + 1));
	assert_false(berth_abstract_parse(NULL, name.len));
	name.sa[2] = '/';
	assert_false(berth_abstract_parse(name.sa, name.len));
	name.sa[2] = 0;
	name.sa[0] = 2;
	assert_false(berth_abstract_parse(name.sa, name.len));
}

static void a_worker_with_too_many_names_reaches_none_of_the_host(void **state)
{
	struct berth_portmap *map = *state;
	struct abstract name;

	for (unsigned int i = 0; i <= BERTH_NAMES_MAX; i++) {
		char text[16];

		snprintf(text, sizeof(text), "n%u", i);
		(void)abstract_bound(map, abstract_of(text, (uint32_t)strlen(text)));
	}
	name = abstract_of("host", 4);
	assert_int_equal(berth_abstract_outbound(map, name.sa, &name.len).verdict, BERTH_USE);
}

static void a_path_is_shown_without_the_prefix(void **state)
{
	(void)state;
	assert_string_equal(berth_abstract_plain("@berth/20000/@/tmp/.X11-unix/X99"),
	                    "@/tmp/.X11-unix/X99");
	assert_string_equal(berth_abstract_plain("@berth/20000c@x@"), "@x@");
	assert_string_equal(berth_abstract_plain("@berth/20000#@0123456789abcdef"),
	                    "@berth/20000#@0123456789abcdef");
	assert_string_equal(berth_abstract_plain("@berth/ports/20000"), "@berth/ports/20000");
	assert_string_equal(berth_abstract_plain("@berth/2000"), "@berth/2000");
	assert_string_equal(berth_abstract_plain("@berth/20000"), "@berth/20000");
	assert_string_equal(berth_abstract_plain("/tmp/x"), "/tmp/x");
	assert_string_equal(berth_abstract_plain(""), "");
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
		TEST(of_the_ephemeral_ports_only_those_of_the_worker_pass),
		TEST(a_note_says_what_was_decided_and_foreign_only_once),
		TEST(the_protocol_matters_only_where_the_tables_differ),
		TEST(a_socket_path_is_moved_by_its_rule_only),
		TEST(a_name_is_mapped_and_comes_back),
		TEST(a_mapped_name_is_of_one_block),
		TEST(a_name_that_was_cut_off_comes_back_cut_off),
		TEST(a_name_of_the_host_passes_with_a_note),
		TEST(a_name_that_the_kernel_gave_passes),
		TEST(other_addresses_are_no_names),
		TEST(a_worker_with_too_many_names_reaches_none_of_the_host),
		TEST(a_path_is_shown_without_the_prefix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
