/* SPDX-License-Identifier: MIT */
/*
 * A 64-bit program that binds through the 32-bit entry of the kernel, as 32-bit programs do. Prints
 * the result.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

enum { BIND_32 = 361 }; /* asm/unistd_32.h */

int main(void)
{
#ifdef __x86_64__
	struct sockaddr_in *address = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	                                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	long ret, fd = socket(AF_INET, SOCK_STREAM, 0);

	address->sin_family = AF_INET;
	address->sin_port = htons(4990);
	address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	__asm__ volatile("int $0x80"
	                 : "=a"(ret)
	                 : "a"(BIND_32), "b"(fd), "c"(address), "d"(sizeof(*address))
	                 : "r8", "r9", "r10", "r11", "memory");
	puts(ret ? strerror((int)-ret) : "bound");
	return 0;
#else
	puts("skip: no 32-bit entry");
	return 77;
#endif
}
