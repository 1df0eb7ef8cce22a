/* SPDX-License-Identifier: ISC */
/*
 * What the browser shows: a snapshot, made of the JSON that commands and control
 * sockets print. Knows neither how it came nor how it looks.
 */
#ifndef TUI_MODEL_H
#define TUI_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "core/json.h"
#include "tui/rows.h"

#define MODEL_TEXT  128
#define MODEL_RATES 32  /* samples of a sparkline */
#define MODEL_LOG   500 /* lines that are kept */

/* Bytes as they are counted, and how fast they came lately. */
struct model_flow {
	uint64_t bytes;
	uint64_t seen_us;            /* when they were counted last */
	uint64_t rate;               /* bytes per second */
	uint64_t rates[MODEL_RATES]; /* the newest last */
	uint64_t rtts[MODEL_RATES];  /* microseconds */
};

struct model_link {
	bool up;
	char path[MODEL_TEXT], kind[16], carrier[16], cc[16];
	uint64_t rtt_us, min_rtt_us, packets, lost, bytes, held_s;
	bool held;
};

struct model_dev {
	char peer[64]; /* who has it; "" : this machine */
	char busid[32], id[12], speed[16], cls[64], nick[32], mode[20];
	char manufacturer[MODEL_TEXT], product[MODEL_TEXT], serial[MODEL_TEXT];
	char state[16], holder[64], reason[MODEL_TEXT];
	char waiting[MODEL_TEXT]; /* who is next, separated by commas */

	/* what the kernel here made of it */
	char local[32], driver[64], nodes[64], mounts[256];
	bool shared, attached, part;
	uint64_t port, since, position;
	uint64_t done, failed, inflight, bytes_in, bytes_out;
	uint64_t packed, carried; /* bytes that were compressed, and what they became */
	struct model_flow flow;
};

enum model_role { MODEL_KNOWN, MODEL_SERVER, MODEL_GUEST };

struct model_peer {
	char name[64], id[80];
	enum model_role role; /* what it is now */
	bool client, server;  /* what the file of peers says */
	uint64_t since;
	struct model_link link;
	struct model_flow flow;
	char source[108]; /* where its attach told so */
	bool asked;
	char error[MODEL_TEXT]; /* why its list could not be had */
};

/* A peer that wants what it may not use. */
struct model_ask {
	char name[64], id[80];
	char busid[32]; /* "": to come in */
	char from[64];
	uint64_t at, times;
};

struct model_line {
	char when[12], text[240];
	bool bad;
};

struct model {
	char identity[80], name[64], serve[MODEL_TEXT];
	bool serving;
	unsigned rdvs, rdvs_up; /* rendezvous, and those where we are registered */
	char rdv[MODEL_TEXT];   /* the first one, and why not */
	char source[108];       /* where serve told so */
	struct rows locals;     /* struct model_dev */
	struct rows remotes;    /* struct model_dev, what peers share */
	struct rows attached;   /* struct model_dev */
	struct rows peers;      /* struct model_peer */
	struct rows asks;       /* struct model_ask */
	char now[12]; /* "HH:MM:SS", for what is logged next; the owner sets it */
	struct model_line log[MODEL_LOG];
	unsigned log_n, log_first;
};

void model_free(struct model *);

/*
 * A status object of `serve` or `attach`; source names the process, now_us is for rates.
 * ERR_PROTO: it is none, and the model is as it was. What has changed is logged.
 */
int model_status(struct model *, const char *source, struct json_val,
		 uint64_t now_us) MUST_CHECK;

/* The process has ended; true: it was `serve`. */
bool model_ended(struct model *, const char *source);

/* What `list --json` printed; peer "" is this machine. */
int model_list(struct model *, const char *peer, struct json_val) MUST_CHECK;

/* Why the list of a peer could not be had. */
void model_list_failed(struct model *, const char *peer, const char *why);

/* What `peer list --json` printed: all that are known. */
int model_peers(struct model *, struct json_val) MUST_CHECK;

/* Adds a line; what strangers call themselves may be in it. */
void model_log(struct model *, bool bad, const char *text);
void model_news(struct model *, bool bad, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
const struct model_line *model_log_at(const struct model *, unsigned i);

struct model_dev *model_dev(const struct rows *, unsigned i);
struct model_dev *
model_dev_named(const struct rows *, const char *peer, const char *busid);
struct model_peer *model_peer(const struct model *, unsigned i);
struct model_peer *model_peer_named(const struct model *, const char *name);
struct model_ask *model_ask(const struct model *, unsigned i);

/* "SanDisk Ultra", or the busid of one that has no name. */
const char *model_dev_title(const struct model_dev *);

/* "A" (all is well) to "F" (cut): from losses and the hold state. */
char model_health(const struct model_link *);

#endif
