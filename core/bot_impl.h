/* SPDX-License-Identifier: ISC */
/*
 * What bot.c (what happens), bot_take.c (the driver's urbs), bot_late.c (those that
 * wait), bot_csw.c (the status) and bot_far.c (replies) share; for nobody else.
 */
#ifndef CORE_BOT_IMPL_H
#define CORE_BOT_IMPL_H

#include "core/bot.h"
#include "core/list.h"

#define BOT_CBW_LEN  31
#define BOT_CSW_LEN  13
#define BOT_CSW_ROOM 512 /* a driver may ask for more than a status has */
#define BOT_EARLY    64  /* requests of a command that are answered before their end */
#define BOT_READS    64

/* Where the command is, as the driver sees it. */
enum bot_place {
	BOT_READY,  /* a command block may come */
	BOT_OUT,    /* data that the driver sends */
	BOT_IN,     /* data that it asks for */
	BOT_STATUS, /* the status is to be asked for */
	BOT_LOST,   /* who knows: until the next status, or a reset */
	BOT_PLACES
};

enum bot_step {
	BOT_CBW_OUT, /* a command with data, */
	BOT_CBW_IN,
	BOT_CBW_NONE, /* and without */
	BOT_DATA_OUT, /* some, */
	BOT_LAST_OUT, /* or the last of them */
	BOT_DATA_IN,  /* likewise, asked for */
	BOT_LAST_IN,
	BOT_ASK, /* the status is asked for */
	BOT_CSW, /* and there */
	BOT_RESET,
	BOT_OTHER, /* anything else */
	BOT_STEPS
};

struct bot_early {
	struct list link; /* in bot.early */
	uint64_t far;
	uint32_t len;
	bool cbw, cancelled;
};

/* The status, or what comes in its place. */
struct bot_csw {
	bool open; /* the far end has the request, for so much: */
	uint32_t room;
	bool early; /* before the driver asked */
	bool cancelled;
	uint64_t far;
	bool here; /* it has ended, with */
	int32_t status;
	uint32_t actual;
	bool asked; /* the driver waits for it: its urb */
	bool named, leaving;
	uint64_t tag;
	struct import_request q;
	uint8_t data[BOT_CSW_ROOM];
};

/*
 * An urb that comes while a status is taken back that nobody asked for: it would be
 * given what is not for it. It keeps its place, and its name when it is sent after all.
 */
struct bot_late {
	struct list link; /* in bot.waiting, then in bot.renamed */
	uint64_t ours, far;
	struct import_request q;
	uint8_t data[]; /* OUT */
};

struct bot {
	struct pool *pool;
	const struct ahead_ops *ops;
	void *arg;
	struct ahead_stats *stats;
	uint8_t in, out;
	bool paused;
	enum bot_place place;
	uint8_t tag[4]; /* of the command */
	bool writes;    /* the medium */
	uint32_t left;  /* bytes of its data that the driver has not sent or asked for */
	struct import_request model; /* of a read */
	struct list early;
	unsigned earlies;
	uint32_t missing; /* bytes that the device did not take */
	bool stalled;     /* OUT is, and has to be told to go on */
	bool mending;     /* it was told, by */
	uint64_t mend;
	bool failed;               /* the command did, */
	bool owed;                 /* and the driver is to hear of it */
	uint64_t reads[BOT_READS]; /* data that it has asked for, at the far end */
	unsigned n;
	bool killed; /* and they were taken back */
	struct bot_csw csw;
	struct list waiting, renamed;
	uint64_t newest; /* that was submitted */
	bool due;        /* an urb is answered when it has its name */
	uint8_t due_ep;
	uint64_t due_tag;
	struct import_reply due_reply;
	unsigned bars;
	bool cut; /* something that the driver sent was taken back */

	/* between reply and reply_end */
	struct import_reply reply;
	struct bot_early *ending;
	struct bot_late *late_ending;
	bool csw_ending, mend_ending;
	unsigned read_ending; /* its place in reads, or BOT_READS */
};

/* bot.c. Asks the far end for it, when what was sent before has its end. */
int bot_read(struct bot *, struct import_request *, uint64_t *far) MUST_CHECK;

/* false: from here on the command goes the plain way. */
bool bot_step(struct bot *, enum bot_step);
void bot_early_free(struct bot *, struct bot_early *);

/* What the driver sent did not arrive, and it was told that it did. */
void bot_fail(struct bot *);

/* All that follows from what has just changed. */
void bot_go_on(struct bot *);

/* bot_take.c. As bot_submit, of an urb whose turn it is. */
int bot_take(struct bot *, const struct import_request *, uint64_t ours,
	     uint64_t *tag) MUST_CHECK;

/*
 * bot_late.c. A status that nobody asks for would take what is the next command's: an
 * urb has to wait, until bot_release, which is as if the driver submitted it then.
 */
bool bot_has_to_wait(const struct bot *, uint8_t ep);
int bot_wait(struct bot *, const struct import_request *, uint64_t ours,
	     uint64_t *tag) MUST_CHECK;
void bot_release(struct bot *, struct bot_late *);
bool bot_unlink_late(struct bot *, uint8_t ep, uint64_t tag); /* false: another's */
struct bot_late *bot_late_find(const struct list *, uint8_t ep, uint64_t tag, bool far);
void bot_late_free(struct bot *, struct bot_late *);
void bot_pay_due(struct bot *);

/* bot_csw.c. mend: the driver thinks that the device took all; if not, it has to look. */
bool bot_is_csw(const struct bot *, const uint8_t *, uint32_t n);
int bot_csw_ask(struct bot *, uint32_t room, bool early) MUST_CHECK;
void bot_csw_cancel(struct bot *);
void bot_csw_mend(struct bot *, uint8_t *);
void bot_csw_let_go(struct bot *);
void bot_csw_go_on(struct bot *, bool over); /* over: all that was sent has its end */

#endif
