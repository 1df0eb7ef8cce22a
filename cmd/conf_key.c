/* SPDX-License-Identifier: ISC */
/*
 * The table of settings: what each is called, looks like, is by default, and where its
 * value goes.
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "cmd/conf.h"
#include "cmd/seek.h"
#include "core/assist_kind.h"
#include "core/keyuse.h"
#include "core/mem.h"
#include "core/pattern.h"
#include "core/rdv_wire.h"
#include "core/text.h"
#include "net/ice_uri.h"
#include "net/link.h"
#include "net/rdv_server.h"
#include "net/stock.h"
#include "net/tcp_addr.h"

#define SERVE_LISTENERS 4 /* SERVER_LISTENERS */

/* --- values of common kinds --- */

static bool
set_bool(void *at, const char *v)
{
	*(bool *)at = strcmp(v, "yes") == 0;
	return *(bool *)at || strcmp(v, "no") == 0;
}

static bool
set_time(void *at, const char *v)
{
	return text_to_duration(v, at);
}

static bool
set_no_assist(void *at, const char *v)
{
	return v[0] != '\0' && assist_read(strcmp(v, "none") == 0 ? "" : v, at);
}

static bool
set_ttl(void *at, const char *v)
{
	return text_to_duration(v, at) && *(uint64_t *)at > 0;
}

static bool
set_word(void *at, const char *v)
{
	return v[0] != '\0' && text_copy(at, CONF_WORD, v);
}

static bool
set_secret(void *at, const char *v)
{
	return v[0] != '\0' && text_copy(at, ICE_SECRET, v);
}

/* A list of what `ok` takes, `max` at most; it replaces the one of before. */
struct taking {
	struct conf_list *to;
	unsigned max;
	bool (*ok)(const char *word);
};

static bool
take_word(void *arg, const char *word)
{
	const struct taking *t = arg;

	return t->to->n < t->max && t->ok(word) &&
	       text_copy(t->to->word[t->to->n++], CONF_WORD, word);
}

static bool
set_list(struct conf_list *to, const char *v, const char *between, unsigned max,
	 bool (*ok)(const char *word))
{
	struct taking t = {to, max, ok};

	to->n = 0;
	return conf_words(v, between, take_word, &t);
}

static bool
is_address(const char *v)
{
	struct tcp_where w;
	struct sockaddr_storage ss;

	return tcp_where_split(&w, v) == ERR_OK &&
	       (w.host[0] == '\0' || tcp_where_numeric(&w, &ss) || tcp_where_is_name(&w));
}

static bool
is_pattern(const char *v)
{
	return pattern_check(v) == ERR_OK;
}

static bool
is_network(const char *v)
{
	struct stock_allow a = {0};

	return stock_allow_add(&a, v) == ERR_OK;
}

static bool
is_turn(const char *v)
{
	return strncmp(v, "turn:", 5) == 0 && v[5] != '\0' && strlen(v) < RDV_RELAY;
}

static bool
is_any(const char *v)
{
	return v[0] != '\0';
}

/* --- link, ice, serve --- */

static bool
set_cc(void *at, const char *v)
{
	struct conf *c = at;
	bool cubic = strcmp(v, "cubic") == 0;

	if (!cubic && strcmp(v, "bbr") != 0)
		return false;
	c->link_cubic = cubic;
	return true;
}

static bool
set_cipher(void *at, const char *v)
{
	struct conf *c = at;
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
set_fast(void *at, const char *v)
{
	struct conf *c = at;

	c->link_slow = strcmp(v, "no") == 0;
	return c->link_slow || strcmp(v, "yes") == 0;
}

static bool
set_mtu(void *at, const char *v)
{
	struct conf *c = at;
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
set_rekey(void *at, const char *v)
{
	struct conf *c = at;

	return text_to_u64(v, KEYUSE_WORN, &c->link_rekey) && c->link_rekey > 0;
}

static bool
set_ports(void *at, const char *v)
{
	struct conf *c = at;
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
set_relay(void *at, const char *v)
{
	struct conf *c = at;

	c->relay_only = strcmp(v, "only") == 0;
	return c->relay_only || strcmp(v, "auto") == 0;
}

static bool
set_seek(void *at, const char *v)
{
	uint64_t us = 0;

	if (strcmp(v, "no") != 0 &&
	    (!text_to_duration(v, &us) || us < SEEK_MIN_US || us > SEEK_MAX_US))
		return false;
	*(uint64_t *)at = us;
	return true;
}

static bool
set_stun(void *at, const char *v)
{
	struct conf *c = at;

	return ice_uri_stun(&c->ice.stun, v) == ERR_OK;
}

static bool
set_address(void *at, const char *v)
{
	struct conf *c = at;
	struct tcp_where w;
	struct sockaddr_storage ss;

	if (tcp_where_split(&w, v) != ERR_OK || w.port == 0 ||
	    (!tcp_where_numeric(&w, &ss) && !tcp_where_is_name(&w)))
		return false;
	return text_copy(c->serve_address, sizeof(c->serve_address), v);
}

static bool
set_name(void *at, const char *v)
{
	struct conf *c = at;

	return access_name_ok(v) && text_copy(c->serve_name, sizeof(c->serve_name), v);
}

static bool
take_turn(void *arg, const char *uri)
{
	return ice_uri_turn(arg, uri) == ERR_OK;
}

static bool
set_turn(void *at, const char *v)
{
	struct ice_servers *s = at;

	s->turns = 0;
	return conf_words(v, ",\n", take_turn, s);
}

static bool
take_rendezvous(void *arg, const char *uri)
{
	return conf_add_rdv(arg, uri) == ERR_OK;
}

static bool
set_rendezvous(void *at, const char *v)
{
	((struct conf *)at)->rdvs = 0;
	return conf_words(v, ",\n", take_rendezvous, at);
}

static bool
set_listen(void *at, const char *v)
{
	struct conf_list *l = at;

	if (strcmp(v, "none") != 0)
		return set_list(l, v, ",\n", SERVE_LISTENERS, is_address);
	l->n = 1;
	return text_copy(l->word[0], CONF_WORD, v);
}

static bool
set_devices(void *at, const char *v)
{
	return set_list(at, v, ",\n", CONF_WORDS, is_pattern);
}

/* File names may have commas in them. */
static bool
set_virtual(void *at, const char *v)
{
	return set_list(at, v, "\n", CONF_WORDS, is_any);
}

static bool
set_usbip(void *at, const char *v)
{
	char where[STOCK_WHERE];
	char *to = at;

	to[0] = '\0';
	if (strcmp(v, "no") == 0)
		return true;
	return stock_where(where, v) == ERR_OK && text_copy(to, CONF_WORD, v);
}

static bool
set_networks(void *at, const char *v)
{
	return set_list(at, v, ",\n", CONF_WORDS, is_network);
}

/* --- the others --- */

static bool
set_peer(void *at, const char *v)
{
	return access_name_ok(v) && text_copy(at, CONF_WORD, v);
}

static bool
set_via(void *at, const char *v)
{
	char where[STOCK_WHERE], *to = at;

	to[0] = '\0';
	if (strcmp(v, "vhci") == 0)
		return true;
	return strncmp(v, "usbip=", 6) == 0 && stock_where(where, v + 6) == ERR_OK &&
	       text_copy(to, CONF_WORD, where);
}

static bool
set_sleep(void *at, const char *v)
{
	*(bool *)at = strcmp(v, "detach") == 0;
	return *(bool *)at || strcmp(v, "keep") == 0;
}

static bool
set_uses(void *at, const char *v)
{
	uint64_t n;

	if (!text_to_u64(v, 8, &n) || n == 0)
		return false;
	*(unsigned *)at = (unsigned)n;
	return true;
}

static bool
set_rdv_listen(void *at, const char *v)
{
	return set_list(at, v, ",\n", RDV_LISTENERS, is_address);
}

static bool
set_rdv_turn(void *at, const char *v)
{
	return set_list(at, v, ",\n", RDV_SERVERS, is_turn);
}

static bool
set_level(void *at, const char *v)
{
	static const char *const name[] = {"error", "warn", "info", "debug"};

	for (unsigned i = 0; i < ARRAY_LEN(name); i++)
		if (strcmp(v, name[i]) == 0) {
			*(enum log_level *)at = (enum log_level)i;
			return true;
		}
	return false;
}

#define WHOLE     .at = 0
#define AT(field) .at = offsetof(struct conf, field)
#define PART(field) \
	.at = offsetof(struct conf_attach, field), .of = CONF_ATTACH, .later = true

const struct conf_key conf_keys[] = {
    {"attach NAME.accept_changed", "yes|no", "no",
     "also what comes back as another kind of device", set_bool, PART(accept)},
    {"attach NAME.device", "DEVICE[,DEVICE]", NULL,
     "what to attach, whenever it is there (default: all that needs no naming)",
     set_devices, PART(device)},
    {"attach NAME.grace", "TIME", NULL, "as attach.grace, for this one", set_time,
     PART(grace_us)},
    {"attach NAME.peer", "NAME", NULL,
     "the server it is from (default: the name of the section)", set_peer, PART(peer)},
    {"attach NAME.takeover", "yes|no", "no", "also what another attach of ours has",
     set_bool, PART(takeover)},
    {"attach NAME.via", "vhci|usbip=ADDR:PORT", "vhci", "as --via", set_via, PART(via)},
    {"attach.grace", "TIME", "75s", "keep devices so long when the link is lost",
     set_time, AT(attach_grace_us), .later = true},
    {"attach.no_assist", "none|all|interrupt,storage", "none",
     "what is not done to hide the distance to devices", set_no_assist, AT(attach_off),
     .later = true},
    {"attach.sleep", "detach|keep", "detach",
     "devices before this machine sleeps; they come back when it is awake", set_sleep,
     AT(attach_sleeps), .later = true},
    {"control.group", "GROUP", NULL,
     "whose members may use the control sockets, too (default: none)", set_word,
     AT(control_group)},
    {"ice.ports", "PORT[-PORT]", NULL,
     "UDP ports to use, for a forwarded range (default: any)", set_ports, WHOLE},
    {"ice.relay", "auto|only", "auto", "show peers no address but a relay's", set_relay,
     WHOLE},
    {"ice.seek", "TIME|no", "2m",
     "when a relayed link looks for a direct way again, at first", set_seek, AT(seek_us)},
    {"ice.stun", "HOST[:PORT]", NULL, "a server to ask for our address (default: none)",
     set_stun, WHOLE},
    {"ice.turn", "URI[,URI]", NULL,
     "servers that relay: turn:HOST[:PORT][?transport=udp|tcp]", set_turn, AT(ice)},
    {"ice.turn.password", "TEXT", NULL, "the password for them", set_secret,
     AT(turn_password), .secret = true},
    {"ice.turn.user", "NAME", NULL, "the user name for them", set_secret, AT(turn_user)},
    {"link.cc", "bbr|cubic", "bbr", "congestion controller", set_cc, WHOLE},
    {"link.cipher", "auto|aes128|chacha20", "auto",
     "what to encrypt data with; auto: the quicker one", set_cipher, WHOLE},
    {"link.fast", "yes|no", "yes", "a socket of our own for data beside libnice's",
     set_fast, WHOLE},
    {"link.mtu", "auto|1200..9000", "auto",
     "bytes of a UDP datagram; auto: as many as the path takes", set_mtu, WHOLE},
    {"link.rekey_packets", "1..134217728", "134217728",
     "packets until a link gets new keys", set_rekey, WHOLE},
    {"log.level", "error|warn|info|debug", "info", "what is logged; -v is debug",
     set_level, AT(log_level)},
    {"peers.ttl", "TIME", "24h", "as --ttl of invite", set_ttl, AT(peers_ttl_us)},
    {"peers.uses", "1..8", "1", "as --uses of invite", set_uses, AT(peers_uses)},
    {"rendezvous.listen", "ADDR:PORT[,ADDR:PORT]", "[::]:13241",
     "as --listen of rendezvous", set_rdv_listen, AT(rdv_listen), .later = true},
    {"rendezvous.nats", "URL", NULL, "as --nats of rendezvous", set_word, AT(rdv_nats),
     .later = true},
    {"rendezvous.turn", "URI[,URI]", NULL, "as --turn of rendezvous", set_rdv_turn,
     AT(rdv_turn), .later = true},
    {"rendezvous.turn_secret_file", "FILE", NULL, "as --turn-secret-file of rendezvous",
     set_word, AT(rdv_secret_file), .later = true},
    {"serve.address", "HOST[:PORT]", NULL,
     "what tickets say first: a router's address that forwards", set_address, WHOLE},
    {"serve.attached", "yes|no", "no",
     "devices that are attached here are shared as well", set_bool, AT(serve_attached),
     .later = true},
    {"serve.lan", "yes|no", "no", "serve announces itself on the local network, as --lan",
     set_bool, AT(serve_lan), .later = true},
    {"serve.listen", "ADDR:PORT[,ADDR:PORT]|none", "[::]:13240", "as --listen of serve",
     set_listen, AT(serve_listen), .later = true},
    {"serve.name", "NAME", NULL, "what this machine calls itself (default: host name)",
     set_name, WHOLE},
    {"serve.rendezvous", "URI[,URI]", NULL, "where peers can meet this machine, too",
     set_rendezvous, WHOLE, .later = true},
    {"serve.share", "DEVICE[,DEVICE]", NULL, "shared beside what is bound, as --share",
     set_devices, AT(serve_share)},
    {"serve.usbip", "no|ADDR:PORT", "no", "as --usbip: stock clients, unencrypted",
     set_usbip, AT(serve_usbip), .later = true},
    {"serve.usbip_allow", "CIDR[,CIDR]", NULL,
     "from where they may come, as --usbip-allow", set_networks, AT(serve_usbip_allow),
     .later = true},
    {"serve.virtual", "SPEC", NULL, "devices of software, one a line, as --virtual",
     set_virtual, AT(serve_virtual), .later = true},
    {.name = NULL},
};
