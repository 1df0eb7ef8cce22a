/* SPDX-License-Identifier: ISC */
/* link: core */
/*
 * Every message there and back, cut short at every length, with a byte too many,
 * and with each field that has a limit beyond it.
 */
#include "core/wire.h"
#include "test/test.h"

#define ROOM 65536

union any {
	struct wire_greet greet;
	struct wire_hello hello;
	struct wire_refusal refusal;
	struct wire_queued queued;
	struct wire_ends ends;
	struct wire_device device;
	struct wire_import import;
	struct wire_imported imported;
	struct {
		uint32_t dev;
		struct wire_refusal why;
	} removed;
	struct wire_submit submit;
	struct wire_complete complete;
	struct wire_offer offer;
	char trickle[WIRE_CANDIDATE];
};

/* --- one of each --- */

static const uint8_t raw[18] = {18, 1, 0, 2};

static void
fill_text(char *dst, size_t cap, char c)
{
	memset(dst, c, cap - 1);
	dst[cap - 1] = '\0';
}

static void
fill_bytes(uint8_t *p, size_t n, uint8_t first)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(first + i);
}

static void
make_greet(union any *a)
{
	struct wire_greet *g = &a->greet;

	g->major = 1;
	g->minor = 200;
	g->caps = 0x0102030405060708;
	fill_bytes(g->instance, sizeof(g->instance), 1);
	fill_bytes(g->ticket, sizeof(g->ticket), 50);
	fill_bytes(g->proof, sizeof(g->proof), 100);
	fill_text(g->name, sizeof(g->name), 'n');
}

static void
make_hello(union any *a)
{
	make_greet(a); /* the first member */
	fill_bytes(a->hello.session, sizeof(a->hello.session), 9);
	a->hello.generation = UINT64_MAX;
	a->hello.window = 0x12345678;
	a->hello.urb_max = 0x9abcdef0;
}

static void
make_refusal(union any *a)
{
	a->refusal.reason = WIRE_IN_USE;
	fill_text(a->refusal.text, sizeof(a->refusal.text), 't');
}

static void
make_info(struct devinfo *d)
{
	fill_text(d->busid, sizeof(d->busid), '1');
	d->busnum = 0xffff;
	d->devnum = 2;
	d->speed = DEVINFO_SUPER_PLUS;
	d->vid = 0x1d6b;
	d->pid = 0xfedc;
	d->bcd = 0x0310;
	d->cls = 1;
	d->sub = 2;
	d->proto = 3;
	d->config = 4;
	d->configs = 5;
	d->ifs = DEVINFO_IFS;
	for (unsigned i = 0; i < d->ifs; i++)
		d->iface[i] = (struct devinfo_if){(uint8_t)i, 7, 9};
	fill_text(d->manufacturer, sizeof(d->manufacturer), 'm');
	fill_text(d->product, sizeof(d->product), 'p');
	fill_text(d->serial, sizeof(d->serial), 's');
	fill_text(d->nick, sizeof(d->nick), 'n');
	d->part = true;
}

static void
make_device(union any *a)
{
	make_info(&a->device.info);
	a->device.state = WIRE_TAKEN;
	a->device.since = 1ull << 40;
	fill_text(a->device.holder, sizeof(a->device.holder), 'h');
}

static void
make_import(union any *a)
{
	a->import.dev = 0x89abcdef;
	a->import.flags = 1;
	fill_text(a->import.busid, sizeof(a->import.busid), 'b');
}

static void
make_imported(union any *a)
{
	a->imported.dev = 7;
	make_info(&a->imported.info);
	a->imported.raw = raw;
	a->imported.raw_len = sizeof(raw);
	a->imported.cache = raw + 1; /* the codec does not look inside */
	a->imported.cache_len = sizeof(raw) - 1;
}

static void
make_denied(union any *a)
{
	a->imported.dev = 7;
	a->imported.no.reason = WIRE_LIMIT;
	fill_text(a->imported.no.text, sizeof(a->imported.no.text), 't');
}

static void
make_removed(union any *a)
{
	a->removed.dev = 77;
	a->removed.why.reason = WIRE_NO_DEVICE;
	fill_text(a->removed.why.text, sizeof(a->removed.why.text), 't');
}

static void
make_queued(union any *a)
{
	a->queued.dev = 78;
	a->queued.position = 3;
	a->queued.since = 1ull << 41;
	fill_text(a->queued.holder, sizeof(a->queued.holder), 'h');
}

static void
make_ends(union any *a)
{
	a->ends.dev = 79;
	a->ends.seconds = 1u << 31;
	fill_text(a->ends.why, sizeof(a->ends.why), 'w');
}

static void
make_submit(union any *a)
{
	a->submit = (struct wire_submit){1, 2, 3, 4, 5, 6, {1, 2, 3, 4, 5, 6, 7, 8}};
}

static void
make_complete(union any *a)
{
	a->complete = (struct wire_complete){1, 1ull << 58, 1, -108, 5, 6, 7, 8};
}

static void
make_offer(union any *a)
{
	struct wire_offer *o = &a->offer;

	o->link = 31;
	fill_text(o->ufrag, sizeof(o->ufrag), 'u');
	fill_text(o->pwd, sizeof(o->pwd), 'p');
	o->n = WIRE_CANDIDATES;
	for (unsigned i = 0; i < o->n; i++)
		fill_text(o->candidate[i], sizeof(o->candidate[i]), (char)('a' + i));
}

static void
make_trickle(union any *a)
{
	fill_text(a->trickle, sizeof(a->trickle), 'c');
}

/* --- calls with one signature --- */

#define CODEC(name, member)                                      \
	static void put_##name(struct wr *w, const union any *a) \
	{                                                        \
		wire_put_##name(w, &a->member);                  \
	}                                                        \
	static int get_##name(struct rd *r, union any *a)        \
	{                                                        \
		return wire_get_##name(r, &a->member);           \
	}

CODEC(greet, greet)
CODEC(hello, hello)
CODEC(refusal, refusal)
CODEC(queued, queued)
CODEC(ends, ends)
CODEC(device, device)
CODEC(import, import)
CODEC(imported, imported)
CODEC(submit, submit)
CODEC(complete, complete)
CODEC(offer, offer)

static void
put_trickle(struct wr *w, const union any *a)
{
	wire_put_trickle(w, a->trickle);
}

static int
get_trickle(struct rd *r, union any *a)
{
	return wire_get_trickle(r, a->trickle);
}

static void
put_removed(struct wr *w, const union any *a)
{
	wire_put_removed(w, a->removed.dev, &a->removed.why);
}

static int
get_removed(struct rd *r, union any *a)
{
	return wire_get_removed(r, &a->removed.dev, &a->removed.why);
}

static const struct message {
	const char *name;
	uint8_t type, who;
	enum wire_place place;
	void (*make)(union any *);
	void (*put)(struct wr *, const union any *);
	int (*get)(struct rd *, union any *);
} messages[] = {
    {"greet", WIRE_KNOCK, WIRE_ATTACH, WIRE_SIGNAL, make_greet, put_greet, get_greet},
    {"hello", WIRE_HELLO, WIRE_ATTACH, WIRE_SESSION, make_hello, put_hello, get_hello},
    {"refusal", WIRE_REFUSED, WIRE_SERVE, WIRE_SESSION, make_refusal, put_refusal,
     get_refusal},
    {"device", WIRE_DEVICES, WIRE_SERVE, WIRE_SESSION, make_device, put_device,
     get_device},
    {"import", WIRE_IMPORT, WIRE_ATTACH, WIRE_SESSION, make_import, put_import,
     get_import},
    {"imported", WIRE_IMPORTED, WIRE_SERVE, WIRE_SESSION, make_imported, put_imported,
     get_imported},
    {"denied", WIRE_IMPORTED, WIRE_SERVE, WIRE_SESSION, make_denied, put_imported,
     get_imported},
    {"removed", WIRE_REMOVED, WIRE_SERVE, WIRE_SESSION, make_removed, put_removed,
     get_removed},
    {"queued", WIRE_QUEUED, WIRE_SERVE, WIRE_SESSION, make_queued, put_queued,
     get_queued},
    {"ends", WIRE_ENDS, WIRE_SERVE, WIRE_SESSION, make_ends, put_ends, get_ends},
    {"submit", WIRE_SUBMIT, WIRE_ATTACH, WIRE_DEVICE, make_submit, put_submit,
     get_submit},
    {"complete", WIRE_COMPLETE, WIRE_SERVE, WIRE_DEVICE, make_complete, put_complete,
     get_complete},
    {"offer", WIRE_OFFER, WIRE_ATTACH, WIRE_SIGNAL, make_offer, put_offer, get_offer},
    {"trickle", WIRE_TRICKLE, WIRE_ATTACH, WIRE_SIGNAL, make_trickle, put_trickle,
     get_trickle},
};

static size_t
pack(const struct message *m, const union any *a, uint8_t *b, size_t cap)
{
	struct wr w;

	wr_init(&w, b, cap);
	m->put(&w, a);
	return w.bad ? 0 : (size_t)(w.p - b);
}

static int
unpack(const struct message *m, union any *a, const uint8_t *b, size_t n)
{
	uint8_t *exact = malloc(n > 0 ? n : 1); /* ASan sees one byte too far */
	struct rd r;
	int err;

	memcpy(exact, b, n);
	rd_init(&r, exact, n);
	err = m->get(&r, a);
	if (err == ERR_OK && m->type == WIRE_IMPORTED && a->imported.raw != NULL)
		a->imported.raw = b + (a->imported.raw - exact);
	if (err == ERR_OK && m->type == WIRE_IMPORTED && a->imported.cache != NULL)
		a->imported.cache = b + (a->imported.cache - exact);
	free(exact);
	return err;
}

/* The longest of each, and the row of the table has room for it. */
static void
there_and_back(void)
{
	static uint8_t b[ROOM], again[ROOM];
	static union any a, back;
	const struct wire_row *row;

	for (size_t i = 0; i < ARRAY_LEN(messages); i++) {
		const struct message *m = &messages[i];
		size_t n;

		memset(&a, 0, sizeof(a));
		memset(&back, 0xee, sizeof(back));
		m->make(&a);
		n = pack(m, &a, b, sizeof(b));
		CHECK(n > 0);
		CHECK_EQ(unpack(m, &back, b, n), ERR_OK);
		CHECK_EQ(pack(m, &back, again, sizeof(again)), n);
		CHECK(memcmp(b, again, n) == 0);
		CHECK_EQ(wire_check(m->type, m->who, m->place, (uint32_t)n, &row),
			 ERR_OK);
		if (test_failed)
			printf("# %s\n", m->name);
	}
}

/* Fields, not bytes: a field that is neither written nor read would pass above. */
static void
fields_come_back(void)
{
	static uint8_t b[ROOM];
	static union any a, back;

	for (size_t i = 0; i < ARRAY_LEN(messages); i++) {
		const struct message *m = &messages[i];

		memset(&a, 0, sizeof(a));
		memset(&back, 0, sizeof(back));
		m->make(&a);
		CHECK_EQ(unpack(m, &back, b, pack(m, &a, b, sizeof(b))), ERR_OK);
		if (m->make == make_imported) {
			CHECK(memcmp(back.imported.raw, raw, sizeof(raw)) == 0);
			back.imported.raw = raw;
			CHECK(memcmp(back.imported.cache, raw + 1, sizeof(raw) - 1) == 0);
			back.imported.cache = raw + 1;
		}
		CHECK(memcmp(&a, &back, sizeof(a)) == 0);
		if (test_failed)
			printf("# %s\n", m->name);
	}
}

/* The smallest of each has exactly the length that its row asks for. */
static void
shortest_fits_the_row(void)
{
	static uint8_t b[ROOM];
	static union any a;
	const struct wire_row *row;

	for (size_t i = 0; i < ARRAY_LEN(messages); i++) {
		const struct message *m = &messages[i];
		uint32_t n;

		memset(&a, 0, sizeof(a));
		if (m->type == WIRE_DEVICES)
			continue;
		if (m->type == WIRE_IMPORTED)
			a.imported.no.reason = WIRE_LIMIT;
		n = (uint32_t)pack(m, &a, b, sizeof(b));
		CHECK_EQ(wire_check(m->type, m->who, m->place, n, &row), ERR_OK);
		CHECK_EQ(row->min, n);
		CHECK_EQ(unpack(m, &a, b, n), ERR_OK);
		if (test_failed)
			printf("# %s\n", m->name);
	}
}

static void
short_and_long_bodies(void)
{
	static uint8_t b[ROOM];
	static union any a;

	for (size_t i = 0; i < ARRAY_LEN(messages); i++) {
		const struct message *m = &messages[i];
		size_t n;

		memset(&a, 0, sizeof(a));
		m->make(&a);
		n = pack(m, &a, b, sizeof(b));
		b[n] = 0;
		for (size_t k = 0; k < n; k++)
			CHECK_EQ(unpack(m, &a, b, k), ERR_PROTO);
		if (m->get != get_device) /* of many: what follows is the next */
			CHECK_EQ(unpack(m, &a, b, n + 1), ERR_PROTO);
		for (size_t k = 0; k < n; k++) {
			memset(&a, 0, sizeof(a));
			m->make(&a);
			CHECK_EQ(pack(m, &a, b, k), 0);
		}
		if (test_failed)
			printf("# %s\n", m->name);
	}
}

/* --- limits of fields --- */

static int
patched(void (*make)(union any *), size_t at, uint8_t value)
{
	static uint8_t b[ROOM];
	static union any a;
	const struct message *m = messages;
	size_t n;

	while (m->make != make)
		m++;
	memset(&a, 0, sizeof(a));
	make(&a);
	n = pack(m, &a, b, sizeof(b));
	CHECK(at < n && b[at] != value);
	b[at] = value;
	return unpack(m, &a, b, n);
}

#define INFO        (1 + 31) /* bytes of devinfo up to busnum, busid full */
#define INFO_SPEED  (INFO + 8)
#define INFO_IFS    (INFO_SPEED + 12)
#define INFO_NICK   (INFO_IFS + 1 + 3 * DEVINFO_IFS + 3 * DEVINFO_STRING)
#define IMPORTED_AT 6 /* where devinfo begins, reason text empty */

static void
fields_beyond_their_limit(void)
{
	static const struct {
		const char *what;
		void (*make)(union any *);
		size_t at;
		uint8_t value;
	} t[] = {
	    {"NUL in a name", make_greet, 70, 0},
	    {"name a byte longer", make_greet, 66, 64},
	    {"name longer than the rest", make_hello, 66, 255},
	    {"NUL in a reason", make_refusal, 5, 0},
	    {"text too long", make_refusal, 1, 200},
	    {"NUL in a busid", make_import, 9, 0},
	    {"busid too long", make_import, 5, 32},
	    {"busnum of 17 bits", make_device, INFO + 2, 1},
	    {"devnum of 17 bits", make_device, INFO + 6, 1},
	    {"speed 0", make_device, INFO_SPEED, 0},
	    {"speed 7", make_device, INFO_SPEED, 7},
	    {"33 interfaces", make_device, INFO_IFS, 33},
	    {"nickname too long", make_device, INFO_NICK, 32},
	    {"NUL in a nickname", make_device, INFO_NICK + 3, 0},
	    {"speed 0", make_imported, IMPORTED_AT + INFO_SPEED, 0},
	    {"255 interfaces", make_imported, IMPORTED_AT + INFO_IFS, 255},
	    {"holder too long", make_queued, 16, 64},
	    {"reason of an end too long", make_ends, 8, 200},
	    {"NUL in the reason of an end", make_ends, 9, 0},
	    {"link 32", make_offer, 0, 32},
	    {"21 candidates", make_offer, 1 + 64 + 128, 21},
	    {"a candidate too long", make_offer, 2 + 64 + 128, 200},
	    {"NUL in a candidate", make_offer, 3 + 64 + 128, 0},
	    {"ufrag too long", make_offer, 1, 64},
	    {"a trickled candidate too long", make_trickle, 0, 200},
	    {"NUL in a trickled candidate", make_trickle, 1, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		CHECK_EQ(patched(t[i].make, t[i].at, t[i].value), ERR_PROTO);
		if (test_failed)
			printf("# %s\n", t[i].what);
	}
}

static void
state_and_descriptors_have_limits(void)
{
	static uint8_t b[ROOM], long_raw[DEVINFO_RAW + 1];
	static union any a;
	const struct message *m = messages;

	memset(&a, 0, sizeof(a));
	make_device(&a);
	a.device.state = WIRE_TAKEN + 1;
	while (m->make != make_device)
		m++;
	CHECK_EQ(unpack(m, &a, b, pack(m, &a, b, sizeof(b))), ERR_PROTO);
	while (m->make != make_imported)
		m++;
	for (uint32_t more = 0; more < 3; more++) {
		memset(&a, 0, sizeof(a));
		make_imported(&a);
		a.imported.raw = a.imported.cache = long_raw;
		a.imported.raw_len = DEVINFO_RAW + (more & 1);
		a.imported.cache_len = DEVINFO_CACHE + (more >> 1);
		CHECK_EQ(unpack(m, &a, b, pack(m, &a, b, sizeof(b))),
			 more ? ERR_PROTO : ERR_OK);
	}
}

/* Well-formed all the same: only the number is too high. */
static void
one_more_than_there_is_room_for(void)
{
	static const struct {
		void (*make)(union any *);
		size_t count, at; /* where the number is, where more bytes go; 0: end */
		uint32_t bytes;
	} t[] = {
	    {make_device, INFO_IFS, INFO_IFS + 1, 3},
	    {make_offer, 1 + 64 + 128, 0, 2},
	};
	static const uint8_t one_more[3] = {1, 'x', 0};
	static uint8_t b[ROOM];
	static union any a;

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		const struct message *m = messages;
		size_t n, at;

		while (m->make != t[i].make)
			m++;
		memset(&a, 0, sizeof(a));
		m->make(&a);
		n = pack(m, &a, b, sizeof(b));
		at = t[i].at > 0 ? t[i].at : n;
		memmove(b + at + t[i].bytes, b + at, n - at);
		memcpy(b + at, one_more, t[i].bytes);
		b[t[i].count]++;
		CHECK_EQ(unpack(m, &a, b, n + t[i].bytes), ERR_PROTO);
	}
}

/* As long as DEVICES takes one to be (core/exports.c). */
static void
a_device_is_shorter_than_1024(void)
{
	static uint8_t b[1024];
	static union any a;
	struct wr w;

	memset(&a, 0, sizeof(a));
	make_device(&a);
	wr_init(&w, b, sizeof(b));
	wire_put_device(&w, &a.device);
	CHECK(!w.bad);
}

static void
strings_come_out_clean(void)
{
	static uint8_t b[ROOM];
	struct wire_refusal f = {.reason = WIRE_TROUBLE, .text = "a\033[2Jb\xff"}, back;
	struct wr w;
	struct rd r;

	wr_init(&w, b, sizeof(b));
	wire_put_refusal(&w, &f);
	rd_init(&r, b, (size_t)(w.p - b));
	CHECK_EQ(wire_get_refusal(&r, &back), ERR_OK);
	CHECK(strcmp(back.text, "a?[2Jb?") == 0);
}

/* Escape sequences, an 8-bit CSI, right-to-left marks, broken UTF-8, a BOM: in each. */
static void
each_string_comes_out_clean(void)
{
	static const char evil[] = "\033[2J\x9b"
				   "A\xc2\x9b"
				   "B\xe2\x80\xae"
				   "C\xff\xc0"
				   "\xaf\xef\xbb\xbf\r\n";
	static const char clean[] = "?[2J?A??B???C"
				    "????"
				    "????";
	static const struct {
		const char *name;
		size_t at;
		size_t size;
	} t[] = {
#define AT(message, field) \
	{message, offsetof(union any, field), sizeof(((union any *)0)->field)}
	    AT("greet", greet.name),
	    AT("hello", hello.greet.name),
	    AT("refusal", refusal.text),
	    AT("device", device.info.busid),
	    AT("device", device.info.manufacturer),
	    AT("device", device.info.product),
	    AT("device", device.info.serial),
	    AT("device", device.info.nick),
	    AT("device", device.holder),
	    AT("import", import.busid),
	    AT("imported", imported.info.product),
	    AT("denied", imported.no.text),
	    AT("removed", removed.why.text),
	    AT("queued", queued.holder),
	    AT("ends", ends.why),
	    AT("offer", offer.ufrag),
	    AT("offer", offer.pwd),
	    AT("offer", offer.candidate[0]),
#undef AT
	};
	static uint8_t b[ROOM];
	static union any a;

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		const struct message *m = messages;
		char *text = (char *)&a + t[i].at;
		size_t n;

		while (strcmp(m->name, t[i].name) != 0)
			m++;
		memset(&a, 0, sizeof(a));
		m->make(&a);
		memset(text, 0, t[i].size);
		strcpy(text, evil);
		n = pack(m, &a, b, sizeof(b));
		memset(&a, 0, sizeof(a));
		CHECK_EQ(unpack(m, &a, b, n), ERR_OK);
		if (strcmp(text, clean) != 0)
			printf("# %s: %s\n", t[i].name, text);
		CHECK(strcmp(text, clean) == 0);
	}
}

/* --- the table --- */

static const struct wire_row all[] = {
#define ROW(name, number, who, place, min, max) {#name, number, who, place, min, max},
    WIRE_LIST(ROW)
#undef ROW
};

static int
check(uint8_t type, uint8_t who, enum wire_place place, uint32_t len)
{
	const struct wire_row *row;

	return wire_check(type, who, place, len, &row);
}

static void
rows_are_kept(void)
{
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		const struct wire_row *t = &all[i], *row = NULL;

		CHECK_EQ(wire_check(t->type, t->who, t->place, t->min, &row), ERR_OK);
		CHECK(row != NULL && row->type == t->type);
		CHECK_EQ(check(t->type, t->who, t->place, t->max), ERR_OK);
		CHECK_EQ(check(t->type, t->who, t->place, t->max + 1), ERR_PROTO);
		if (t->min > 0)
			CHECK_EQ(check(t->type, t->who, t->place, t->min - 1), ERR_PROTO);
		if (t->who != WIRE_BOTH)
			CHECK_EQ(check(t->type, WIRE_BOTH - t->who, t->place, t->min),
				 ERR_PROTO);
		for (unsigned p = WIRE_SIGNAL; p <= WIRE_DEVICE; p++)
			if (p != t->place)
				CHECK_EQ(
				    check(t->type, t->who, (enum wire_place)p, t->min),
				    ERR_PROTO);
		CHECK(strcmp(wire_name(t->type), t->name) == 0);
		for (size_t k = 0; k < i; k++)
			CHECK(all[k].type != t->type);
	}
}

static void
unknown_types(void)
{
	for (unsigned type = 0; type < 256; type++) {
		bool known = false;

		for (size_t i = 0; i < ARRAY_LEN(all); i++)
			known |= all[i].type == type;
		if (known)
			continue;
		CHECK_EQ(check((uint8_t)type, WIRE_ATTACH, WIRE_SESSION, 9),
			 type < 128 ? ERR_PROTO : ERR_NODEV);
		CHECK(strcmp(wire_name((uint8_t)type), "UNKNOWN") == 0);
	}
}

static void
reasons_and_places(void)
{
	CHECK_EQ(wire_reason_err(WIRE_OK), ERR_OK);
	CHECK_EQ(wire_reason_err(WIRE_IN_USE), ERR_BUSY);
	for (unsigned i = 1; i < 256; i++)
		CHECK(wire_reason_err((uint8_t)i) != ERR_OK);
	CHECK_EQ(wire_place_of(0), WIRE_SESSION);
	CHECK_EQ(wire_place_of(1), WIRE_BENCH);
	CHECK_EQ(wire_place_of(31), WIRE_BENCH);
	CHECK_EQ(wire_place_of(32), WIRE_DEVICE);
	CHECK_EQ(wire_place_of(UINT32_MAX), WIRE_DEVICE);
}

static void
transfers_fit_both_windows(void)
{
	static const struct {
		uint32_t window[2], urb_max[2], want;
	} t[] = {
	    {{32 << 20, 32 << 20}, {8 << 20, 8 << 20}, 8 << 20},
	    {{32 << 20, 32 << 20}, {8 << 20, 1000}, 1000},
	    {{1 << 20, 32 << 20}, {8 << 20, 8 << 20}, (1 << 20) - 38},
	    {{32 << 20, 0}, {8 << 20, 8 << 20}, 65536 - 38},
	    {{UINT32_MAX, UINT32_MAX}, {UINT32_MAX, UINT32_MAX}, WIRE_HUGE - 38},
	    {{0, 0}, {0, 1}, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct wire_hello h[2];

		memset(h, 0, sizeof(h));
		for (int k = 0; k < 2; k++) {
			h[k].window = t[i].window[k];
			h[k].urb_max = t[i].urb_max[k];
		}
		CHECK_EQ(wire_urb_max(&h[0], &h[1]), t[i].want);
		CHECK_EQ(wire_urb_max(&h[1], &h[0]), t[i].want);
	}
}

TEST_MAIN(TEST(there_and_back), TEST(fields_come_back), TEST(shortest_fits_the_row),
	  TEST(short_and_long_bodies), TEST(fields_beyond_their_limit),
	  TEST(one_more_than_there_is_room_for), TEST(state_and_descriptors_have_limits),
	  TEST(a_device_is_shorter_than_1024), TEST(strings_come_out_clean),
	  TEST(each_string_comes_out_clean), TEST(rows_are_kept), TEST(unknown_types),
	  TEST(reasons_and_places), TEST(transfers_fit_both_windows))
