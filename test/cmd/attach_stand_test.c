/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: cmd core */
/* clang-format on */
/*
 * What an attach makes of the server's lists. The devices themselves, time and the
 * asker are made here: a device that is asked for is up at once unless `refuse` says
 * otherwise.
 */
#include "cmd/attacher.h"
#include "cmd/background.h"
#include "cmd/report.h"
#include "core/cur.h"
#include "net/clock.h"
#include "net/ctl.h"
#include "test/test.h"

static struct attacher a;
static unsigned asked, errors, told;
static bool refuse, slow, later;
static const char *held; /* this one is refused in any case */

/* --- instead of the other files --- */

int
cmd_fail(int err, const char *fmt, ...)
{
	(void)fmt;
	errors++;
	return err_exit(err);
}

bool
attach_wish(struct want *w, const char *busid)
{
	(void)w;
	(void)busid;
	return false;
}

void
report_open(struct json *j, const char *kind)
{
	json_open(j, NULL);
	json_str(j, "kind", kind);
}

void
report_classes(char *buf, size_t cap, const struct devinfo *d)
{
	text_copy(buf, cap, d->iface[0].cls == 3 ? "hid" : "storage");
	told++;
}

void
ctl_line(struct ctl_conn *c, const char *line)
{
	(void)c;
	(void)line;
}

void
ctl_end(struct ctl_conn *c)
{
	(void)c;
}

void
background_report(int *report, int code)
{
	(void)report;
	(void)code;
}

void
attach_check_end(struct attacher *x)
{
	if (list_empty(&x->devs) && list_empty(&x->wants))
		x->ending = true;
}

void
attached_wake_at(struct attached *x, uint64_t us)
{
	(void)x;
	(void)us;
}

struct attached *
attached_new(struct attacher *of, struct want *w, const struct devinfo *info)
{
	struct attached *x = calloc(1, sizeof(*x));

	x->of = of;
	x->want = w;
	x->answered = true;
	x->info = *info;
	x->state = ATTACHED_WAITING;
	list_add(&of->devs, &x->link);
	return x;
}

static void
answer(struct attached *x, int err)
{
	if (x->answered)
		return;
	x->answered = true;
	x->want->open--;
	want_answer(x->want, err, x->info.busid);
	want_check(x->want);
}

static void
drop(struct attached *x)
{
	struct want *w = x->want;

	list_del(&x->link);
	free(x);
	want_check(w);
	attach_check_end(&a);
}

/* The port is free at once. */
static void
depart(struct attached *x, int err, bool again)
{
	x->again = again && !x->want->once;
	answer(x, err);
	if (!x->again && !slow) {
		drop(x);
		return;
	}
	x->state = ATTACHED_LEAVING;
	if (slow)
		return;
	x->again = false;
	x->state = ATTACHED_WAITING;
}

/* The port becomes free when the list has ended. */
void
attached_leave(struct attached *x)
{
	x->state = ATTACHED_LEAVING;
}

static void
reap(void)
{
	struct list *l, *n;

	LIST_EACH_SAFE (&a.devs, l, n) {
		struct attached *x = CONTAINER_OF(l, struct attached, link);

		if (!slow && x->state == ATTACHED_LEAVING)
			drop(x);
	}
}

void
attached_lose(struct attached *x, const char *why)
{
	(void)why;
	depart(x, ERR_GONE, true);
}

void
attached_ask(struct attached *x, const struct devinfo *info)
{
	asked++;
	x->info = x->was = *info;
	x->tried = clock_us();
	if (later) {
		x->state = ATTACHED_ASKING;
		return;
	}
	if (refuse || (held != NULL && strcmp(held, info->busid) == 0)) {
		stand_failed(x);
		depart(x, ERR_BUSY, true);
		return;
	}
	x->state = a.via != NULL ? ATTACHED_OFFERED : ATTACHED_UP;
	x->seen = true;
	x->tries = 0;
	x->not_before = 0;
	x->want->had++;
	answer(x, ERR_OK);
}

/* --- the pieces of a test --- */

static void
begin(void)
{
	memset(&a, 0, sizeof(a));
	list_init(&a.wants);
	list_init(&a.devs);
	list_init(&a.spurned);
	asked = errors = told = 0;
	refuse = slow = later = false;
	held = NULL;
}

static void
end(void)
{
	while (!list_empty(&a.devs))
		drop(CONTAINER_OF(a.devs.next, struct attached, link));
	CHECK(list_empty(&a.wants));
	stand_end(&a);
}

/* Words end with NULL. */
static struct want *
want(const char *const *word)
{
	struct want *w = calloc(1, sizeof(*w));

	for (; *word != NULL; word++)
		text_copy(w->word[w->n++], PATTERN_TEXT, *word);
	w->of = &a;
	w->line = true;
	list_add(&a.wants, &w->link);
	return w;
}

#define WANT(...) want((const char *const[]){__VA_ARGS__, NULL})

enum { DISK = 0x08, KEYS = 0x03 };

struct row {
	const char *busid;
	uint16_t pid;
	const char *serial;
	uint8_t cls;
	uint32_t devnum;
	uint8_t state;
};

static void
list(const struct row *r, unsigned n)
{
	for (unsigned i = 0; i < n; i++, r++) {
		struct wire_device d = {.state = r->state};

		text_copy(d.info.busid, sizeof(d.info.busid), r->busid);
		d.info.vid = 0x1d6b;
		d.info.pid = r->pid;
		d.info.devnum = r->devnum;
		if (r->serial != NULL)
			text_copy(d.info.serial, sizeof(d.info.serial), r->serial);
		d.info.ifs = 1;
		d.info.iface[0].cls = r->cls;
		want_device(&a, &d);
	}
	want_device(&a, NULL);
	reap();
}

#define LIST(...)                               \
	list((const struct row[]){__VA_ARGS__}, \
	     sizeof((const struct row[]){__VA_ARGS__}) / sizeof(struct row))
#define NOTHING() list(NULL, 0)

static struct attached *
dev(const char *busid)
{
	struct list *l;

	LIST_EACH (&a.devs, l) {
		struct attached *x = CONTAINER_OF(l, struct attached, link);

		if (strcmp(x->info.busid, busid) == 0)
			return x;
	}
	return NULL;
}

static bool
is(const char *busid, enum attached_state s)
{
	return dev(busid) != NULL && dev(busid)->state == s;
}

static unsigned
devices(void)
{
	struct list *l;
	unsigned n = 0;

	LIST_EACH (&a.devs, l)
		n++;
	return n;
}

/* Time passes: what lies ahead comes nearer. */
static void
pass(uint64_t us)
{
	struct list *l;

	LIST_EACH (&a.devs, l) {
		struct attached *x = CONTAINER_OF(l, struct attached, link);

		x->tried -= us;
		x->not_before -= x->not_before > us ? us : x->not_before;
	}
}

/* The server says that it was unplugged. */
static void
pull(const char *busid)
{
	depart(dev(busid), ERR_GONE, true);
}

static void
detach(const char *busid)
{
	stand_spurn(dev(busid));
	depart(dev(busid), ERR_OK, false);
}

/* --- tests --- */

static void
port_word_means_what_comes_there(void)
{
	begin();
	WANT("1-4");
	LIST({"1-4", 1, "a", DISK, 7, WIRE_FREE});
	CHECK(is("1-4", ATTACHED_UP));
	LIST({"1-4", 1, "a", DISK, 7, WIRE_YOURS});
	CHECK_EQ(asked, 1);
	pull("1-4");
	NOTHING();
	CHECK(is("1-4", ATTACHED_WAITING) && !a.ending);
	LIST({"1-5", 1, "a", DISK, 8, WIRE_FREE});
	CHECK(is("1-4", ATTACHED_WAITING) && devices() == 1);
	LIST({"1-4", 2, "b", DISK, 9, WIRE_FREE}); /* another one */
	CHECK(is("1-4", ATTACHED_UP) && dev("1-4")->info.pid == 2);
	CHECK_EQ(devices(), 1);
	end();
}

/* A stick that became a keyboard: not until the user says so. */
static void
another_kind_of_device(void)
{
	for (int accept = 0; accept < 2; accept++) {
		struct want *w;

		begin();
		w = WANT("1-4");
		w->accept = accept;
		LIST({"1-4", 1, "a", DISK, 7, WIRE_FREE});
		pull("1-4");
		NOTHING();
		LIST({"1-4", 1, "a", KEYS, 8, WIRE_FREE});
		CHECK(is("1-4", accept ? ATTACHED_UP : ATTACHED_WAITING));
		if (accept) {
			CHECK_EQ(told, 0);
			end();
			continue;
		}
		CHECK(told == 2 && strstr(dev("1-4")->why, "had storage, it has hid"));
		LIST({"1-4", 1, "a", KEYS, 8, WIRE_FREE});
		CHECK_EQ(told, 2); /* once */
		NOTHING();
		LIST({"1-4", 1, "a", KEYS, 9, WIRE_FREE});
		CHECK(told == 4 && asked == 1);
		LIST({"1-4", 1, "a", DISK, 10, WIRE_FREE}); /* as it was */
		CHECK(is("1-4", ATTACHED_UP) && asked == 2);
		pull("1-4");
		LIST({"1-4", 1, "a", KEYS, 11, WIRE_FREE});
		CHECK(is("1-4", ATTACHED_WAITING));
		WANT("1-4"); /* said so */
		LIST({"1-4", 1, "a", KEYS, 11, WIRE_FREE});
		CHECK(is("1-4", ATTACHED_UP) && asked == 3);
		pull("1-4");
		LIST({"1-4", 1, "a", KEYS, 12, WIRE_FREE});
		CHECK(is("1-4", ATTACHED_UP)); /* that is what it is now */
		end();
	}
}

/* The same, in another port, by a word that means both. */
static void
another_kind_elsewhere(void)
{
	begin();
	WANT("serial=a");
	LIST({"1-4", 1, "a", DISK, 7, WIRE_FREE});
	pull("1-4");
	LIST({"1-5", 1, "a", 0xff, 8, WIRE_FREE});
	CHECK(is("1-4", ATTACHED_WAITING) && asked == 1);
	LIST({"1-5", 1, "a", DISK, 9, WIRE_FREE});
	CHECK_EQ(asked, 2);
	end();
}

static void
kinds(void)
{
	static const struct {
		struct devinfo was, is;
		bool other;
	} t[] = {
	    {{.ifs = 1, .iface = {{8, 6, 80}}}, {.ifs = 1, .iface = {{8, 6, 80}}}, false},
	    {{.ifs = 1, .iface = {{3, 0, 0}}}, {.ifs = 1, .iface = {{3, 1, 1}}}, true},
	    {{.ifs = 2, .iface = {{8, 6, 80}, {2, 2, 1}}},
	     {.ifs = 1, .iface = {{2, 2, 1}}},
	     false}, /* shared in part now */
	    {{.ifs = 1, .iface = {{2, 2, 1}}},
	     {.ifs = 2, .iface = {{2, 2, 1}, {3, 0, 0}}},
	     true},
	    {{.ifs = 1, .iface = {{8, 6, 80}}}, {.ifs = 0}, true},
	    {{.ifs = 0}, {.ifs = 1, .iface = {{3, 0, 0}}}, false}, /* nothing was known */
	    {{.ifs = 1, .iface = {{8, 6, 80}}},
	     {.cls = 9, .ifs = 1, .iface = {{8, 6, 80}}},
	     true},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		CHECK_EQ(stand_is_other(&t[i].was, &t[i].is), t[i].other);
}

static void
ids_mean_only_what_they_match(void)
{
	begin();
	WANT("1d6b:0001");
	LIST({"1-4", 1, "a", DISK, 7, WIRE_FREE});
	pull("1-4");
	LIST({"1-4", 2, "a", DISK, 8, WIRE_FREE});
	CHECK(is("1-4", ATTACHED_WAITING));
	LIST({"1-4", 1, "a", KEYS, 8, WIRE_FREE}); /* never named */
	CHECK(is("1-4", ATTACHED_WAITING));
	LIST({"1-6", 1, "a", DISK, 9, WIRE_FREE}); /* another port: the same words */
	CHECK(is("1-6", ATTACHED_UP) && devices() == 1);
	LIST({"1-6", 1, "a", DISK, 9, WIRE_YOURS}, {"1-7", 1, "b", DISK, 10, WIRE_FREE});
	CHECK(is("1-7", ATTACHED_UP) && devices() == 2); /* one more of them */
	end();
}

static void
the_one_that_fits_best_comes_back(void)
{
	begin();
	WANT("class=storage", "1-9");
	LIST({"1-9", 3, "c", KEYS, 3, WIRE_FREE}, {"1-1", 1, "a", DISK, 1, WIRE_FREE},
	     {"1-2", 2, "b", DISK, 2, WIRE_FREE});
	CHECK_EQ(devices(), 3);
	pull("1-1");
	pull("1-2");
	pull("1-9");
	LIST({"1-3", 2, "b", DISK, 4, WIRE_FREE});
	CHECK(dev("1-2") == NULL && is("1-3", ATTACHED_UP));
	CHECK(is("1-1", ATTACHED_WAITING) && is("1-9", ATTACHED_WAITING));
	LIST({"1-3", 2, "b", DISK, 4, WIRE_YOURS}, {"1-5", 7, "z", DISK, 5, WIRE_FREE});
	CHECK(is("1-5", ATTACHED_UP) && dev("1-1") == NULL &&
	      is("1-9", ATTACHED_WAITING));
	CHECK_EQ(devices(), 3);
	end();
}

static void
no_words_mean_the_ports_there_were(void)
{
	begin();
	want((const char *const[]){NULL});
	LIST({"1-1", 1, "a", DISK, 1, WIRE_FREE}, {"1-2", 2, "b", KEYS, 2, WIRE_FREE});
	CHECK(is("1-1", ATTACHED_UP) && devices() == 1);
	LIST({"1-1", 1, "a", DISK, 1, WIRE_YOURS}, {"1-3", 3, "c", DISK, 3, WIRE_FREE});
	CHECK_EQ(devices(), 1); /* a new one in another port */
	pull("1-1");
	LIST({"1-1", 4, "d", KEYS, 4, WIRE_FREE}); /* never named */
	CHECK(is("1-1", ATTACHED_WAITING));
	LIST({"1-3", 1, "a", DISK, 5, WIRE_FREE});
	CHECK(is("1-1", ATTACHED_WAITING));
	LIST({"1-1", 5, "e", DISK, 6, WIRE_FREE});
	CHECK(is("1-1", ATTACHED_UP));
	end();
}

static void
once_is_once(void)
{
	begin();
	WANT("1-4")->once = true;
	LIST({"1-4", 1, "a", DISK, 1, WIRE_FREE});
	pull("1-4");
	CHECK(devices() == 0 && a.ending);
	begin();
	WANT("1d6b:0001")->once = true;
	LIST({"1-4", 1, "a", DISK, 1, WIRE_FREE});
	LIST({"1-4", 1, "a", DISK, 1, WIRE_YOURS}, {"1-5", 1, "b", DISK, 2, WIRE_FREE});
	CHECK_EQ(devices(), 1);
	end();
}

static void
detached_is_left_alone(void)
{
	begin();
	WANT("1-1", "1d6b:0002");
	LIST({"1-1", 1, "a", DISK, 1, WIRE_FREE}, {"1-2", 2, "b", DISK, 2, WIRE_FREE});
	detach("1-2");
	LIST({"1-2", 2, "b", DISK, 2, WIRE_FREE}, {"1-1", 1, "a", DISK, 1, WIRE_YOURS});
	CHECK(dev("1-2") == NULL);
	LIST({"1-5", 2, "b", DISK, 3, WIRE_FREE}); /* it moved */
	CHECK(dev("1-5") == NULL);
	LIST({"1-6", 2, "x", DISK, 3, WIRE_FREE}); /* that is another one */
	CHECK(is("1-6", ATTACHED_UP));
	WANT("1-2"); /* asked for again */
	LIST({"1-2", 2, "b", DISK, 2, WIRE_FREE});
	CHECK(is("1-2", ATTACHED_UP));
	pull("1-2");
	LIST({"1-2", 2, "b", DISK, 4, WIRE_FREE});
	CHECK(is("1-2", ATTACHED_UP));
	detach("1-1");
	detach("1-6");
	detach("1-2");
	CHECK(a.ending && list_empty(&a.wants));
	stand_end(&a);
}

static void
busy_waits_for_the_list(void)
{
	begin();
	WANT("1-1", "1-2");
	LIST({"1-1", 1, "a", DISK, 1, WIRE_FREE});
	CHECK(errors == 1 && a.code == 4); /* 1-2 is not there */
	refuse = true;
	LIST({"1-1", 1, "a", DISK, 1, WIRE_YOURS}, {"1-2", 2, "b", DISK, 2, WIRE_FREE});
	CHECK(is("1-2", ATTACHED_WAITING) && asked == 2);
	pass(800000);
	LIST({"1-2", 2, "b", DISK, 2, WIRE_FREE});
	CHECK_EQ(asked, 2);
	pass(200000);
	LIST({"1-2", 2, "b", DISK, 2, WIRE_TAKEN});
	CHECK_EQ(asked, 2);
	refuse = false;
	LIST({"1-2", 2, "b", DISK, 2, WIRE_FREE});
	CHECK(is("1-2", ATTACHED_UP));
	end();
}

static void
tries_become_rare(void)
{
	static const unsigned pauses[] = {1, 2, 4, 8, 16, 30, 30};

	begin();
	WANT("1-1");
	LIST({"1-1", 1, "a", DISK, 1, WIRE_FREE});
	pull("1-1");
	refuse = true;
	LIST({"1-1", 1, "a", DISK, 2, WIRE_FREE}); /* at once */
	CHECK_EQ(asked, 2);
	for (unsigned i = 0; i < ARRAY_LEN(pauses); i++) {
		pass(pauses[i] * 1000000 - 300000);
		LIST({"1-1", 1, "a", DISK, 2, WIRE_FREE});
		CHECK_EQ(asked, 2 + i);
		pass(300000);
		LIST({"1-1", 1, "a", DISK, 2, WIRE_FREE});
		CHECK_EQ(asked, 3 + i);
	}
	asked = 0;
	LIST({"1-1", 1, "a", DISK, 3, WIRE_FREE}); /* plugged in anew */
	CHECK_EQ(asked, 0);
	pass(1000000);
	LIST({"1-1", 1, "a", DISK, 3, WIRE_FREE});
	CHECK_EQ(asked, 1);
	end();
}

static void
who_got_nothing_does_not_wait(void)
{
	struct want *w;

	begin();
	WANT("1-1");
	NOTHING();
	CHECK(a.ending && a.code == 4);
	begin();
	refuse = true;
	WANT("1-1", "1-2");
	LIST({"1-1", 1, "a", DISK, 1, WIRE_TAKEN}, {"1-2", 1, "b", DISK, 1, WIRE_TAKEN});
	CHECK(a.ending && a.code == 5 && devices() == 0);
	begin();
	WANT("1-1");
	LIST({"1-1", 1, "a", DISK, 1, WIRE_FREE});
	refuse = true;
	w = WANT("1-2"); /* of another process */
	w->conn = (struct ctl_conn *)&a;
	w->line = false;
	LIST({"1-2", 1, "b", DISK, 1, WIRE_TAKEN});
	CHECK(devices() == 1 && !a.ending && a.code == 0);
	refuse = false;
	LIST({"1-2", 1, "b", DISK, 1, WIRE_FREE});
	CHECK_EQ(devices(), 1);
	slow = true; /* its port is not free yet, and so it is still known */
	refuse = true;
	w = WANT("1-2");
	w->conn = (struct ctl_conn *)&a;
	w->line = false;
	LIST({"1-2", 1, "b", DISK, 1, WIRE_TAKEN});
	refuse = false;
	LIST({"1-2", 1, "b", DISK, 1, WIRE_FREE});
	CHECK(is("1-2", ATTACHED_LEAVING) && devices() == 2);
	slow = false;
	reap();
	CHECK_EQ(devices(), 1);
	end();
	begin();
	later = true;
	WANT("1-1");
	LIST({"1-1", 1, "a", DISK, 1, WIRE_FREE});
	depart(dev("1-1"), ERR_BUSY, true);
	CHECK(a.ending && a.code == 5 && devices() == 0);
}

static void
who_got_something_waits_for_the_rest(void)
{
	begin();
	held = "1-2";
	WANT("1-1", "1-2");
	LIST({"1-1", 1, "a", DISK, 1, WIRE_FREE}, {"1-2", 2, "b", DISK, 2, WIRE_TAKEN});
	CHECK(is("1-1", ATTACHED_UP) && is("1-2", ATTACHED_WAITING));
	CHECK(a.code == 5 && !a.ending);
	end();
}

static void
port_that_is_not_free_yet(void)
{
	begin();
	WANT("1-1");
	LIST({"1-1", 1, "a", DISK, 1, WIRE_FREE});
	slow = true;
	pull("1-1");
	CHECK(is("1-1", ATTACHED_LEAVING) && dev("1-1")->again);
	LIST({"1-1", 1, "a", DISK, 2, WIRE_FREE});
	CHECK(asked == 1 && devices() == 1);
	dev("1-1")->again = false; /* as when it is free */
	dev("1-1")->state = ATTACHED_WAITING;
	LIST({"1-1", 1, "a", DISK, 2, WIRE_FREE});
	CHECK(is("1-1", ATTACHED_UP) && asked == 2);
	end();
}

static void
who_asks_again_gets_what_waits(void)
{
	begin();
	WANT("1-1");
	LIST({"1-1", 1, "a", DISK, 1, WIRE_FREE});
	pull("1-1");
	refuse = true;
	LIST({"1-1", 1, "a", DISK, 2, WIRE_FREE});
	refuse = false;
	WANT("1d6b:0001");
	LIST({"1-1", 1, "a", DISK, 2, WIRE_FREE});
	CHECK(is("1-1", ATTACHED_UP) && devices() == 1 && errors == 0);
	CHECK(a.wants.next == a.wants.prev); /* the first one has nothing any more */
	end();
}

static void
offers_follow_the_list(void)
{
	begin();
	a.via = (struct stock_listener *)&a;
	WANT("1-1", "1d6b:0002");
	LIST({"1-1", 1, "a", DISK, 1, WIRE_FREE}, {"1-2", 2, "b", DISK, 2, WIRE_FREE});
	CHECK(is("1-1", ATTACHED_OFFERED) && is("1-2", ATTACHED_OFFERED));
	LIST({"1-1", 3, "c", DISK, 3, WIRE_FREE}, {"1-2", 4, "d", DISK, 4, WIRE_FREE});
	CHECK(is("1-1", ATTACHED_OFFERED) && dev("1-1")->info.pid == 3);
	CHECK(is("1-2", ATTACHED_WAITING));
	NOTHING();
	CHECK(is("1-1", ATTACHED_WAITING));
	LIST({"1-1", 1, "a", DISK, 5, WIRE_FREE}, {"1-2", 2, "b", DISK, 6, WIRE_FREE});
	CHECK(is("1-1", ATTACHED_OFFERED) && is("1-2", ATTACHED_OFFERED));
	CHECK_EQ(asked, 4);
	end();
}

TEST_MAIN(TEST(port_word_means_what_comes_there), TEST(another_kind_of_device),
	  TEST(another_kind_elsewhere), TEST(kinds), TEST(ids_mean_only_what_they_match),
	  TEST(the_one_that_fits_best_comes_back),
	  TEST(no_words_mean_the_ports_there_were), TEST(once_is_once),
	  TEST(detached_is_left_alone), TEST(busy_waits_for_the_list),
	  TEST(tries_become_rare), TEST(who_got_nothing_does_not_wait),
	  TEST(who_got_something_waits_for_the_rest), TEST(port_that_is_not_free_yet),
	  TEST(who_asks_again_gets_what_waits), TEST(offers_follow_the_list))
