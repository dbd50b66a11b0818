/* SPDX-License-Identifier: MIT */
#ifndef BERTH_CLI_DB_H
#define BERTH_CLI_DB_H
/* What the files of `berth db` share. */
#include "tools/cli/settings/cli.h"
#include "tools/cli/common/servers.h"

/** Read the settings, ask the project's servers, and @act. Return: the exit status. */
int db_on_servers(struct cli *cli,
                  int (*act)(struct cli *cli, const struct server_view *views, size_t count));

char *db_age(int64_t since_s); /* "5m", "3h", "12d"; the caller's to free */
char *db_size(int64_t bytes);  /* "38 MiB"; "-" if it is not known */

/** `berth db template [drop NAME...]` */
int db_template(struct cli *cli);

#endif
