/* SPDX-License-Identifier: ISC */
/*
 * The life of one link as a table: from the first knock to the last goodbye.
 * It moves the state and says what is to be done; net/link.c does it. What the
 * table does not list means FAIL.
 *
 *	attach side: DIALING GREETING GATHERING ASKING CHECKING SECURING UP
 *	serve side:           GREETING GATHERING ASKING CHECKING SECURING UP
 */
#ifndef CORE_LINK_H
#define CORE_LINK_H

#include <stdint.h>

#define LINK_STATES(X)                                               \
	X(DIALING)   /* connecting for signalling */                 \
	X(GREETING)  /* TLS, knock, admission */                     \
	X(GATHERING) /* our own candidates */                        \
	X(ASKING)    /* candidates told, the peer's awaited */       \
	X(CHECKING)  /* ICE looks for a way */                       \
	X(SECURING)  /* DTLS handshake */                            \
	X(UP)        /* carries the session */                       \
	X(CLOSING)   /* said goodbye, a last packet is on its way */ \
	X(DOWN)      /* over; nothing leads out of it */

#define LINK_EVENTS(X)                                             \
	X(DIALED)   /* signalling is connected */                  \
	X(ADMITTED) /* attach: the server lets us in */            \
	X(OFFERED)  /* serve: the peer's candidates came */        \
	X(GATHERED) /* ours are known */                           \
	X(ANSWERED) /* both sides know each other's */             \
	X(PAIRED)   /* a pair of addresses works */                \
	X(SECURED)  /* DTLS is up, the peer is who it should be */ \
	X(CLOSE)    /* we want an end */                           \
	X(DRAINED)  /* the goodbye was sent */                     \
	X(FAILED)   /* whatever went wrong */

#define LINK_ACTIONS(X)                           \
	X(NOTHING)                                \
	X(GREET)     /* start TLS, knock */       \
	X(GATHER)    /* start an ICE agent */     \
	X(DESCRIBE)  /* tell our candidates */    \
	X(CHECK)     /* give the peer's to ICE */ \
	X(HANDSHAKE) /* start DTLS */             \
	X(CARRY)     /* the session may flow */   \
	X(GOODBYE)   /* CLOSE frame */            \
	X(TEARDOWN)  /* free everything, tell the owner */

enum link_state {
#define LINK_ENUM(x) LINK_##x,
	LINK_STATES(LINK_ENUM)
#undef LINK_ENUM
	    LINK_STATE_COUNT
};

enum link_event {
#define LINK_ENUM(x) LINK_EV_##x,
	LINK_EVENTS(LINK_ENUM)
#undef LINK_ENUM
	    LINK_EVENT_COUNT
};

enum link_action {
#define LINK_ENUM(x) LINK_DO_##x,
	LINK_ACTIONS(LINK_ENUM)
#undef LINK_ENUM
	    LINK_ACTION_COUNT
};

/* The only place that changes a state; logs it with the link's short name. */
enum link_action link_step(enum link_state *, enum link_event, const char *name);

const char *link_state_name(enum link_state);
const char *link_event_name(enum link_event);
const char *link_action_name(enum link_action);

#endif
