/* SPDX-License-Identifier: ISC */
/*
 * The table of settings.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cmd/conf.h"
#include "core/access.h"
#include "core/assist_kind.h"
#include "core/keyuse.h"
#include "core/mem.h"
#include "core/text.h"
#include "net/ice_uri.h"
#include "net/link.h"
#include "net/tcp_addr.h"

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
set_cipher(struct conf *c, const char *v)
{
	static const char *const name[] = {[CONF_CIPHER_AUTO] = "auto",
					   [CONF_CIPHER_AES] = "aes128",
					   [CONF_CIPHER_CHACHA] = "chacha20"};

	for (unsigned i = 0; i < ARRAY_LEN(name); i++)
		if (strcmp(v, name[i]) == 0) {
			c->link_cipher = (enum conf_cipher)i;
			return true;
		}
	return false;
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
set_rekey(struct conf *c, const char *v)
{
	return text_to_u64(v, KEYUSE_WORN, &c->link_rekey) && c->link_rekey > 0;
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
set_relay(struct conf *c, const char *v)
{
	c->relay_only = strcmp(v, "only") == 0;
	return c->relay_only || strcmp(v, "auto") == 0;
}

static bool
set_stun(struct conf *c, const char *v)
{
	return ice_uri_stun(&c->ice.stun, v) == ERR_OK;
}

/* URIs with commas between them, in place of those of before. */
static bool
set_turn(struct conf *c, const char *v)
{
	struct ice_servers s = {.stun = c->ice.stun};
	char uri[ICE_HOST + 32];

	for (;; v++) {
		size_t n = strcspn(v, ",");

		if (n >= sizeof(uri))
			return false;
		memcpy(uri, v, n);
		uri[n] = '\0';
		if (ice_uri_turn(&s, uri) != ERR_OK)
			return false;
		v += n;
		if (*v == '\0')
			break;
	}
	c->ice = s;
	return true;
}

static bool
set_turn_user(struct conf *c, const char *v)
{
	return v[0] != '\0' && text_copy(c->turn_user, sizeof(c->turn_user), v);
}

static bool
set_turn_password(struct conf *c, const char *v)
{
	return v[0] != '\0' && text_copy(c->turn_password, sizeof(c->turn_password), v);
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
set_no_assist(struct conf *c, const char *v)
{
	uint32_t off;

	if (v[0] == '\0' || !assist_read(strcmp(v, "none") == 0 ? "" : v, &off))
		return false;
	c->no_assist = off;
	return true;
}

int
conf_add_rdv(struct conf *c, const char *uri)
{
	struct rdv_uri u;

	if (rdv_uri_read(uri, &u) != ERR_OK)
		return ERR_USAGE;
	for (unsigned i = 0; i < c->rdvs; i++)
		if (rdv_uri_equal(&c->rdv[i], &u))
			return ERR_OK;
	if (c->rdvs == TICKET_RDVS)
		return ERR_FULL;
	c->rdv[c->rdvs++] = u;
	return ERR_OK;
}

/* Those of before are replaced. */
static bool
set_rendezvous(struct conf *c, const char *v)
{
	char one[RDV_URI];

	c->rdvs = 0;
	for (;; v++) {
		size_t n = strcspn(v, ",");

		if (n >= sizeof(one))
			return false;
		memcpy(one, v, n);
		one[n] = '\0';
		if (conf_add_rdv(c, one) != ERR_OK)
			return false;
		v += n;
		if (*v == '\0')
			return true;
	}
}

static bool
set_address(struct conf *c, const char *v)
{
	struct tcp_where w;
	struct sockaddr_storage ss;

	if (tcp_where_split(&w, v) != ERR_OK || w.port == 0 ||
	    (!tcp_where_numeric(&w, &ss) && !tcp_where_is_name(&w)))
		return false;
	return text_copy(c->serve_address, sizeof(c->serve_address), v);
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
    {"attach.no_assist", "none|all|interrupt,storage",
     "what is not done to hide the distance to devices (default: none)", set_no_assist},
    {"ice.ports", "PORT[-PORT]", "UDP ports to use, for a forwarded range", set_ports},
    {"ice.relay", "auto|only", "show peers no address but a relay's (default: auto)",
     set_relay},
    {"ice.stun", "HOST[:PORT]", "a server to ask for our address (default: none)",
     set_stun},
    {"ice.turn", "URI[,URI]", "servers that relay: turn:HOST[:PORT][?transport=udp|tcp]",
     set_turn},
    {"ice.turn.password", "TEXT", "the password for them", set_turn_password},
    {"ice.turn.user", "NAME", "the user name for them", set_turn_user},
    {"link.cc", "bbr|cubic", "congestion controller (default: bbr)", set_cc},
    {"link.cipher", "auto|aes128|chacha20",
     "what to encrypt data with (default: auto, the quicker one)", set_cipher},
    {"link.fast", "yes|no",
     "a socket of our own for data beside libnice's (default: yes)", set_fast},
    {"link.mtu", "auto|1200..9000",
     "bytes of a UDP datagram (default: auto, as many as the path takes)", set_mtu},
    {"link.rekey_packets", "1..134217728",
     "packets until a link gets new keys (default: 134217728)", set_rekey},
    {"serve.address", "HOST[:PORT]",
     "what tickets say first: a router's address that forwards", set_address},
    {"serve.attached", "yes|no",
     "devices that are attached here are shared as well (default: no)", set_attached},
    {"serve.lan", "yes|no",
     "serve announces itself on the local network, as by --lan (default: no)", set_lan},
    {"serve.name", "NAME", "what this machine calls itself (default: host name)",
     set_name},
    {"serve.rendezvous", "URI[,URI]", "where peers can meet this machine, too",
     set_rendezvous},
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
