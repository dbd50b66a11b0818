/* SPDX-License-Identifier: MIT */
#ifndef BERTH_CORE_PORTMAP_H
#define BERTH_CORE_PORTMAP_H
/*
 * The port map: which virtual port of one worker has which real port.
 *
 * One worker has one `struct berth_portmap`, in a file that the supervisor creates and every
 * process of the worker maps shared. There is no table of sockets: the number of a socket's port is
 * all that is looked up, so dup, fork, exec and SCM_RIGHTS need no bookkeeping.
 *
 *	virtual port	what the suite asks for (3101)
 *	real port	what the kernel has (20113); it lies in the worker's block
 *	slot		one real port of the block; slot i is real port block_base + i
 *
 * Life of a port:
 *	1. berth_portmap_declare()	before the suite starts, for ports known in advance
 *	   berth_portmap_claim()	at the first bind of any other port
 *	2. berth_portmap_try()		before bind(2) of the real port
 *	3. berth_portmap_bound()	bind(2) succeeded: from now on EADDRINUSE is right
 *	   berth_portmap_move()		bind(2) failed with EADDRINUSE: is the holder an outsider?
 *	4. berth_portmap_real()		connect, sendto: virtual -> real
 *	   berth_portmap_virtual()	every address that comes out: real -> virtual
 *
 * The backends do not take these steps one by one: they ask core/policy.h.
 *
 * A slot has one virtual port for both protocols, so the way back needs no protocol. The way in is
 * a table per protocol: TCP 53 may be the worker's while UDP 53 is the host's.
 *
 * All functions are total, take no lock, allocate nothing and may be called from a signal handler,
 * a vfork child, or any number of threads and processes at once. All ports are in host byte order.
 */
#include "core/types.h"

#define BERTH_PORTMAP_MAGIC 0x48545242u /* "BRTH", little endian */
/* increase it when a field moves or changes meaning, not when one is appended */
#define BERTH_PORTMAP_VERSION 1u
#define BERTH_PORTS           65536u
#define BERTH_SLOTS_MAX       10240u
#define BERTH_ADDRS_MAX       128u
#define BERTH_NOTES_MAX       256u /* a power of two */
#define BERTH_NOTE_TEXT       92u
#define BERTH_ESCAPES_SEEN    1024u /* a power of two */
#define BERTH_UNIX_RULES_MAX  16u
#define BERTH_UNIX_PATH       108u /* sizeof(sockaddr_un.sun_path), unix(7) */
/* see core/abstract.h */
#define BERTH_NAMES_MAX      4096u
#define BERTH_LONG_NAMES_MAX 32u
#define BERTH_NAMES_SEEN     1024u

enum berth_proto { BERTH_TCP, BERTH_UDP, BERTH_PROTOS };

/* portmap.flags: written by the supervisor before the worker starts, read by the backends */
enum {
	/* a connect to a local port that is not the worker's is refused */
	BERTH_MAP_STRICT = 1 << 0,
};

/*
 * The state of a slot; see berth_portmap_try(). One state for both protocols, because asking a
 * socket for its protocol costs more than the whole rewriting. The price: if both protocols bind
 * the port for the first time at once and an outsider holds it, the port does not move.
 */
enum berth_slot_state {
	BERTH_SLOT_UNTRIED,   /* no process of the worker has tried to bind it */
	BERTH_SLOT_TRYING,    /* exactly one process is in its first bind(2) */
	BERTH_SLOT_CONTENDED, /* a second process tried before the first had its answer */
	BERTH_SLOT_BOUND,     /* the worker has had it bound */
	BERTH_SLOT_LOST,      /* an outsider holds it; the virtual port has moved on */
};

struct berth_slot {
	/* 0 = free; else the virtual port; claimed by compare-and-swap */
	uint32_t virtual_port;
	uint32_t state; /* enum berth_slot_state; changed by compare-and-swap */
};

struct berth_ip {
	uint32_t word_be[4]; /* IPv6, or IPv4 in its v4-mapped form; network byte order */
};

/* What a backend reports to the supervisor. tools/run/worker/notes.c has texts and JSON names. */
enum berth_note_kind {
	BERTH_NOTE_NONE,
	BERTH_NOTE_LEARNED,   /* an undeclared port was claimed */
	BERTH_NOTE_FOREIGN,   /* connect or send to a local port that is not the worker's */
	BERTH_NOTE_REFUSED,   /* the same, refused because of BERTH_MAP_STRICT */
	BERTH_NOTE_EXHAUSTED, /* no free slot: bind fails with EADDRINUSE */
	BERTH_NOTE_OUTSIDER,  /* an outsider held the real port: the virtual port has moved */
	BERTH_NOTE_CONFLICT,  /* bind failed with EADDRINUSE inside the worker */
	/* exec of a program that no backend covers; .text is the program, .error the verdict */
	BERTH_NOTE_ESCAPE,
	BERTH_NOTE_DEEPBIND, /* dlopen(RTLD_DEEPBIND) was stripped */
	/* an undeclared UDP port keeps its number: see berth_portmap_claim() */
	BERTH_NOTE_UNMAPPED,
	/* io_uring_setup was refused under seccomp; .text is the program */
	BERTH_NOTE_IO_URING,
	/* under seccomp, a process whose memory cannot be read; .text is the program */
	BERTH_NOTE_BLIND,
};

struct berth_note {
	uint32_t ticket; /* 0 = never written; else 1 + its number, stored last */
	uint16_t kind;   /* enum berth_note_kind */
	uint16_t proto;  /* enum berth_proto */
	uint16_t virtual_port;
	uint16_t real_port;
	int32_t pid;                /* 0 = unknown */
	int32_t error;              /* errno; ESCAPE: enum berth_elf_verdict */
	uint64_t time_ns;           /* CLOCK_MONOTONIC; 0 = unknown */
	struct berth_ip ip;         /* the address that was bound or named as destination */
	char text[BERTH_NOTE_TEXT]; /* NUL-terminated: the program */
	uint32_t pid_inside;        /* 1: .pid is the one in the PID namespace of that process */
};

/* A Unix socket path that the suite names, and the path that exists; "" ends the list. */
struct berth_unix_rule {
	char from[BERTH_UNIX_PATH];
	char to[BERTH_UNIX_PATH];
};

/* An abstract socket name that is too long to be mapped as it is. */
struct berth_long_name {
	uint64_t hash; /* 0 = free */
	uint32_t len;  /* stored last; 0 = it is being written */
	uint8_t name[BERTH_UNIX_PATH];
};

struct berth_portmap {
	uint32_t magic, version, size;          /* size = sizeof(struct berth_portmap) */
	uint32_t flags;                         /* BERTH_MAP_* */
	uint32_t worker;                        /* 1..N */
	uint32_t block_base;                    /* first real port */
	uint32_t block_len;                     /* slots in use, <= BERTH_SLOTS_MAX */
	uint32_t ephemeral_low, ephemeral_high; /* ip_local_port_range when the run began */
	uint32_t addr_count;
	/* the host's own addresses when the run began, loopback left out */
	struct berth_ip addrs[BERTH_ADDRS_MAX];
	uint32_t note_next; /* tickets handed out; fetch-and-add by writers */
	/* bit set: a program with this hash has been noted */
	uint32_t escapes_seen[BERTH_ESCAPES_SEEN / 32];
	/* slots that undeclared UDP ports have taken; see berth_portmap_claim() */
	uint32_t udp_claims;
	/* where the real ports of all runs lie, inclusive; 0, 0 = not known */
	uint32_t range_first, range_last;
	/* low half: where a search begins, as all slots before are taken; high half: given back */
	uint32_t slots_full;
	uint32_t reserved[3];
	/* a ring; a reader that falls behind sees a gap in the tickets */
	struct berth_note notes[BERTH_NOTES_MAX];
	struct berth_unix_rule unix_rules[BERTH_UNIX_RULES_MAX];
	/* bit set: this foreign port has been noted */
	uint32_t foreign_seen[BERTH_PROTOS][BERTH_PORTS / 32];
	/* virtual -> real; 0 = unmapped; itself = shared with the host */
	uint32_t forward[BERTH_PROTOS][BERTH_PORTS];
	struct berth_slot slots[BERTH_SLOTS_MAX];
	/* abstract socket names: hashes of those that the worker has bound */
	uint64_t names[BERTH_NAMES_MAX];
	struct berth_long_name long_names[BERTH_LONG_NAMES_MAX];
	uint32_t names_seen[BERTH_NAMES_SEEN / 32]; /* bit set: this foreign name has been noted */
};

_Static_assert(sizeof(struct berth_note) == 144, "notes are ABI");
_Static_assert(sizeof(struct berth_slot) == 8, "slots are ABI");
_Static_assert(sizeof(struct berth_portmap) % 8 == 0, "the map is mapped by 64-bit programs");

/**
 * Make *map the empty map of one worker. *map must be zeroed memory (a fresh file).
 * @worker	1..N
 * @block_base	first real port, 1..65535
 * @block_len	1..BERTH_SLOTS_MAX, base + len <= 65536
 */
void berth_portmap_init(struct berth_portmap *map, uint32_t worker, uint32_t block_base,
                        uint32_t block_len);

/** True if @map was made by this version of the code: check before trusting a mapped file. */
bool berth_portmap_valid(const struct berth_portmap *map);

/**
 * Give @virtual_port a real port for both protocols before the worker starts.
 * Return: the real port; 0 if the block is full.
 */
uint16_t berth_portmap_declare(struct berth_portmap *map, uint16_t virtual_port);

/**
 * The same with this @real_port, before any other is declared.
 * Return: false if it is not in the block, or one of them is taken.
 */
bool berth_portmap_restore(struct berth_portmap *map, uint16_t virtual_port, uint16_t real_port);

/** Leave @virtual_port to the host: it is never remapped and never foreign. */
void berth_portmap_share(struct berth_portmap *map, uint16_t virtual_port);

/**
 * The kernel has chosen @port for a bind to port 0, or for a listen(2) without a bind. From now on
 * the number keeps its meaning: leave it to the host, unless the worker has claimed it before.
 * Ignored outside the ephemeral range.
 */
void berth_portmap_given(struct berth_portmap *map, uint16_t port);

/** The cell of the table virtual -> real; a macro, as @map may be const. */
#define berth_portmap_cell(map, proto, virtual_port) \
	(&(map)->forward[berth_index(proto, BERTH_PROTOS)][berth_index(virtual_port, BERTH_PORTS)])

/** Return: the real port of @virtual_port; 0 if the worker has not claimed it. */
static inline uint16_t berth_portmap_real(const struct berth_portmap *map, enum berth_proto proto,
                                          uint16_t virtual_port)
{
	return (uint16_t)__atomic_load_n(berth_portmap_cell(map, proto, virtual_port),
	                                 __ATOMIC_ACQUIRE);
}

/** Return: the number of slots. The suite can write the map, so its length is not trusted. */
static inline uint32_t berth_portmap_slots(const struct berth_portmap *map)
{
	uint32_t len = __atomic_load_n(&map->block_len, __ATOMIC_RELAXED);

	return len < BERTH_SLOTS_MAX ? len : BERTH_SLOTS_MAX;
}

/**
 * Return: the slot of real port @port; BERTH_SLOTS_MAX if it is outside the block. The constant is
 * compared as well, because the BPF verifier does not trust the length either.
 */
static inline uint32_t berth_portmap_slot(const struct berth_portmap *map, uint32_t port)
{
	uint32_t slot = port - map->block_base;

	return slot < map->block_len && slot < BERTH_SLOTS_MAX ? slot : BERTH_SLOTS_MAX;
}

/** Return: the virtual port of real port @port; @port itself if it is no real port here. */
static inline uint16_t berth_portmap_virtual(const struct berth_portmap *map, uint16_t port)
{
	uint32_t slot = berth_portmap_slot(map, port);
	uint32_t virtual_port;

	if (slot >= BERTH_SLOTS_MAX)
		return port;
	virtual_port = __atomic_load_n(&map->slots[slot].virtual_port, __ATOMIC_ACQUIRE);
	return virtual_port ? (uint16_t)virtual_port : port;
}

/**
 * True if @port already is a real port of this worker and must stay as it is. Rewriting must be
 * idempotent, because a BPF hook can run twice, and a call of the shim can pass a seccomp filter.
 */
static inline bool berth_portmap_is_real(const struct berth_portmap *map, enum berth_proto proto,
                                         uint16_t port)
{
	uint32_t slot = berth_portmap_slot(map, port);

	return slot < BERTH_SLOTS_MAX && !berth_portmap_real(map, proto, port) &&
	       __atomic_load_n(&map->slots[slot].virtual_port, __ATOMIC_ACQUIRE);
}

/**
 * The real port for a bind of @virtual_port, claimed now if the worker did not have it.
 *
 * Browsers and resolvers bind dozens of random UDP ports as source ports. They must not use up the
 * block, and a bind does not show whether it is for a server. So undeclared UDP ports get a quarter
 * of the block; those that come later keep their number.
 *
 * @ret_new	set to true if this call claimed it
 * Return: the real port; @virtual_port itself if it keeps its number; 0 if the block is exhausted.
 */
uint16_t berth_portmap_claim(struct berth_portmap *map, enum berth_proto proto,
                             uint16_t virtual_port, bool *ret_new);

/**
 * Announce a bind(2) of @real_port; call it just before the system call.
 * Return: true if no process of the worker has tried the port before.
 */
bool berth_portmap_try(struct berth_portmap *map, uint16_t real_port);

/** Take the announcement back: bind(2) failed for another reason than EADDRINUSE. */
void berth_portmap_untry(struct berth_portmap *map, uint16_t real_port);

/** Record that bind(2) of @real_port succeeded. */
void berth_portmap_bound(struct berth_portmap *map, uint16_t real_port);

/**
 * bind(2) of @real_port failed with EADDRINUSE. If no process of the worker can hold it, an
 * outsider does: give @virtual_port its next real port.
 * Return: the next real port to try; 0 if the worker itself may hold the port (then EADDRINUSE is
 * the right answer) or the block is exhausted.
 */
uint16_t berth_portmap_move(struct berth_portmap *map, enum berth_proto proto,
                            uint16_t virtual_port, uint16_t real_port);

/** True at the first call for this foreign port: it is noted once, not at each connect. */
bool berth_portmap_foreign_first(struct berth_portmap *map, enum berth_proto proto, uint16_t port);

/**
 * True at the first call for this program, told by a hash of its path: a collision costs a note.
 */
bool berth_portmap_escape_first(struct berth_portmap *map, const char *program);

/** Note the port again at its next use: the supervisor found that no one listens there. */
void berth_portmap_foreign_forget(struct berth_portmap *map, enum berth_proto proto, uint16_t port);

/**
 * Append a note. @note's ticket is ignored. Overwrites the oldest note when the supervisor does not
 * keep up; the gap shows in the tickets.
 */
void berth_portmap_note(struct berth_portmap *map, const struct berth_note *note);

/**
 * Read note number @ticket (counted from 0).
 * Return: true and *ret_note if it is complete; false if it is not written yet or overwritten
 * already.
 */
bool berth_portmap_read_note(const struct berth_portmap *map, uint32_t ticket,
                             struct berth_note *ret_note);

#endif
