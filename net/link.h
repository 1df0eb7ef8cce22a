/* SPDX-License-Identifier: ISC */
/*
 * One link to a peer, from the first knock to the last goodbye: signalling over
 * TCP and TLS, ICE, DTLS, and the ARQ that carries a session. It does what
 * core/link says. The session belongs to the owner and may outlive the link.
 *
 * How often a byte of a transfer is copied on its way, system calls apart:
 *
 *	sent	if it comes from the kernel in pieces: into its urb (core/iurb)
 *		into the stream, which keeps it until it is acknowledged (core/sendbuf)
 *		into a packet (core/session_link)
 *		into OpenSSL's record, encrypted there (net/dtls)
 *		into the batch that one system call sends (net/link_flow)
 *	taken	into OpenSSL's record, decrypted there: a read brings many (net/dtls)
 *		into a packet, by SSL_read
 *		into the stream, at its offset, after holes (core/recvbuf)
 *		to where libusb, or the kernel's reply, has it (session_msg_read)
 *
 * Each costs 0.01 ns a byte while caches hold it, of 0.9 that a byte costs each side.
 *
 *	attach: link_dial -> ... -> up -> down        serve: link_accept -> knock -> up ->
 *down
 */
#ifndef NET_LINK_H
#define NET_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/arq.h"
#include "core/door.h"
#include "core/ticket.h"
#include "core/wire.h"
#include "net/proof.h"
#include "net/rdv_conn.h"

struct dtls_drops;
struct event_base;
struct evdns_base;
struct gpump;
struct ice_servers;
struct link;
struct session;
struct tcp;

/* What all links of a process share; must outlive them. */
struct link_env {
	struct event_base *base;
	struct evdns_base *dns;
	struct gpump *pump;
	const struct ident *ident;
	const char *name; /* what we call ourselves */
	uint8_t instance[WIRE_ID];
	uint16_t port_min, port_max;       /* of UDP; 0, 0: any */
	const struct ice_servers *servers; /* of STUN and TURN; NULL: none */
	bool relay_only;    /* the peer learns and sees no address of ours */
	size_t mtu;         /* UDP payload that packets begin with */
	size_t mtu_max;     /* longer ones are tried, up to this; 0: none is */
	bool cubic;         /* CUBIC instead of the rate-based controller */
	bool slow;          /* everything through libnice, no net/twin */
	uint64_t rekey;     /* packets until ops->worn; 0: see core/keyuse.h */
	bool chacha;        /* ChaCha20 is preferred to AES */
	struct pool *pool;  /* for the ARQ */
	struct rdv_env rdv; /* for who dials through a rendezvous */
};

#define LINK_MTU_MIN            1200
#define LINK_MTU_MAX            9000
#define LINK_MTU_TRY            8900     /* fits in 9000 of IP, and a tunnel around it */
#define LINK_SETUP_US           15000000 /* from the knock to UP */

/*
 * An end is noticed within five seconds (LINK_KEEPALIVE_SERVE_US, a sixth of
 * it, and LINK_DEAD_US), also by who has nothing to say; while all is well, a PING now
 * and then wakes each side less than once a second.
 */
#define LINK_KEEPALIVE_US       2200000
#define LINK_KEEPALIVE_SERVE_US 2400000 /* not the same, so that they take turns */
#define LINK_DEAD_US            2150000

struct link_ops {
	/*
	 * Serve: an id (proved by TLS) wants in. ERR_OK: reply's name and proof are
	 * filled in; else the refusal is sent and the link ends. Before it nothing is
	 * allocated for the peer but its TLS connection.
	 */
	int (*knock)(void *arg, const struct wire_greet *, struct wire_greet *reply,
		     struct wire_refusal *no);

	/*
	 * Attach: the server let us in and calls itself so. An error ends it. May be
	 * NULL.
	 */
	int (*admitted)(void *arg, const struct wire_greet *);

	/*
	 * Secured (attach), and the peer begins a session (serve). Returns the session
	 * to carry, NULL to end the link. Attach: after link_resume it is one that goes
	 * on.
	 */
	struct session *(*up)(void *arg);

	/*
	 * Serve: the peer goes on with a session, see core/door.h: checks the proof
	 * (link_proof), lets go of its old link (link_drop), may give this one to
	 * another owner (link_adopt). NULL: there is no such session. May be NULL.
	 */
	struct session *(*resume)(void *arg, const struct door_resume *);

	/* Attach, after link_resume: the server goes on, or has lost the session. */
	void (*resumed)(void *arg, bool yes);

	/* Packets were taken in and delivered. */
	void (*turn)(void *arg);

	/*
	 * The last call; the link is freed after it. why: one line for people.
	 * ERR_TIMEOUT, ERR_UNREACHABLE: the session may go on over another link.
	 */
	void (*down)(void *arg, int err, const char *why);

	/*
	 * Attach: its keys were used for long, another link should take over (to which
	 * it is given up by link_drop, so that there is no gap). Told again and again
	 * until then. May be NULL.
	 */
	void (*worn)(void *arg);

	/*
	 * Up, and its signalling connection has ended: the peer's process may be gone, or
	 * is one that needs the connection no more. May be NULL.
	 */
	void (*doubt)(void *arg);
};

/* Where to find a server, and what opens its door. */
struct link_target {
	uint8_t id[IDENT_ID];
	unsigned addrs;
	char addr[TICKET_ADDRS]
		 [TICKET_ADDR]; /* each tried a little after the one before, */
	unsigned rdvs;
	struct rdv_uri rdv[TICKET_RDVS]; /* and these; who is connected first is taken */
	bool has_secret;
	uint8_t ticket[TICKET_ID], secret[TICKET_SECRET];
	bool direct; /* no relay will do */
};

/* NULL: out of memory. No op from inside. */
struct link *link_dial(const struct link_env *, const struct link_target *,
		       const struct link_ops *, void *arg);
struct link *
link_accept(const struct link_env *, struct tcp *, const struct link_ops *, void *arg);

/* Says goodbye and ends; down(ERR_OK) follows from the loop. */
void link_close(struct link *);

/* Ends because of err (a protocol break of the session, say); down follows. */
void link_abort(struct link *, int err, const char *why);

/* Attach, only in ops->up: the session is not new; q->proof is filled in here. */
int link_resume(struct link *, struct door_resume *q, const uint8_t key[IDENT_MAC]);

/* A session that is new on this link: the key that its later links prove. */
int link_key(const struct link *, uint8_t key[IDENT_MAC]) MUST_CHECK;

/* The proof that belongs to what is asked for on this link. */
int link_proof(const struct link *, const struct door_resume *,
	       const uint8_t key[IDENT_MAC], uint8_t proof[IDENT_MAC]) MUST_CHECK;

/* Its session goes on elsewhere: it is let go of at once, and down is not called. */
void link_drop(struct link *);

/* The ops get another arg from now on. */
void link_adopt(struct link *, void *arg);

/* The same, and they are these. */
void link_pass(struct link *, const struct link_ops *, void *arg);

/* The session has something to send. */
void link_wake(struct link *);

/* The peer's id: from the knock on. */
const uint8_t *link_peer(const struct link *);

/* "127.0.0.1:4711" of the signalling connection. */
const char *link_where(const struct link *);

/* The channel a proof is bound to: of TLS until UP, of DTLS from then on. */
int link_channel(const struct link *, struct proof_channel *) MUST_CHECK;

/* Asks the peer for a sign of life. */
void link_ping(struct link *);

/* Microseconds since the peer was heard; UINT64_MAX before UP. */
uint64_t link_silence_us(const struct link *);

/* The packets' numbers; its mtu is the UDP payload. false before UP. */
bool link_stats(const struct link *, struct arq_stats *);

/* Bytes a second that arrive: ours, and theirs; as arq_goodput. 0 before UP. */
void link_goodput(const struct link *, uint64_t *out, uint64_t *in);

/* Records that came but were not used; zeros before UP. See net/dtls_seen.h. */
void link_drops(const struct link *, struct dtls_drops *);

void link_path(const struct link *, char *buf, size_t cap);

/* "aes128" or "chacha20"; once it is up. */
const char *link_cipher(const struct link *);

/* Of its path: "host", "srflx", "prflx", "relay"; "": there is none yet. */
const char *link_kind(const struct link *);

/* What its way stands on after the addresses or routes of this machine have changed. */
enum link_ground {
	LINK_FIRM,  /* nothing against it */
	LINK_OTHER, /* the kernel would send from another address of ours now */
	LINK_GONE   /* our address is none of ours any more */
};
enum link_ground link_ground(const struct link *);

/* What carries its packets now: "gso", "mmsg" (net/twin) or "libnice". */
const char *link_carrier(const struct link *);

#endif
