/* SPDX-License-Identifier: MIT */
#ifndef BERTH_CLI_DB_H
#define BERTH_CLI_DB_H
/* Functions that the files of `berth db` share. */
#include "tools/cli/settings/cli.h"
#include "tools/cli/common/servers.h"

/** Read the settings, query the project's servers, and call @act. Return: the exit status. */
int db_on_servers(struct cli *cli,
                  int (*act)(struct cli *cli, const struct server_view *views, size_t count));

char *db_age(int64_t since_s); /* "5m", "3h", "12d"; free() it */
char *db_size(int64_t bytes);  /* "38 MiB"; "-" if @bytes is negative (unknown) */

/** `berth db pull` */
int db_pull(struct cli *cli);

/** `berth db template [drop NAME...]` */
int db_template(struct cli *cli);

#endif
