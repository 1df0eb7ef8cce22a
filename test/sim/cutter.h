/* SPDX-License-Identifier: ISC */
/*
 * What can happen to the link of two ends, and what cmd/ does about it: the attach side
 * tries another one when it has none, as often as it takes.
 */
#ifndef TEST_SIM_CUTTER_H
#define TEST_SIM_CUTTER_H

#include "test/sim/ends.h"

#define CUT_LIST(X)                                                        \
	X(SHORT, "nothing gets through for a moment")                      \
	X(LONG, "nothing gets through until both have noticed")            \
	X(ATTACH, "the attach side alone loses its link")                  \
	X(SERVE, "the serve side alone loses its link")                    \
	X(ADDRESS, "another address: the old path is dead, a new link")    \
	X(RESUME, "links are lost again while their RESUME is on its way") \
	X(REKEY, "another link takes over from one that is well")          \
	X(PATH, "another path of the same link")

enum cut_kind {
#define CUT_ENUM(name, text) CUT_##name,
	CUT_LIST(CUT_ENUM)
#undef CUT_ENUM
	    CUT_KINDS
};

extern const char *const cut_names[];

/* The times that the program uses. */
extern const struct arq_conf cutter_arq;

struct cutter {
	struct ends *e;
	uint64_t seed;
	enum cut_kind kind; /* the last; CUT_KINDS: none yet */
	bool cut;           /* the network is */
	uint64_t mend_at;   /* UINT64_MAX: it need not be */
	uint64_t dial_at;   /* the attach side's next try; 0: it has a link */
	uint64_t again_at;  /* RESUME: the link is lost again */
	unsigned agains;
};

void cutter_init(struct cutter *, struct ends *, uint64_t seed);

/* A random path, not too bad. */
void cutter_network(uint64_t *seed, struct net_conf to[2]);

void cutter_cut(struct cutter *, enum cut_kind);

/* What is due now; returns when to come back, at most until. */
uint64_t cutter_turn(struct cutter *, uint64_t until);

/* The end: all is well, and both ends have a link. */
void cutter_mend(struct cutter *);

#endif
