/* SPDX-License-Identifier: MIT */
/* A server that moves into an empty root directory goes on binding and connecting there. */
#include "t.h"

enum { PORT = 4870 };

int main(void)
{
	char dir[] = "/tmp/root-XXXXXX";
	int server = FD(listen_on("127.0.0.1", PORT)), client, served,
	    top = (int)MUST(open("/", O_PATH | O_CLOEXEC));

	if (!mkdtemp(dir))
		FAIL("mkdtemp: %s", err_name(errno));
	if (chroot(dir)) {
		rmdir(dir);
		SKIP("chroot needs a privilege here");
	}
	MUST(unlinkat(top, dir + 1, AT_REMOVEDIR));
	MUST(close(top));
	FAILS(ENOENT, open("/tmp", O_RDONLY));
	round_trip("127.0.0.1", PORT + 1);
	client = FD(client_of("127.0.0.1", PORT));
	served = FD(accept(server, NULL, NULL));
	IS("127.0.0.1:4870", name_of(served));
	pass_byte(client, served, 'c');
	return 0;
}
