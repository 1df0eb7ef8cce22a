/* SPDX-License-Identifier: ISC */
/*
 * The table of settings.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/conf.h"
#include "core/access.h"
#include "core/text.h"
#include "net/link.h"

static bool
set_cc(struct conf *c, const char *v)
{
	bool cubic = strcmp(v, "cubic") == 0;

	if (!cubic && strcmp(v, "bbr") != 0)
		return false;
	c->link_cubic = cubic;
	return true;
}

static bool
set_fast(struct conf *c, const char *v)
{
	c->link_slow = strcmp(v, "no") == 0;
	return c->link_slow || strcmp(v, "yes") == 0;
}

static bool
set_mtu(struct conf *c, const char *v)
{
	uint64_t n;

	if (strcmp(v, "auto") == 0) {
		c->link_mtu = 0;
		return true;
	}
	if (!text_to_u64(v, LINK_MTU_MAX, &n) || n < LINK_MTU_MIN)
		return false;
	c->link_mtu = (uint16_t)n;
	return true;
}

static bool
set_ports(struct conf *c, const char *v)
{
	char from[8];
	const char *dash = strchr(v, '-');
	size_t n = dash == NULL ? strlen(v) : (size_t)(dash - v);
	uint64_t a, b;

	if (n == 0 || n >= sizeof(from))
		return false;
	memcpy(from, v, n);
	from[n] = '\0';
	if (!text_to_u64(from, 65535, &a) || a == 0 ||
	    !text_to_u64(dash == NULL ? from : dash + 1, 65535, &b) || b < a)
		return false;
	c->port_min = (uint16_t)a;
	c->port_max = (uint16_t)b;
	return true;
}

static bool
set_attached(struct conf *c, const char *v)
{
	bool yes = strcmp(v, "yes") == 0;

	if (!yes && strcmp(v, "no") != 0)
		return false;
	c->serve_attached = yes;
	return true;
}

static bool
set_lan(struct conf *c, const char *v)
{
	c->serve_lan = strcmp(v, "yes") == 0;
	return c->serve_lan || strcmp(v, "no") == 0;
}

static bool
set_name(struct conf *c, const char *v)
{
	return access_name_ok(v) && text_copy(c->serve_name, sizeof(c->serve_name), v);
}

const struct conf_key conf_keys[] = {
    {"ice.ports", "PORT[-PORT]", "UDP ports to use, for a forwarded range", set_ports},
    {"link.cc", "bbr|cubic", "congestion controller (default: bbr)", set_cc},
    {"link.fast", "yes|no",
     "a socket of our own for data beside libnice's (default: yes)", set_fast},
    {"link.mtu", "auto|1200..9000",
     "bytes of a UDP datagram (default: auto, as many as the path takes)", set_mtu},
    {"serve.attached", "yes|no",
     "devices that are attached here are shared as well (default: no)", set_attached},
    {"serve.lan", "yes|no",
     "serve announces itself on the local network, as by --lan (default: no)", set_lan},
    {"serve.name", "NAME", "what this machine calls itself (default: host name)",
     set_name},
    {NULL, NULL, NULL, NULL},
};

void
conf_init(struct conf *c)
{
	char host[ACCESS_NAME] = "";
	char *dot;

	memset(c, 0, sizeof(*c));
	if (gethostname(host, sizeof(host) - 1) != 0)
		host[0] = '\0';
	if ((dot = strchr(host, '.')) != NULL)
		*dot = '\0';
	access_name_clean(host);
	text_copy(c->serve_name, sizeof(c->serve_name), host);
}

int
conf_set(struct conf *c, const char *setting, char *why, size_t cap)
{
	const char *eq = strchr(setting, '=');
	size_t n = eq == NULL ? strlen(setting) : (size_t)(eq - setting);

	for (const struct conf_key *k = conf_keys; k->name != NULL; k++) {
		if (strlen(k->name) != n || strncmp(k->name, setting, n) != 0)
			continue;
		if (eq != NULL && k->set(c, eq + 1))
			return ERR_OK;
		snprintf(why, cap, "%s wants %s, not \"%s\"", k->name, k->form,
			 eq == NULL ? "" : eq + 1);
		return ERR_USAGE;
	}
	snprintf(why, cap, "there is no setting \"%.*s\"; \"usbp2p help\" lists them",
		 (int)n, setting);
	return ERR_USAGE;
}
