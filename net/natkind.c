/* SPDX-License-Identifier: ISC */
/*
 * One socket, a request to each place, again while there is no answer (RFC 8489 6.2.1).
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "core/mem.h"
#include "net/clock.h"
#include "net/ident.h"
#include "net/natkind.h"

#define AGAIN_US 250000 /* doubled each time */

struct natkind {
	int fd;
	struct event *readable, *again;
	uint64_t began, pause;
	struct sockaddr_storage place[NATKIND_PLACES];
	uint8_t tid[NATKIND_PLACES][STUN_TID];
	bool answered[NATKIND_PLACES]; /* also by an error */
	unsigned given;                /* places, the rest were named by them */
	struct natkind_result r;
	natkind_done *done;
	void *arg;
};

static socklen_t
length(const struct sockaddr_storage *a)
{
	return a->ss_family == AF_INET ? sizeof(struct sockaddr_in)
				       : sizeof(struct sockaddr_in6);
}

static uint16_t *
port_of(struct sockaddr_storage *a)
{
	return a->ss_family == AF_INET ? &((struct sockaddr_in *)a)->sin_port
				       : &((struct sockaddr_in6 *)a)->sin6_port;
}

static void
from_sockaddr(struct stun_addr *out, struct sockaddr_storage *a)
{
	memset(out, 0, sizeof(*out));
	out->family = a->ss_family == AF_INET ? 4 : 6;
	out->port = ntohs(*port_of(a));
	if (out->family == 4)
		memcpy(out->ip, &((struct sockaddr_in *)a)->sin_addr, 4);
	else
		memcpy(out->ip, &((struct sockaddr_in6 *)a)->sin6_addr, 16);
}

static void
to_sockaddr(struct sockaddr_storage *out, const struct stun_addr *a)
{
	memset(out, 0, sizeof(*out));
	out->ss_family = a->family == 4 ? AF_INET : AF_INET6;
	*port_of(out) = htons(a->port);
	if (a->family == 4)
		memcpy(&((struct sockaddr_in *)out)->sin_addr, a->ip, 4);
	else
		memcpy(&((struct sockaddr_in6 *)out)->sin6_addr, a->ip, 16);
}

static void
add_place(struct natkind *k, const struct sockaddr_storage *a)
{
	if (k->r.n == NATKIND_PLACES || a->ss_family != k->place[0].ss_family)
		return;
	for (unsigned i = 0; i < k->r.n; i++)
		if (memcmp(&k->place[i], a, length(a)) == 0)
			return;
	k->place[k->r.n] = *a;
	ident_random(k->tid[k->r.n], STUN_TID);
	k->r.n++;
}

/* The port is the socket's; the address that of a route to the first place. */
static void
learn_local(struct natkind *k)
{
	struct sockaddr_storage a = {.ss_family = AF_UNSPEC};
	socklen_t n = sizeof(a);
	int fd;

	if (getsockname(k->fd, (struct sockaddr *)&a, &n) != 0)
		return;
	from_sockaddr(&k->r.local, &a);
	n = sizeof(a);
	fd = socket(k->place[0].ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 &&
	    connect(fd, (struct sockaddr *)&k->place[0], length(&k->place[0])) == 0 &&
	    getsockname(fd, (struct sockaddr *)&a, &n) == 0) {
		*port_of(&a) = htons(k->r.local.port);
		from_sockaddr(&k->r.local, &a);
	}
	if (fd >= 0)
		close(fd);
}

static void
finish(struct natkind *k)
{
	event_del(k->readable);
	event_del(k->again);
	k->r.kind = stun_nat(k->r.seen, k->r.n, &k->r.local);
	k->done(k->arg, &k->r);
}

static bool
complete(const struct natkind *k)
{
	for (unsigned i = 0; i < k->r.n; i++)
		if (!k->answered[i])
			return false;
	return true;
}

/* What cannot be sent is as good as lost. */
static void
ask(struct natkind *k)
{
	uint8_t b[STUN_REQUEST];

	for (unsigned i = 0; i < k->r.n; i++) {
		if (k->answered[i])
			continue;
		stun_request(b, k->tid[i]);
		(void)sendto(k->fd, b, sizeof(b), 0, (struct sockaddr *)&k->place[i],
			     length(&k->place[i]));
	}
}

static void
on_again(evutil_socket_t fd, short what, void *arg)
{
	struct natkind *k = arg;
	struct timeval tv = clock_tv(k->pause);

	(void)fd;
	(void)what;
	if (clock_us() - k->began >= NATKIND_US) {
		finish(k);
		return;
	}
	ask(k);
	k->pause *= 2;
	event_add(k->again, &tv);
}

static void
answer(struct natkind *k, const uint8_t *p, size_t n)
{
	struct sockaddr_storage other;
	struct stun_answer a;

	for (unsigned i = 0; i < k->r.n; i++) {
		int err = stun_read(p, n, k->tid[i], &a);

		if (err == ERR_NODEV || k->answered[i])
			continue;
		k->answered[i] = true;
		if (err != ERR_OK)
			return;
		k->r.seen[i] = a.mapped;
		if (a.other.family == 0 || i >= k->given)
			return;
		to_sockaddr(&other, &a.other);
		add_place(k, &other);
		k->pause = AGAIN_US;
		event_active(k->again, EV_TIMEOUT, 1);
		return;
	}
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct natkind *k = arg;
	uint8_t b[1500];
	ssize_t n = recv(fd, b, sizeof(b), 0);

	(void)what;
	if (n <= 0)
		return; /* refused by one of them: it is asked again */
	answer(k, b, (size_t)n);
	if (complete(k))
		finish(k);
}

static int
open_socket(struct natkind *k, uint16_t min, uint16_t max)
{
	struct sockaddr_storage a = {.ss_family = k->place[0].ss_family};
	int fd = socket(a.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	for (uint32_t port = min; fd >= 0 && port <= max; port++) {
		*port_of(&a) = htons((uint16_t)port);
		if (bind(fd, (struct sockaddr *)&a, length(&a)) == 0)
			return fd;
	}
	if (fd >= 0)
		close(fd);
	return -1;
}

struct natkind *
natkind_start(struct event_base *base, const struct sockaddr_storage *place, unsigned n,
	      uint16_t port_min, uint16_t port_max, natkind_done *done, void *arg)
{
	struct natkind *k = calloc(1, sizeof(*k));

	if (k == NULL)
		return NULL;
	k->done = done;
	k->arg = arg;
	k->began = clock_us();
	k->pause = AGAIN_US;
	k->place[0] = place[0];
	for (unsigned i = 0; i < n && i < NATKIND_PLACES / 2; i++)
		add_place(k, &place[i]);
	k->given = k->r.n;
	k->fd = open_socket(k, port_min, port_max);
	if (k->fd >= 0) {
		learn_local(k);
		k->readable =
		    event_new(base, k->fd, EV_READ | EV_PERSIST, on_readable, k);
		k->again = evtimer_new(base, on_again, k);
	}
	if (k->readable == NULL || k->again == NULL) {
		natkind_free(k);
		return NULL;
	}
	event_add(k->readable, NULL);
	event_active(k->again, EV_TIMEOUT, 1);
	return k;
}

void
natkind_free(struct natkind *k)
{
	if (k == NULL)
		return;
	if (k->readable != NULL)
		event_free(k->readable);
	if (k->again != NULL)
		event_free(k->again);
	if (k->fd >= 0)
		close(k->fd);
	free(k);
}
