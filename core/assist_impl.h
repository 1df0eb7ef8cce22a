/* SPDX-License-Identifier: ISC */
/*
 * What assist.c (requests and replies), assist_part.c (endpoints) and assist_held.c
 * (control requests) share; for nobody else. Tags that are made here have a bit that
 * those of the far end have not.
 */
#ifndef CORE_ASSIST_IMPL_H
#define CORE_ASSIST_IMPL_H

#include "core/assist.h"
#include "core/unit.h"

#define ASSIST_TAG   (1ull << 58)
#define ASSIST_UNITS 8  /* disks, likewise */
#define ASSIST_PARTS 16 /* endpoints of a device that are assisted at once */

/* A control request that has to wait, or that others wait for. */
struct assist_held {
	struct list link; /* in assist.held */
	uint64_t tag, far;
	uint64_t since;        /* us */
	uint32_t eps, changes; /* ASSIST_BIT: is barred by it, and is changed by it */
	uint8_t units;         /* bit n: so is unit n */
	bool anew;             /* it makes the device forget the command it was at */
	bool named, sent;
	bool done; /* with success */
	struct import_request req;
	uint8_t data[]; /* OUT */
};

/* What takes care of an endpoint: core/ahead says what each is. */
struct assist_way {
	void *(*make)(struct pool *, uint8_t ep, unsigned most, struct ahead_stats *,
		      const struct ahead_ops *, void *arg);
	void (*free)(void *);
	int (*take)(void *, const struct import_request *, uint64_t tag);
	void (*go)(void *);
	void (*unlink)(void *, uint64_t tag);
	int (*reply)(void *, uint64_t tag, const struct import_reply *, uint8_t **data,
		     struct urb_iso **iso);
	int (*reply_end)(void *);
	void (*bar)(void *);
	void (*unbar)(void *, bool changed);
	bool (*quiet)(const void *);
	bool (*idle)(const void *);
	uint64_t (*turn)(void *); /* NULL: it does not depend on the time */
	bool (*lags)(
	    const void *); /* what the driver thinks is done is not; NULL: never */
};

extern const struct assist_way assist_ahead, assist_behind, assist_isoin, assist_isoout;

struct assist_part {
	struct list link; /* in assist.parts */
	uint8_t ep;
	enum assist_kind kind;
	const struct assist_way *way;
	void *it;
};

#define ASSIST_BIT(ep) (1u << (((ep)&15) | ((ep)&0x80) >> 3))

struct assist {
	struct pool *pool;
	struct import *import;
	const struct assist_ops *ops;
	void *arg;
	uint32_t off;
	struct ahead_stats stats[ASSISTS];
	struct list parts, held;
	struct unit *unit[ASSIST_UNITS];
	bool cache;
	struct unit_cached cached;
	unsigned n; /* parts */
	uint64_t next_tag;
	uint64_t trip;              /* us */
	struct unit *replying_unit; /* and whether it is the unit's own */
	bool units_own;
	uint8_t *seen; /* data of a reply to the engine */
	uint32_t seen_n;
	struct assist_part *replying; /* between reply and reply_end, or */
	struct assist_held *ending;
};

/* us; 0: nobody knows. */
uint64_t assist_now(const struct assist *);

/* What takes care of the endpoint, or NULL; likewise a disk's. */
struct assist_part *assist_find(const struct assist *, uint8_t ep);
struct unit *assist_find_unit(const struct assist *, uint8_t ep);

/* The same, also from this request on; NULL: it goes the plain way. */
struct assist_part *assist_part_of(struct assist *, const struct import_request *);
struct unit *assist_unit_of(struct assist *, const struct import_request *);

/* It is idle, or all ends. */
void assist_forget(struct assist *, struct assist_part *);

/* The end of an urb that has a tag of ours. */
void assist_answer(void *assist, uint8_t ep, uint64_t tag, const struct import_reply *,
		   const uint8_t *data);

/* A control request of the driver: as import_ops.submit. */
int
assist_control(struct assist *, const struct import_request *, uint64_t *tag) MUST_CHECK;

/* A part that is new: those that change it bar it from the beginning. */
void assist_held_meet(struct assist *, struct assist_part *);

/* Sends those whose time has come, in their order. */
void assist_held_go_on(struct assist *);

/* When the first of them waits no longer; UINT64_MAX: no limit. */
uint64_t assist_held_until(const struct assist *);

/* By its own tag, or by that of the far end; NULL: it is not held. */
struct assist_held *assist_held_find(const struct assist *, uint64_t tag, bool far);
int assist_held_unlink(struct assist *, struct assist_held *) MUST_CHECK;

/* It has ended, by its answer or the device's: what it barred goes on. */
void assist_held_end(struct assist *, struct assist_held *, bool changed);

/* All of them, without an answer. */
void assist_held_free(struct assist *);

#endif
