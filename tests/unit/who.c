/* SPDX-License-Identifier: MIT */
/* Who holds a port, in every state of a socket: tools/watch/lookup/who, diag and proc. */
#include "tests/unit/test.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/watch/lookup/who.h"

static int open_at(int family, int type, const char *address, uint16_t port)
{
	int fd = socket(family, type | SOCK_CLOEXEC, 0), on = 1;
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };

	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (family == AF_INET) {
		assert_int_equal(inet_pton(AF_INET, address, &v4.sin_addr), 1);
		assert_int_equal(bind(fd, (struct sockaddr *)&v4, sizeof(v4)), 0);
	} else {
		assert_int_equal(inet_pton(AF_INET6, address, &v6.sin6_addr), 1);
		assert_int_equal(bind(fd, (struct sockaddr *)&v6, sizeof(v6)), 0);
	}
	return fd;
}

static uint16_t port_of(int fd)
{
	struct sockaddr_in6 address;
	socklen_t len = sizeof(address);

	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	return ntohs(address.sin6_port);
}

static const struct who_socket *find(const struct who *who, enum berth_proto proto, int family,
                                     int state)
{
	for (size_t i = 0; i < who->socket_count; i++) {
		const struct diag_socket *socket = &who->sockets[i].socket;

		if (socket->proto == proto && socket->family == family && socket->state == state)
			return &who->sockets[i];
	}
	return NULL;
}

static struct who *look(uint16_t port)
{
	struct who *who;

	assert_int_equal(who_find(port, NULL, 0, &who), 0);
	return who;
}

static void a_free_port_is_free(void **state)
{
	int fd = open_at(AF_INET, SOCK_STREAM, "127.0.0.1", 0);
	uint16_t port = port_of(fd);
	struct who *who;

	(void)state;
	close(fd);
	who = look(port);
	assert_int_equal(who->verdict, WHO_FREE);
	assert_int_equal(who->socket_count, 0);
	who_free(who);
}

/* True if the kernel lists TCP sockets that are bound and do not listen: Linux 6.8. */
static bool lists_bound(void)
{
	struct utsname name;
	int major = 0, minor = 0;

	uname(&name);
	sscanf(name.release, "%d.%d", &major, &minor);
	return major > 6 || (major == 6 && minor >= 8);
}

static void every_kind_of_holder_is_seen(void **state)
{
	int listener = open_at(AF_INET, SOCK_STREAM, "127.0.0.1", 0);
	uint16_t port = port_of(listener);
	int bound = open_at(AF_INET, SOCK_STREAM, "127.0.0.2", port),
	    udp = open_at(AF_INET6, SOCK_DGRAM, "::1", port);
	struct who *who;

	(void)state;
	assert_int_equal(listen(listener, 5), 0);
	who = look(port);
	assert_int_equal(who->verdict, WHO_OWNED);
	assert_int_equal(who->holder_count, 1);
	assert_int_equal(who->holders[0].info.stat.pid, getpid());
	assert_int_equal(who->holders[0].socket_count, lists_bound() ? 3 : 2);
	assert_int_equal(who->holders[0].ancestors[0].pid, getppid());
	assert_non_null(find(who, BERTH_TCP, AF_INET, DIAG_LISTEN));
	assert_int_equal(find(who, BERTH_TCP, AF_INET, DIAG_BOUND) != NULL, lists_bound());
	assert_non_null(find(who, BERTH_UDP, AF_INET6, DIAG_CLOSE));
	who_free(who);
	close(listener);
	close(bound);
	close(udp);
}

static void time_wait_has_no_owner(void **state)
{
	int listener = open_at(AF_INET, SOCK_STREAM, "127.0.0.1", 0),
	    client = socket(AF_INET, SOCK_STREAM, 0), server;
	uint16_t port = port_of(listener);
	struct sockaddr_in to = { .sin_family = AF_INET,
		                  .sin_port = htons(port),
		                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct who *who;
	char *advice;

	(void)state;
	listen(listener, 5);
	assert_int_equal(connect(client, (struct sockaddr *)&to, sizeof(to)), 0);
	server = accept(listener, NULL, NULL);
	assert_true(server >= 0);
	close(server); /* the server closes first, so its side is in TIME_WAIT */
	close(client);
	close(listener);
	who = look(port);
	assert_int_equal(who->verdict, WHO_INVISIBLE);
	assert_non_null(find(who, BERTH_TCP, AF_INET, DIAG_TIME_WAIT));
	assert_int_equal(who->holder_count, 0);
	advice = who_advice(who);
	assert_non_null(strstr(advice, "SO_REUSEADDR"));
	free(advice);
	who_free(who);
}

static void a_shared_socket_has_two_holders(void **state)
{
	int listener = open_at(AF_INET, SOCK_STREAM, "127.0.0.1", 0), ready[2];
	uint16_t port = port_of(listener);
	struct who *who;
	pid_t child;
	char byte;

	(void)state;
	listen(listener, 5);
	assert_int_equal(pipe(ready), 0);
	child = fork();
	if (!child) {
		close(ready[1]);
		_exit((int)read(ready[0], &byte, 1)); /* until the parent closes its end */
	}
	close(ready[0]);
	who = look(port);
	assert_int_equal(who->holder_count, 2);
	assert_int_equal(who->socket_count, 1);
	assert_int_equal(who->sockets[0].holders, 2);
	who_free(who);
	close(ready[1]);
	close(listener);
	waitpid(child, NULL, 0);
}

static void virtual_ports_are_found_in_maps(void **state)
{
	char path[] = "/tmp/berth-who-test.XXXXXX";
	int file = mkstemp(path), listener;
	struct berth_portmap *map;
	struct who_map from = { .run = "7f3a", .task = "shop", .path = path, .worker = 2 };
	struct who *who;

	(void)state;
	assert_int_equal(ftruncate(file, sizeof(*map)), 0);
	map = mmap(NULL, sizeof(*map), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	listener = open_at(AF_INET, SOCK_STREAM, "127.0.0.1", 0);
	berth_portmap_init(map, 2, port_of(listener), 1);
	listen(listener, 1);
	assert_int_equal(berth_portmap_declare(map, 3197), port_of(listener));
	assert_int_equal(who_find(3197, &from, 1, &who), 0);
	assert_int_equal(who->virtual_count, 1);
	assert_int_equal(who->virtuals[0].worker, 2);
	assert_int_equal(who->virtuals[0].real_port, port_of(listener));
	assert_string_equal(who->virtuals[0].run, "7f3a");
	assert_true(who->virtuals[0].held);
	who_free(who);
	munmap(map, sizeof(*map));
	close(file);
	close(listener);
	unlink(path);
}

static void without_privilege_it_says_what_it_cannot_see(void **state)
{
	int listener = open_at(AF_INET, SOCK_STREAM, "127.0.0.1", 0), status;
	uint16_t port = port_of(listener);
	pid_t child;

	(void)state;
	listen(listener, 1);
	if (geteuid())
		skip(); /* the processes that we may not see belong to other users anyway */
	fcntl(listener, F_SETFD, FD_CLOEXEC);
	child = fork();
	if (!child) {
		struct who *who;

		close(listener);
		if (setgid(65534) || setuid(65534) || who_find(port, NULL, 0, &who))
			_exit(9);
		_exit(who->verdict == WHO_INVISIBLE && who->hidden_processes &&
		                      who->socket_count == 1
		              ? 0
		              : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	close(listener);
}

static void stat_lines_with_hostile_names_are_read(void **state)
{
	struct proc_stat stat;

	(void)state;
	assert_true(proc_parse_stat(
		"42 (a) b) (c) S 7 42 42 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 991 1 1", &stat));
	assert_int_equal(stat.pid, 42);
	assert_int_equal(stat.ppid, 7);
	assert_string_equal(stat.comm, "a) b) (c");
	assert_int_equal(stat.start_ticks, 991);
	assert_false(stat.is_ending);
	assert_true(proc_parse_stat(
		"42 (a) R 7 42 42 0 -1 4195332 1 0 0 0 0 0 0 0 20 0 1 0 991 1 1", &stat));
	assert_true(stat.is_ending);
	assert_false(proc_parse_stat("", &stat));
	assert_false(proc_parse_stat("42 (abc", &stat));
	assert_false(proc_parse_stat("42 (abc) S", &stat));
	assert_false(proc_parse_stat(")(", &stat));
}

static void a_name_cannot_command_the_terminal(void **state)
{
	struct proc_info info;
	siginfo_t end;
	char *command;
	pid_t child = fork();

	(void)state;
	if (!child)
		_exit(prctl(PR_SET_NAME, "a\033[31mb"));
	/* a zombie has no command line */
	assert_int_equal(waitid(P_PID, (id_t)child, &end, WEXITED | WNOWAIT), 0);
	assert_int_equal(proc_read(child, &info), 0);
	assert_string_equal(info.command, "[a [31mb]");
	assert_string_equal(info.stat.comm, "a [31mb");
	proc_info_free(&info);
	assert_int_equal(waitpid(child, NULL, 0), child);
	command = proc_command(child);
	assert_string_equal(command, "[gone]");
	free(command);
}

static void environments_are_searched_by_whole_names(void **state)
{
	static const char text[] =
		"XBERTH_RUN=no\0BERTH_RUNS=no\0BERTH_RUN=7f3a\0LAST=unterminated";

	(void)state;
	assert_string_equal(proc_parse_environ(text, sizeof(text) - 1, "BERTH_RUN"), "7f3a");
	assert_null(proc_parse_environ(text, sizeof(text) - 1, "BERTH"));
	/* cut off */
	assert_null(proc_parse_environ(text, sizeof(text) - 1, "LAST"));
	assert_null(proc_parse_environ(text, 0, "BERTH_RUN"));
}

static void containers_are_recognized(void **state)
{
	char *docker = proc_parse_container(
		"0::/docker/3f2a91c0d4be55aa3f2a91c0d4be55aa3f2a91c0d4be55aa3f2a91c0d4be55aa\n");

	(void)state;
	assert_string_equal(docker, "docker 3f2a91c0d4be");
	free(docker);
	assert_null(proc_parse_container("0::/user.slice/session-3.scope\n"));
}

static void the_number_inside_a_namespace_is_read(void **state)
{
	(void)state;
	assert_int_equal(proc_parse_inside("Name:\tx\nNSpid:\t4242\t7\t1\nNSpgid:\t9\t8\t8\n"), 1);
	assert_int_equal(proc_parse_inside("Name:\tx\nNSpid:\t4242\n"), 4242);
	assert_int_equal(proc_parse_inside("Name:\tx\nNSpid:"), 0);
	assert_int_equal(proc_parse_inside(""), 0);
}

static void lines_of_unix_sockets_are_read(void **state)
{
	struct proc_unix entry;

	(void)state;
	assert_true(proc_parse_unix(
		"0000000000000000: 00000002 00000000 00010000 0001 01 23456 /tmp/a b.sock",
		&entry));
	assert_true(entry.listening);
	assert_int_equal(entry.inode, 23456);
	assert_string_equal(entry.path, "/tmp/a b.sock");
	assert_true(
		proc_parse_unix("ffff888146cc6780: 00000003 00000000 00000000 0001 03 7", &entry));
	assert_false(entry.listening);
	assert_string_equal(entry.path, "");
	assert_false(
		proc_parse_unix("Num       RefCount Protocol Flags    Type St Inode Path", &entry));
	assert_false(
		proc_parse_unix("0000000000000000: 00000002 00000000 00010000 0001 01", &entry));
	assert_false(proc_parse_unix("", &entry));
}

static void lines_of_another_namespace_are_read(void **state)
{
	struct diag_socket socket;

	(void)state;
	assert_false(diag_parse_proc("  sl  local_address rem_address   st", BERTH_TCP, AF_INET,
	                             &socket));
	assert_false(diag_parse_proc("   0: 0100007F:0C1D", BERTH_TCP, AF_INET, &socket));
	assert_true(diag_parse_proc(
		"   0: 0100007F:0C1D 00000000:0000 0A 00000000:00000001 00:00000000 "
		"00000000  1000        0 26262 1 0000000000000000 100 0 0 10 0",
		BERTH_TCP, AF_INET, &socket));
	assert_int_equal(socket.local_port, 3101);
	assert_int_equal(socket.state, DIAG_LISTEN);
	assert_int_equal(socket.uid, 1000);
	assert_int_equal(socket.inode, 26262);
	assert_int_equal(socket.local.word_be[2], htonl(0xffff));
	assert_int_equal(socket.local.word_be[3], htonl(INADDR_LOOPBACK));
	assert_true(diag_parse_proc("  12: 00000000000000000000000001000000:149E "
	                            "00000000000000000000000002000000:0050 01 "
	                            "00000000:00000000 00:00000000 00000000     0        0 77 2 0",
	                            BERTH_UDP, AF_INET6, &socket));
	assert_int_equal(socket.remote_port, 80);
	assert_int_equal(socket.local.word_be[3], htonl(1));
	assert_int_equal(socket.remote.word_be[3], htonl(2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_of_another_namespace_are_read),
		cmocka_unit_test(a_free_port_is_free),
		cmocka_unit_test(every_kind_of_holder_is_seen),
		cmocka_unit_test(time_wait_has_no_owner),
		cmocka_unit_test(a_shared_socket_has_two_holders),
		cmocka_unit_test(virtual_ports_are_found_in_maps),
		cmocka_unit_test(without_privilege_it_says_what_it_cannot_see),
		cmocka_unit_test(stat_lines_with_hostile_names_are_read),
		cmocka_unit_test(a_name_cannot_command_the_terminal),
		cmocka_unit_test(environments_are_searched_by_whole_names),
		cmocka_unit_test(containers_are_recognized),
		cmocka_unit_test(the_number_inside_a_namespace_is_read),
		cmocka_unit_test(lines_of_unix_sockets_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
