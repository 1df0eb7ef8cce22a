/* SPDX-License-Identifier: ISC */
/*
 * Settings by SECTION.KEY: one table feeds the configuration files, -o, `config`, help
 * and the example. A section may have a name as well ("attach lab"): then there may be
 * several of its kind. Files are of conf_file.c.
 */
#ifndef CMD_CONF_H
#define CMD_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/access.h"
#include "core/err.h"
#include "core/log.h"
#include "core/policy.h"
#include "core/ticket.h"
#include "net/ice.h"

#define CONF_WORDS    16  /* of a list */
#define CONF_WORD     256 /* characters of one, with NUL */
#define CONF_SECTIONS 32  /* with names, of one kind */
#define CONF_VALUE    2048
#define CONF_OPTIONS  64 /* -o */

struct conf_list {
	unsigned n;
	char word[CONF_WORDS][CONF_WORD];
};

/* [attach NAME] */
struct conf_attach {
	char name[ACCESS_NAME];
	char peer[CONF_WORD]; /* "": as the section */
	char via[CONF_WORD];  /* "": this kernel */
	struct conf_list device;
	uint64_t grace_us; /* UINT64_MAX: as attach.grace */
	bool takeover, accept, write_cache;
};

/* A setting that somebody made. Which sections there are is seen here, too. */
struct conf_made {
	const struct conf_key *key;
	char name[ACCESS_NAME]; /* of its section, or "" */
	char *text;             /* lists have a line for each */
	char *from;             /* "FILE:12", "-o" */
};

struct conf {
	bool link_cubic;
	bool link_slow; /* not net/twin */
	bool link_compression;
	enum conf_cipher {
		CONF_CIPHER_AUTO,
		CONF_CIPHER_AES,
		CONF_CIPHER_CHACHA
	} link_cipher;
	uint16_t link_mtu;   /* 0: find it out */
	uint64_t link_rekey; /* packets; 0: as core/keyuse.h */
	uint16_t port_min, port_max;
	struct ice_servers ice; /* the user of TURN beside it */
	char turn_user[ICE_SECRET], turn_password[ICE_SECRET];
	bool relay_only;
	uint64_t seek_us; /* cmd/seek.h; 0: never */
	bool serve_attached;
	bool serve_lan;
	char serve_name[64];
	char serve_address[TICKET_ADDR]; /* "": those of the machine alone */
	unsigned rdvs;
	struct rdv_uri rdv[TICKET_RDVS];
	struct conf_list serve_listen, serve_share, serve_virtual, serve_usbip_allow;
	char serve_usbip[CONF_WORD]; /* "": no */
	uint64_t attach_grace_us;
	uint32_t attach_off; /* bits of core/assist_kind.h: what is not done */
	bool attach_write_cache;
	bool attach_sleeps; /* devices are detached before */
	uint64_t peers_ttl_us;
	unsigned peers_uses;
	struct conf_list rdv_listen, rdv_turn;
	char rdv_secret_file[CONF_WORD], rdv_nats[CONF_WORD];
	unsigned rdv_peers, rdv_per_address, rdv_handshakes;
	enum log_level log_level;
	enum conf_log { CONF_LOG_AUTO, CONF_LOG_STDERR, CONF_LOG_JOURNAL } log_to;
	char audit_to[CONF_WORD]; /* "none", "log", a path */
	uint64_t audit_size;
	unsigned audit_keep;
	char control_group[CONF_WORD]; /* "": none */

	struct conf_list never; /* shared, whatever else says so */

	unsigned attaches, policies;
	struct conf_attach *attach[CONF_SECTIONS];
	struct policy_rule *policy[CONF_SECTIONS]; /* [policy NAME] */

	unsigned made_n;
	struct conf_made *made; /* each key once */
};

enum conf_of { CONF_ONE, CONF_ATTACH, CONF_POLICY };

struct conf_key {
	const char *name; /* "link.cc", "attach NAME.peer" */
	const char *form; /* "bbr|cubic" */
	const char *def;  /* NULL: none */
	const char *what;
	bool (*set)(void *at, const char *value);
	size_t at;       /* in struct conf, or its section's */
	enum conf_of of; /* more than one section */
	bool later;      /* takes effect when the process starts */
	bool secret;     /* is not shown */
};

extern const struct conf_key conf_keys[]; /* in order; name NULL ends it */

/* Where settings come from: a file, or the usual ones; then the words of -o. */
struct conf_sources {
	const char *file; /* -c; NULL: the usual ones, if they are there */
	unsigned n;
	const char *option[CONF_OPTIONS];
};

/* One more rendezvous of serve's. ERR_USAGE: no URI; ERR_FULL: TICKET_RDVS are there. */
int conf_add_rdv(struct conf *, const char *uri) MUST_CHECK;

/* All as it is when nobody says otherwise; free what it had before with conf_fini. */
void conf_init(struct conf *);
void conf_fini(struct conf *);

/*
 * "link.cc=cubic", "attach lab.peer=lab". ERR_USAGE: why names the key or the value,
 * and nothing was changed.
 */
int conf_set(struct conf *, const char *setting, char *why, size_t cap) MUST_CHECK;

/* The same from a file: section "link" or "attach lab", key "cc". ERR_NODEV: no such
 * section; ERR_NOPEER: no such key; ERR_USAGE as above; ERR_FULL; ERR_NOMEM. */
int conf_put(struct conf *, const char *section, const char *key, const char *value,
	     const char *from, char *why, size_t cap) MUST_CHECK;

/* What was made of this key; NULL: nothing, it is as usual. */
const struct conf_made *
conf_find(const struct conf *, const struct conf_key *, const char *name);

/* The section of this name; NULL: there is none. */
const struct conf_attach *conf_find_attach(const struct conf *, const char *name);

/*
 * Words of a value, which has commas or line breaks (or only those) between them, with
 * the spaces around them left out; false: fn did not want one, or one is too long.
 */
bool conf_words(const char *value, const char *between,
		bool (*fn)(void *arg, const char *word), void *arg);

/* --- conf_file.c --- */

/*
 * All sources, into a conf that conf_init has made. ERR_USAGE: `why` says file, line
 * and what is wrong; ERR_IO: the file of -c cannot be read.
 */
int
conf_load(struct conf *, const struct conf_sources *, char *why, size_t cap) MUST_CHECK;

/* Settings whose value differs, one after another. */
void conf_differ(const struct conf *was, const struct conf *is,
		 void (*fn)(void *arg, const struct conf_key *), void *arg);

#endif
