/* SPDX-License-Identifier: MIT */
/*
 * tools/db/proxy/peer and diag_find(): who owns the other end of a connection; a closed one has no
 * owner.
 */
#include "tests/unit/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/base/diag.h"
#include "tools/db/proxy/peer.h"

enum { OURS = 65534, ANOTHER = 65533, PATIENCE_MS = 5000 };

static int open_at(const char *address, uint16_t *port)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in name = { .sin_family = AF_INET,
		                    .sin_port = htons(*port),
		                    .sin_addr.s_addr = inet_addr(address) };
	socklen_t len = sizeof(name);

	assert_int_equal(bind(fd, (struct sockaddr *)&name, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&name, &len), 0);
	*port = ntohs(name.sin_port);
	return fd;
}

static int find(const char *local, uint16_t local_port, uint16_t remote_port,
                struct diag_socket *ret_socket)
{
	struct diag *diag;
	int ret;

	*ret_socket = (struct diag_socket){ .proto = BERTH_TCP,
		                            .family = AF_INET,
		                            .local_port = local_port,
		                            .remote_port = remote_port };
	ret_socket->local.word_be[3] = inet_addr(local);
	ret_socket->remote.word_be[3] = htonl(INADDR_LOOPBACK);
	assert_int_equal(diag_open(-1, &diag), 0);
	ret = diag_find(diag, ret_socket);
	diag_close(diag);
	return ret;
}

static void check_user(uid_t user, bool ours)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	uint16_t port = 0, source = 0;
	int server = open_at("127.0.0.1", &port), client, served;
	struct diag_socket end = { 0 };

	assert_int_equal(listen(server, 1), 0);
	to.sin_port = htons(port);
	if (user != geteuid())
		assert_int_equal(seteuid(0) | seteuid(user), 0);
	client = open_at("127.0.0.1", &source);
	if (user == ANOTHER)
		assert_int_equal(seteuid(0) | seteuid(OURS), 0);
	assert_int_equal(connect(client, (struct sockaddr *)&to, sizeof(to)), 0);
	served = accept(server, NULL, NULL);
	assert_int_equal(peer_is_ours(served), ours);
	close(client);
	for (int ms = 0; ms < PATIENCE_MS &&
	                 (find("127.0.0.1", source, port, &end) || end.state != DIAG_FIN_WAIT2);
	     ms++)
		poll(NULL, 0, 1);
	assert_int_equal(end.state, DIAG_FIN_WAIT2);
	assert_false(peer_is_ours(served));
	close(served);
	close(server);
}

static void a_closed_end_has_no_user(void **state)
{
	bool root = !geteuid();

	(void)state;
	if (root)
		assert_int_equal(seteuid(OURS), 0);
	check_user(geteuid(), true);
	if (!root)
		return;
	check_user(ANOTHER, false);
	assert_int_equal(seteuid(0), 0);
}

static void a_connection_that_is_gone_is_not_a_listener(void **state)
{
	uint16_t port = 0;
	int server = open_at("127.0.0.1", &port);
	struct diag_socket found;

	(void)state;
	assert_int_equal(listen(server, 1), 0);
	assert_int_equal(find("127.0.0.1", port, 1, &found), -ENOENT);
	close(server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_closed_end_has_no_user),
		cmocka_unit_test(a_connection_that_is_gone_is_not_a_listener),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
