/* SPDX-License-Identifier: MIT */
/*
 * dlopen and dlmopen with RTLD_DEEPBIND: a plug-in that looks into its own libraries first still
 * binds and connects where the program does.
 */
#include "t.h"
#include <dlfcn.h>
#include <libgen.h>

enum { PORT = 4730 };

static void meet(void *plugin)
{
	int (*plug_listen)(int), (*plug_connect)(int), server, client, served;

	if (!plugin)
		FAIL("dlopen: %s", dlerror());
	*(void **)&plug_listen = dlsym(plugin, "plug_listen");
	*(void **)&plug_connect = dlsym(plugin, "plug_connect");
	server = FD(plug_listen(PORT));
	IS("127.0.0.1:4730", name_of(server));
	client = FD(client_of("127.0.0.1", PORT));
	served = FD(accept(server, NULL, NULL));
	pass_byte(client, served, 'p');
	close(client);
	close(served);
	close(server);
	server = FD(listen_on("127.0.0.1", PORT));
	client = FD(plug_connect(PORT));
	IS("127.0.0.1:4730", peer_of(client));
	served = FD(accept(server, NULL, NULL));
	pass_byte(client, served, 'q');
	close(client);
	close(served);
	close(server);
	EQ(0, dlclose(plugin));
}

int main(void)
{
	char path[5000];

	snprintf(path, sizeof(path), "%s/plugin_sockets.so", dirname(self_path()));
	meet(dlopen(path, RTLD_NOW | RTLD_LOCAL));
	meet(dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND));
	meet(dlopen(path, RTLD_LAZY | RTLD_GLOBAL | RTLD_DEEPBIND));
	meet(dlmopen(LM_ID_BASE, path, RTLD_NOW | RTLD_DEEPBIND));
	return 0;
}
