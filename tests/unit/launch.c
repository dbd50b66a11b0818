/* SPDX-License-Identifier: MIT */
/* core/launch: which programs go through the launcher, and the lists that let the shim enter. */
#include "core/launch.h"
#include "tests/unit/test.h"

static void only_what_escapes_is_launched(void **state)
{
	(void)state;
	assert_int_equal(berth_launch_decide(BERTH_ELF_GLIBC, true), BERTH_LAUNCH_PLAIN);
	assert_int_equal(berth_launch_decide(BERTH_ELF_UNKNOWN, true), BERTH_LAUNCH_PLAIN);
	assert_int_equal(berth_launch_decide(BERTH_ELF_STATIC, true), BERTH_LAUNCH_FILTERED);
	assert_int_equal(berth_launch_decide(BERTH_ELF_STATIC, false), BERTH_LAUNCH_ESCAPES);
	assert_int_equal(berth_launch_decide(BERTH_ELF_SECURE, true), BERTH_LAUNCH_ESCAPES);
}

static void the_launcher_gets_path_and_arguments(void **state)
{
	char *argv[] = { "name", "-x", NULL }, *list[2 + BERTH_LAUNCH_ARGV_EXTRA];

	(void)state;
	berth_launch_argv(list, "/launch", "/bin/program", argv);
	assert_string_equal(list[0], "/launch");
	assert_string_equal(list[1], "/bin/program");
	assert_string_equal(list[2], "name");
	assert_string_equal(list[3], "-x");
	assert_null(list[4]);
	berth_launch_argv(list, "/launch", "/bin/program", NULL);
	assert_null(list[2]);
}

static void a_program_is_noted_once_and_cut_off(void **state)
{
	struct berth_portmap *map = calloc(1, sizeof(*map));
	char path[2 * BERTH_NOTE_TEXT];
	struct berth_note note;

	(void)state;
	memset(path, 'p', sizeof(path));
	path[sizeof(path) - 1] = 0;
	assert_true(berth_launch_note(map, BERTH_NOTE_ESCAPE, BERTH_ELF_GO, path, &note));
	assert_int_equal(note.kind, BERTH_NOTE_ESCAPE);
	assert_int_equal(note.error, BERTH_ELF_GO);
	assert_int_equal(strlen(note.text), BERTH_NOTE_TEXT - 1);
	assert_false(berth_launch_note(map, BERTH_NOTE_ESCAPE, BERTH_ELF_GO, path, &note));
	free(map);
}

static void preload_is(const char *list, const char *drop, const char *drop_too, const char *last,
                       const char *want)
{
	char got[100];

	assert_int_equal(berth_preload_write(got, list, drop, drop_too, last), strlen(want));
	assert_string_equal(got, want);
}

static void the_shim_is_last_in_ld_preload(void **state)
{
	(void)state;
	preload_is("", NULL, NULL, "/shim", "/shim");
	preload_is("/a:/b", NULL, NULL, "/shim", "/a:/b:/shim");
	preload_is(" /a  :/b: ", NULL, NULL, "/shim", "/a:/b:/shim");
	preload_is("/shim:/a:/outer", "/shim", "/outer", "/shim", "/a:/shim");
	preload_is("/shim.so:/shi", "/shim", NULL, NULL, "/shim.so:/shi");
	preload_is("/shim", "/shim", NULL, NULL, "");
	assert_true(berth_preload_has("/a /shim:/b", "/shim"));
	assert_false(berth_preload_has("/a:/shim2:/shi", "/shim"));
	assert_false(berth_preload_has("/a", NULL));
}

static void asan_options_are_added_unless_the_suite_has_decided(void **state)
{
	char got[100];

	(void)state;
	assert_false(berth_asan_is_set("detect_leaks=0"));
	assert_false(berth_asan_is_set("x_verify_asan_link_order=1"));
	assert_true(berth_asan_is_set("detect_leaks=0:verify_asan_link_order=1"));
	berth_asan_write(got, "");
	assert_string_equal(got, "verify_asan_link_order=0");
	berth_asan_write(got, "detect_leaks=0");
	assert_string_equal(got, "detect_leaks=0:verify_asan_link_order=0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_escapes_is_launched),
		cmocka_unit_test(the_launcher_gets_path_and_arguments),
		cmocka_unit_test(a_program_is_noted_once_and_cut_off),
		cmocka_unit_test(the_shim_is_last_in_ld_preload),
		cmocka_unit_test(asan_options_are_added_unless_the_suite_has_decided),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
