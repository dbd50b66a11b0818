/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_WIRE_H
#define BERTH_DB_WIRE_H
/*
 * PostgreSQL's protocol, version 3 (its manual, chapter "Frontend/Backend Protocol"): framing,
 * start-up packets, errors. Integers are big endian. All functions accept any bytes.
 */
#include <stdbool.h>
#include <stdint.h>

#include "tools/base/str.h"

enum {
	WIRE_STARTUP_MAX = 10000, /* MAX_STARTUP_PACKET_LENGTH */
	WIRE_CANCEL = 80877102,
	WIRE_SSL = 80877103,
	WIRE_GSSENC = 80877104,
	WIRE_HEADER = 5, /* type, length */
};

uint16_t wire_get16(const char *at);
uint32_t wire_get32(const char *at);
void wire_put32(char *at, uint32_t value);
void wire_add16(struct str *out, uint16_t value);
void wire_add32(struct str *out, uint32_t value);

/**
 * Begin a message; @type is 0 for a start-up packet, which has none. Return: a mark for wire_end().
 */
size_t wire_begin(struct str *out, char type);

/** Fill in the length of the message that began at @mark. */
void wire_end(struct str *out, size_t mark);

/**
 * The string that begins at *at_io; *at_io moves behind its NUL.
 * Return: NULL if there is none before @len.
 */
const char *wire_string(const char *data, size_t len, size_t *at_io);

/** Append what replaces cell @i, without its length. */
typedef void (*wire_cell_fn)(const void *arg, size_t i, const char *cell, size_t len,
                             struct str *out);

/**
 * Append @count cells at *at_io, each with its length in front, mapped by @map. NULLs stay NULL.
 * Return: false if they are malformed; else *at_io is behind them.
 */
bool wire_map_cells(const char *data, size_t len, size_t *at_io, size_t count, wire_cell_fn map,
                    const void *arg, struct str *out);

/** Append an ErrorResponse. @hint may be NULL. */
void wire_error(struct str *out, const char *severity, const char *sqlstate, const char *message,
                const char *hint);

/** Return: the field @field of an ErrorResponse, in @message; NULL if it has none. */
const char *wire_error_field(const char *message, size_t len, char field);

enum wire_startup_kind {
	WIRE_STARTUP_BAD,
	WIRE_STARTUP_OLD,
	WIRE_STARTUP_SESSION,
	WIRE_STARTUP_PHYSICAL,
	WIRE_STARTUP_LOGICAL_REPLICATION
};

/**
 * Read a start-up packet of protocol 3.
 * @packet		with its length word
 * @ret_database	the database, or the role if the packet names none; points into @packet
 */
enum wire_startup_kind wire_startup(const char *packet, size_t len, const char **ret_database);

/** Append the packet with another database. */
void wire_startup_rename(const char *packet, size_t len, const char *database,
                         struct str *ret_packet);

#endif
