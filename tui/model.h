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

#define MODEL_TEXT  128
#define MODEL_RATES 32  /* samples of a sparkline */
#define MODEL_LOG   500 /* lines that are kept */
#define MODEL_ROWS  4096

struct model_link {
	bool up;
	char path[MODEL_TEXT], carrier[16], cc[16];
	uint64_t rtt_us, min_rtt_us, packets, lost, held_s;
};

struct model_dev {
	char peer[64]; /* who has it; "" : this machine */
	char busid[32], id[12], speed[16], cls[64], nick[32];
	char manufacturer[MODEL_TEXT], product[MODEL_TEXT], serial[MODEL_TEXT];
	char state[16], holder[64], reason[MODEL_TEXT];
	char local[32], nodes[64]; /* what the kernel here made of it */
	bool shared, attached, part;
	uint64_t port, since;
	uint64_t done, failed, inflight, bytes_in, bytes_out;
	uint64_t seen_us;            /* when bytes were counted last */
	uint64_t rate;               /* bytes per second, both ways */
	uint64_t rates[MODEL_RATES]; /* the newest last */
	uint64_t rtts[MODEL_RATES];  /* microseconds */
};

enum model_role { MODEL_KNOWN, MODEL_SERVER, MODEL_GUEST };

struct model_peer {
	char name[64], id[80];
	enum model_role role;
	char devices[16]; /* how many it shares, once it was asked */
	uint64_t since;
	struct model_link link;
	char source[108]; /* where its attach told so */
	bool asked;
	char error[MODEL_TEXT]; /* why its list could not be had */
};

struct model_line {
	char when[12], text[240];
	bool bad;
};

/* A growing array of one kind of row. */
struct model_rows {
	void *row;
	unsigned n, cap;
};

struct model {
	char identity[80], name[64], serve[MODEL_TEXT];
	bool serving;
	char source[108];           /* where serve told so */
	struct model_rows locals;   /* struct model_dev */
	struct model_rows remotes;  /* struct model_dev, what peers share */
	struct model_rows attached; /* struct model_dev */
	struct model_rows peers;    /* struct model_peer */
	struct model_line log[MODEL_LOG];
	unsigned log_n, log_first;
	unsigned version; /* changes with each change */
};

void model_free(struct model *);

/*
 * A status object of `serve` or `attach`; source names the process, now_us is for rates.
 * ERR_PROTO: it is none, and the model is as it was.
 */
int model_status(struct model *, const char *source, struct json_val,
		 uint64_t now_us) MUST_CHECK;

/* The process has ended; true: it was `serve`. */
bool model_ended(struct model *, const char *source);

/* What `list --json` printed; peer "" is this machine. */
int model_list(struct model *, const char *peer, struct json_val) MUST_CHECK;

/* Why the list of a peer could not be had. */
void model_list_failed(struct model *, const char *peer, const char *why);

/* What `peer list --json` printed. */
int model_peers(struct model *, struct json_val) MUST_CHECK;

/* Adds a line; when is "HH:MM:SS". */
void model_log(struct model *, const char *when, bool bad, const char *text);
const struct model_line *model_log_at(const struct model *, unsigned i);

struct model_dev *model_dev(const struct model_rows *, unsigned i);
struct model_peer *model_peer(const struct model *, unsigned i);
struct model_peer *model_peer_named(const struct model *, const char *name);

/* "A" (all is well) to "F" (cut): from losses and the hold state. */
char model_health(const struct model_link *);

#endif
