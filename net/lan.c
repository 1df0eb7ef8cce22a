/* SPDX-License-Identifier: ISC */
/*
 * Announcing and finding servers with the Avahi client library. It is loaded when it is
 * first needed: with the eight others that it wants it takes a tenth of the time in
 * which a program starts that never asks for it.
 */
#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <avahi-client/client.h>
#include <avahi-client/lookup.h>
#include <avahi-client/publish.h>
#include <avahi-common/alternative.h>
#include <avahi-common/error.h>
#include <avahi-common/malloc.h>
#include <event2/event.h>

#include "core/log.h"
#include "core/text.h"
#include "net/lan.h"
#include "net/lan_poll.h"

#define TYPE    "_usbp2p._tcp"
#define LOOK_US 3000000 /* an answer that was lost is asked for again after one */

#define SONAME  "libavahi-client.so.3"
#define LIB(X)                      \
	X(address_snprint)          \
	X(alternative_service_name) \
	X(client_errno)             \
	X(client_free)              \
	X(client_new)               \
	X(entry_group_add_service)  \
	X(entry_group_commit)       \
	X(entry_group_is_empty)     \
	X(entry_group_new)          \
	X(entry_group_reset)        \
	X(free)                     \
	X(service_browser_new)      \
	X(service_resolver_free)    \
	X(service_resolver_new)     \
	X(strdup)                   \
	X(strerror)                 \
	X(string_list_find)         \
	X(string_list_get_pair)

/* Its functions, without their avahi_. */
struct lib {
#define X(name) __typeof__(avahi_##name) *name;
	LIB(X)
#undef X
};

struct lan {
	struct lib lib;
	AvahiPoll poll;
	AvahiClient *client;
	char *name; /* as announced; from avahi_malloc */
	char id[LAN_ID];
	uint16_t port;
	AvahiEntryGroup *group;
	AvahiServiceBrowser *browser;
	struct event *end;
	unsigned asking; /* resolvers that have not answered */
	bool all;        /* found, but not resolved */
	bool told;
	const struct lan_ops *ops;
	void *arg;
};

/* --- the library --- */

/* A pointer to a function is no void *, but has its bytes (POSIX, dlsym). */
static bool
find(void *so, const char *name, void *to)
{
	void *f = dlsym(so, name);

	memcpy(to, &f, sizeof(f));
	return f != NULL;
}

/* It stays loaded. */
static int
lib_load(struct lib *lib, char *why, size_t cap)
{
	void *so = dlopen(SONAME, RTLD_NOW);
	bool whole = so != NULL;

#define X(name) whole = whole && find(so, "avahi_" #name, &lib->name);
	LIB(X)
#undef X
	if (whole)
		return ERR_OK;
	snprintf(why, cap, "%s cannot be loaded: install the package libavahi-client3",
		 SONAME);
	return ERR_LACKING;
}

/* --- publishing --- */

static void announce(struct lan *);

static void
on_group(AvahiEntryGroup *g, AvahiEntryGroupState s, void *arg)
{
	struct lan *l = arg;
	char *other;

	l->group = g; /* it may call before it is returned */
	if (s == AVAHI_ENTRY_GROUP_ESTABLISHED) {
		log_info("serve is announced on the local network name=\"%s\"", l->name);
	} else if (s == AVAHI_ENTRY_GROUP_COLLISION &&
		   (other = l->lib.alternative_service_name(l->name)) != NULL) {
		l->lib.free(l->name);
		l->name = other;
		l->lib.entry_group_reset(g);
		announce(l);
	} else if (s == AVAHI_ENTRY_GROUP_FAILURE) {
		log_warn("serve is not announced on the local network reason=\"%s\"",
			 l->lib.strerror(l->lib.client_errno(l->client)));
	}
}

/* The short id and nothing else. */
static void
announce(struct lan *l)
{
	char txt[LAN_ID + 3];
	int r = 0;

	snprintf(txt, sizeof(txt), "id=%s", l->id);
	if (l->group == NULL)
		l->group = l->lib.entry_group_new(l->client, on_group, l);
	if (l->group != NULL && l->lib.entry_group_is_empty(l->group)) {
		r = l->lib.entry_group_add_service(l->group, AVAHI_IF_UNSPEC,
						   AVAHI_PROTO_UNSPEC, 0, l->name, TYPE,
						   NULL, NULL, l->port, txt, NULL);
		if (r == 0)
			r = l->lib.entry_group_commit(l->group);
	}
	if (l->group == NULL || r != 0)
		log_warn("serve is not announced on the local network reason=\"%s\"",
			 l->lib.strerror(r != 0 ? r : l->lib.client_errno(l->client)));
}

/* --- browsing --- */

static void
finish(struct lan *l, int err, const char *why)
{
	if (l->told)
		return;
	l->told = true;
	l->ops->done(l->arg, err, why);
}

static void
take_id(struct lan *l, struct lan_found *f, AvahiStringList *txt)
{
	AvahiStringList *i = l->lib.string_list_find(txt, "id");
	char *key, *value = NULL;

	if (i == NULL || l->lib.string_list_get_pair(i, &key, &value, NULL) != 0)
		return;
	if (value != NULL)
		text_copy(f->id, sizeof(f->id), value);
	text_clean(f->id);
	l->lib.free(key);
	l->lib.free(value);
}

/* Loopback is here, and a link-local address needs an interface to be of use. */
static bool
is_useless(const AvahiAddress *a)
{
	static const uint8_t loopback[16] = {[15] = 1};
	const uint8_t *ip = a->data.ipv6.address;

	if (a->proto == AVAHI_PROTO_INET)
		return *(const uint8_t *)&a->data.ipv4.address == 127;
	return (ip[0] == 0xfe && ip[1] == 0x80) ||
	       memcmp(ip, loopback, sizeof(loopback)) == 0;
}

static void
found(struct lan *l, const char *name, const AvahiAddress *a, uint16_t port,
      AvahiStringList *txt)
{
	char ip[AVAHI_ADDRESS_STR_MAX];
	struct lan_found f = {.id = ""};
	bool v6 = a->proto == AVAHI_PROTO_INET6;

	if (is_useless(a))
		return;
	l->lib.address_snprint(ip, sizeof(ip), a);
	snprintf(f.where, sizeof(f.where), v6 ? "[%s]:%u" : "%s:%u", ip, port);
	text_copy(f.name, sizeof(f.name), name);
	text_clean(f.name);
	take_id(l, &f, txt);
	l->ops->found(l->arg, &f);
}

static void
on_resolved(AvahiServiceResolver *r, AvahiIfIndex iface, AvahiProtocol proto,
	    AvahiResolverEvent event, const char *name, const char *type,
	    const char *domain, const char *host, const AvahiAddress *a, uint16_t port,
	    AvahiStringList *txt, AvahiLookupResultFlags flags, void *arg)
{
	struct lan *l = arg;

	(void)iface, (void)proto, (void)type, (void)domain, (void)host, (void)flags;
	if (event == AVAHI_RESOLVER_FOUND && !l->told)
		found(l, name, a, port, txt);
	l->lib.service_resolver_free(r);
	if (--l->asking == 0 && l->all)
		finish(l, ERR_OK, "");
}

static void
on_browsed(AvahiServiceBrowser *b, AvahiIfIndex iface, AvahiProtocol proto,
	   AvahiBrowserEvent event, const char *name, const char *type,
	   const char *domain, AvahiLookupResultFlags flags, void *arg)
{
	struct lan *l = arg;

	(void)b, (void)flags;
	if (event == AVAHI_BROWSER_NEW) {
		if (l->lib.service_resolver_new(l->client, iface, proto, name, type,
						domain, proto, 0, on_resolved, l) != NULL)
			l->asking++;
	} else if (event == AVAHI_BROWSER_ALL_FOR_NOW) {
		l->all = true;
		if (l->asking == 0)
			finish(l, ERR_OK, "");
	} else if (event == AVAHI_BROWSER_FAILURE) {
		finish(l, ERR_FAIL, l->lib.strerror(l->lib.client_errno(l->client)));
	}
}

static void
on_end(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	finish(arg, ERR_OK, "");
}

/* --- both --- */

static void
on_client(AvahiClient *c, AvahiClientState s, void *arg)
{
	struct lan *l = arg;

	l->client = c; /* it may call before it is returned */
	if (s == AVAHI_CLIENT_FAILURE && l->ops != NULL)
		finish(l, ERR_FAIL, l->lib.strerror(l->lib.client_errno(c)));
	else if (s == AVAHI_CLIENT_FAILURE)
		log_warn("serve is no longer announced on the local network "
			 "reason=\"%s\"",
			 l->lib.strerror(l->lib.client_errno(c)));
	else if (s == AVAHI_CLIENT_S_RUNNING && l->ops == NULL)
		announce(l);
	else if (s != AVAHI_CLIENT_S_RUNNING && l->group != NULL)
		l->lib.entry_group_reset(l->group); /* the host gets another name */
}

static int
lan_new(struct lan **l, char *why, size_t cap)
{
	int err = ERR_NOMEM;

	if ((*l = calloc(1, sizeof(**l))) != NULL &&
	    (err = lib_load(&(*l)->lib, why, cap)) != ERR_OK) {
		free(*l);
		*l = NULL;
	}
	return err;
}

static int
start(struct lan *l, struct event_base *base, char *why, size_t cap)
{
	int error = 0;

	lan_poll_init(&l->poll, base);
	if (l->lib.client_new(&l->poll, 0, on_client, l, &error) != NULL)
		return ERR_OK;
	l->client = NULL;
	snprintf(why, cap,
		 "no Avahi daemon answers on this machine (%s): install and start "
		 "avahi-daemon",
		 l->lib.strerror(error));
	return ERR_LACKING;
}

int
lan_publish(struct lan **out, struct event_base *base, const char *name, const char *id,
	    uint16_t port, char *why, size_t cap)
{
	struct lan *l;
	int err;

	*out = NULL;
	if ((err = lan_new(&l, why, cap)) != ERR_OK)
		return err;
	text_copy(l->id, sizeof(l->id), id);
	l->port = port;
	l->name = l->lib.strdup(name);
	err = l->name == NULL ? ERR_NOMEM : start(l, base, why, cap);
	if (err != ERR_OK) {
		lan_free(l);
		return err;
	}
	*out = l;
	return ERR_OK;
}

static int
browse(struct lan *l, struct event_base *base, char *why, size_t cap)
{
	struct timeval tv = {LOOK_US / 1000000, LOOK_US % 1000000};
	int err = start(l, base, why, cap);

	if (err != ERR_OK)
		return err;
	if ((l->end = evtimer_new(base, on_end, l)) == NULL)
		return ERR_NOMEM;
	event_add(l->end, &tv);
	l->browser = l->lib.service_browser_new(
	    l->client, AVAHI_IF_UNSPEC, AVAHI_PROTO_UNSPEC, TYPE, NULL, 0, on_browsed, l);
	if (l->browser != NULL)
		return ERR_OK;
	snprintf(why, cap, "%s", l->lib.strerror(l->lib.client_errno(l->client)));
	return ERR_FAIL;
}

int
lan_browse(struct lan **out, struct event_base *base, const struct lan_ops *ops,
	   void *arg, char *why, size_t cap)
{
	struct lan *l;
	int err;

	*out = NULL;
	if ((err = lan_new(&l, why, cap)) != ERR_OK)
		return err;
	l->ops = ops;
	l->arg = arg;
	if ((err = browse(l, base, why, cap)) != ERR_OK) {
		lan_free(l);
		return err;
	}
	*out = l;
	return ERR_OK;
}

void
lan_free(struct lan *l)
{
	if (l == NULL)
		return;
	l->told = true;
	if (l->client != NULL)
		l->lib.client_free(l->client); /* with all that belongs to it */
	if (l->end != NULL)
		event_free(l->end);
	l->lib.free(l->name);
	free(l);
}
