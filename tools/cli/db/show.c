/* SPDX-License-Identifier: MIT */
/* What the actions of `berth db` share: query the project's servers; show ages and sizes. */
#include "tools/cli/db/db.h"

#include <time.h>

#include "tools/cli/settings/config.h"

char *db_age(int64_t since_s)
{
	long long minutes = ((long long)time(NULL) - since_s) / 60;

	if (minutes < 60)
		return str_print("%lldm", minutes < 0 ? 0 : minutes);
	return minutes < 48 * 60 ? str_print("%lldh", minutes / 60)
	                         : str_print("%lldd", minutes / 1440);
}

char *db_size(int64_t bytes)
{
	return bytes < 0 ? str_copy("-")
	                 : str_print("%lld MiB", ((long long)bytes + (1 << 20) - 1) >> 20);
}

int db_on_servers(struct cli *cli,
                  int (*act)(struct cli *cli, const struct server_view *views, size_t count))
{
	struct server_view *views;
	size_t count;
	int status = config_load(cli);

	if (status)
		return status;
	count = servers_look(&cli->run, &views);
	status = act(cli, views, count);
	servers_free(views, count);
	return status;
}
