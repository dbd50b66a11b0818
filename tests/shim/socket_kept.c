/* SPDX-License-Identifier: MIT */
/*
 * Bug 20: replaced sockets lose O_NONBLOCK, epoll registration and options (bypass4netns#35,
 * proxychains#151, ip2unix#6, #13): after bind and connect it is the same socket, with all that was
 * set before.
 */
#include "t.h"
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

enum { PORT = 4630 };

static ino_t inode(int fd)
{
	struct stat st;

	MUST(fstat(fd, &st));
	return st.st_ino;
}

static int option(int fd, int level, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	MUST(getsockopt(fd, level, name, &value, &len));
	return value;
}

static void furnish(int fd)
{
	set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	set_option(fd, SOL_SOCKET, SO_RCVBUF, 30000);
	set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	MUST(ioctl(fd, FIONBIO, &(int){ 1 }));
	MUST(fcntl(fd, F_SETFD, FD_CLOEXEC));
}

static void still_furnished(int fd)
{
	EQ(1, option(fd, SOL_SOCKET, SO_REUSEADDR));
	EQ(1, option(fd, SOL_SOCKET, SO_KEEPALIVE));
	EQ(60000, option(fd, SOL_SOCKET, SO_RCVBUF));
	EQ(1, option(fd, IPPROTO_TCP, TCP_NODELAY) != 0);
	EQ(O_NONBLOCK, fcntl(fd, F_GETFL) & O_NONBLOCK);
	EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
}

static int wait_for(int events_fd)
{
	struct epoll_event e = { 0 };

	return epoll_wait(events_fd, &e, 1, 5000) == 1 ? (int)e.data.u32 : -1;
}

int main(void)
{
	int events = FD(epoll_create1(EPOLL_CLOEXEC)), server = FD(socket(AF_INET, SOCK_STREAM, 0));
	int client = FD(socket(AF_INET, SOCK_STREAM, 0));
	ino_t server_inode = inode(server), client_inode = inode(client);
	struct epoll_event in = { .events = EPOLLIN, .data.u32 = 1 };
	struct epoll_event out = { .events = EPOLLOUT | EPOLLET, .data.u32 = 2 };

	furnish(server);
	furnish(client);
	WANT(0, epoll_ctl(events, EPOLL_CTL_ADD, server, &in));
	WANT(0, bind_to(server, "127.0.0.1", PORT));
	WANT(0, listen(server, 5));
	WANT(0, epoll_ctl(events, EPOLL_CTL_MOD, server, &in));
	FAILS(EINPROGRESS, connect_to(client, "127.0.0.1", PORT));
	EQ(1, wait_for(events));
	WANT(0, epoll_ctl(events, EPOLL_CTL_DEL, server, NULL));
	WANT(0, epoll_ctl(events, EPOLL_CTL_ADD, client, &out));
	EQ(2, wait_for(events));
	EQ(1, server_inode == inode(server));
	EQ(1, client_inode == inode(client));
	still_furnished(server);
	still_furnished(client);
	IS("127.0.0.1:4630", peer_of(client));
	return 0;
}
