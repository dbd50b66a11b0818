/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation: claiming without a lock.
 *
 * A claim takes a free slot (compare-and-swap of slot.virtual_port from 0) and then publishes it
 * (compare-and-swap of forward[proto][virtual] from 0). Two processes that bind the same new port
 * at once both take a slot. The one that loses the second swap gives its slot back. No other
 * process can have seen it, because slots are found through the forward table only. A process that
 * is killed between the two swaps costs the block one slot, never correctness.
 *
 * Is EADDRINUSE the worker's own or an outsider's? Only the first bind of a slot can tell, and only
 * if it was alone: UNTRIED -> TRYING marks the first. A second bind that comes before the first has
 * its answer makes the slot CONTENDED, and success makes it BOUND. A first bind that fails while
 * still alone (TRYING -> LOST) proves that the worker never held the port, so the virtual port may
 * move. In every other state the worker itself may hold it, and the kernel's answer stands.
 *
 * The slot of a port moves only before its first success. So a client that looked the port up early
 * may at worst be refused; it never reaches a neighbour.
 */
#include "core/portmap.h"
#include "core/hash.h"

static bool swap(uint32_t *cell, uint32_t from, uint32_t to)
{
	return __atomic_compare_exchange_n(cell, &from, to, false, __ATOMIC_ACQ_REL,
	                                   __ATOMIC_ACQUIRE);
}

static struct berth_slot *slot_of(struct berth_portmap *map, uint32_t real_port)
{
	uint32_t slot = berth_portmap_slot(map, real_port);

	return slot < BERTH_SLOTS_MAX ? &map->slots[slot] : NULL;
}

void berth_portmap_init(struct berth_portmap *map, uint32_t worker, uint32_t block_base,
                        uint32_t block_len)
{
	map->version = BERTH_PORTMAP_VERSION;
	map->size = sizeof(*map);
	map->worker = worker;
	map->block_base = block_base;
	map->block_len = block_len < BERTH_SLOTS_MAX ? block_len : BERTH_SLOTS_MAX;
	map->ephemeral_low = 32768;
	map->ephemeral_high = 60999;
	__atomic_store_n(&map->magic, BERTH_PORTMAP_MAGIC, __ATOMIC_RELEASE);
}

bool berth_portmap_valid(const struct berth_portmap *map)
{
	return __atomic_load_n(&map->magic, __ATOMIC_ACQUIRE) == BERTH_PORTMAP_MAGIC &&
	       map->version == BERTH_PORTMAP_VERSION && map->size >= sizeof(*map);
}

/* The search for a free slot; see berth_loop(). */
struct slot_search {
	struct berth_portmap *map;
	uint32_t virtual_port;
	uint32_t first, next; /* slots: where the search began, and where it goes on */
	uint32_t found;       /* real port; 0 = not yet */
};

static long search_step(uint32_t i, void *arg)
{
	struct slot_search *search = arg;
	uint32_t slot = search->first + i;

	if (slot >= BERTH_SLOTS_MAX)
		return 1;
	search->next = slot + 1;
	if (!swap(&search->map->slots[slot].virtual_port, 0, search->virtual_port))
		return 0;
	search->found = search->map->block_base + slot;
	return 1;
}

/* Take a free slot for @virtual_port and return its real port, 0 if there is none. */
static uint16_t slot_take(struct berth_portmap *map, uint16_t virtual_port)
{
	uint32_t hint = __atomic_load_n(&map->slots_full, __ATOMIC_ACQUIRE);
	uint32_t first = hint & 0xffff;
	struct slot_search search = { map, virtual_port, first, first, 0 };
	uint32_t own = berth_portmap_slot(map, virtual_port);

	/* A virtual port inside the block may only be itself: its number names a real port. */
	if (own < BERTH_SLOTS_MAX)
		return swap(&map->slots[own].virtual_port, 0, virtual_port) ? virtual_port : 0;
	/* in an exhausted block a search ends at once: a suite may try thousands of ports */
	berth_loop(first < map->block_len ? map->block_len - first : 0, search_step, &search);
	swap(&map->slots_full, hint, (hint & 0xffff0000) | search.next);
	return (uint16_t)search.found;
}

static void slot_give_back(struct berth_portmap *map, uint16_t real_port)
{
	struct berth_slot *slot = slot_of(map, real_port);
	uint32_t number = berth_portmap_slot(map, real_port);

	if (!slot)
		return;
	__atomic_store_n(&slot->virtual_port, 0, __ATOMIC_RELEASE);
	/*
	 * Also if the hint does not change: a search that saw the slot taken must not move the hint
	 * beyond it. A few tries, as the verifier wants an end; without success the slot is lost.
	 */
	for (int i = 0; i < 8; i++) {
		uint32_t old = __atomic_load_n(&map->slots_full, __ATOMIC_ACQUIRE);
		uint32_t first = (old & 0xffff) < number ? old & 0xffff : number;

		if (swap(&map->slots_full, old, ((old >> 16) + 1) << 16 | first))
			return;
	}
}

/* Publish @real_port in the forward table. The loser of a race gives a fresh slot back. */
berth_inline uint16_t publish(struct berth_portmap *map, enum berth_proto proto,
                              uint16_t virtual_port, uint16_t old, uint16_t real_port, bool fresh)
{
	if (swap(berth_portmap_cell(map, proto, virtual_port), old, real_port))
		return real_port;
	if (fresh)
		slot_give_back(map, real_port);
	return berth_portmap_real(map, proto, virtual_port);
}

/* The real port that the other protocol has for @virtual_port; 0 if this one may not use it. */
static uint16_t slot_of_other(struct berth_portmap *map, enum berth_proto proto,
                              uint16_t virtual_port)
{
	uint16_t real = berth_portmap_real(
		map, (enum berth_proto)(BERTH_TCP + BERTH_UDP - (int)proto), virtual_port);
	struct berth_slot *slot = slot_of(map, real);

	if (!slot || __atomic_load_n(&slot->state, __ATOMIC_ACQUIRE) == BERTH_SLOT_LOST)
		return 0;
	return real;
}

static void udp_share_give_back(struct berth_portmap *map)
{
	__atomic_fetch_sub(&map->udp_claims, 1, __ATOMIC_RELAXED);
}

/* Take one of the slots that undeclared UDP ports may have. Return: false if they are all taken. */
static bool udp_share_take(struct berth_portmap *map)
{
	if (__atomic_fetch_add(&map->udp_claims, 1, __ATOMIC_RELAXED) < map->block_len / 4)
		return true;
	udp_share_give_back(map);
	return false;
}

uint16_t berth_portmap_claim(struct berth_portmap *map, enum berth_proto proto,
                             uint16_t virtual_port, bool *ret_new)
{
	uint16_t real = berth_portmap_real(map, proto, virtual_port);
	uint16_t taken;

	*ret_new = false;
	if (real)
		return real;
	real = slot_of_other(map, proto, virtual_port);
	if (real) {
		*ret_new = true;
		return publish(map, proto, virtual_port, 0, real, false);
	}
	if (proto == BERTH_UDP && !udp_share_take(map))
		return virtual_port;
	taken = slot_take(map, virtual_port);
	if (taken)
		real = publish(map, proto, virtual_port, 0, taken, true);
	else /* another process may have taken the last slot for the very same port */
		real = berth_portmap_real(map, proto, virtual_port);
	*ret_new = taken && real == taken;
	if (proto == BERTH_UDP && !*ret_new)
		udp_share_give_back(map);
	return real;
}

uint16_t berth_portmap_declare(struct berth_portmap *map, uint16_t virtual_port)
{
	bool is_new;
	uint16_t tcp = berth_portmap_claim(map, BERTH_TCP, virtual_port, &is_new);
	uint16_t udp = berth_portmap_claim(map, BERTH_UDP, virtual_port, &is_new);

	return udp ? tcp : 0;
}

bool berth_portmap_restore(struct berth_portmap *map, uint16_t virtual_port, uint16_t real_port)
{
	struct berth_slot *slot = slot_of(map, real_port);

	if (!slot || slot->virtual_port || berth_portmap_real(map, BERTH_TCP, virtual_port) ||
	    berth_portmap_real(map, BERTH_UDP, virtual_port))
		return false;
	slot->virtual_port = virtual_port;
	map->forward[BERTH_TCP][virtual_port] = map->forward[BERTH_UDP][virtual_port] = real_port;
	return true;
}

void berth_portmap_share(struct berth_portmap *map, uint16_t virtual_port)
{
	__atomic_store_n(&map->forward[BERTH_TCP][virtual_port], virtual_port, __ATOMIC_RELEASE);
	__atomic_store_n(&map->forward[BERTH_UDP][virtual_port], virtual_port, __ATOMIC_RELEASE);
}

void berth_portmap_given(struct berth_portmap *map, uint16_t port)
{
	if (port < map->ephemeral_low || port > map->ephemeral_high)
		return;
	swap(berth_portmap_cell(map, BERTH_TCP, port), 0, port);
	swap(berth_portmap_cell(map, BERTH_UDP, port), 0, port);
}

bool berth_portmap_try(struct berth_portmap *map, uint16_t real_port)
{
	struct berth_slot *slot = slot_of(map, real_port);

	if (!slot || __atomic_load_n(&slot->state, __ATOMIC_ACQUIRE) == BERTH_SLOT_BOUND)
		return false;
	if (swap(&slot->state, BERTH_SLOT_UNTRIED, BERTH_SLOT_TRYING))
		return true;
	swap(&slot->state, BERTH_SLOT_TRYING, BERTH_SLOT_CONTENDED);
	return false;
}

void berth_portmap_untry(struct berth_portmap *map, uint16_t real_port)
{
	struct berth_slot *slot = slot_of(map, real_port);

	if (slot)
		swap(&slot->state, BERTH_SLOT_TRYING, BERTH_SLOT_UNTRIED);
}

void berth_portmap_bound(struct berth_portmap *map, uint16_t real_port)
{
	struct berth_slot *slot = slot_of(map, real_port);

	if (slot && __atomic_load_n(&slot->state, __ATOMIC_RELAXED) != BERTH_SLOT_BOUND)
		__atomic_store_n(&slot->state, BERTH_SLOT_BOUND, __ATOMIC_RELEASE);
}

uint16_t berth_portmap_move(struct berth_portmap *map, enum berth_proto proto,
                            uint16_t virtual_port, uint16_t real_port)
{
	struct berth_slot *slot = slot_of(map, real_port);
	uint16_t next;

	if (!slot || real_port == virtual_port ||
	    !swap(&slot->state, BERTH_SLOT_TRYING, BERTH_SLOT_LOST))
		return 0;
	/*
	 * The lost slot keeps its virtual port: the other protocol may use it, no other port may.
	 */
	next = slot_take(map, virtual_port);
	return next ? publish(map, proto, virtual_port, real_port, next, true) : 0;
}

/* Set a bit. Return: true if it was this call that set it. */
static bool first(uint32_t *words, uint32_t number)
{
	uint32_t *word = &words[number / 32];
	uint32_t bit = 1u << (number % 32);

	if (__atomic_load_n(word, __ATOMIC_RELAXED) & bit)
		return false;
	return !(__atomic_fetch_or(word, bit, __ATOMIC_RELAXED) & bit);
}

bool berth_portmap_foreign_first(struct berth_portmap *map, enum berth_proto proto, uint16_t port)
{
	return first(map->foreign_seen[berth_index(proto, BERTH_PROTOS)],
	             berth_index(port, BERTH_PORTS));
}

bool berth_portmap_escape_first(struct berth_portmap *map, const char *program)
{
	return first(map->escapes_seen, berth_hash_text(BERTH_HASH, program) % BERTH_ESCAPES_SEEN);
}

void berth_portmap_foreign_forget(struct berth_portmap *map, enum berth_proto proto, uint16_t port)
{
	__atomic_fetch_and(&map->foreign_seen[proto][port / 32], ~(1u << (port % 32)),
	                   __ATOMIC_RELAXED);
}

void berth_portmap_note(struct berth_portmap *map, const struct berth_note *note)
{
	uint32_t ticket = __atomic_fetch_add(&map->note_next, 1, __ATOMIC_RELAXED);
	struct berth_note *cell = &map->notes[ticket % BERTH_NOTES_MAX];

	/* As in a seqlock: 0 while the body changes, the ticket once it is complete. */
	__atomic_store_n(&cell->ticket, 0, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	cell->kind = note->kind;
	cell->proto = note->proto;
	cell->virtual_port = note->virtual_port;
	cell->real_port = note->real_port;
	cell->pid = note->pid;
	cell->pid_inside = note->pid_inside;
	cell->error = note->error;
	cell->time_ns = note->time_ns;
	cell->ip = note->ip;
	for (size_t i = 0; i < BERTH_NOTE_TEXT; i++)
		cell->text[i] = note->text[i];
	__atomic_store_n(&cell->ticket, ticket + 1, __ATOMIC_RELEASE);
}

bool berth_portmap_read_note(const struct berth_portmap *map, uint32_t ticket,
                             struct berth_note *ret_note)
{
	const struct berth_note *cell = &map->notes[ticket % BERTH_NOTES_MAX];

	if (__atomic_load_n(&cell->ticket, __ATOMIC_ACQUIRE) != ticket + 1)
		return false;
	*ret_note = *cell;
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	ret_note->text[BERTH_NOTE_TEXT - 1] = 0;
	return __atomic_load_n(&cell->ticket, __ATOMIC_RELAXED) == ticket + 1;
}
