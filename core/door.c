/* SPDX-License-Identifier: ISC */
/*
 * The frames of RESUME and RESUMED are handled here, all others are the session's.
 */
#include "core/door.h"
#include "core/cur.h"
#include "core/frame.h"
#include "core/log.h"
#include "core/marks.h"
#include "core/mem.h"
#include "core/session.h"

void
door_init(struct door *d, bool serve, const struct door_ops *ops, void *arg)
{
	memset(d, 0, sizeof(*d));
	d->serve = serve;
	d->ops = ops;
	d->arg = arg;
}

void
door_carry(struct door *d, struct session *s)
{
	ASSERT(!d->serve && d->state == DOOR_CLOSED);
	d->session = s;
	d->state = DOOR_OPEN;
}

void
door_ask(struct door *d, struct session *s, const struct door_resume *ask)
{
	ASSERT(!d->serve && d->state == DOOR_CLOSED);
	d->session = s;
	d->ask = *ask;
	d->tell = true;
	d->state = DOOR_ASKING;
}

/* --- frames that go out --- */

/* Always the first frame of a packet, so that it fits. */
static size_t
put_own(struct door *d, struct wr *w, struct arq_ref *ref)
{
	struct marks m = {0};

	*ref = (struct arq_ref){.kind = d->serve ? FRAME_RESUMED : FRAME_RESUME};
	wr_u8(w, ref->kind);
	if (d->serve) {
		wr_le64(w, d->answer);
	} else {
		wr_bytes(w, d->ask.id, sizeof(d->ask.id));
		wr_le64(w, d->ask.generation);
		wr_bytes(w, d->ask.proof, sizeof(d->ask.proof));
	}
	if (d->session != NULL)
		session_marks(d->session, &m);
	marks_put(w, &m);
	d->tell = false;
	return 1;
}

static size_t
fill(void *arg, uint8_t *buf, size_t cap, struct arq_ref *refs, size_t *nrefs)
{
	struct door *d = arg;
	size_t room = *nrefs, own = 0, used, rest;
	struct wr w;

	wr_init(&w, buf, cap);
	if (d->tell)
		own = put_own(d, &w, refs);
	if (w.bad) { /* behind an ACK that is too long: in the next one */
		d->tell = true;
		*nrefs = 0;
		return 0;
	}
	used = cap - wr_left(&w);
	rest = room - own;
	*nrefs = own;
	if (d->state != DOOR_OPEN || rest == 0)
		return used;
	used +=
	    session_arq_ops.fill(d->session, buf + used, cap - used, refs + own, &rest);
	*nrefs = own + rest;
	return used;
}

static bool
pending(const void *arg)
{
	const struct door *d = arg;

	return d->tell || (d->state == DOOR_OPEN && session_arq_ops.pending(d->session));
}

static bool
is_own(const struct arq_ref *ref)
{
	return ref->kind == FRAME_RESUME || ref->kind == FRAME_RESUMED;
}

static void
acked(void *arg, const struct arq_ref *ref)
{
	struct door *d = arg;

	if (!is_own(ref) && d->session != NULL)
		session_arq_ops.acked(d->session, ref);
}

static void
lost(void *arg, const struct arq_ref *ref)
{
	struct door *d = arg;

	if (is_own(ref))
		d->tell = d->serve || d->state == DOOR_ASKING;
	else if (d->session != NULL)
		session_arq_ops.lost(d->session, ref);
}

/* --- frames that come in --- */

/* The peer has so much; the rest goes again. */
static int
go_on(struct door *d, const struct marks *m)
{
	int err = session_continue(d->session, m);

	if (err == ERR_OK)
		d->state = DOOR_OPEN;
	return err;
}

/* Serve. The same question may come twice, for its packet was thought lost. */
static int
on_resume(struct door *d, struct rd *r)
{
	struct door_resume q;
	struct marks m;

	rd_bytes(r, q.id, sizeof(q.id));
	q.generation = rd_le64(r);
	rd_bytes(r, q.proof, sizeof(q.proof));
	if (marks_get(r, &m) != ERR_OK || !d->serve || q.generation == 0)
		return ERR_PROTO;
	if (d->ask.generation == q.generation)
		return ERR_OK;
	if (d->state != DOOR_CLOSED || d->ask.generation != 0)
		return ERR_PROTO;
	d->ask = q;
	d->session = d->ops->resume(d->arg, &q);
	d->answer = d->session != NULL ? q.generation : 0;
	d->tell = true;
	return d->session != NULL ? go_on(d, &m) : ERR_OK;
}

static int
on_resumed(struct door *d, struct rd *r)
{
	uint64_t generation = rd_le64(r);
	struct marks m;
	int err;

	if (marks_get(r, &m) != ERR_OK || d->serve ||
	    (generation != 0 && generation != d->ask.generation))
		return ERR_PROTO;
	if (d->state != DOOR_ASKING)
		return d->ask.generation != 0 ? ERR_OK : ERR_PROTO; /* once more */
	d->tell = false;
	if (generation == 0) {
		d->state = DOOR_CLOSED;
		d->session = NULL;
		d->ops->resumed(d->arg, false);
		return ERR_OK;
	}
	if ((err = go_on(d, &m)) == ERR_OK)
		d->ops->resumed(d->arg, true);
	return err;
}

/* What is not ours. */
static int
on_other(struct door *d, const uint8_t *p, size_t n, size_t *used)
{
	if (d->state == DOOR_ASKING)
		return ERR_FULL; /* the answer was overtaken: it comes again */
	if (d->state == DOOR_CLOSED && d->serve) {
		if ((d->session = d->ops->fresh(d->arg)) == NULL)
			return ERR_NOMEM;
		d->state = DOOR_OPEN;
	}
	if (d->state == DOOR_CLOSED)
		return ERR_PROTO;
	return session_arq_ops.frame(d->session, p, n, used);
}

static int
frame(void *arg, const uint8_t *p, size_t n, size_t *used)
{
	struct door *d = arg;
	struct rd r;
	int err;

	rd_init(&r, p, n);
	switch (rd_u8(&r)) {
	case FRAME_RESUME:
		err = on_resume(d, &r);
		break;
	case FRAME_RESUMED:
		err = on_resumed(d, &r);
		break;
	default:
		return on_other(d, p, n, used);
	}
	*used = n - rd_left(&r);
	return err;
}

static int
turn(void *arg)
{
	struct door *d = arg;

	return d->state == DOOR_OPEN ? session_arq_ops.turn(d->session) : ERR_OK;
}

static void
clock(void *arg, uint64_t now)
{
	struct door *d = arg;

	if (d->state == DOOR_OPEN)
		session_arq_ops.clock(d->session, now);
}

static uint64_t
deadline(const void *arg)
{
	const struct door *d = arg;

	return d->state == DOOR_OPEN ? session_arq_ops.deadline(d->session) : UINT64_MAX;
}

const struct arq_ops door_arq_ops = {
    .fill = fill,
    .pending = pending,
    .acked = acked,
    .lost = lost,
    .frame = frame,
    .turn = turn,
    .clock = clock,
    .deadline = deadline,
};
