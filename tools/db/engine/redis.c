/* SPDX-License-Identifier: MIT */
/*
 * Redis as a private server. Its settings, with the password, are a file in the data directory that
 * no other user may read; every user can see a command line. It saves its data only when it is
 * stopped cleanly.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/db/common/digest.h"
#include "tools/db/engine/engine.h"

#define SETTINGS \
	"bind 127.0.0.1 -::1\ndaemonize no\nsave 31536000 1\nappendonly no\nunixsocketperm 777\n"

static char *stamp(const struct db_programs *programs)
{
	(void)programs;
	return digest_stamp("/usr/bin/redis-server");
}

/* In quotes and in hexadecimal: a password may hold blanks, quotes and line ends. */
static void add_quoted(struct str *settings, const char *text)
{
	str_add(settings, "\"");
	for (; *text; text++)
		str_addf(settings, "\\x%02x", (unsigned int)(unsigned char)*text);
	str_add(settings, "\"");
}

static void add_password(struct str *settings, const struct db_url *url)
{
	cleanup_free char *secret = str_print(">%s", url->password);

	if (strcmp(url->role, "default")) {
		str_add(settings, "user ");
		add_quoted(settings, url->role);
		str_add(settings, " on ");
		add_quoted(settings, secret);
		str_add(settings, " ~* &* +@all\n");
	} else {
		str_add(settings, "requirepass ");
		add_quoted(settings, url->password);
		str_add(settings, "\n");
	}
	explicit_bzero(secret, strlen(secret));
}

static void add_setting(struct str *settings, const char *setting)
{
	const char *value = strchr(setting, '=') + 1;

	str_add_len(settings, setting, (size_t)(value - setting) - 1);
	str_add(settings, " ");
	add_quoted(settings, value);
	str_add(settings, "\n");
}

static int build(const struct engine_build *build, struct str *ret_text)
{
	cleanup_free char *path = str_print("%s/redis.conf", build->data);
	cleanup_str struct str settings = { 0 };
	int ret;

	(void)ret_text;
	str_add(&settings, SETTINGS);
	for (unsigned int i = 0; i < build->url_count; i++)
		if (build->urls[i].port == build->spec->port && build->urls[i].password)
			add_password(&settings, &build->urls[i]);
	for (char *const *setting = build->spec->settings; setting && *setting; setting++)
		add_setting(&settings, *setting);
	ret = mkdir(build->data, 0700) ? -errno
	                               : file_replace(path, settings.text, settings.len, 0600);
	explicit_bzero(settings.text, settings.len);
	return ret;
}

static char *socket_path(const struct instance_params *params)
{
	return str_print("%s/redis.%u", params->socket_dir, params->port);
}

static char **command_line(const struct instance_params *params)
{
	cleanup_free char *conf = str_print("%s/redis.conf", params->data);
	cleanup_free char *port = str_print("%u", params->port), *path = socket_path(params);

	return strv_of("/usr/bin/redis-server", conf, "--port", port, "--dir", params->data,
	               "--unixsocket", path);
}

/* +PONG; -NOAUTH if there is a password; -LOADING while it is not ready. */
static bool is_ready(const char *reply, size_t len)
{
	return len && (*reply == '+' || !memmem(reply, len, "LOADING", 7));
}

static char *open_command(const struct db_programs *programs, const struct db_url *url,
                          const char *data)
{
	cleanup_free char *where = str_shell_word(data);
	cleanup_free char *start = str_print("redis-server %s/redis.conf --port 63790 --dir %s",
	                                     where, where);
	cleanup_free char *command = engine_as_user(programs, start);

	(void)url;
	return str_print("%s   # then: redis-cli -p 63790", command);
}

const struct db_engine db_engine_redis = {
	.name = "redis",
	.package = "redis-server",
	.sockets = { "/run/redis/redis-server.sock", "/var/run/redis/redis-server.sock",
	             "/tmp/redis.sock" },
	.hello = "PING\r\n",
	.hello_len = sizeof("PING\r\n") - 1,
	.is_ready = is_ready,
	.busy = "Address already in use",
	.stop_clean = SIGTERM,
	.stop_now = SIGKILL,
	.stamp = stamp,
	.build = build,
	.command_line = command_line,
	.socket_path = socket_path,
	.open_command = open_command,
};
