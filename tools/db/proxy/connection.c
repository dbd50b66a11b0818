/* SPDX-License-Identifier: MIT */
/*
 * One connection of a client, one connection to the server, opened when the start-up packet is known and closed when either
 * side closes: the server's own view of who is connected stays true, and DROP DATABASE finds no sessions of a pool.
 *
 *	STARTUP -> [CLIENT_TLS -> STARTUP] -> CONNECTING -> [ASK_TLS -> SERVER_TLS] -> LIVE -> DRAIN or FLUSH
 *
 * DRAIN: the client says no more. What it sent last is still on its way to the server, which is then told so; a client that
 * has only closed its half hears the answers. FLUSH: the server has gone, what it said last is still on its way to the client.
 *
 * What comes before LIVE is greeting.c.
 *
 * Back-pressure: a side is read only while less than RELAY_BACKLOG bytes wait for the other.
 */
#include "tools/db/proxy/relay.h"
#include "tools/db/proxy/connection.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/base/clock.h"
#include "tools/db/proxy/wire.h"

enum { ABANDONED_MS = 1000 };

static void on_event(void *arg, int fd, uint32_t events);

/* --- ends --- */

void end_close(struct relay *relay, struct end *end)
{
	tls_end(&end->channel);
	if (end->channel.fd >= 0) {
		loop_remove(relay->setup.loop, end->channel.fd);
		close(end->channel.fd);
	}
	end->channel.fd = -1;
	end->events = 0;
	str_free(&end->out);
	end->out_at = 0;
}

static void end_want(struct link *link, struct end *end, uint32_t events)
{
	struct loop *loop = link->relay->setup.loop;

	if (end->channel.fd < 0 || events == end->events)
		return;
	if (!end->events)
		(void)loop_add(loop, end->channel.fd, events, on_event, link);
	else
		(void)loop_change(loop, end->channel.fd, events);
	end->events = events;
}

void link_close(struct link *link)
{
	struct relay *relay = link->relay;

	if (link->session) {
		relay->refused_statements += session_refused(link->session);
		relay->open--;
	}
	loop_cancel(relay->setup.loop, link->deadline);
	end_close(relay, &link->client);
	end_close(relay, &link->server);
	session_free(link->session);
	str_free(&link->in);
	str_free(&link->packet);
	str_free(&link->rejection);
	*link->at = link->next;
	if (link->next)
		link->next->at = link->at;
	free(link);
}

static void on_deadline(void *arg)
{
	struct link *link = arg;

	link->deadline = NULL;
	link_close(link);
}

void link_set_deadline(struct link *link, int64_t ms)
{
	loop_cancel(link->relay->setup.loop, link->deadline);
	link->deadline = ms ? loop_after(link->relay->setup.loop, ms, on_deadline, link) : NULL;
}

/* Write what waits. Return: false if the peer is gone. */
bool end_flush(struct end *end)
{
	while (end_waiting(end)) {
		ssize_t put = tls_write(&end->channel, end->out.text + end->out_at,
		                        end_waiting(end));

		if (put == -EINTR)
			continue;
		if (put <= 0)
			return put == -EAGAIN;
		end->out_at += (size_t)put;
	}
	end->out.len = end->out_at = 0;
	if (end->out.room > RELAY_BACKLOG * 2)
		str_free(&end->out);
	return true;
}

/* A client that is gone must not take with it what it has sent. */
static void end_lost(struct link *link, struct end *end)
{
	if (link->phase == DRAIN && end == &link->client)
		end_close(link->relay, end);
	else
		link->dead = true;
}

void end_send(struct link *link, struct end *end, const char *data, size_t len)
{
	while (len && !end_waiting(end) && end->channel.fd >= 0 &&
	       !(end == &link->server && link->phase != LIVE)) {
		ssize_t put = tls_write(&end->channel, data, len);

		if (put == -EINTR)
			continue;
		if (put <= 0) {
			if (put != -EAGAIN)
				end_lost(link, end);
			break;
		}
		data += put;
		len -= (size_t)put;
	}
	if (len && !link->dead && (link->phase != DRAIN || end->channel.fd >= 0))
		str_add_len(&end->out, data, len);
}

static void on_session_emit(void *arg, bool to_server, const char *data, size_t len)
{
	struct link *link = arg;

	end_send(link, to_server ? &link->server : &link->client, data, len);
}

void link_open_session(struct link *link)
{
	struct relay *relay = link->relay;

	relay->open += !link->session;
	relay->most_open = relay->open > relay->most_open ? relay->open : relay->most_open;
	session_free(link->session);
	link->session = session_open(relay->setup.names, link->server_tls, on_session_emit, link);
	if (relay->setup.slow_ms)
		session_tell_slow(link->session, relay->setup.slow_ms, relay->setup.on_slow,
		                  relay->setup.arg);
}

/* The server has closed. */
static void server_closed(struct link *link)
{
	end_close(link->relay, &link->server);
	if (link->phase != DRAIN && greeting_again_with_tls(link))
		return;
	link->phase = FLUSH;
	link_set_deadline(link, RELAY_FLUSH_MS);
}

void link_say_last(struct link *link, const struct str *error)
{
	end_send(link, &link->client, error->text, error->len);
	link->phase = FLUSH;
	end_close(link->relay, &link->server);
	link_set_deadline(link, RELAY_FLUSH_MS);
}

void link_refuse(struct link *link, const char *sqlstate, const char *message, const char *hint)
{
	cleanup_str struct str error = { 0 };

	wire_error(&error, "FATAL", sqlstate, message, hint);
	link_say_last(link, &error);
}

/* --- traffic --- */

bool link_is_idle_in_transaction(const struct link *link)
{
	return link->session && session_is_idle_in_transaction(link->session);
}

/* A process that ends between two statements in quick succession was interrupted: that is no session that was left. */
static void client_gone(struct link *link)
{
	const struct relay_setup *setup = &link->relay->setup;
	int64_t idle_ms;

	if (link->phase != LIVE || link->terminated || !link_is_idle_in_transaction(link) ||
	    !setup->on_abandoned)
		return;
	idle_ms = clock_ms() - session_since_ms(link->session);
	if (idle_ms >= ABANDONED_MS)
		setup->on_abandoned(setup->arg, idle_ms);
}

/* Return: true if something came, and there may be more. */
static bool read_client(struct link *link)
{
	struct relay *relay = link->relay;
	ssize_t got = tls_read(&link->client.channel, relay->buffer, RELAY_READ_BYTES);

	if (got == -EAGAIN || got == -EINTR)
		return false;
	if (got <= 0) {
		client_gone(link);
		link->dead = link->phase != LIVE;
		link->phase = DRAIN;
		if (got)
			end_close(relay, &link->client);
		link_set_deadline(link, RELAY_STARTUP_MS);
		return false;
	}
	if (link->phase == LIVE && link->session) {
		link->terminated = got >= 5 && !memcmp(relay->buffer + got - 5, "X\0\0\0\4", 5);
		link->dead |= session_from_client(link->session, relay->buffer, (size_t)got) < 0;
	} else if (link->in.len + (size_t)got > RELAY_BACKLOG) {
		link->dead = true;
	} else {
		str_add_len(&link->in, relay->buffer, (size_t)got);
		greeting_from_client(link);
	}
	return true;
}

static void note_admission(struct link *link)
{
	cleanup_free char *why = session_turned_away(link->session);

	if (why)
		relay_turn_away(link->relay, why);
	else if (session_begun(link->session))
		link->relay->turned_away = 0;
}

static void read_server(struct link *link)
{
	ssize_t got = tls_read(&link->server.channel, link->relay->buffer, RELAY_READ_BYTES);

	if (got == -EAGAIN || got == -EINTR)
		return;
	if (got <= 0)
		server_closed(link);
	else if (link->session && link->client.channel.fd >= 0)
		link->dead |= session_from_server(link->session, link->relay->buffer, (size_t)got) <
		              0;
	if (got <= 0 || !link->session)
		return;
	note_admission(link);
	if (session_created(link->session) && link->relay->setup.on_created)
		link->relay->setup.on_created(link->relay->setup.arg);
}

static void client_tls_step(struct link *link)
{
	int ret = tls_handshake(&link->client.channel);

	if (!ret)
		link->phase = STARTUP;
	else if (ret != -EAGAIN)
		link->dead = true;
}

/* Direct TLS: the first byte is that of a TLS record. It must stay where OpenSSL will find it. */
static bool begins_tls(struct link *link)
{
	char first;

	return link->phase == STARTUP && !link->client.channel.ssl && !link->in.len &&
	       !link->asked_tls && !link->asked_gss &&
	       recv(link->client.channel.fd, &first, 1, MSG_PEEK) == 1 && first == 0x16 &&
	       relay_tls(link->relay) && !tls_begin(link->relay->tls, &link->client.channel, true);
}

static void client_event(struct link *link, uint32_t events)
{
	if (events & EPOLLOUT && link->phase != CLIENT_TLS && !end_flush(&link->client))
		end_lost(link, &link->client);
	if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR)) && link->phase != CLIENT_TLS)
		return;
	if (begins_tls(link))
		link->phase = CLIENT_TLS;
	if (link->phase == CLIENT_TLS)
		client_tls_step(link);
	else if (link->phase == DRAIN)
		end_close(link->relay, &link->client);
	else if (link->phase == FLUSH)
		link->dead |= (events & (EPOLLHUP | EPOLLERR)) != 0;
	else if (end_waiting(&link->server) < RELAY_BACKLOG || events & (EPOLLHUP | EPOLLERR))
		/* OpenSSL may hold more than the kernel will tell us of */
		while (read_client(link) && !link->dead && link->client.channel.ssl &&
		       link->phase == LIVE && end_waiting(&link->server) < RELAY_BACKLOG)
			;
}

static void server_event(struct link *link, uint32_t events)
{
	if (link->phase == CONNECTING || link->phase == ASK_TLS || link->phase == SERVER_TLS) {
		greeting_from_server(link);
		return;
	}
	if (events & EPOLLOUT)
		link->dead |= !end_flush(&link->server);
	if (!link->dead && events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		read_server(link);
}

static uint32_t client_events(const struct link *link)
{
	const struct end *client = &link->client;
	bool reads = link->phase == STARTUP || link->phase == CLIENT_TLS ||
	             (link->phase == LIVE && end_waiting(&link->server) < RELAY_BACKLOG);

	return (reads ? EPOLLIN : 0u) |
	       (end_waiting(client) || client->channel.wants_write ? EPOLLOUT : 0u) | EPOLLPRI;
}

static uint32_t server_events(const struct link *link)
{
	const struct end *server = &link->server;

	if (link->phase == CONNECTING)
		return EPOLLOUT;
	return (end_waiting(&link->client) < RELAY_BACKLOG ? EPOLLIN : 0u) |
	       (end_waiting(server) || server->channel.wants_write ? EPOLLOUT : 0u) | EPOLLPRI;
}

/* After every step: what to wait for now, or the end. */
static void settle(struct link *link)
{
	bool sent = link->phase == DRAIN && !end_waiting(&link->server);

	if (link->dead || (link->phase == FLUSH && !end_waiting(&link->client)) ||
	    (sent && link->client.channel.fd < 0)) {
		link_close(link);
		return;
	}
	if (sent && !link->told_end) {
		link->told_end = true;
		tls_shut(&link->server.channel);
		link_set_deadline(link, 0); /* its last statement may take its time */
	}
	end_want(link, &link->client, client_events(link));
	end_want(link, &link->server, server_events(link));
}

static void on_event(void *arg, int fd, uint32_t events)
{
	struct link *link = arg;

	if (fd == link->client.channel.fd)
		client_event(link, events);
	else
		server_event(link, events);
	settle(link);
}

void link_end(struct link *link, const char *sqlstate, const char *message)
{
	link_refuse(link, sqlstate, message, NULL);
	settle(link);
}

void link_open(struct relay *relay, int fd)
{
	struct link *link = mem_alloc(sizeof(*link));
	int one = 1;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	*link = (struct link){ .relay = relay,
		               .server_tls = relay->setup.server_tls,
		               .next = relay->links,
		               .at = &relay->links };
	link->client.channel.fd = fd;
	link->server.channel.fd = -1;
	if (link->next)
		link->next->at = &link->next;
	relay->links = link;
	relay->accepted++;
	link_set_deadline(link, RELAY_STARTUP_MS);
	settle(link);
}
