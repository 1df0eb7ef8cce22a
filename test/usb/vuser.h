/* SPDX-License-Identifier: ISC */
/*
 * A host that drives a virtual device, for the tests of one kind each: submits
 * urbs, waits for them in the loop, and checks that nothing is reported from
 * inside a call.
 */
#ifndef TEST_USB_VUSER_H
#define TEST_USB_VUSER_H

#include <unistd.h>

#include <event2/event.h>

#include "core/desc.h"
#include "core/desc_cache.h"
#include "core/usbip.h"
#include "test/test.h"
#include "usb/bus.h"
#include "usb/virtual.h"

struct req {
	struct urb u;
	bool done;
};

static struct event_base *base;
static struct usb_bus bus;
static struct usb_dev *dev;
static bool calling, opened, closed, gone;

static void
on_opened(void *arg, int err, const char *why)
{
	(void)arg;
	(void)why;
	CHECK(!calling);
	CHECK_EQ(err, ERR_OK);
	opened = true;
}

static void
on_complete(void *arg, struct urb *u)
{
	struct req *r = CONTAINER_OF(u, struct req, u);

	(void)arg;
	CHECK(!calling && !r->done);
	CHECK(u->actual <= u->len);
	r->done = true;
}

static void
on_gone(void *arg)
{
	(void)arg;
	gone = true;
	usb_dev_close(dev);
}

static void
on_closed(void *arg)
{
	(void)arg;
	CHECK(!calling);
	closed = true;
}

static const struct usb_user user = {on_opened, on_complete, on_gone, on_closed};

static void
on_arrived(void *arg, struct usb_dev *d)
{
	(void)arg;
	dev = d;
}

static void
on_left(void *arg, struct usb_dev *d)
{
	(void)arg;
	(void)d;
}

static const struct usb_bus_ops bus_ops = {on_arrived, on_left};

/* A test that hangs is ended by the alarm. */
static inline void
wait_for(const bool *done)
{
	alarm(30);
	while (!*done)
		event_base_loop(base, EVLOOP_ONCE);
	alarm(0);
}

/* All that can be done without waiting for anything. */
static inline void
settle(void)
{
	for (int i = 0; i < 8; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
}

static inline void
open_it(void)
{
	opened = closed = false;
	calling = true;
	CHECK_EQ(usb_dev_open(dev, &user, NULL), ERR_OK);
	calling = false;
	wait_for(&opened);
}

static inline void
close_it(void)
{
	calling = true;
	usb_dev_close(dev);
	calling = false;
	wait_for(&closed);
	CHECK(usb_bus_quiet(&bus));
}

static inline void
make_bus(void)
{
	struct event_config *c = event_config_new();

	event_config_set_flag(c, EVENT_BASE_FLAG_PRECISE_TIMER);
	base = event_base_new_with_config(c);
	event_config_free(c);
	usb_bus_init(&bus, base, &bus_ops, NULL);
	gone = false;
}

static inline void
drop_bus(void)
{
	usb_bus_fini(&bus);
	event_base_free(base);
}

static inline int
add(const char *spec)
{
	char why[256] = "";
	int r = usb_virtual_add(&bus, spec, why, sizeof(why));

	CHECK((r == ERR_OK) == (why[0] == '\0'));
	CHECK(strchr(why, '\n') == NULL);
	if (why[0] != '\0')
		printf("# %s: %s\n", spec, why);
	return r;
}

static inline void
set_up(const char *spec)
{
	make_bus();
	CHECK_EQ(add(spec), ERR_OK);
	open_it();
}

static inline void
tear_down(void)
{
	close_it();
	drop_bus();
}

static inline void
send_urb(struct req *r)
{
	r->done = false;
	calling = true;
	CHECK_EQ(usb_dev_submit(dev, &r->u), ERR_OK);
	calling = false;
}

static inline void
submit(struct req *r, enum urb_type type, uint8_t ep, void *buf, uint32_t len)
{
	*r = (struct req){.u = {.type = type, .ep = ep, .buf = buf, .len = len}};
	send_urb(r);
}

static inline int
transfer(enum urb_type type, uint8_t ep, void *buf, uint32_t len, uint32_t *actual)
{
	struct req r;

	submit(&r, type, ep, buf, len);
	wait_for(&r.done);
	*actual = r.u.actual;
	return r.u.status;
}

/* setup as one reads it: type, request, value, index, length, each low byte first */
static inline int
control(enum urb_job job, uint64_t setup, void *buf, uint32_t len, uint32_t *actual)
{
	struct req r = {.u = {.type = URB_CONTROL, .job = job, .buf = buf, .len = len}};

	for (int i = 0; i < 8; i++)
		r.u.setup[i] = (uint8_t)(setup >> (56 - 8 * i));
	r.u.ep = r.u.setup[0] & 0x80;
	send_urb(&r);
	wait_for(&r.done);
	*actual = r.u.actual;
	return r.u.status;
}

/* What endpoint 0 answers, as a table */
struct asked {
	const char *what;
	uint64_t setup;
	uint32_t len;
	int status; /* or */
	uint32_t actual;
	const char *bytes; /* both ways */
};

static inline void
ask(const struct asked *a, size_t n)
{
	uint8_t buf[4096];
	uint32_t actual;

	for (size_t i = 0; i < n; i++) {
		bool in = a[i].setup >> 63;

		memset(buf, 0xee, sizeof(buf));
		if (!in)
			memcpy(buf, a[i].bytes, a[i].len);
		int r = control(URB_JOB_NONE, a[i].setup, buf, a[i].len, &actual);

		if (r != a[i].status || actual != a[i].actual ||
		    (in && memcmp(buf, a[i].bytes, actual) != 0))
			printf("# %s: status %d actual %u\n", a[i].what, r, actual);
		CHECK_EQ(r, a[i].status);
		CHECK_EQ(actual, a[i].actual);
		CHECK(!in || memcmp(buf, a[i].bytes, actual) == 0);
	}
}

/* The cache has the languages and the three strings, as the device gives them. */
static inline void
check_cache(void)
{
	const struct desc_cache c = {dev->raw, dev->cache, dev->raw_len, dev->cache_len};
	uint8_t buf[255];
	const uint8_t *p;
	uint32_t n;

	CHECK_EQ(desc_cache_check(dev->cache, dev->cache_len), ERR_OK);
	for (unsigned i = 0; i <= 4; i++) {
		unsigned lang = i == 0 ? 0 : 0x409;
		uint8_t setup[8] = {0x80,        6,         (uint8_t)i, 3,
				    lang & 0xff, lang >> 8, 255,        0};
		size_t len = 0;
		enum desc_known known = desc_cache_find(&c, setup, &p, &len);
		int r = control(URB_JOB_NONE,
				0x8006000300000000 | (uint64_t)i << 40 |
				    (uint64_t)setup[4] << 24 | (uint64_t)setup[5] << 16 |
				    0xff00,
				buf, 255, &n);

		CHECK_EQ(known, i < 4 ? DESC_KNOWN : DESC_UNKNOWN);
		CHECK_EQ(r, i < 4 ? 0 : -LINUX_EPIPE);
		CHECK(i == 4 || (n == len && n > 2 && memcmp(buf, p, n) == 0));
	}
}

/* The descriptors are whole, and GET_DESCRIPTOR gives the same. */
static inline void
check_descriptors(void)
{
	static struct desc d;
	uint8_t buf[512];
	uint32_t n;

	CHECK_EQ(desc_parse(&d, dev->raw, dev->raw_len, 1), ERR_OK);
	CHECK_EQ(control(URB_JOB_NONE, 0x800600020000ff00, buf, 255, &n), 0);
	CHECK(n == dev->raw_len - 18 && memcmp(buf, dev->raw + 18, n) == 0);
	CHECK_EQ(buf[2] | buf[3] << 8, n);
	check_cache();
}

#endif
