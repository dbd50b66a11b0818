/* SPDX-License-Identifier: MIT */
/* file_write_all(): all of a text arrives, or the caller gets an error. */
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_pipe_is_waited_for),
		cmocka_unit_test(a_closed_reader_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
