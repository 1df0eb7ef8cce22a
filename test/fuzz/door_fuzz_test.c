/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: core */
/* clang-format on */
/*
 * A door between a hostile link and a session, at either side. The first byte says
 * which; then come frames of the peer, packets that leave, losses of them, messages
 * of ours, and new links that go on.
 */
#include "core/door.h"
#include "core/frame.h"
#include "core/session.h"
#include "test/fuzz/fuzz.h"

#define WINDOW 65536u
#define CAP    1150
#define KEPT   64 /* references of packets that are not settled */

static struct dice dice;

static struct {
	struct pool pool;
	struct session *session;
	struct door door;
	bool serve, gone;
	uint64_t generation;
	struct arq_ref ref[KEPT];
	unsigned refs;
} e;

static int
on_message(void *arg, const struct session_msg *m)
{
	(void)arg;
	(void)m;
	return dice_u8(&dice) % 16 == 0 ? ERR_FULL : ERR_OK;
}

static int
on_accept(void *arg, uint32_t sid, enum stream_prio *prio)
{
	(void)arg;
	*prio = STREAM_PRIO_BULK;
	return sid < 8 ? ERR_OK : sid < 16 ? ERR_GONE : ERR_PROTO;
}

static void
on_wake(void *arg)
{
	(void)arg;
}

static const struct session_ops session_ops = {on_message, on_accept, on_wake};

static struct session *
on_fresh(void *arg)
{
	(void)arg;
	MUST(e.serve);
	return e.gone ? NULL : e.session;
}

static struct session *
on_resume(void *arg, const struct door_resume *q)
{
	(void)arg;
	MUST(e.serve && q->generation != 0);
	return e.gone || q->generation <= e.generation ? NULL : e.session;
}

static void
on_resumed(void *arg, bool yes)
{
	(void)arg;
	(void)yes;
	MUST(!e.serve);
}

static const struct door_ops ops = {on_fresh, on_resume, on_resumed};

/* The last link is gone, with all that was on its way. */
static void
new_link(void)
{
	struct door_resume ask = {.generation = ++e.generation};

	e.refs = 0;
	door_init(&e.door, e.serve, &ops, NULL);
	if (e.serve)
		return;
	if (dice_u8(&dice) & 1)
		door_ask(&e.door, e.session, &ask);
	else
		door_carry(&e.door, e.session);
}

static void
send(void)
{
	uint8_t b[CAP];
	size_t cap = 64 + dice_u16(&dice) % (CAP - 63), n = ARQ_REFS;

	if (!door_arq_ops.pending(&e.door) || e.refs + ARQ_REFS > KEPT)
		return;
	MUST(door_arq_ops.fill(&e.door, b, cap, e.ref + e.refs, &n) <= cap);
	MUST(n <= ARQ_REFS);
	e.refs += (unsigned)n;
}

static void
settle(void)
{
	unsigned how = dice_u8(&dice);

	if (e.refs == 0)
		return;
	e.refs--;
	if (how & 1)
		door_arq_ops.acked(&e.door, &e.ref[e.refs]);
	else
		door_arq_ops.lost(&e.door, &e.ref[e.refs]);
}

static void
say(void)
{
	static const uint8_t some[600];
	struct session_slice v = {some, dice_u16(&dice) % sizeof(some)};
	uint32_t sid = dice_u8(&dice) % 8;

	if (session_open(e.session, sid, STREAM_PRIO_BULK) == ERR_OK)
		(void)!session_send(e.session, sid, 200, &v, 1, NULL);
}

/* False: the link is over. */
static bool
hear(void)
{
	size_t n = dice_u8(&dice) % 128, used = 0;
	uint8_t exact[128];
	const uint8_t *p = dice.p;
	int err;

	if (n > (size_t)(dice.end - dice.p))
		n = (size_t)(dice.end - dice.p);
	if (n == 0)
		return true;
	dice.p += n;
	memcpy(exact, p, n);
	if (exact[0] < FRAME_SESSION)
		exact[0] = (uint8_t)(FRAME_SESSION + exact[0] % 4);
	err = door_arq_ops.frame(&e.door, exact, n, &used);
	if (err == ERR_OK)
		MUST(used > 0 && used <= n);
	if (err == ERR_OK)
		err = door_arq_ops.turn(&e.door);
	return err == ERR_OK || err == ERR_FULL;
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	dice.p = p;
	dice.end = p + n;
	memset(&e, 0, sizeof(e));
	e.pool = (struct pool)TEST_POOL(1u << 20);
	e.serve = dice_u8(&dice) & 1;
	e.session = session_new(&e.pool, WINDOW, &session_ops, NULL);
	new_link();
	while (dice.p < dice.end && session_failed(e.session) == ERR_OK) {
		switch (dice_u8(&dice) % 8) {
		case 0:
			say();
			break;
		case 1:
			send();
			break;
		case 2:
			settle();
			break;
		case 3:
			new_link();
			break;
		case 4:
			e.gone = !e.gone;
			break;
		default:
			if (!hear())
				new_link();
		}
	}
	session_free(e.session);
	MUST(e.pool.used == 0);
	return 0;
}

#ifndef LIBFUZZER
static void
corpus(void)
{
	fuzz_corpus("door");
}

static void
noise(void)
{
	fuzz_noise(4000, 300);
	fuzz_noise(300, FUZZ_CAP);
}

/* RESUME and RESUMED that are right but for a byte or four. */
static void
mutants(void)
{
	uint8_t seed[2 + 1 + 59 + 12 + 2 + 22] = {1, 5, 70, FRAME_RESUME};

	seed[4 + 16] = 9; /* generation */
	seed[60] = 1;     /* a mark */
	fuzz_mutants(seed, sizeof(seed), 4000);
	memset(seed, 0, sizeof(seed));
	seed[1] = 1; /* asks */
	seed[2] = 5;
	seed[3] = 22;
	seed[4] = FRAME_RESUMED;
	seed[5] = 1;
	seed[13] = 1;
	fuzz_mutants(seed, sizeof(seed), 4000);
}

TEST_MAIN(TEST(corpus), TEST(noise), TEST(mutants))
#endif
