/* SPDX-License-Identifier: ISC */
/*
 * What unit.c (the driver's urbs), unit_late.c (those that wait), unit_watch.c (what its
 * commands tell), unit_cmd.c (a command of ours), unit_row.c (reads ahead), unit_cache.c
 * (writes behind), unit_relay.c (commands whose answer is changed), unit_mend.c (those
 * that fail) and unit_own.c (the driver's commands that are answered here) share; for
 * nobody else.
 */
#ifndef CORE_UNIT_IMPL_H
#define CORE_UNIT_IMPL_H

#include "core/bot.h"
#include "core/list.h"
#include "core/unit.h"

#define UNIT_CBW    31
#define UNIT_STATUS 13
#define UNIT_LUNS   16
#define UNIT_SEQS   4
#define UNIT_SENSE  18         /* SPC-4 4.5.3, fixed format */
#define UNIT_WINDOW (4u << 20) /* bytes ahead, at most, and */
#define UNIT_ROW    64         /* commands */
#define UNIT_NEED_WASTE \
	8 /* READs behind each other before it begins, if it was for nothing, */
#define UNIT_NEED_MOST 64 /* or the device hung */
#define UNIT_AGE_US    1000000u
#define UNIT_TRIES     3            /* of a write that meets a unit attention */
#define UNIT_AGAIN     (1ull << 57) /* name of a command that is sent after all */

/* The requests of a command. */
enum unit_part { UNIT_BLOCK, UNIT_DATA, UNIT_CSW, UNIT_PARTS };

/* What the row of commands is for; but one at a time. */
enum unit_use { UNIT_READS, UNIT_WRITES, UNIT_RELAY };

/* A command of ours: a read, a write, one of the driver's, or REQUEST SENSE. */
struct unit_cmd {
	struct list link; /* in unit.row */
	struct unit_request {
		uint64_t far;
		bool sent, open, back; /* back: it never began */
		int32_t status;
		uint32_t actual;
	} part[UNIT_PARTS];
	bool cancelled;  /* all of them */
	bool sense, out; /* REQUEST SENSE; its data go to the device */
	bool held;       /* a write that is done for the driver, but not by the device */
	bool good;       /* it has ended, and all its data are here, since: */
	uint64_t at, sent_at;
	uint64_t got; /* bytes that had come when it was sent */
	uint32_t len, used, tag;
	uint32_t room; /* for data, at least len */
	uint64_t
	    ahead; /* bytes of writes that were on their way when it was sent, and it */
	unsigned tries;
	uint8_t lun, cdb[16];
	uint8_t csw[UNIT_STATUS];
	uint8_t data[];
};

/* Where the recovery of a command that failed is. */
enum unit_mend { UNIT_WELL, UNIT_HALT, UNIT_RETRY, UNIT_ASK };

/* An urb of a command that is answered here. */
struct unit_reader {
	struct list link; /* in unit_own.readers */
	uint64_t tag;
	bool named;
	struct import_request q;
};

struct unit_own {
	bool on, have; /* have: data and status are here */
	bool in, data_over;
	bool relay;             /* what the device says of it is not here yet */
	bool shows;             /* that there is a write cache */
	struct unit_cmd *write; /* its data come here; or NULL */
	uint8_t cbw[UNIT_CBW];
	uint32_t len, taken; /* bytes of data that the driver wants, and had */
	uint8_t *data;
	uint32_t n; /* bytes of them */
	uint8_t how;
	bool due; /* an OUT urb is answered when it has its name */
	uint64_t due_tag;
	uint32_t due_len;
	struct list readers;
};

struct unit {
	struct pool *pool;
	const struct ahead_ops *ops;
	uint64_t (*now)(void *arg);
	void *arg;
	struct ahead_stats *stats;
	struct bot *bot;
	uint8_t in, out, iface;
	unsigned bars;
	bool cut; /* commands of ours were taken back */

	/* what the driver does */
	struct unit_lun {
		bool disk;
		uint32_t block; /* bytes; 0: not known */
		uint64_t last;
		uint8_t specific; /* the driver knows of it (SPC-4 6.11) */
		bool shown;       /* the driver knows that there is a write cache, */
		bool changed;     /* and has meddled with it */
		bool latched; /* a write was lost, with this key, code and qualifier */
		uint8_t why[3];
	} lun[UNIT_LUNS];
	uint8_t cbw[UNIT_CBW]; /* its command */
	bool watched, looked;  /* it is, and some of its data were seen */
	uint32_t longest;      /* READ */
	struct unit_seq {      /* READs behind each other, of several who read */
		uint8_t lun, op;
		uint64_t next; /* would begin here */
		unsigned run;
		uint32_t len;  /* of the longest of them */
		uint64_t used; /* at which READ of all */
	} seq[UNIT_SEQS];
	uint64_t reads;           /* of all */
	struct unit_seq *now_seq; /* that the last READ is of */
	struct unit_own own;

	struct list late; /* urbs of the driver that wait for the writes */

	/* commands of ours */
	enum unit_use use;
	struct list row;
	unsigned cmds, opens;
	uint64_t pos, end; /* blocks: the driver's next, and behind the last */
	uint8_t row_lun;
	struct unit_seq *row_seq; /* it is for */
	bool streams;             /* there is something, or could be */
	bool dropped;             /* nobody wants it any more */
	bool broken;
	enum unit_mend mend;
	uint64_t mend_far;
	struct unit_cmd *failed;
	uint32_t next_tag;
	unsigned need;      /* READs behind each other before it begins */
	uint64_t hit, miss; /* bytes that were taken since it began, and were not */

	/* how much is on its way */
	uint64_t got; /* bytes, ever */
	uint64_t quickest;
	uint64_t bdp[2]; /* the most lately, and before */
	unsigned samples;

	uint8_t sense[UNIT_SENSE]; /* of ours, for the driver */
	uint32_t sense_n;
	uint8_t sense_lun;
	bool told; /* that there is some */

	struct unit_cached *cached; /* NULL: there is no write cache */
	uint64_t held;              /* bytes of the row that are writes */
	uint64_t window;            /* of them */

	/* between reply and reply_end */
	struct unit_cmd *ending;
	enum unit_part ending_part;
	struct import_reply reply;
	bool mend_ending, again_ending;
};

/* unit_watch.c. Of a command block. */
bool unit_is_read(const uint8_t *cbw, uint64_t *lba, uint32_t *blocks);
void unit_watch(struct unit *, const uint8_t *cbw);
void unit_watch_data(struct unit *, const uint8_t *, uint32_t n);

/* A READ of the driver's is behind another, or begins anew. */
void unit_follow(struct unit *, const uint8_t *cbw, uint64_t lba, uint32_t blocks);
void unit_forget_seqs(struct unit *);

/*
 * unit_late.c. Urbs of the driver wait until the device has no writes of ours; take is
 * for one whose turn has come, as unit_submit.
 */
bool unit_must_wait(struct unit *, const struct import_request *);
int unit_wait(struct unit *, const struct import_request *, uint64_t ours) MUST_CHECK;
void unit_late_go_on(struct unit *);
bool unit_late_unlink(struct unit *, uint8_t ep, uint64_t tag);
void unit_late_free(struct unit *);

/* unit.c. late: it has waited, and its name is known. */
bool unit_is_command(const struct unit *, const struct import_request *);
int unit_take(struct unit *, const struct import_request *, uint64_t ours, bool late,
	      uint64_t *tag) MUST_CHECK;

/* unit_cmd.c. A new one is in the row, or not; send: it is, behind the others. */
struct unit_cmd *unit_first(const struct unit *);
struct unit_cmd *unit_cmd_new(struct unit *, uint32_t len, uint32_t room, bool row);
void unit_cmd_add(struct unit *, struct unit_cmd *);
void unit_cmd_take(struct unit *, struct unit_cmd *);
void unit_cmd_put(struct unit *, struct unit_cmd *);  /* that is in no row */
void unit_cmd_free(struct unit *, struct unit_cmd *); /* that is */
int unit_send(struct unit *, struct unit_cmd *) MUST_CHECK;
int unit_send_sense(struct unit *) MUST_CHECK;
void unit_cancel(struct unit *);
bool unit_idle(const struct unit *); /* the device has nothing of ours */
bool unit_has_csw(const struct unit_cmd *);
bool unit_has_passed(const struct unit_cmd *); /* the device waits for the next */
bool unit_find(struct unit *, uint8_t ep, uint64_t tag);
void unit_part_ended(struct unit *);

/* unit_row.c */
uint32_t unit_block(const struct unit *); /* bytes, of the row */
void unit_came(struct unit *, struct unit_cmd *);
void unit_fill(struct unit *, uint64_t upto); /* and at least to this block */
void unit_drop(struct unit *);

/* unit_cache.c */
bool unit_caches(const struct unit *, const uint8_t *cbw); /* a write that is held here */
bool unit_cache_begin(struct unit *, const uint8_t *cbw);
bool unit_cache_refuses(struct unit *, const uint8_t *cbw);
void unit_cache_take(struct unit *); /* the driver's, when it is all there */
void unit_cache_came(struct unit *, struct unit_cmd *);
void unit_cache_go_on(struct unit *);
/* The device says why the first of the row failed: it is tried again, or all are lost. */
void unit_cache_failed(struct unit *, const uint8_t *sense, uint32_t n);
void unit_cache_forget(struct unit *); /* they are not counted any more */
void unit_cache_lose(struct unit *, const uint8_t why[3]);

/* unit_relay.c */
bool unit_relays(const struct unit *, const uint8_t *cbw);
bool unit_relay_begin(struct unit *, const uint8_t *cbw);
void unit_relay_passed(struct unit *);
void unit_relay_failed(struct unit *, const uint8_t *sense, uint32_t n);
void unit_relay_go_on(struct unit *);

/* unit_mend.c */
void unit_mend(struct unit *);
void unit_mend_ended(struct unit *);
void unit_owe(struct unit *); /* the driver has to reset the device */

/* The sense data's key, code and qualifier. false: too few. */
bool unit_sense_read(const uint8_t *, uint32_t n, uint8_t why[3]);
void unit_keep_sense(struct unit *, const uint8_t *, uint32_t n, uint8_t lun);

/* unit_own.c. true: the command is answered here. */
bool unit_own_begin(struct unit *, const uint8_t *cbw);
void unit_own_start(struct unit *, const uint8_t *cbw);
void unit_own_stop(struct unit *); /* the driver does something else */

/* An urb of it; false: it is none. */
bool unit_own_take(struct unit *, const struct import_request *, uint64_t ours, int *err);
void unit_own_name(struct unit *); /* the urbs that wait have their names */
void unit_own_go_on(struct unit *);
bool unit_own_unlink(struct unit *, uint64_t tag);
void unit_own_end(struct unit *, int32_t status); /* of urbs that wait */
void unit_own_again(struct unit *);               /* by the device, after all */
void unit_own_check(struct unit *);               /* CHECK CONDITION */

#endif
