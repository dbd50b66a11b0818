/* SPDX-License-Identifier: MIT */
/*
 * A run that cannot remove everything keeps what the next command needs to find the rest; an id is
 * not used twice.
 */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/base/str.h"
#include "tools/run/run.h"
#include "tools/state/runtime.h"

static void state_stays_with_trees(void **state)
{
	char top[] = "/tmp/berth-unit-XXXXXX";
	cleanup_free char *dir = NULL, *scratch = NULL;
	struct run run = { 0 };

	(void)state;
	assert_non_null(mkdtemp(top));
	run.context.dir = dir = str_print("%s/run", top);
	run.context.scratch_dir = scratch = str_print("%s/base/trees", top);
	assert_int_equal(mkdir(run.context.dir, 0700), 0);
	/* dir_remove() does not remove a file */
	assert_int_equal(runtime_make_scratch(scratch), 0);
	assert_int_equal(rmdir(scratch), 0);
	assert_return_code(close(open(scratch, O_CREAT | O_WRONLY | O_CLOEXEC, 0600)), 0);
	run_remove_traces(&run);
	assert_int_equal(access(run.context.dir, F_OK), 0);
	assert_int_equal(unlink(scratch), 0);
	run_remove_traces(&run);
	assert_int_not_equal(access(run.context.dir, F_OK), 0);
	assert_int_equal(rmdir(top), 0);
}

/* Results outlive their run: another run with the same id would write into them. */
static void an_id_with_results_is_not_given_again(void **state)
{
	/* in memory: the test makes 65 536 directories */
	char top[] = "/dev/shm/berth-unit-XXXXXX";
	cleanup_free char *results = NULL, *runs = NULL, *id = NULL, *dir = NULL;
	int lock;

	(void)state;
	assert_non_null(mkdtemp(top));
	assert_int_equal(setenv("XDG_RUNTIME_DIR", top, 1), 0);
	results = str_print("%s/results", top);
	runs = str_print("%s/runs", results);
	assert_int_equal(mkdir(results, 0700) || mkdir(runs, 0700), 0);
	for (unsigned int number = 0; number <= 0xffff; number++) {
		cleanup_free char *path = str_print("%s/%04x", runs, number);

		assert_int_equal(mkdir(path, 0700), 0);
	}
	assert_int_equal(runtime_make(results, &id, &dir, &lock), 0);
	assert_int_equal(strlen(id), 8);
	close(lock);
	assert_int_equal(dir_remove(top), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_id_with_results_is_not_given_again),
		cmocka_unit_test(state_stays_with_trees),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
