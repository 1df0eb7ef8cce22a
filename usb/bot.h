/* SPDX-License-Identifier: ISC */
/*
 * The device's side of USB Mass Storage Bulk-Only Transport 1.0: command wrapper,
 * data, status wrapper, and which pipe is halted. No I/O: it counts bytes and
 * says what the bus expects next. "6.7" and the like are sections of it.
 *
 *	CBW --bot_cbw--> COMMAND --bot_begin--> IN or OUT --bot_moved...--> END
 *	    --bot_end--> CSW --bot_csw_sent--> CBW
 *
 * bot_begin goes straight to END where no data moves. An invalid CBW leads to
 * DEAD, with both pipes halted until Reset Recovery (6.6.1).
 */
#ifndef USB_BOT_H
#define USB_BOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

#define BOT_CBW_LEN   31
#define BOT_CSW_LEN   13

#define BOT_STATES(X) X(CBW) X(COMMAND) X(IN) X(OUT) X(END) X(CSW) X(DEAD)

enum bot_state {
#define BOT_ENUM(name) BOT_##name,
	BOT_STATES(BOT_ENUM)
#undef BOT_ENUM
};

enum bot_dir { BOT_NO_DATA, BOT_DATA_IN, BOT_DATA_OUT };
enum bot_pipe { BOT_PIPE_IN, BOT_PIPE_OUT };

/* bCSWStatus, 5.2 */
enum bot_status { BOT_PASSED = 0, BOT_FAILED = 1, BOT_PHASE_ERROR = 2 };

struct bot {
	enum bot_state state;
	bool halted[2]; /* by enum bot_pipe */
	enum bot_dir dir;
	uint32_t tag;
	uint32_t want;  /* bytes the host expects to move */
	uint32_t take;  /* bytes of them that the command moves */
	uint32_t moved; /* bytes that went over the bus */
	uint32_t used;  /* bytes that the command has processed */
	bool phase_error;
	enum bot_status status;
};

/* As after a bus reset or SET_CONFIGURATION. */
void bot_reset(struct bot *);

/* Bulk-Only Mass Storage Reset (3.1): pipes stay halted until they are cleared. */
void bot_recover(struct bot *);

/* CLEAR_FEATURE and SET_FEATURE of ENDPOINT_HALT. Dead pipes stay halted. */
void bot_clear_halt(struct bot *, enum bot_pipe);
void bot_halt(struct bot *, enum bot_pipe);

/*
 * In CBW: a packet of n bytes. cdb lends its command of cdb_len bytes (16 are
 * readable). ERR_PROTO: not valid or not meaningful (6.2), the state is DEAD.
 */
int bot_cbw(struct bot *, const uint8_t *p, size_t n, const uint8_t **cdb,
	    size_t *cdb_len) MUST_CHECK;

/*
 * In COMMAND: the command would move len bytes in this direction (the thirteen
 * cases of 6.7). false: it must not run at all, the host will see a phase error.
 */
bool bot_begin(struct bot *, enum bot_dir, uint64_t len) MUST_CHECK;

/* In IN and OUT: bytes the command still has to move, 0: what comes is dropped. */
uint32_t bot_left(const struct bot *);

/* In OUT: bytes the host still has to send. */
uint32_t bot_expected(const struct bot *);

/* n bytes went over the bus, used of them were processed. */
void bot_moved(struct bot *, uint32_t n, uint32_t used);

/*
 * The command moves no more (an error): IN ends, OUT drops what comes. Harmless
 * in other states.
 */
void bot_cut(struct bot *);

/* In OUT: a short packet, the host sends no more. */
void bot_host_ended(struct bot *);

/* In END: the command is done. */
void bot_end(struct bot *, bool passed);

/* In CSW: the wrapper, and that it was sent. */
void bot_csw(const struct bot *, uint8_t out[BOT_CSW_LEN]);
void bot_csw_sent(struct bot *);

const char *bot_state_name(enum bot_state);

#endif
