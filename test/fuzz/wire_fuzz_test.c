/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: core */
/* clang-format on */
/*
 * Our messages from a hostile peer. The first byte of the input chooses: a body
 * for one of the codecs (what was taken is written and read again, the same); a
 * whole serve side; a whole attach side. For the sides the rest is what the peer
 * says, and what the outside does meanwhile.
 */
#include "core/after.h"
#include "core/cur.h"
#include "core/desc_cache.h"
#include "core/exports.h"
#include "core/imports.h"
#include "core/pack.h"
#include "core/usbip.h"
#include "core/wire.h"
#include "test/core/pair.h"
#include "test/core/rle.h"
#include "test/core/sample.h"
#include "test/fuzz/fuzz.h"

#define ROOM   65536
#define SLOTS  32
#define WINDOW (1u << 20)
#define ASKED  16 /* devices that the attach side asks for, at most */

static struct dice dice;
static struct pair pair;

/* --- codecs --- */

union any {
	struct wire_greet greet;
	struct wire_hello hello;
	struct wire_refusal refusal;
	struct wire_device device;
	struct wire_import import;
	struct wire_imported imported;
	struct wire_submit submit;
	struct wire_complete complete;
	struct wire_offer offer;
	struct wire_queued queued;
	struct wire_ends ends;
	char trickle[WIRE_CANDIDATE];
};

#define CODEC(name)                                              \
	static int get_##name(struct rd *r, union any *a)        \
	{                                                        \
		return wire_get_##name(r, &a->name);             \
	}                                                        \
	static void put_##name(struct wr *w, const union any *a) \
	{                                                        \
		wire_put_##name(w, &a->name);                    \
	}

CODEC(greet)
CODEC(hello)
CODEC(refusal)
CODEC(device)
CODEC(import)
CODEC(imported)
CODEC(submit)
CODEC(complete)
CODEC(offer)
CODEC(queued)
CODEC(ends)

static int
get_trickle(struct rd *r, union any *a)
{
	return wire_get_trickle(r, a->trickle);
}

static void
put_trickle(struct wr *w, const union any *a)
{
	wire_put_trickle(w, a->trickle);
}

static const struct {
	int (*get)(struct rd *, union any *);
	void (*put)(struct wr *, const union any *);
} codecs[] = {
    {get_greet, put_greet},     {get_hello, put_hello},
    {get_refusal, put_refusal}, {get_device, put_device},
    {get_import, put_import},   {get_imported, put_imported},
    {get_submit, put_submit},   {get_complete, put_complete},
    {get_offer, put_offer},     {get_trickle, put_trickle},
    {get_queued, put_queued},   {get_ends, put_ends},
};

static size_t
write_again(unsigned i, const union any *a, uint8_t *b)
{
	struct wr w;

	wr_init(&w, b, ROOM);
	codecs[i].put(&w, a);
	MUST(!w.bad);
	return (size_t)(w.p - b);
}

static void
fuzz_codec(const uint8_t *p, size_t n)
{
	static uint8_t one[ROOM], two[ROOM];
	static union any a;
	unsigned i = p[0] % ARRAY_LEN(codecs);
	size_t len;
	struct rd r;

	rd_init(&r, p + 1, n - 1);
	if (codecs[i].get(&r, &a) != ERR_OK)
		return;
	len = write_again(i, &a, one);
	rd_init(&r, one, len);
	MUST(codecs[i].get(&r, &a) == ERR_OK);
	MUST(write_again(i, &a, two) == len && memcmp(one, two, len) == 0);
}

/* --- what the peer says --- */

static uint32_t
rnd(uint32_t below)
{
	return (below <= 256 ? dice_u8(&dice) : dice_u16(&dice)) % below;
}

static uint32_t
edge(void)
{
	static const uint32_t edges[] = {
	    0,     1,       2,          8,      18,         512,       65498,
	    65499, 1 << 20, UINT32_MAX, 1 << 5, 0x7fffffff, 0x8000000, UINT32_MAX - 1};

	return edges[rnd(ARRAY_LEN(edges))];
}

static uint32_t
some_sid(void)
{
	return rnd(8) ? (1 + rnd(3)) << 5 | rnd(14) : rnd(40);
}

static uint32_t data_len; /* of the message that is said next: may be its tail */

/* Some of the tail does not arrive, and some time goes by. */
static void
say_tail(uint32_t sid, uint8_t type, const uint8_t *body, size_t n, uint32_t tail)
{
	const struct arq_ops *ops = &session_arq_ops;
	struct session_slice v = {body, n - tail};

	session_tails(pair.far);
	if (session_open(pair.far, sid, STREAM_PRIO_ISO) != ERR_OK ||
	    session_send_tail(pair.far, sid, type, &v, 1, tail, 1000000, NULL) != ERR_OK)
		return;
	for (uint32_t at = 0, k; at < tail; at += k) {
		k = 1 + rnd(rnd(2) ? 1024 : 64);
		k = k < tail - at ? k : tail - at;
		if (rnd(8))
			session_piece(pair.far, sid, at, body + n - tail + at, k);
	}
	(void)pair_flush(&pair);
	ops->clock(pair.near, pair.now += rnd(4) * SESSION_LATE_US / 2);
	(void)!ops->turn(pair.near);
}

static void
say(uint32_t sid, uint8_t type, const uint8_t *body, const struct wr *w)
{
	struct session_slice v = {body, (size_t)(w->p - body)};
	uint32_t tail = rnd(16) ? data_len : rnd((uint32_t)v.n + 1);

	MUST(!w->bad);
	data_len = 0;
	if (tail > 0 && tail <= v.n && tail <= SESSION_TAIL_MAX && rnd(4)) {
		say_tail(sid, type, body, v.n, tail);
		return;
	}
	if (session_open(pair.far, sid, STREAM_PRIO_BULK) == ERR_OK &&
	    session_send(pair.far, sid, type, &v, 1, NULL) == ERR_OK)
		(void)pair_flush(&pair);
	if (session_has_tails(pair.near)) /* it was a greeting */
		session_tails(pair.far);
}

/* A message of the table with any bytes, or none of the table. */
static void
say_noise(void)
{
	static const uint8_t types[] = {
#define TYPE(name, number, who, place, min, max) number,
	    WIRE_LIST(TYPE)
#undef TYPE
	};
	uint8_t b[300], type = types[rnd(ARRAY_LEN(types))];
	size_t n = rnd(sizeof(b));
	struct wr w;

	wr_init(&w, b, sizeof(b));
	while (n-- > 0)
		wr_u8(&w, (uint8_t)dice_u8(&dice));
	say(rnd(2) ? STREAM_SESSION : some_sid(), rnd(8) ? type : (uint8_t)rnd(256), b,
	    &w);
}

static void
say_greeting(uint8_t type)
{
	struct wire_hello h;
	uint8_t b[512];
	struct wr w;

	memset(&h, 0, sizeof(h));
	h.greet.major = (uint8_t)(1 + (rnd(50) == 0));
	h.window = rnd(4) ? WINDOW : rnd(65536) << 4; /* it has no more */
	h.urb_max = rnd(4) ? WINDOW : edge();
	h.greet.caps = rnd(8) ? WIRE_CAPS : edge() & ~WIRE_CAPS;
	wr_init(&w, b, sizeof(b));
	wire_put_hello(&w, &h);
	say(STREAM_SESSION, type, b, &w);
}

/* --- compressed data --- */

/* A line that is always full. */
static bool
on_link(void *arg, struct shrink_link *l)
{
	static struct shrink_link full;

	(void)arg;
	full.now_us += 8000;
	full.held_us += 8000;
	full.bytes += 100000;
	*l = full;
	return true;
}

static uint64_t
on_ns(void *arg)
{
	(void)arg;
	return 0;
}

static const struct pack_conf pack_conf = {&rle, on_link, on_ns, NULL};

/* Data of len bytes, or about so many, behind the head; maybe something is wrong. */
static void
put_block(struct wr *w, uint32_t len)
{
	uint32_t left = rnd(8) ? len : rnd(4096);
	uint8_t *at = w->p;

	while (left > 0 && wr_left(w) >= 2) {
		uint32_t n = left < 255 ? left : 1 + rnd(255);

		wr_u8(w, (uint8_t)n);
		wr_u8(w, 'x');
		left -= n;
	}
	if (rnd(8) == 0 && w->p > at)
		at[rnd((uint32_t)(w->p - at))] = dice_u8(&dice);
}

/* --- the serve side --- */

static struct exports *ex;
static struct pool urbs;
static struct {
	struct urb *urb; /* NULL: free */
	uint32_t dev;
	bool cancelled;
} lent[SLOTS];
static uint32_t numbers[ASKED * 4]; /* device i is &numbers[i]; not 0: open */
static uint32_t asked[ASKED];       /* open was called, 0: free */

static int
on_hello(void *arg, const struct wire_hello *h, struct wire_hello *reply,
	 struct wire_refusal *no)
{
	(void)arg;
	(void)no;
	reply->window = WINDOW;
	reply->greet.caps = WIRE_CAPS;
	reply->urb_max = WINDOW;
	return h->greet.major == 1 ? ERR_OK : ERR_REFUSED;
}

static bool
on_list(void *arg, unsigned i, struct wire_device *d)
{
	(void)arg;
	memset(d, 0, sizeof(*d));
	d->info.speed = DEVINFO_HIGH;
	return i < 500;
}

static void
opened(uint32_t dev)
{
	static const struct devinfo info = {.speed = DEVINFO_HIGH, .config = 1};
	struct wire_refusal no = {.reason = rnd(4) ? WIRE_OK : WIRE_TROUBLE};
	struct exports_device d = {.info = &info,
				   .raw = sample,
				   .raw_len = rnd(8) ? sizeof(sample) : 17,
				   .cache = sample_cache,
				   .cache_len = sizeof(sample_cache)};
	unsigned slot = 1;

	while (slot < ARRAY_LEN(numbers) && numbers[slot] != 0)
		slot++;
	if (slot == ARRAY_LEN(numbers))
		no.reason = WIRE_LIMIT;
	d.device = &numbers[slot % ARRAY_LEN(numbers)];
	if (no.reason == WIRE_OK)
		numbers[slot] = dev;
	exports_opened(ex, dev, &no, &d);
}

static void
on_open(void *arg, uint32_t dev, const char *busid, uint8_t flags)
{
	static const struct wire_refusal full = {WIRE_LIMIT, ""};

	(void)arg;
	(void)busid;
	MUST(flags <= 1);
	for (unsigned i = 0; i < ASKED && rnd(2); i++)
		if (asked[i] == 0) {
			asked[i] = dev;
			return;
		}
	if (rnd(4))
		opened(dev);
	else
		exports_opened(ex, dev, &full, NULL);
}

static void
give_back(unsigned i)
{
	struct urb *u = lent[i].urb;

	lent[i].urb = NULL;
	for (uint32_t k = 0; k < u->packets; k++) {
		u->iso[k].actual = rnd(80);
		u->iso[k].status = (int32_t)rnd(40) - 20;
	}
	u->status = lent[i].cancelled ? -LINUX_ECONNRESET : -(int32_t)rnd(130);
	u->actual = lent[i].cancelled ? 0 : u->len < 64 ? u->len : rnd(64);
	if (!lent[i].cancelled && u->packets == 0 && rnd(4) == 0)
		u->actual = u->len;
	exports_complete(ex, lent[i].dev, u);
}

static int
on_submit(void *device, struct urb *u)
{
	uint32_t dev = *(uint32_t *)device;
	unsigned i = 0;

	MUST(dev != 0);
	if (u->len > 0)
		memset(u->buf, 0x5a, u->len);
	while (i < SLOTS && lent[i].urb != NULL)
		i++;
	if (i == SLOTS || rnd(16) == 0)
		return ERR_NOMEM;
	lent[i].urb = u;
	lent[i].dev = dev;
	lent[i].cancelled = false;
	if (rnd(3) == 0)
		give_back(i);
	return ERR_OK;
}

static void
on_cancel(void *device, struct urb *u)
{
	unsigned i = 0;

	MUST(*(uint32_t *)device != 0);
	while (i < SLOTS && lent[i].urb != u)
		i++;
	MUST(i < SLOTS && !lent[i].cancelled);
	lent[i].cancelled = true;
	if (rnd(2))
		give_back(i);
}

static void
on_close(void *arg, void *device)
{
	uint32_t *dev = device;

	(void)arg;
	MUST(dev > numbers && dev < numbers + ARRAY_LEN(numbers) && *dev != 0);
	for (unsigned i = 0; i < SLOTS; i++)
		MUST(lent[i].urb == NULL || lent[i].dev != *dev);
	*dev = 0;
}

static const struct exports_ops exports_ops = {on_hello,  on_list,  on_open, on_submit,
					       on_cancel, on_close, NULL};

static int
serve_message(void *arg, const struct session_msg *m)
{
	(void)arg;
	return exports_message(ex, m);
}

static int
serve_accept(void *arg, uint32_t sid, enum stream_prio *prio)
{
	(void)arg;
	return exports_accept(ex, sid, prio);
}

static void
say_import(void)
{
	struct wire_import i = {.dev = 1 + rnd(rnd(8) ? 6 : 256),
				.flags = (uint8_t)rnd(3)};
	uint8_t b[64];
	struct wr w;

	wr_init(&w, b, sizeof(b));
	wire_put_import(&w, &i);
	say(STREAM_SESSION, WIRE_IMPORT, b, &w);
}

static void
say_submit(void)
{
	static const uint8_t setups[][8] = {
	    {0x80, 6, 0, 1, 0, 0, 18, 0}, {0, 9, 1, 0, 0, 0, 0, 0},
	    {0x21, 9, 0, 0, 0, 0, 4, 0},  {2, 1, 0, 0, 0x81, 0, 0, 0},
	    {1, 11, 1, 0, 0, 0, 0, 0},    {1, 11, 1, 0, 2, 0, 0, 0},
	};
	static uint8_t b[WIRE_SUBMIT_HEAD + 4 * WIRE_PACKET + 2048];
	struct wire_submit s = {.flags = edge(), .len = rnd(4) ? rnd(1024) : edge()};
	uint32_t sid = some_sid();
	bool packed = rnd(4) == 0;
	struct wr w;

	memcpy(s.setup, setups[rnd(ARRAY_LEN(setups))], 8);
	if (sid % 32 == 0)
		s.len = s.setup[6];
	if (rnd(3) == 0)
		s.after =
		    rnd(8) ? after_name((uint8_t)(rnd(4) | rnd(2) << 7), rnd(8)) : edge();
	if (rnd(4) == 0)
		s.flags = (s.flags & URB_SHORT_NOT_OK) | WIRE_IF_WELL;
	s.packets = rnd(20) ? (sid % 32 < 10 ? 0 : rnd(5)) : edge();
	wr_init(&w, b, sizeof(b));
	if (packed && rnd(16)) {
		s.len = SHRINK_LEAST + rnd(1024);
		s.packets = 0;
	}
	wire_put_submit(&w, &s);
	if (packed) {
		put_block(&w, s.len);
		say(sid, WIRE_SUBMIT_LZ4, b, &w);
		return;
	}
	for (uint32_t i = 0; i < s.packets && i < 4; i++)
		wire_put_packet(&w, &(struct urb_iso){i * 64, rnd(64), rnd(9), 0, false});
	if ((sid % 32 == 0 ? !(s.setup[0] & 0x80) : !(sid & 1)) && s.len <= 2048 - 32)
		w.p += s.len;
	data_len = s.packets > 0 && (sid & 1) == 0 ? s.len : 0;
	w.p -= rnd(40) == 0;
	say(sid, WIRE_SUBMIT, b, &w);
}

static void
say_numbers(void)
{
	uint8_t type = rnd(3) ? WIRE_UNLINK : WIRE_RELEASE, b[16];
	struct wr w;

	wr_init(&w, b, sizeof(b));
	if (type == WIRE_RELEASE) {
		wr_le32(&w, 1 + rnd(4));
	} else {
		wr_le32(&w, some_sid());
		wr_le64(&w, rnd(8));
	}
	say(STREAM_SESSION, type, b, &w);
}

static void
say_bench(void)
{
	static const uint8_t types[] = {WIRE_PING, WIRE_SOURCE, WIRE_SINK, WIRE_DATA};
	uint8_t b[8];
	struct wr w;

	wr_init(&w, b, sizeof(b));
	wr_le64(&w, rnd(8) ? rnd(65536) : edge());
	say(STREAM_BENCH + rnd(2), types[rnd(4)], b, &w);
	exports_turn(ex);
}

static void
outside(void)
{
	static const struct wire_refusal why = {WIRE_NO_DEVICE, "x"};
	unsigned i = rnd(SLOTS), k = rnd(ASKED);
	uint32_t dev = asked[k];

	switch (rnd(4)) {
	case 0:
		if (lent[i].urb != NULL)
			give_back(i);
		break;
	case 1:
		asked[k] = 0;
		if (dev != 0)
			opened(dev);
		break;
	case 2:
		exports_remove(ex, 1 + rnd(4), &why);
		break;
	case 3:
		exports_changed(ex);
		pair.pool.budget = rnd(4) ? 4 << 20 : pair.pool.used + rnd(65536);
		break;
	}
	(void)pair_flush(&pair);
}

static void
end_serving(void)
{
	bool ended = exports_end(ex);

	for (unsigned i = 0; i < ASKED; i++)
		if (asked[i] != 0)
			opened(asked[i]);
	for (unsigned i = 0; i < SLOTS; i++)
		if (lent[i].urb != NULL)
			give_back(i);
	ended = exports_end(ex);
	MUST(ended);
	for (unsigned i = 0; i < ARRAY_LEN(numbers); i++)
		MUST(numbers[i] == 0);
	exports_free(ex);
	MUST(urbs.used == 0);
}

static void
fuzz_serve(void)
{
	static const struct session_ops ops = {serve_message, serve_accept, pair_wake};
	static const struct exports_conf conf = {&urbs, WINDOW};
	static void (*const does[])(void) = {say_noise,  say_import, say_submit,
					     say_submit, say_submit, say_numbers,
					     say_bench,  outside,    outside};

	memset(numbers, 0, sizeof(numbers));
	memset(asked, 0, sizeof(asked));
	memset(lent, 0, sizeof(lent));
	urbs = (struct pool)TEST_POOL(1 << 20);
	pair_init(&pair, WINDOW, &ops, NULL);
	ex = exports_new(&pair.pool, pair.near, &conf, &exports_ops, NULL);
	if (rnd(8))
		exports_pack(ex, &pack_conf);
	if (rnd(16))
		say_greeting(WIRE_HELLO);
	while (dice.p < dice.end && session_failed(pair.near) == ERR_OK)
		does[rnd(ARRAY_LEN(does))]();
	end_serving();
	pair_fini(&pair);
}

/* --- the attach side --- */

static struct imports *im;
static uint32_t devs; /* asked for */

static int
on_welcome(void *arg, int err, const struct wire_hello *h, const struct wire_refusal *no)
{
	(void)arg;
	MUST((err == ERR_OK) == (h != NULL) && (no == NULL) == (h != NULL));
	return err;
}

static void
on_device(void *arg, const struct wire_device *d)
{
	(void)arg;
	if (d != NULL)
		MUST(d->info.ifs <= DEVINFO_IFS && d->info.speed >= DEVINFO_LOW);
}

static int
on_bench(void *arg, const struct session_msg *m)
{
	(void)arg;
	MUST(stream_dev(m->sid) == 0);
	return ERR_OK;
}

static const struct imports_ops imports_ops = {on_welcome, on_device, on_bench};

static void
on_imported(void *arg, int err, const struct wire_imported *i)
{
	(void)arg;
	MUST(i->dev > 0 && i->dev <= devs);
	if (err == ERR_OK) {
		MUST(i->raw_len >= 18 && i->raw[0] == 18);
		MUST(desc_cache_check(i->cache, i->cache_len) == ERR_OK);
	}
	if (rnd(8) == 0)
		imports_release(im, i->dev);
}

static int
on_reply(void *arg, uint8_t ep, uint64_t tag, const struct import_reply *r,
	 const struct session_msg *m)
{
	struct urb_iso iso[8];
	uint8_t data[2048];
	uint32_t body;

	(void)arg;
	(void)ep;
	(void)tag;
	MUST(r->status <= 0 && r->status >= -4095);
	MUST(m != NULL || r->packets == 0);
	MUST(m == NULL || !r->unlinked);
	body = m == NULL ? 0 : m->len - WIRE_COMPLETE_HEAD - r->packets * WIRE_PACKET;
	MUST(body == 0 || body == r->actual || (m->tail > 0 && r->actual < body));
	body = body > 0 ? r->actual : 0;
	if (r->packets > 0 && r->packets <= ARRAY_LEN(iso))
		imports_packets(m, iso, r->packets);
	if (body > 0 && body <= sizeof(data))
		imports_data(m, data, body);
	if (rnd(16) == 0)
		imports_release(im, 1 + rnd(3));
	return rnd(32) ? ERR_OK : ERR_PROTO;
}

static void
on_removed(void *arg, const struct wire_refusal *why)
{
	(void)arg;
	(void)why;
}

static void
on_queued(void *arg, const struct wire_queued *q)
{
	(void)arg;
	MUST(q->dev > 0 && q->dev <= devs);
	if (rnd(8) == 0)
		imports_release(im, q->dev);
}

/* Only of a device that is ours. */
static void
on_ends(void *arg, const struct wire_ends *e)
{
	(void)arg;
	MUST(e->dev > 0 && e->dev <= devs);
	MUST(strlen(e->why) < sizeof(e->why));
	if (rnd(8) == 0)
		imports_release(im, e->dev);
}

static const struct imports_user user = {on_imported, on_reply, on_removed, on_queued,
					 on_ends};

static int
attach_message(void *arg, const struct session_msg *m)
{
	(void)arg;
	return imports_message(im, m);
}

static int
attach_accept(void *arg, uint32_t sid, enum stream_prio *prio)
{
	(void)arg;
	return imports_accept(im, sid, prio);
}

static void
use(void)
{
	static const uint8_t data[2048];
	static const struct urb_iso iso[4];
	struct import_request q = {.ep = (uint8_t)(rnd(7) | (rnd(2) ? 0x80 : 0)),
				   .iso = iso,
				   .packets = rnd(5),
				   .type = (uint8_t)rnd(4),
				   .len = rnd(2048),
				   .data = data};
	uint64_t tag = 0;
	uint32_t dev;

	switch (rnd(8)) {
	case 0:
		imports_release(im, 1 + rnd(4));
		break;
	case 1:
		(void)!imports_unlink(im, 1 + rnd(3), q.ep, rnd(8));
		break;
	case 2:
	case 3:
		if (devs < ASKED)
			devs += imports_import(im, "1-4", 0, &user, NULL, &dev) == ERR_OK;
		break;
	default:
		(void)!imports_submit(im, 1 + rnd(3), &q, &tag);
	}
	(void)pair_flush(&pair);
}

static void
say_imported(void)
{
	static uint8_t b[2048], raw[sizeof(sample)], cache[sizeof(sample_cache)];
	struct wire_imported i = {.dev = 1 + rnd(3),
				  .raw = raw,
				  .raw_len = sizeof(raw),
				  .cache = cache,
				  .cache_len = rnd(2) ? sizeof(cache) : 0};
	struct wr w;

	memcpy(raw, sample, sizeof(raw));
	memcpy(cache, sample_cache, sizeof(cache));
	if (rnd(4) == 0)
		cache[rnd(sizeof(cache))] = (uint8_t)dice_u8(&dice);
	if (rnd(4) == 0)
		raw[rnd(sizeof(raw))] = (uint8_t)dice_u8(&dice);
	i.no.reason = (uint8_t)(rnd(4) ? WIRE_OK : rnd(256));
	i.info.speed = DEVINFO_HIGH;
	i.info.config = 1;
	wr_init(&w, b, sizeof(b));
	wire_put_imported(&w, &i);
	say(STREAM_SESSION, WIRE_IMPORTED, b, &w);
}

static void
say_removed(void)
{
	struct wire_refusal why = {.reason = (uint8_t)rnd(10)};
	uint8_t b[300];
	struct wr w;

	wr_init(&w, b, sizeof(b));
	wire_put_removed(&w, rnd(4), &why);
	say(STREAM_SESSION, WIRE_REMOVED, b, &w);
}

/* Where a device stands in the queue, or when it ends. */
static void
say_when(void)
{
	struct wire_queued q = {.dev = rnd(4), .position = rnd(4), .since = edge()};
	struct wire_ends e = {.dev = q.dev, .seconds = edge(), .why = "its time is up"};
	bool ends = rnd(3) > 0;
	uint8_t b[600];
	struct wr w;

	for (unsigned i = 0; i < 4 && rnd(2); i++)
		e.why[rnd(sizeof(e.why) - 1)] = (char)dice_u8(&dice);
	wr_init(&w, b, sizeof(b));
	if (ends)
		wire_put_ends(&w, &e);
	else
		wire_put_queued(&w, &q);
	say(STREAM_SESSION, ends ? WIRE_ENDS : WIRE_QUEUED, b, &w);
}

static void
say_complete(void)
{
	struct wire_complete c = {.index = rnd(8),
				  .flags = (uint8_t)(rnd(8) == 0),
				  .status = -(int32_t)rnd(130),
				  .actual = rnd(4) ? rnd(400) : edge(),
				  .packets = rnd(3)    ? 0
					     : rnd(40) ? rnd(5)
						       : edge()};
	bool packed = rnd(4) == 0;
	uint8_t b[512] = {0};
	struct wr w;

	if (rnd(50) == 0)
		c.status = (int32_t)edge();
	if (packed && rnd(16)) {
		c.actual = SHRINK_LEAST + rnd(1024);
		c.packets = 0;
	}
	wr_init(&w, b, sizeof(b));
	wire_put_complete(&w, &c);
	if (packed) {
		put_block(&w, c.actual);
		say(some_sid(), WIRE_COMPLETE_LZ4, b, &w);
		return;
	}
	for (uint32_t i = 0, left = c.actual; i < c.packets && i < 4; i++) {
		uint32_t n = i + 1 == c.packets && rnd(20) ? left : rnd(100);

		wire_put_packet(&w, &(struct urb_iso){.actual = n});
		left -= n;
	}
	if (c.flags == 0 && c.actual <= 400 && rnd(2)) {
		w.p += c.actual;
		data_len = c.packets > 0 ? c.actual : 0;
	}
	say(some_sid(), WIRE_COMPLETE, b, &w);
}

static void
say_devices(void)
{
	static uint8_t b[8192];
	struct wire_device d;
	unsigned n = rnd(8);
	struct wr w;

	memset(&d, 0, sizeof(d));
	d.info.speed = (uint8_t)(rnd(30) ? DEVINFO_HIGH : rnd(9));
	d.info.ifs = (uint8_t)rnd(DEVINFO_IFS + 1);
	wr_init(&w, b, sizeof(b));
	wr_le16(&w, (uint16_t)(n + (rnd(30) == 0)));
	while (n-- > 0)
		wire_put_device(&w, &d);
	say(STREAM_SESSION, WIRE_DEVICES, b, &w);
}

static void
fuzz_attach(void)
{
	static const struct session_ops ops = {attach_message, attach_accept, pair_wake};
	static void (*const does[])(void) = {use,          use,          use,
					     use,          say_imported, say_imported,
					     say_complete, say_complete, say_devices,
					     say_removed,  say_noise,    say_when};
	struct wire_hello h;

	memset(&h, 0, sizeof(h));
	h.window = h.urb_max = WINDOW;
	h.greet.caps = WIRE_CAPS;
	devs = 0;
	pair_init(&pair, WINDOW, &ops, NULL);
	im = imports_new(&pair.pool, pair.near, &imports_ops, NULL);
	if (rnd(8))
		imports_pack(im, &pack_conf);
	MUST(imports_hello(im, &h) == ERR_OK);
	if (rnd(16))
		say_greeting(WIRE_WELCOME);
	while (dice.p < dice.end && session_failed(pair.near) == ERR_OK)
		does[rnd(ARRAY_LEN(does))]();
	imports_free(im);
	pair_fini(&pair);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	if (n < 2)
		return 0;
	dice = (struct dice){p + 1, p + n};
	if (p[0] % 3 == 0)
		fuzz_codec(p + 1, n - 1);
	else if (p[0] % 3 == 1)
		fuzz_serve();
	else
		fuzz_attach();
	MUST(!test_failed);
	return 0;
}

#ifndef LIBFUZZER
static void
corpus(void)
{
	fuzz_corpus("wire");
}

static void
noise(void)
{
	fuzz_noise(20000, 700);
}

/* Bodies that some codec takes, changed in a few places. */
static void
mutants(void)
{
	uint8_t seed[512];
	struct wire_imported i = {.dev = 1,
				  .raw = sample,
				  .raw_len = sizeof(sample),
				  .cache = sample_cache,
				  .cache_len = sizeof(sample_cache)};
	struct wire_offer o = {.n = 2, .ufrag = "u", .pwd = "p"};
	struct wr w;

	i.info.speed = DEVINFO_HIGH;
	seed[0] = 0;
	seed[1] = 5; /* imported */
	wr_init(&w, seed + 2, sizeof(seed) - 2);
	wire_put_imported(&w, &i);
	fuzz_mutants(seed, (size_t)(w.p - seed), 10000);
	seed[1] = 8; /* offer */
	wr_init(&w, seed + 2, sizeof(seed) - 2);
	wire_put_offer(&w, &o);
	fuzz_mutants(seed, (size_t)(w.p - seed), 10000);
	memset(seed, 0, sizeof(seed));
	for (seed[1] = 0; seed[1] < ARRAY_LEN(codecs); seed[1]++)
		fuzz_mutants(seed, 150, 2000);
}

TEST_MAIN(TEST(corpus), TEST(noise), TEST(mutants))
#endif
