/* SPDX-License-Identifier: MIT */
/*
 * The host's own addresses and its ephemeral range. An address that appears during the run (a VPN,
 * a container bridge) is not rewritten: a worker keeps the addresses of its start.
 */
#include "tools/ports/host.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <string.h>

#include "core/addr.h"
#include "tools/base/file.h"

static bool to_ip(const struct sockaddr *sa, struct berth_ip *ret_ip)
{
	if (sa && sa->sa_family == AF_INET6) {
		memcpy(ret_ip, &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr,
		       sizeof(*ret_ip));
		return true;
	}
	if (!sa || sa->sa_family != AF_INET)
		return false;
	*ret_ip = (struct berth_ip){
		{ 0, 0, htonl(0xffff),
		  ((const struct sockaddr_in *)(const void *)sa)->sin_addr.s_addr }
	};
	return true;
}

static void read_addresses(struct ports_host *host)
{
	static const struct berth_portmap loopback_only;
	struct ifaddrs *list;

	if (getifaddrs(&list))
		return;
	for (struct ifaddrs *at = list; at && host->addr_count < BERTH_ADDRS_MAX;
	     at = at->ifa_next) {
		struct berth_ip ip;

		if (to_ip(at->ifa_addr, &ip) && !berth_ip_is_local(&loopback_only, &ip))
			host->addrs[host->addr_count++] = ip;
	}
	freeifaddrs(list);
}

void ports_host_read(struct ports_host *host)
{
	*host = (struct ports_host){ 0 };
	file_read_ephemeral(&host->ephemeral_low, &host->ephemeral_high);
	read_addresses(host);
}
