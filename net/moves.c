/* SPDX-License-Identifier: ISC */
#include "net/moves.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

#include "net/ice_addr.h"
#include "net/tcp_addr.h"

#define ADDRESSES 64 /* that are compared */
#define MESSAGES  64 /* read a turn */

struct moves {
	void (*changed)(void *arg, bool addresses);
	void *arg;
	int fd;
	struct event *io, *rest;
	bool resting; /* rest is set */
	struct sockaddr_storage had[ADDRESSES];
	unsigned n; /* of had */
};

static void
on_rest(evutil_socket_t fd, short what, void *arg)
{
	struct sockaddr_storage now[ADDRESSES];
	struct moves *m = arg;
	unsigned n;
	bool other;

	(void)fd;
	(void)what;
	m->resting = false;
	memset(now, 0, sizeof(now));
	n = ice_addr_list(now, ADDRESSES, false);
	other = n != m->n || memcmp(now, m->had, n * sizeof(now[0])) != 0;
	memcpy(m->had, now, n * sizeof(now[0]));
	m->n = n;
	m->changed(m->arg, other);
}

/* What they say is looked up later; lost ones (ENOBUFS) are changes, too. */
static void
on_message(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval tv = {0, MOVES_REST_US};
	struct moves *m = arg;
	char buf[8192];

	(void)what;
	for (unsigned i = 0; i < MESSAGES; i++)
		if (recv(fd, buf, sizeof(buf), MSG_DONTWAIT) < 0)
			break;
	if (m->resting)
		return;
	m->resting = true;
	event_add(m->rest, &tv);
}

static int
listen_to_kernel(void)
{
	struct sockaddr_nl a = {.nl_family = AF_NETLINK,
				.nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR |
					     RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE |
					     RTMGRP_IPV6_ROUTE};
	int fd =
	    socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

	if (fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

struct moves *
moves_new(struct event_base *base, void (*changed)(void *arg, bool addresses), void *arg)
{
	struct moves *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return NULL;
	m->changed = changed;
	m->arg = arg;
	if ((m->fd = listen_to_kernel()) >= 0)
		m->io = event_new(base, m->fd, EV_READ | EV_PERSIST, on_message, m);
	m->rest = evtimer_new(base, on_rest, m);
	if (m->io == NULL || m->rest == NULL || event_add(m->io, NULL) != 0) {
		moves_free(m);
		return NULL;
	}
	m->n = ice_addr_list(m->had, ADDRESSES, false);
	return m;
}

void
moves_free(struct moves *m)
{
	if (m == NULL)
		return;
	if (m->io != NULL)
		event_free(m->io);
	if (m->rest != NULL)
		event_free(m->rest);
	if (m->fd >= 0)
		close(m->fd);
	free(m);
}

bool
moves_have(const char *ip)
{
	struct sockaddr_storage a[ADDRESSES];
	unsigned n = ice_addr_list(a, ADDRESSES, true);
	char text[TCP_ADDR_TEXT];

	if (tcp_is_loopback(ip))
		return true;
	for (unsigned i = 0; i < n; i++) {
		tcp_addr_text(&a[i], false, text);
		if (strcmp(text, ip) == 0)
			return true;
	}
	return false;
}

bool
moves_source(const struct sockaddr_storage *to, char ip[TCP_ADDR_TEXT])
{
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	int fd = socket(to->ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool ok = fd >= 0 &&
		  connect(fd, (const struct sockaddr *)to,
			  to->ss_family == AF_INET ? sizeof(struct sockaddr_in)
						   : sizeof(struct sockaddr_in6)) == 0 &&
		  getsockname(fd, (struct sockaddr *)&from, &len) == 0;

	if (fd >= 0)
		close(fd);
	if (ok)
		tcp_addr_text(&from, false, ip);
	return ok;
}
