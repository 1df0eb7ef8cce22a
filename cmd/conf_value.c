/* SPDX-License-Identifier: ISC */
/*
 * Values of settings: from text to where they go. Which setting has which kind of value
 * is not known here.
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "cmd/conf.h"
#include "cmd/conf_value.h"
#include "cmd/seek.h"
#include "core/assist_kind.h"
#include "core/keyuse.h"
#include "core/mem.h"
#include "core/pattern.h"
#include "core/rdv_wire.h"
#include "core/text.h"
#include "net/ice_uri.h"
#include "net/link.h"
#include "net/stock.h"
#include "net/tcp_addr.h"

#define SERVE_LISTENERS 4 /* SERVER_LISTENERS */

/* --- values of common kinds --- */

bool
value_bool(void *at, const char *v)
{
	*(bool *)at = strcmp(v, "yes") == 0;
	return *(bool *)at || strcmp(v, "no") == 0;
}

bool
value_time(void *at, const char *v)
{
	return text_to_duration(v, at);
}

bool
value_no_assist(void *at, const char *v)
{
	return v[0] != '\0' && assist_read(strcmp(v, "none") == 0 ? "" : v, at);
}

bool
value_ttl(void *at, const char *v)
{
	return text_to_duration(v, at) && *(uint64_t *)at > 0;
}

bool
value_word(void *at, const char *v)
{
	return v[0] != '\0' && text_copy(at, CONF_WORD, v);
}

bool
value_secret(void *at, const char *v)
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

bool
value_list(struct conf_list *to, const char *v, const char *between, unsigned max,
	   bool (*ok)(const char *word))
{
	struct taking t = {to, max, ok};

	to->n = 0;
	return conf_words(v, between, take_word, &t);
}

bool
value_is_address(const char *v)
{
	struct tcp_where w;
	struct sockaddr_storage ss;

	return tcp_where_split(&w, v) == ERR_OK &&
	       (w.host[0] == '\0' || tcp_where_numeric(&w, &ss) || tcp_where_is_name(&w));
}

bool
value_is_pattern(const char *v)
{
	return pattern_check(v) == ERR_OK;
}

static bool
is_network(const char *v)
{
	struct stock_allow a = {0};

	return stock_allow_add(&a, v) == ERR_OK;
}

bool
value_is_turn(const char *v)
{
	return strncmp(v, "turn:", 5) == 0 && v[5] != '\0' && strlen(v) < RDV_RELAY;
}

static bool
is_any(const char *v)
{
	return v[0] != '\0';
}

/* --- link, ice, serve --- */

bool
value_cc(void *at, const char *v)
{
	struct conf *c = at;
	bool cubic = strcmp(v, "cubic") == 0;

	if (!cubic && strcmp(v, "bbr") != 0)
		return false;
	c->link_cubic = cubic;
	return true;
}

bool
value_cipher(void *at, const char *v)
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

bool
value_fast(void *at, const char *v)
{
	struct conf *c = at;

	c->link_slow = strcmp(v, "no") == 0;
	return c->link_slow || strcmp(v, "yes") == 0;
}

bool
value_mtu(void *at, const char *v)
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

bool
value_rekey(void *at, const char *v)
{
	struct conf *c = at;

	return text_to_u64(v, KEYUSE_WORN, &c->link_rekey) && c->link_rekey > 0;
}

bool
value_ports(void *at, const char *v)
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

bool
value_relay(void *at, const char *v)
{
	struct conf *c = at;

	c->relay_only = strcmp(v, "only") == 0;
	return c->relay_only || strcmp(v, "auto") == 0;
}

bool
value_seek(void *at, const char *v)
{
	uint64_t us = 0;

	if (strcmp(v, "no") != 0 &&
	    (!text_to_duration(v, &us) || us < SEEK_MIN_US || us > SEEK_MAX_US))
		return false;
	*(uint64_t *)at = us;
	return true;
}

bool
value_stun(void *at, const char *v)
{
	struct conf *c = at;

	return ice_uri_stun(&c->ice.stun, v) == ERR_OK;
}

bool
value_address(void *at, const char *v)
{
	struct conf *c = at;
	struct tcp_where w;
	struct sockaddr_storage ss;

	if (tcp_where_split(&w, v) != ERR_OK || w.port == 0 ||
	    (!tcp_where_numeric(&w, &ss) && !tcp_where_is_name(&w)))
		return false;
	return text_copy(c->serve_address, sizeof(c->serve_address), v);
}

bool
value_name(void *at, const char *v)
{
	struct conf *c = at;

	return access_name_ok(v) && text_copy(c->serve_name, sizeof(c->serve_name), v);
}

static bool
take_turn(void *arg, const char *uri)
{
	return ice_uri_turn(arg, uri) == ERR_OK;
}

bool
value_turn(void *at, const char *v)
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

bool
value_rendezvous(void *at, const char *v)
{
	((struct conf *)at)->rdvs = 0;
	return conf_words(v, ",\n", take_rendezvous, at);
}

bool
value_listen(void *at, const char *v)
{
	struct conf_list *l = at;

	if (strcmp(v, "none") != 0)
		return value_list(l, v, ",\n", SERVE_LISTENERS, value_is_address);
	l->n = 1;
	return text_copy(l->word[0], CONF_WORD, v);
}

bool
value_devices(void *at, const char *v)
{
	return value_list(at, v, ",\n", CONF_WORDS, value_is_pattern);
}

/* File names may have commas in them. */
bool
value_virtual(void *at, const char *v)
{
	return value_list(at, v, "\n", CONF_WORDS, is_any);
}

bool
value_usbip(void *at, const char *v)
{
	char where[STOCK_WHERE];
	char *to = at;

	to[0] = '\0';
	if (strcmp(v, "no") == 0)
		return true;
	return stock_where(where, v) == ERR_OK && text_copy(to, CONF_WORD, v);
}

bool
value_networks(void *at, const char *v)
{
	return value_list(at, v, ",\n", CONF_WORDS, is_network);
}
