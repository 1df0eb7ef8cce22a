/* SPDX-License-Identifier: ISC */
#include "core/marks.h"

void
marks_add(struct marks *m, uint32_t sid, uint64_t off)
{
	if (m->n < MARKS)
		m->mark[m->n++] = (struct mark){sid, off};
}

void
marks_put(struct wr *w, const struct marks *m)
{
	wr_u8(w, (uint8_t)m->n);
	for (unsigned i = 0; i < m->n; i++) {
		wr_le32(w, m->mark[i].sid);
		wr_le64(w, m->mark[i].off);
	}
}

int
marks_get(struct rd *r, struct marks *m)
{
	unsigned n = rd_u8(r);

	m->n = 0;
	if (n > MARKS)
		return ERR_PROTO;
	while (n-- > 0 && !r->bad) {
		uint32_t sid = rd_le32(r);

		marks_add(m, sid, rd_le64(r));
	}
	return r->bad ? ERR_PROTO : ERR_OK;
}
