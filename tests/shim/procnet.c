/* SPDX-License-Identifier: MIT */
/*
 * The kernel's tables of sockets, /proc/net/tcp and its like, name the ports that the program asked
 * for, whichever way they are opened; they are read-only files that begin at their beginning.
 */
#include "t.h"
#include <stdlib.h>
#include <sys/resource.h>

enum { PORT = 4940 };
enum { ESTABLISHED = 1, UNCONNECTED = 7, LISTENING = 10 }; /* as the tables say it */

int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int __openat_2(int dir, const char *path, int flags);
int __openat64_2(int dir, const char *path, int flags);

static char text[1 << 20];

static void read_all(int fd)
{
	size_t len = 0;
	ssize_t got;

	while ((got = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)got;
	if (got < 0)
		FAIL("read: %s", err_name(errno));
	text[len] = 0;
	close(fd);
}

static void read_path(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		FAIL("open '%s': %s", path, err_name(errno));
	read_all(fd);
}

/* How many sockets have port @local here and @remote there, 0 = any, and this state? */
static int sockets(unsigned int local, unsigned int remote, unsigned int state)
{
	unsigned int at[3];
	int count = 0;

	for (char *line = strchr(text, '\n'); line && *++line; line = strchr(line, '\n'))
		if (sscanf(line, "%*d: %*[0-9A-F]:%x %*[0-9A-F]:%x %x", &at[0], &at[1], &at[2]) ==
		            3 &&
		    at[2] == state)
			count += (!local || at[0] == local) && (!remote || at[1] == remote);
	return count;
}

static bool is_table(void)
{
	return strstr(text, "local_address") && sockets(PORT, 0, LISTENING) == 1;
}

static void every_door(void)
{
	int dir = (int)MUST(open("/proc/self/net", O_PATH | O_CLOEXEC));
	char path[64];
	FILE *stream;

	snprintf(path, sizeof(path), "/proc/%d/net/tcp", (int)getpid());
#define DOOR(expr) \
	({ \
		read_all(FD(expr)); \
		EQ(1, is_table()); \
	})
	DOOR(open("/proc/net/tcp", O_RDONLY));
	DOOR(open(path, O_RDONLY));
	DOOR(open64("/proc/self/net/tcp", O_RDONLY));
	DOOR(openat(AT_FDCWD, "/proc/thread-self/net/tcp", O_RDONLY));
	DOOR(openat(dir, "tcp", O_RDONLY));
	DOOR(openat64(dir, "./tcp", O_RDONLY));
	DOOR(__open_2("/proc/net/tcp", O_RDONLY));
	DOOR(__open64_2("/proc/net/tcp", O_RDONLY));
	DOOR(__openat_2(dir, "tcp", O_RDONLY));
	DOOR(__openat64_2(dir, "tcp", O_RDONLY));
	stream = fopen("/proc/net/tcp", "r");
	text[stream ? fread(text, 1, sizeof(text) - 1, stream) : 0] = 0;
	EQ(1, is_table());
	EQ(0, fclose(stream));
	stream = fopen64("/proc/net/tcp", "re");
	EQ(FD_CLOEXEC, fcntl(fileno(stream), F_GETFD));
	EQ(0, fclose(stream));
	close(dir);
}

static void same_file(void)
{
	int fd = FD(open("/proc/net/udp", O_RDONLY));

	EQ(0, fcntl(fd, F_GETFD));
	EQ(0, lseek(fd, 0, SEEK_CUR));
	EQ(O_RDONLY, fcntl(fd, F_GETFL) & O_ACCMODE);
	FAILS(EBADF, write(fd, "x", 1));
	close(fd);
	FAILS(ENOENT, open("/proc/net/tcp7", O_RDONLY));
	FAILS(EFAULT, open((const char *)(uintptr_t)1, O_RDONLY));
	EQ(0, access("/proc/net/udp6", R_OK));
}

static void an_ordinary_file(void)
{
	char dir[] = "/tmp/shim-procnet-XXXXXX";
	int at = (int)MUST(open(mkdtemp(dir), O_PATH | O_CLOEXEC)), fd;

	fd = FD(openat(at, "tcp", O_RDWR | O_CREAT | O_EXCL, 0640));
	WANT(5, write(fd, "  sl\n", 5));
	WANT(0, lseek(fd, 0, SEEK_SET));
	read_all(fd);
	IS("  sl\n", text);
	WANT(0, unlinkat(at, "tcp", 0));
	close(at);
	MUST(rmdir(dir));
}

/* To read is not to write: whose files may not grow can read the tables all the same. */
static void no_files(void)
{
	struct rlimit none = { 0 }, before;

	MUST(getrlimit(RLIMIT_FSIZE, &before));
	none.rlim_max = before.rlim_max;
	/* nothing is printed meanwhile: stdout is a file, too */
	MUST(setrlimit(RLIMIT_FSIZE, &none));
	read_path("/proc/net/tcp");
	MUST(setrlimit(RLIMIT_FSIZE, &before));
	EQ(1, strstr(text, "local_address") != NULL);
}

int main(void)
{
	int server = FD(listen_on("127.0.0.1", PORT)), client = FD(client_of("127.0.0.1", PORT));
	int datagrams = FD(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));

	struct addr name = name_addr(client);
	unsigned int source = (unsigned int)port_in(&name);

	FD(accept(server, NULL, NULL));
	EQ(0, bind_to(datagrams, "0.0.0.0", PORT + 1));
	every_door();
	same_file();
	an_ordinary_file();
	no_files();
	read_path("/proc/net/tcp");
	EQ(1, sockets(PORT, source, ESTABLISHED));
	EQ(1, sockets(source, PORT, ESTABLISHED));
	EQ(0, sockets(PORT + 1, 0, LISTENING));
	read_path("/proc/net/udp");
	EQ(1, sockets(PORT + 1, 0, UNCONNECTED));
	EQ(0, sockets(PORT, 0, UNCONNECTED));
	close(server);
	read_path("/proc/net/tcp");
	EQ(0, sockets(PORT, 0, LISTENING));
	if (!have_ipv6())
		return 0;
	FD(listen_on("::1", PORT + 2));
	datagrams = FD(socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	EQ(0, bind_to(datagrams, "::1", PORT + 3));
	read_path("/proc/net/tcp6");
	EQ(1, sockets(PORT + 2, 0, LISTENING));
	read_path("/proc/net/udp6");
	EQ(1, sockets(PORT + 3, 0, UNCONNECTED));
	return 0;
}
