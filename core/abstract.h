/* SPDX-License-Identifier: MIT */
#ifndef BERTH_CORE_ABSTRACT_H
#define BERTH_CORE_ABSTRACT_H
/*
 * The name policy: what becomes of an abstract Unix socket address, unix(7). As core/policy.h for
 * ports: shim/ and tools/isolate/seccomp/ read the address, ask here and carry the verdict out.
 *
 *	way in	berth_abstract_bind(), berth_abstract_outbound()
 *	way out	berth_abstract_restore()
 *
 * The worker's name is `berth/BLOCK C@NAME` without the space: BLOCK is the first real port of the
 * worker's block in five digits, which no two live workers of a network namespace share. C says
 * what has happened to NAME:
 *
 *	/	nothing
 *	a-m	so many bytes were cut off at its end, all of them 0: programs that pass the whole
 *		sun_path have such names
 *	#	it was too long: a hash is in its place, and the port map has the name
 *
 * Names that begin with `berth/` pass, so the mapping is idempotent, and runs inside of runs meet
 * at the same port blocks. A name of five hexadecimal digits passes if the worker has not bound it:
 * the kernel gives such names (autobind), and a worker knows one only from its owner.
 *
 * All functions are total, take no lock and allocate nothing.
 */
#include "core/policy.h"

#define BERTH_ABSTRACT_PREFIX 13u  /* bytes of `berth/BLOCK C@` */
#define BERTH_ABSTRACT_HEAD   3u   /* sun_family and the first byte of sun_path, which is 0 */
#define BERTH_UNIX_ADDRESS    110u /* sizeof(struct sockaddr_un) */

/** True if @sa, readable for @len bytes, is an abstract address that the policy decides about. */
bool berth_abstract_parse(const void *sa, uint32_t len);

/**
 * A program wants to bind @sa: the name is the worker's from now on. A worker that has bound
 * BERTH_NAMES_MAX names reaches none of the host's.
 * @sa	BERTH_UNIX_ADDRESS bytes, *len of them in use; both are replaced by the mapped address
 */
void berth_abstract_bind(struct berth_portmap *map, void *sa, uint32_t *len);

/**
 * A program wants to connect or send to @sa.
 * Return: USE: @sa and *len were replaced; PASS or REFUSE as berth_outbound(), with its notes.
 */
struct berth_decision berth_abstract_outbound(const struct berth_portmap *map, void *sa,
                                              uint32_t *len);

/**
 * Put the name that the program knows into an address from the kernel.
 * @sa		@space bytes are writable
 * @full	the length that the kernel has returned, which may be more than @space
 * Return: the length of the name that the program knows; @full if nothing has changed. A name that
 * did not fit in @space ends with 0 bytes.
 */
uint32_t berth_abstract_restore(const struct berth_portmap *map, void *sa, uint32_t space,
                                uint32_t full);

/**
 * Make the note of @decision about @sa. The caller adds the process and the time.
 * Return: true if there is one and it is news: a foreign name is noted once. .text is the name as
 * /proc/net/unix writes it, "@name" with @ for 0, cut off at BERTH_NOTE_TEXT - 1.
 */
bool berth_abstract_note(struct berth_portmap *map, const struct berth_decision *decision,
                         const void *sa, uint32_t len, struct berth_note *note);

/** Note the name again at its next use; as berth_portmap_foreign_forget(). */
void berth_abstract_forget(struct berth_portmap *map, const char *name);

/** Return: in @path, as /proc/net/unix writes it, the name that the worker knows; else @path. */
const char *berth_abstract_plain(const char *path);

#endif
