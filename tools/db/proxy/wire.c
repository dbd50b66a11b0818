/* SPDX-License-Identifier: MIT */
/* Plain functions without state; see wire.h. */
#include "tools/db/proxy/wire.h"

#include <string.h>
#include <strings.h>

#include "tools/base/cleanup.h"

uint16_t wire_get16(const char *at)
{
	return (uint16_t)((uint8_t)at[0] << 8 | (uint8_t)at[1]);
}

uint32_t wire_get32(const char *at)
{
	return (uint32_t)wire_get16(at) << 16 | wire_get16(at + 2);
}

void wire_put32(char *at, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		at[i] = (char)(value >> (24 - 8 * i));
}

void wire_add16(struct str *out, uint16_t value)
{
	const char bytes[2] = { (char)(value >> 8), (char)value };

	str_add_len(out, bytes, 2);
}

void wire_add32(struct str *out, uint32_t value)
{
	char bytes[4];

	wire_put32(bytes, value);
	str_add_len(out, bytes, 4);
}

size_t wire_begin(struct str *out, char type)
{
	if (type)
		str_add_len(out, &type, 1);
	wire_add32(out, 0);
	return out->len - 4;
}

void wire_end(struct str *out, size_t mark)
{
	wire_put32(out->text + mark, (uint32_t)(out->len - mark));
}

const char *wire_string(const char *data, size_t len, size_t *at_io)
{
	const char *string = data + *at_io;
	const char *end = *at_io < len ? memchr(string, 0, len - *at_io) : NULL;

	if (!end)
		return NULL;
	*at_io = (size_t)(end - data) + 1;
	return string;
}

bool wire_map_cells(const char *data, size_t len, size_t *at_io, size_t count, wire_cell_fn map,
                    const void *arg, struct str *out)
{
	for (size_t i = 0; i < count; i++) {
		size_t mark = out->len;
		uint32_t size;

		if (len - *at_io < 4)
			return false;
		size = wire_get32(data + *at_io);
		*at_io += 4;
		wire_add32(out, size);
		if (size == UINT32_MAX) /* NULL */
			continue;
		if (size > len - *at_io)
			return false;
		map(arg, i, data + *at_io, size, out);
		wire_put32(out->text + mark, (uint32_t)(out->len - mark - 4));
		*at_io += size;
	}
	return true;
}

static void add_field(struct str *out, char code, const char *value)
{
	str_add_len(out, &code, 1);
	str_add_len(out, value, strlen(value) + 1);
}

void wire_error(struct str *out, const char *severity, const char *sqlstate, const char *message,
                const char *hint)
{
	size_t mark = wire_begin(out, 'E');

	add_field(out, 'S', severity);
	add_field(out, 'V', severity);
	add_field(out, 'C', sqlstate);
	add_field(out, 'M', message);
	if (hint)
		add_field(out, 'H', hint);
	str_add_len(out, "", 1);
	wire_end(out, mark);
}

static bool is_true(const char *value)
{
	static const char *const words[] = { "true", "on", "yes", "1", "t", "y" };

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (!strcasecmp(value, words[i]))
			return true;
	return false;
}

const char *wire_error_field(const char *message, size_t len, char field)
{
	size_t at = WIRE_HEADER;

	while (at < len && message[at]) {
		char code = message[at++];
		const char *text = wire_string(message, len, &at);

		if (!text || code == field)
			return text;
	}
	return NULL;
}

enum wire_startup_kind wire_startup(const char *packet, size_t len, const char **ret_database)
{
	enum wire_startup_kind kind = WIRE_STARTUP_SESSION;
	const char *user = NULL, *database = NULL;
	size_t at = 8;

	if (len >= 8 && wire_get16(packet + 4) != 3)
		return WIRE_STARTUP_OLD;
	if (len < 9 || packet[len - 1])
		return WIRE_STARTUP_BAD;
	while (at < len && packet[at]) {
		const char *name = wire_string(packet, len, &at),
			   *value = name ? wire_string(packet, len, &at) : NULL;

		if (!value)
			return WIRE_STARTUP_BAD;
		if (!strcmp(name, "user"))
			user = value;
		else if (!strcmp(name, "database"))
			database = value;
		else if (!strcmp(name, "replication") && !strcmp(value, "database"))
			kind = WIRE_STARTUP_LOGICAL_REPLICATION;
		else if (!strcmp(name, "replication") && is_true(value))
			kind = WIRE_STARTUP_PHYSICAL;
	}
	if (!user || at != len - 1)
		return WIRE_STARTUP_BAD;
	*ret_database = database && *database ? database : user;
	return kind;
}

void wire_startup_rename(const char *packet, size_t len, const char *database,
                         struct str *ret_packet)
{
	size_t mark = wire_begin(ret_packet, 0), at = 8;

	str_add_len(ret_packet, packet + 4, 4);
	while (at < len && packet[at]) {
		const char *name = wire_string(packet, len, &at),
			   *value = name ? wire_string(packet, len, &at) : NULL;

		if (!value)
			break;
		if (!strcmp(name, "database"))
			continue;
		str_add_len(ret_packet, name, strlen(name) + 1);
		str_add_len(ret_packet, value, strlen(value) + 1);
	}
	str_add_len(ret_packet, "database", 9);
	str_add_len(ret_packet, database, strlen(database) + 1);
	str_add_len(ret_packet, "", 1);
	wire_end(ret_packet, mark);
}
