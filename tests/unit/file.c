/* SPDX-License-Identifier: MIT */
/* file_write_all(): all of a text arrives, or the caller gets an error. dir_list(). */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/test.h"
#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/base/str.h"

enum { LENGTH = 1 << 20, PIPE = 4096 };

/* Read late and little at a time. Exits with 0 after LENGTH bytes. */
static void read_slowly(int fd)
{
	static char part[PIPE];
	size_t len = 0;
	ssize_t got;

	usleep(50000); /* the writer finds the pipe full */
	while ((got = read(fd, part, sizeof(part))) > 0)
		len += (size_t)got;
	_exit(len != LENGTH);
}

static void a_full_pipe_is_waited_for(void **state)
{
	cleanup_free char *text = mem_alloc(LENGTH);
	int pipes[2], status;
	pid_t reader;

	(void)state;
	assert_return_code(pipe2(pipes, O_CLOEXEC), errno);
	assert_true(fcntl(pipes[1], F_SETPIPE_SZ, PIPE) >= PIPE);
	assert_return_code(fcntl(pipes[1], F_SETFL, O_NONBLOCK), errno);
	reader = fork();
	if (!reader) {
		close(pipes[1]);
		read_slowly(pipes[0]);
	}
	close(pipes[0]);
	assert_int_equal(file_write_all(pipes[1], text, LENGTH), 0);
	close(pipes[1]);
	assert_int_equal(waitpid(reader, &status, 0), reader);
	assert_int_equal(status, 0);
}

static void a_closed_reader_is_an_error(void **state)
{
	int pipes[2];

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	assert_return_code(pipe2(pipes, O_CLOEXEC | O_NONBLOCK), errno);
	close(pipes[0]);
	assert_int_equal(file_write_all(pipes[1], "a", 1), -EPIPE);
	close(pipes[1]);
}

static void a_directory_is_listed_in_order_without_hidden_names(void **state)
{
	char dir[] = "/tmp/berth-unit-file.XXXXXX";
	static const char *const names[] = { "b", "a", ".hidden", "tpl-1.lock" };
	cleanup_strv char **list = NULL, **none = NULL;

	(void)state;
	assert_non_null(mkdtemp(dir));
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		cleanup_free char *path = str_print("%s/%s", dir, names[i]);

		assert_int_equal(file_replace(path, "", 0, 0600), 0);
	}
	list = dir_list(dir);
	assert_int_equal(strv_len(list), 3);
	assert_string_equal(list[0], "a");
	assert_string_equal(list[1], "b");
	assert_string_equal(list[2], "tpl-1.lock");
	assert_int_equal(dir_remove(dir), 0);
	none = dir_list(dir);
	assert_null(none);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_pipe_is_waited_for),
		cmocka_unit_test(a_closed_reader_is_an_error),
		cmocka_unit_test(a_directory_is_listed_in_order_without_hidden_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
