/* SPDX-License-Identifier: MIT */
/* Checks the range of real ports, loopback, and who else listens. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/diag.h"
#include "tools/base/file.h"
#include "tools/cli/common/maps.h"
#include "tools/cli/doctor/doctor.h"
#include "tools/cli/settings/lint.h"
#include "tools/ports/ports.h"
#include "tools/watch/lookup/who.h"

enum { CONNECT_MOST_MS = 500 };

/* Turn a message whose second line is "hint: ..." into a finding with a remedy. */
static void say_message(struct doctor *doctor, enum doctor_severity severity, const char *message)
{
	const char *hint = strstr(message, "\nhint: ");

	doctor_say(doctor, severity, "%.*s", (int)strcspn(message, "\n"), message);
	if (hint)
		doctor_remedy(doctor, "%s", hint + strlen("\nhint: "));
}

void check_ports(struct doctor *doctor)
{
	const struct run_options *options = doctor->options;
	const struct ports_setup setup = {
		.range_first = options->range_first,
		.range_last = options->range_last,
		.block_len = options->block_len ? options->block_len
		                                : PORTS_GRANULE, /* a run takes what is free */
		.workers = run_options_workers(options),
		.project = options->project_dir,
	};
	cleanup_free char *error = NULL;
	struct ports_survey survey;
	struct ports *ports;
	uint16_t first, last;
	int ret = ports_open(&setup, &ports, &error);

	if (ret) {
		say_message(doctor, DOCTOR_ERROR, error ? error : strerror(-ret));
		return;
	}
	ports_range(ports, &first, &last);
	ret = ports_count(ports, &survey);
	ports_close(ports);
	if (ret) {
		doctor_say(doctor, DOCTOR_WARNING, "the blocks in %u-%u cannot be counted: %s",
		           first, last, strerror(-ret));
		return;
	}
	doctor_say(doctor,
	           !survey.left                  ? DOCTOR_ERROR
	           : survey.left < setup.workers ? DOCTOR_WARNING
	                                         : DOCTOR_OK,
	           "%u of %u blocks are free in %u-%u; the ephemeral ports are %u-%u", survey.left,
	           survey.blocks, first, last, survey.ephemeral_low, survey.ephemeral_high);
	if (survey.left >= setup.workers)
		return;
	doctor_cause(doctor,
	             "runs have %u granules of 32 ports; other servers hold ports in the rest",
	             survey.leased);
	doctor_remedy(doctor, "berth ps, berth reap, or a wider range");
}

/* --- loopback --- */

static int try_loopback(const struct sockaddr *address, socklen_t len)
{
	cleanup_close int server = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cleanup_close int client = socket(address->sa_family,
	                                  SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct pollfd wait = { .fd = client, .events = POLLOUT };
	struct sockaddr_storage bound;
	socklen_t bound_len = sizeof(bound), error_len = sizeof(int);
	int error = 0;

	if (server < 0 || client < 0 || bind(server, address, len) || listen(server, 1) ||
	    getsockname(server, (struct sockaddr *)&bound, &bound_len))
		return -errno;
	if (!connect(client, (struct sockaddr *)&bound, bound_len))
		return 0;
	if (errno != EINPROGRESS)
		return -errno;
	if (poll(&wait, 1, CONNECT_MOST_MS) != 1)
		return -ETIMEDOUT;
	return getsockopt(client, SOL_SOCKET, SO_ERROR, &error, &error_len) ? -errno : -error;
}

void check_loopback(struct doctor *doctor)
{
	const struct sockaddr_in v4 = { .sin_family = AF_INET,
		                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_addr = in6addr_loopback };
	int ret = try_loopback((const struct sockaddr *)&v4, sizeof(v4));

	doctor_say(doctor, ret ? DOCTOR_ERROR : DOCTOR_OK, "127.0.0.1 %s",
	           ret ? "does not work" : "works");
	if (ret) {
		doctor_cause(doctor, "%s", strerror(-ret));
		doctor_remedy(doctor, "ip link set lo up");
	}
	ret = try_loopback((const struct sockaddr *)&v6, sizeof(v6));
	doctor_say(doctor, ret ? DOCTOR_NOTE : DOCTOR_OK, "::1 %s",
	           ret ? "does not work: servers that listen on 'localhost' get IPv4 only"
	               : "works");
	if (ret) {
		doctor_cause(doctor, "%s", strerror(-ret));
		doctor_remedy(doctor, "sysctl net.ipv6.conf.lo.disable_ipv6=0");
	}
}

/* --- sockets of other processes --- */

static char *holder_of(unsigned int port)
{
	struct who *who;
	char *text;

	if (who_find((uint16_t)port, NULL, 0, &who))
		return str_copy("an unknown program");
	if (who->holder_count)
		text = str_print("%.60s (pid %d)", who->holders[0].info.command,
		                 (int)who->holders[0].info.stat.pid);
	else
		text = str_copy("a process that this user cannot see");
	who_free(who);
	return text;
}

static void say_listener(struct doctor *doctor, unsigned int port, bool shared)
{
	cleanup_free char *holder = holder_of(port);
	bool disturbs = !shared && doctor->options->backend == ISOLATE_NONE;

	doctor_say(doctor,
	           disturbs ? DOCTOR_WARNING
	           : shared ? DOCTOR_OK
	                    : DOCTOR_NOTE,
	           "port %u is %s, and %s listens on it", port, shared ? "shared" : "declared",
	           holder);
	if (shared)
		return;
	doctor_cause(doctor, "%s",
	             disturbs ? "backend none remaps nothing, so the suite cannot bind the port"
	                      : "workers have ports of their own; only a suite that is run without "
	                        "Berth is disturbed");
	doctor_remedy(doctor, "berth who %u", port);
}

static unsigned int say_ports(struct doctor *doctor, const struct run_ports *ports,
                              const uint8_t *listening, bool shared)
{
	unsigned int said = 0;

	for (unsigned int i = 0; i < ports->count; i++)
		for (unsigned int port = ports->ranges[i].first; port <= ports->ranges[i].last;
		     port++) {
			if (!shared && lint_ports_have(&doctor->options->share, port))
				continue;
			if (listening[port]) {
				say_listener(doctor, port, shared);
			} else if (shared) {
				doctor_say(doctor, DOCTOR_NOTE,
				           "port %u is shared, and no process listens on it", port);
				doctor_cause(doctor, "workers reach the host's own server there, "
				                     "which does not run");
				doctor_remedy(doctor, "start it, or take the port out of `share`");
			} else {
				continue;
			}
			said++;
		}
	return said;
}

void check_listeners(struct doctor *doctor)
{
	cleanup_free uint8_t *listening = NULL;
	unsigned int said;
	int ret = maps_listeners(&listening);

	if (ret) {
		doctor_say(doctor, DOCTOR_NOTE, "sockets cannot be listed: %s", strerror(-ret));
		doctor_cause(doctor, "the kernel or the container has no sock_diag");
		doctor_remedy(doctor, "modprobe -a inet_diag tcp_diag udp_diag");
		return;
	}
	said = say_ports(doctor, &doctor->options->ports, listening, false);
	said += say_ports(doctor, &doctor->options->share, listening, true);
	if (!said)
		doctor_say(doctor, DOCTOR_OK,
		           doctor->options->ports.count
		                   ? "no other process listens on the declared ports"
		                   : "no ports are declared");
}

static void count_lingering(void *arg, const struct diag_socket *socket)
{
	*(unsigned int *)arg += socket->state == DIAG_TIME_WAIT;
}

void check_time_wait(struct doctor *doctor)
{
	static const struct diag_filter filter = { .states = 1u << DIAG_TIME_WAIT, .no_udp = true };
	unsigned int low, high, count = 0, port_count;
	int ret = diag_each(-1, &filter, count_lingering, &count);

	file_read_ephemeral(&low, &high);
	port_count = high - low + 1;
	if (ret) {
		doctor_say(doctor, DOCTOR_NOTE, "connections cannot be counted: %s",
		           strerror(-ret));
		return;
	}
	doctor_say(doctor, count > port_count / 2 ? DOCTOR_WARNING : DOCTOR_OK,
	           "%u connections are in TIME_WAIT; the kernel has %u ports for clients", count,
	           port_count);
	if (count <= port_count / 2)
		return;
	doctor_cause(
		doctor,
		"clients that open many short connections; each occupies its port for a minute");
	doctor_remedy(doctor, "sysctl net.ipv4.tcp_tw_reuse=1");
}
