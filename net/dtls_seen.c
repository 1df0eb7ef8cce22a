/* SPDX-License-Identifier: ISC */
/*
 * A window as long as OpenSSL's, over numbers in clear.
 */
#include "core/cur.h"
#include "core/mem.h"
#include "net/dtls_seen.h"

#define WINDOW (8 * sizeof(unsigned long)) /* what OpenSSL remembers */

/* type | version 2 | epoch 2 | sequence 6; false: not a record with keys */
static bool
number(const uint8_t *p, size_t n, uint64_t *nr)
{
	struct rd r;
	uint16_t epoch, high;

	rd_init(&r, p, n);
	(void)rd_lend(&r, 3);
	epoch = rd_be16(&r);
	high = rd_be16(&r);
	*nr = (uint64_t)high << 32 | rd_be32(&r);
	return !r.bad && epoch == 1;
}

void
dtls_seen_took(struct dtls_seen *s, const uint8_t *p, size_t n)
{
	uint64_t nr, ahead;

	if (!number(p, n, &nr))
		return;
	if (nr >= s->next) {
		ahead = nr + 1 - s->next;
		s->bits = ahead < 64 ? s->bits << ahead : 0;
		s->next = nr + 1;
	}
	if (s->next - 1 - nr < 64)
		s->bits |= (uint64_t)1 << (s->next - 1 - nr);
}

void
dtls_seen_dropped(struct dtls_seen *s, const uint8_t *p, size_t n)
{
	uint64_t nr, behind;

	if (!number(p, n, &nr)) /* a handshake that is over */
		return;
	if (nr >= s->next) {
		s->drops.corrupted++;
		return;
	}
	behind = s->next - 1 - nr;
	if (behind >= WINDOW)
		s->drops.late++;
	else if ((s->bits >> behind & 1) != 0)
		s->drops.replayed++;
	else
		s->drops.corrupted++;
}
