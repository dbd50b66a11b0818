/* SPDX-License-Identifier: MIT */
/*
 * The names that a worker has bound are a set of hashes in its port map, which only grows. A
 * connect looks there, so that a name of the worker's reaches its own server or no one, and every
 * other name reaches the host's. Names that are too long are kept whole, for the way out.
 */
#include "core/abstract.h"
#include "core/hash.h"

enum { FAMILY_UNIX = 1, AUTOBOUND = 5, DIGITS = 5, TEXT_MAX = BERTH_UNIX_PATH - 1, HASH_TEXT = 16 };
enum { AT_BLOCK = 6, AT_MARK = AT_BLOCK + DIGITS };

static const char brand[] = "berth/";

static bool starts_with(const uint8_t *text, uint32_t len, const char *prefix)
{
	for (uint32_t i = 0; prefix[i]; i++)
		if (i >= len || text[i] != (uint8_t)prefix[i])
			return false;
	return true;
}

bool berth_abstract_parse(const void *sa, uint32_t len)
{
	const uint8_t *byte = sa;
	uint16_t family;

	if (!sa || len < BERTH_ABSTRACT_HEAD || len > BERTH_UNIX_ADDRESS)
		return false;
	__builtin_memcpy(&family, byte, sizeof(family));
	return family == FAMILY_UNIX && !byte[2] &&
	       !starts_with(byte + BERTH_ABSTRACT_HEAD, len - BERTH_ABSTRACT_HEAD, brand);
}

static uint64_t hash_of(const uint8_t *name, uint32_t len)
{
	uint64_t hash = BERTH_HASH64;

	for (uint32_t i = 0; i < len; i++)
		hash = berth_hash64_byte(hash, name[i]);
	return hash ? hash : 1; /* 0 is an empty cell */
}

/* The cell of @hash, or the empty one where it belongs; BERTH_NAMES_MAX if all are taken. */
static uint32_t find_cell(const struct berth_portmap *map, uint64_t hash)
{
	for (uint32_t i = 0; i < BERTH_NAMES_MAX; i++) {
		uint32_t cell = (uint32_t)(hash + i) % BERTH_NAMES_MAX;
		uint64_t found = __atomic_load_n(&map->names[cell], __ATOMIC_ACQUIRE);

		if (!found || found == hash)
			return cell;
	}
	return BERTH_NAMES_MAX;
}

static void add_name(struct berth_portmap *map, uint64_t hash)
{
	uint32_t cell;

	while ((cell = find_cell(map, hash)) < BERTH_NAMES_MAX) {
		uint64_t found = 0;

		if (__atomic_compare_exchange_n(&map->names[cell], &found, hash, false,
		                                __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE) ||
		    found == hash)
			return;
	}
}

/* Of a full set it is not known: then isolation goes before reach. */
static bool is_of_worker(const struct berth_portmap *map, uint64_t hash)
{
	uint32_t cell = find_cell(map, hash);

	return cell == BERTH_NAMES_MAX ||
	       __atomic_load_n(&map->names[cell], __ATOMIC_ACQUIRE) == hash;
}

/* Keep a long name for the way out. Two writers of one name may take two cells: no harm. */
static void keep_long(struct berth_portmap *map, uint64_t hash, const uint8_t *name, uint32_t len)
{
	for (uint32_t i = 0; i < BERTH_LONG_NAMES_MAX; i++) {
		struct berth_long_name *cell = &map->long_names[i];
		uint64_t empty = 0;

		if (__atomic_load_n(&cell->hash, __ATOMIC_ACQUIRE) == hash &&
		    __atomic_load_n(&cell->len, __ATOMIC_ACQUIRE))
			return;
		if (!__atomic_compare_exchange_n(&cell->hash, &empty, hash, false, __ATOMIC_ACQ_REL,
		                                 __ATOMIC_ACQUIRE))
			continue;
		for (uint32_t k = 0; k < len; k++)
			cell->name[k] = name[k];
		__atomic_store_n(&cell->len, len, __ATOMIC_RELEASE);
		return;
	}
}

static const struct berth_long_name *find_long(const struct berth_portmap *map, uint64_t hash)
{
	for (uint32_t i = 0; i < BERTH_LONG_NAMES_MAX; i++) {
		const struct berth_long_name *cell = &map->long_names[i];

		if (__atomic_load_n(&cell->hash, __ATOMIC_ACQUIRE) == hash &&
		    __atomic_load_n(&cell->len, __ATOMIC_ACQUIRE))
			return cell;
	}
	return NULL;
}

static void write_prefix(const struct berth_portmap *map, uint8_t mark, uint8_t *to)
{
	uint32_t block = map->block_base;

	__builtin_memcpy(to, brand, AT_BLOCK);
	for (int i = DIGITS; i--; block /= 10)
		to[AT_BLOCK + i] = (uint8_t)('0' + block % 10);
	to[AT_MARK] = mark;
	to[AT_MARK + 1] = '@';
}

/* How many bytes at the end of @name must go, and are 0; above the prefix's length: too long. */
static uint32_t bytes_to_cut(const uint8_t *name, uint32_t len)
{
	uint32_t cut = len + BERTH_ABSTRACT_PREFIX > TEXT_MAX
	                       ? len + BERTH_ABSTRACT_PREFIX - TEXT_MAX
	                       : 0;

	for (uint32_t i = 0; i < cut; i++)
		if (name[len - 1 - i])
			return BERTH_ABSTRACT_PREFIX + 1;
	return cut;
}

/* Return: the new length. */
static uint32_t map_address(const struct berth_portmap *map, uint8_t *sa, uint32_t len,
                            uint64_t hash)
{
	static const char digits[] = "0123456789abcdef";
	uint8_t *name = sa + BERTH_ABSTRACT_HEAD, *to = name + BERTH_ABSTRACT_PREFIX;
	uint32_t cut = bytes_to_cut(name, len - BERTH_ABSTRACT_HEAD);

	if (cut > BERTH_ABSTRACT_PREFIX) {
		write_prefix(map, '#', name);
		for (uint32_t i = 0; i < HASH_TEXT; i++)
			to[i] = (uint8_t)digits[hash >> (60 - 4 * i) & 15];
		return BERTH_ABSTRACT_HEAD + BERTH_ABSTRACT_PREFIX + HASH_TEXT;
	}
	for (uint32_t i = len - BERTH_ABSTRACT_HEAD - cut; i--;)
		to[i] = name[i];
	write_prefix(map, cut ? (uint8_t)('a' + cut - 1) : '/', name);
	return len - cut + BERTH_ABSTRACT_PREFIX;
}

void berth_abstract_bind(struct berth_portmap *map, void *sa, uint32_t *len)
{
	const uint8_t *name = (uint8_t *)sa + BERTH_ABSTRACT_HEAD;
	uint32_t name_len = *len - BERTH_ABSTRACT_HEAD;
	uint64_t hash = hash_of(name, name_len);

	add_name(map, hash);
	if (bytes_to_cut(name, name_len) > BERTH_ABSTRACT_PREFIX)
		keep_long(map, hash, name, name_len);
	*len = map_address(map, sa, *len, hash);
}

static bool is_autobound(const uint8_t *name, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		if ((name[i] < '0' || name[i] > '9') && (name[i] < 'a' || name[i] > 'f'))
			return false;
	return len == AUTOBOUND;
}

struct berth_decision berth_abstract_outbound(const struct berth_portmap *map, void *sa,
                                              uint32_t *len)
{
	const uint8_t *name = (uint8_t *)sa + BERTH_ABSTRACT_HEAD;
	uint32_t name_len = *len - BERTH_ABSTRACT_HEAD;
	uint64_t hash = hash_of(name, name_len);
	struct berth_decision decision = { .verdict = BERTH_PASS };

	if (is_of_worker(map, hash)) {
		decision.verdict = BERTH_USE;
		*len = map_address(map, sa, *len, hash);
		return decision;
	}
	if (is_autobound(name, name_len))
		return decision;
	decision.note = BERTH_NOTE_FOREIGN;
	if (map->flags & BERTH_MAP_STRICT) {
		decision.verdict = BERTH_REFUSE;
		decision.note = BERTH_NOTE_REFUSED;
		decision.error = BERTH_CONNECTION_REFUSED;
	}
	return decision;
}

/* Return: the hash in a mapped name; 0 if it is none. */
static uint64_t read_hash(const uint8_t *text)
{
	uint64_t hash = 0;

	for (uint32_t i = 0; i < HASH_TEXT; i++) {
		uint8_t digit = text[i];

		if (digit >= '0' && digit <= '9')
			hash = hash << 4 | (uint64_t)(digit - '0');
		else if (digit >= 'a' && digit <= 'f')
			hash = hash << 4 | (uint64_t)(digit - 'a' + 10);
		else
			return 0;
	}
	return hash;
}

static uint32_t restore_long(const struct berth_portmap *map, uint8_t *sa, uint32_t space,
                             uint32_t full)
{
	const uint32_t head = BERTH_ABSTRACT_HEAD + BERTH_ABSTRACT_PREFIX;
	const struct berth_long_name *found = NULL;
	uint32_t len;

	if (full == head + HASH_TEXT && space >= full)
		found = find_long(map, read_hash(sa + head));
	len = found ? __atomic_load_n(&found->len, __ATOMIC_RELAXED) : 0;
	if (!len || len > TEXT_MAX)
		return full;
	for (uint32_t i = 0; i < len && BERTH_ABSTRACT_HEAD + i < space; i++)
		sa[BERTH_ABSTRACT_HEAD + i] = found->name[i];
	return BERTH_ABSTRACT_HEAD + len;
}

uint32_t berth_abstract_restore(const struct berth_portmap *map, void *sa, uint32_t space,
                                uint32_t full)
{
	uint8_t *name = (uint8_t *)sa + BERTH_ABSTRACT_HEAD, prefix[BERTH_ABSTRACT_PREFIX];
	uint32_t filled = space < full ? space : full, cut = 0, len;
	uint16_t family;

	if (filled < BERTH_ABSTRACT_HEAD + BERTH_ABSTRACT_PREFIX || full > BERTH_UNIX_ADDRESS)
		return full;
	__builtin_memcpy(&family, sa, sizeof(family));
	write_prefix(map, name[AT_MARK], prefix);
	if (family != FAMILY_UNIX || name[-1])
		return full;
	for (uint32_t i = 0; i < BERTH_ABSTRACT_PREFIX; i++)
		if (name[i] != prefix[i])
			return full;
	if (name[AT_MARK] == '#')
		return restore_long(map, sa, space, full);
	if (name[AT_MARK] != '/')
		cut = name[AT_MARK] - 'a' + 1u;
	if (cut > BERTH_ABSTRACT_PREFIX)
		return full;
	len = full - BERTH_ABSTRACT_PREFIX + cut;
	for (uint32_t i = 0; BERTH_ABSTRACT_HEAD + i < space && BERTH_ABSTRACT_HEAD + i < len; i++)
		name[i] = BERTH_ABSTRACT_HEAD + BERTH_ABSTRACT_PREFIX + i < filled
		                  ? name[BERTH_ABSTRACT_PREFIX + i]
		                  : 0;
	return len;
}

static uint32_t *seen_word(struct berth_portmap *map, const char *name, uint32_t *ret_bit)
{
	uint32_t number = berth_hash_text(BERTH_HASH, name) % BERTH_NAMES_SEEN;

	*ret_bit = 1u << number % 32;
	return &map->names_seen[number / 32];
}

bool berth_abstract_note(struct berth_portmap *map, const struct berth_decision *decision,
                         const void *sa, uint32_t len, struct berth_note *note)
{
	const uint8_t *path = (const uint8_t *)sa + BERTH_ABSTRACT_HEAD - 1;
	uint32_t bit, *word, count = len - (BERTH_ABSTRACT_HEAD - 1);

	if (!decision->note)
		return false;
	*note = (struct berth_note){ .kind = decision->note, .error = decision->error };
	for (uint32_t i = 0; i < count && i + 1 < BERTH_NOTE_TEXT; i++)
		note->text[i] = path[i] ? (char)path[i] : '@';
	word = seen_word(map, note->text, &bit);
	return decision->note != BERTH_NOTE_FOREIGN ||
	       !(__atomic_fetch_or(word, bit, __ATOMIC_RELAXED) & bit);
}

void berth_abstract_forget(struct berth_portmap *map, const char *name)
{
	uint32_t bit, *word = seen_word(map, name, &bit);

	__atomic_fetch_and(word, ~bit, __ATOMIC_RELAXED);
}

const char *berth_abstract_plain(const char *path)
{
	const uint8_t *name = (const uint8_t *)path + 1;

	if (path[0] != '@' || !starts_with(name, BERTH_UNIX_PATH, brand))
		return path;
	for (uint32_t i = AT_BLOCK; i < AT_MARK; i++)
		if (name[i] < '0' || name[i] > '9')
			return path;
	return name[AT_MARK] && name[AT_MARK] != '#' && name[AT_MARK + 1] == '@'
	               ? path + 1 + AT_MARK + 1
	               : path;
}
