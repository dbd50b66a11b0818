/* SPDX-License-Identifier: MIT */
#ifndef BERTH_CLI_TYPES_H
#define BERTH_CLI_TYPES_H
/* The types of option values, for the rows of options.def. */
#include "tools/cli/settings/options.h"

extern const char option_any_text[]; /* .expected of the types that accept any text */
extern const struct option_type type_bool, type_count, type_number, type_cores, type_percent,
	type_ports, type_range, type_list, type_items, type_command, type_databases, type_text,
	type_url, type_file, type_directory, type_duration, type_faults, type_shard, type_size,
	type_names;

/* The types as the rows of options.def name them */
#define BOOL             .type = &type_bool
#define COUNT            .type = &type_count
#define NUMBER(min, max) .type = &type_number, .low = (min), .high = (max)
#define CORES            .type = &type_cores
#define PERCENT          .type = &type_percent
#define PORTS            .type = &type_ports
#define RANGE            .type = &type_range
#define LIST             .type = &type_list
#define ITEMS            .type = &type_items
#define COMMAND          .type = &type_command
#define TEXT             .type = &type_text
#define DATABASES        .type = &type_databases
#define URL              .type = &type_url
#define FILE_NAME        .type = &type_file
#define DIRECTORY        .type = &type_directory
#define DURATION(min)    .type = &type_duration, .low = (min)
#define FAULTS           .type = &type_faults
#define SHARD            .type = &type_shard
#define SIZE             .type = &type_size
#define ENUM(list)       .type = &type_names, .names = (list)

#endif
