/* SPDX-License-Identifier: ISC */
/*
 * What was learned of a path is forgotten when packets take another: round trips,
 * congestion, pacing, how long packets may be. Numbers, and what is on its way, stay;
 * that belongs to the link (after RFC 9000 9.4).
 */
#include "core/arq_link.h"

void
arq_moved(struct arq *a, uint64_t now)
{
	if (a->sent.next == 0 && a->recv.next == 0)
		return; /* there is nothing to forget */
	arq_sent_moved(&a->sent, arq_rtt_pto(&a->rtt), now);
	arq_rtt_init(&a->rtt);
	cc_init(&a->cc, a->cc.algo, a->sent.pmtu.size);
	a->pacer = (struct pacer){0};
	a->blocked = false;
	a->ping = true; /* the first round trip */
}
