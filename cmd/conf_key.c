/* SPDX-License-Identifier: ISC */
/*
 * The table of settings: what each is called, looks like, is by default, and where its
 * value goes.
 */
#include <stdio.h>
#include <string.h>

#include "cmd/conf.h"
#include "cmd/conf_value.h"
#include "core/mem.h"
#include "core/rdv_wire.h"
#include "core/text.h"
#include "net/rdv_server.h"
#include "net/stock.h"

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

/* Of a rendezvous. */
static bool
set_many(void *at, const char *v)
{
	uint64_t n;

	if (!text_to_u64(v, 1000000, &n) || n == 0)
		return false;
	*(unsigned *)at = (unsigned)n;
	return true;
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
	return value_list(at, v, ",\n", RDV_LISTENERS, value_is_address);
}

static bool
set_rdv_turn(void *at, const char *v)
{
	return value_list(at, v, ",\n", RDV_SERVERS, value_is_turn);
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

static bool
set_log_to(void *at, const char *v)
{
	static const char *const name[] = {[CONF_LOG_AUTO] = "auto",
					   [CONF_LOG_STDERR] = "stderr",
					   [CONF_LOG_JOURNAL] = "journal"};

	for (unsigned i = 0; i < ARRAY_LEN(name); i++)
		if (strcmp(v, name[i]) == 0) {
			*(enum conf_log *)at = (enum conf_log)i;
			return true;
		}
	return false;
}

static bool
set_audit(void *at, const char *v)
{
	return (v[0] == '/' || strcmp(v, "none") == 0 || strcmp(v, "log") == 0) &&
	       text_copy(at, CONF_WORD, v);
}

static bool
set_keep(void *at, const char *v)
{
	uint64_t n;

	if (!text_to_u64(v, 100, &n))
		return false;
	*(unsigned *)at = (unsigned)n;
	return true;
}

/* --- policy --- */

static bool
take_name(void *arg, const char *word)
{
	struct policy_rule *r = arg;

	return r->peers < POLICY_WORDS && access_name_ok(word) &&
	       text_copy(r->peer[r->peers++], ACCESS_NAME, word);
}

static bool
set_policy_peers(void *at, const char *v)
{
	((struct policy_rule *)at)->peers = 0;
	return conf_words(v, ",\n", take_name, at);
}

static bool
take_device(void *arg, const char *word)
{
	struct policy_rule *r = arg;

	return r->devices < POLICY_WORDS && value_is_pattern(word) &&
	       text_copy(r->device[r->devices++], PATTERN_TEXT, word);
}

static bool
set_policy_devices(void *at, const char *v)
{
	((struct policy_rule *)at)->devices = 0;
	return conf_words(v, ",\n", take_device, at);
}

static bool
take_hours(void *arg, const char *word)
{
	return policy_add_hours(arg, word);
}

static bool
set_hours(void *at, const char *v)
{
	((struct policy_rule *)at)->hours = 0;
	return conf_words(v, ",\n", take_hours, at);
}

static bool
set_rate(void *at, const char *v)
{
	return policy_read_rate(v, at);
}

#define WHOLE     .at = 0
#define AT(field) .at = offsetof(struct conf, field)
#define PART(field) \
	.at = offsetof(struct conf_attach, field), .of = CONF_ATTACH, .later = true

#define RULE(field) .at = offsetof(struct policy_rule, field), .of = CONF_POLICY

const struct conf_key conf_keys[] = {
    {"attach NAME.accept_changed", "yes|no", "no",
     "also what comes back as another kind of device", value_bool, PART(accept)},
    {"attach NAME.device", "DEVICE[,DEVICE]", NULL,
     "what to attach, whenever it is there (default: all that needs no naming)",
     value_devices, PART(device)},
    {"attach NAME.grace", "TIME", NULL, "as attach.grace, for this one", value_time,
     PART(grace_us)},
    {"attach NAME.peer", "NAME", NULL,
     "the server it is from (default: the name of the section)", set_peer, PART(peer)},
    {"attach NAME.takeover", "yes|no", "no", "also what another attach of ours has",
     value_bool, PART(takeover)},
    {"attach NAME.via", "vhci|usbip=ADDR:PORT", "vhci", "as --via", set_via, PART(via)},
    {"attach NAME.write_cache", "yes|no", "no", "as attach.write_cache, for this one",
     value_bool, PART(write_cache)},
    {"attach.grace", "TIME", "75s", "keep devices so long when the link is lost",
     value_time, AT(attach_grace_us)},
    {"attach.no_assist", "none|all|interrupt,storage,serial,isochronous,compression",
     "none", "what is not done to hide the distance to devices", value_no_assist,
     AT(attach_off)},
    {"attach.sleep", "detach|keep", "detach",
     "devices before this machine sleeps; they come back when it is awake", set_sleep,
     AT(attach_sleeps), .later = true},
    {"attach.write_cache", "yes|no", "no", "disks have a write cache, as --write-cache",
     value_bool, AT(attach_write_cache)},
    {"audit.keep", "0..100", "5", "so many files of the past", set_keep, AT(audit_keep)},
    {"audit.size", "BYTES[k|M|G]", "1M", "a file ends when it has so many", set_rate,
     AT(audit_size)},
    {"audit.to", "none|log|/FILE", "none",
     "serve writes there who did what with which device, as JSON lines", set_audit,
     AT(audit_to)},
    {"control.group", "GROUP", NULL,
     "whose members may use the control sockets, too (default: none)", value_word,
     AT(control_group)},
    {"ice.ports", "PORT[-PORT]", NULL,
     "UDP ports to use, for a forwarded range (default: any)", value_ports, WHOLE},
    {"ice.relay", "auto|only", "auto", "show peers no address but a relay's", value_relay,
     WHOLE},
    {"ice.seek", "TIME|no", "2m",
     "when a relayed link looks for a direct way again, at first", value_seek,
     AT(seek_us)},
    {"ice.stun", "HOST[:PORT]", NULL, "a server to ask for our address (default: none)",
     value_stun, WHOLE},
    {"ice.turn", "URI[,URI]", NULL,
     "servers that relay: turn:HOST[:PORT][?transport=udp|tcp]", value_turn, AT(ice)},
    {"ice.turn.password", "TEXT", NULL, "the password for them", value_secret,
     AT(turn_password), .secret = true},
    {"ice.turn.user", "NAME", NULL, "the user name for them", value_secret,
     AT(turn_user)},
    {"link.cc", "bbr|cubic", "bbr", "congestion controller", value_cc, WHOLE},
    {"link.cipher", "auto|aes128|chacha20", "auto",
     "what to encrypt data with; auto: the quicker one", value_cipher, WHOLE},
    {"link.compression", "yes|no", "yes", "compress data of bulk endpoints where it pays",
     value_bool, AT(link_compression)},
    {"link.fast", "yes|no", "yes", "a socket of our own for data beside libnice's",
     value_fast, WHOLE},
    {"link.mtu", "auto|1200..9000", "auto",
     "bytes of a UDP datagram; auto: as many as the path takes", value_mtu, WHOLE},
    {"link.rekey_packets", "1..134217728", "134217728",
     "packets until a link gets new keys", value_rekey, WHOLE},
    {"log.level", "error|warn|info|debug", "info", "what is logged; -v is debug",
     set_level, AT(log_level)},
    {"log.to", "auto|stderr|journal", "auto",
     "journal: levels as the journal reads them; auto: if it reads", set_log_to,
     AT(log_to)},
    {"peers.ttl", "TIME", "24h", "as --ttl of invite", value_ttl, AT(peers_ttl_us)},
    {"peers.uses", "1..8", "1", "as --uses of invite", set_uses, AT(peers_uses)},
    {"policy NAME.device", "DEVICE[,DEVICE]", NULL,
     "for which devices this is (default: all)", set_policy_devices, .of = CONF_POLICY},
    {"policy NAME.hours", "HOURS[,HOURS]", NULL,
     "when they may be used: Mon-Fri 08:00-18:00 (default: always)", set_hours,
     .of = CONF_POLICY},
    {"policy NAME.pause", "TIME", "1m", "until the next session after one that was cut",
     value_time, RULE(pause_us)},
    {"policy NAME.peer", "NAME[,NAME]", NULL, "for which peers this is (default: all)",
     set_policy_peers, .of = CONF_POLICY},
    {"policy NAME.rate", "BYTES[k|M|G]", NULL,
     "so many bytes a second, of each device (default: no limit)", set_rate, RULE(rate)},
    {"policy NAME.session", "TIME", NULL, "so long at a stretch (default: no limit)",
     value_ttl, RULE(session_us)},
    {"policy NAME.warn", "TIME", "30s", "the peer is told so long before the end",
     value_time, RULE(warn_us)},
    {"policy.never", "DEVICE[,DEVICE]", NULL,
     "devices that nobody gets, whatever is bound: class=hid", value_devices, AT(never)},
    {"rendezvous.handshakes", "1..1000000", "400", "as --handshakes of rendezvous",
     set_many, AT(rdv_handshakes), .later = true},
    {"rendezvous.listen", "ADDR:PORT[,ADDR:PORT]", "[::]:13241",
     "as --listen of rendezvous", set_rdv_listen, AT(rdv_listen), .later = true},
    {"rendezvous.nats", "URL", NULL, "as --nats of rendezvous", value_word, AT(rdv_nats),
     .later = true, .secret = true},
    {"rendezvous.peers", "1..1000000", "32768", "as --peers of rendezvous", set_many,
     AT(rdv_peers), .later = true},
    {"rendezvous.per_address", "1..1000000", "256", "as --per-address of rendezvous",
     set_many, AT(rdv_per_address), .later = true},
    {"rendezvous.turn", "URI[,URI]", NULL, "as --turn of rendezvous", set_rdv_turn,
     AT(rdv_turn)},
    {"rendezvous.turn_secret_file", "FILE", NULL, "as --turn-secret-file of rendezvous",
     value_word, AT(rdv_secret_file)},
    {"serve.address", "HOST[:PORT]", NULL,
     "what tickets say first: a router's address that forwards", value_address, WHOLE},
    {"serve.attached", "yes|no", "no",
     "devices that are attached here are shared as well", value_bool, AT(serve_attached),
     .later = true},
    {"serve.lan", "yes|no", "no", "serve announces itself on the local network, as --lan",
     value_bool, AT(serve_lan), .later = true},
    {"serve.listen", "ADDR:PORT[,ADDR:PORT]|none", "[::]:13240", "as --listen of serve",
     value_listen, AT(serve_listen), .later = true},
    {"serve.name", "NAME", NULL, "what this machine calls itself (default: host name)",
     value_name, WHOLE},
    {"serve.rendezvous", "URI[,URI]", NULL, "where peers can meet this machine, too",
     value_rendezvous, WHOLE, .later = true},
    {"serve.share", "DEVICE[,DEVICE]", NULL, "shared beside what is bound, as --share",
     value_devices, AT(serve_share)},
    {"serve.usbip", "no|ADDR:PORT", "no", "as --usbip: stock clients, unencrypted",
     value_usbip, AT(serve_usbip), .later = true},
    {"serve.usbip_allow", "CIDR[,CIDR]", NULL,
     "from where they may come, as --usbip-allow", value_networks, AT(serve_usbip_allow),
     .later = true},
    {"serve.virtual", "SPEC", NULL, "devices of software, one a line, as --virtual",
     value_virtual, AT(serve_virtual), .later = true},
    {.name = NULL},
};
