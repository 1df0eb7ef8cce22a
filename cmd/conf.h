/* SPDX-License-Identifier: ISC */
/*
 * Settings by SECTION.KEY: one table feeds -o (and later the file).
 */
#ifndef CMD_CONF_H
#define CMD_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "core/ticket.h"
#include "net/ice.h"

struct conf {
	bool link_cubic;
	bool link_slow; /* not net/twin */
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
	uint32_t no_assist; /* bits of core/assist.h's kinds */
	bool serve_attached;
	bool serve_lan;
	char serve_name[64];
	char serve_address[TICKET_ADDR]; /* "": those of the machine alone */
	unsigned rdvs;
	struct rdv_uri rdv[TICKET_RDVS];
};

struct conf_key {
	const char *name; /* "link.cc" */
	const char *form; /* "bbr|cubic" */
	const char *what;
	bool (*set)(struct conf *, const char *value);
};

extern const struct conf_key conf_keys[]; /* name NULL ends it */

/* One more rendezvous of serve's. ERR_USAGE: no URI; ERR_FULL: TICKET_RDVS are there. */
int conf_add_rdv(struct conf *, const char *uri) MUST_CHECK;

void conf_init(struct conf *);

/* "link.cc=cubic". ERR_USAGE: why names the key or the value. */
int conf_set(struct conf *, const char *setting, char *why, size_t cap) MUST_CHECK;

#endif
