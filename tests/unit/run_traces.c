/* SPDX-License-Identifier: MIT */
/* What a run leaves when it cannot remove everything: enough for the next command to find the rest. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/str.h"
#include "tools/run/run.h"
#include "tools/run/runtime.h"

static void state_stays_with_trees(void **state)
{
	char top[] = "/tmp/berth-unit-XXXXXX";
	cleanup_free char *dir = NULL, *scratch = NULL;
	struct run run = { 0 };

	(void)state;
	assert_non_null(mkdtemp(top));
	run.dir = dir = str_print("%s/run", top);
	run.scratch_dir = scratch = str_print("%s/base/trees", top);
	assert_int_equal(mkdir(run.dir, 0700), 0);
	/* a file is nothing that dir_remove() removes */
	assert_int_equal(runtime_make_scratch(scratch), 0);
	assert_int_equal(rmdir(scratch), 0);
	assert_return_code(close(open(scratch, O_CREAT | O_WRONLY | O_CLOEXEC, 0600)), 0);
	run_remove_traces(&run);
	assert_int_equal(access(run.dir, F_OK), 0);
	assert_int_equal(unlink(scratch), 0);
	run_remove_traces(&run);
	assert_int_not_equal(access(run.dir, F_OK), 0);
	assert_int_equal(rmdir(top), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(state_stays_with_trees),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
