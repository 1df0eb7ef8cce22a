/* SPDX-License-Identifier: ISC */
/*
 * What cmd/ does with the parts, with a clock that waits for nobody.
 */
#include <stdio.h>
#include <string.h>

#include "core/pack.h"
#include "core/text.h"
#include "test/core/rle.h"
#include "test/sim/stack.h"

#define PATIENCE 60000000u /* us for a greeting or a farewell */

enum { ATTACH, SERVE };

static void
wrong(struct stack *s, const char *what)
{
	if (s->wrong == NULL)
		s->wrong = what;
}

/* --- the attach side --- */

static int
on_welcome(void *arg, int err, const struct wire_hello *h, const struct wire_refusal *no)
{
	struct stack *s = arg;

	(void)no;
	if (err != ERR_OK || strcmp(h->greet.name, "serve") != 0)
		wrong(s, "not welcome");
	return err;
}

static void
on_device(void *arg, const struct wire_device *d)
{
	struct stack *s = arg;

	if (d == NULL)
		s->list_ended = true;
	else if (memcmp(&d->info, &disk_info, sizeof(disk_info)) == 0)
		s->listed++;
	else
		wrong(s, "another device is listed");
}

static int
on_bench(void *arg, const struct session_msg *m)
{
	struct stack *s = arg;

	s->benched += m->len;
	if (m->type != WIRE_DATA)
		wrong(s, "a message of bench that nobody asked for");
	return ERR_OK;
}

static const struct imports_ops imports_ops = {on_welcome, on_device, on_bench};

static void
on_kernel_wake(void *arg)
{
	(void)arg; /* the kernel looks for itself */
}

static uint64_t
on_now(void *arg)
{
	struct stack *s = arg;

	return s->ends.now;
}

static const struct bridge_ops bridge_ops = {on_kernel_wake, on_now};

static void
on_imported(void *arg, int err, const struct wire_imported *i)
{
	struct stack *s = arg;
	uint32_t devid = disk_info.busnum << 16 | disk_info.devnum;

	if (err != ERR_OK || i->raw_len != disk_raw_len ||
	    memcmp(i->raw, disk_raw, disk_raw_len) != 0)
		wrong(s, "the import failed");
	else if (bridge_new(&s->bridge, &s->ends.end[ATTACH].pool, s->imports, i,
			    s->conf.import_budget, &bridge_ops, s) != ERR_OK)
		wrong(s, "no bridge");
	else
		kernel_init(&s->kernel, bridge_import(s->bridge), devid, s->seed + 3);
	if (s->bridge != NULL && !s->conf.plain)
		bridge_assist(s->bridge, 0);
	if (s->bridge != NULL && s->conf.cache)
		bridge_cache(s->bridge);
}

static int
on_reply(void *arg, uint8_t ep, uint64_t tag, const struct import_reply *r,
	 const struct session_msg *m)
{
	struct stack *s = arg;

	return bridge_reply(s->bridge, ep, tag, r, m);
}

static void
on_removed(void *arg, const struct wire_refusal *why)
{
	struct stack *s = arg;

	s->removed = true;
	if (why->reason != WIRE_NO_DEVICE || strcmp(why->text, "pulled out") != 0)
		wrong(s, "removed for another reason");
	import_gone(bridge_import(s->bridge));
}

static const struct imports_user user = {on_imported, on_reply, on_removed, NULL, NULL};

static int
attach_message(void *arg, const struct session_msg *m)
{
	struct stack *s = arg;

	return imports_message(s->imports, m);
}

static int
attach_accept(void *arg, uint32_t sid, enum stream_prio *prio)
{
	struct stack *s = arg;

	return imports_accept(s->imports, sid, prio);
}

/* --- the serve side --- */

static int
on_hello(void *arg, const struct wire_hello *h, struct wire_hello *reply,
	 struct wire_refusal *no)
{
	struct stack *s = arg;

	(void)no;
	if (strcmp(h->greet.name, "attach") != 0)
		wrong(s, "hello of another");
	reply->greet.major = WIRE_MAJOR;
	reply->greet.caps = s->conf.reliable ? 0 : WIRE_CAPS;
	text_copy(reply->greet.name, sizeof(reply->greet.name), "serve");
	reply->window = s->conf.ends.window;
	reply->urb_max = s->conf.urb_max;
	return ERR_OK;
}

static bool
on_list(void *arg, unsigned i, struct wire_device *d)
{
	(void)arg;
	memset(d, 0, sizeof(*d));
	d->info = disk_info;
	return i == 0;
}

static void
on_open(void *arg, uint32_t dev, const char *busid, uint8_t flags)
{
	struct stack *s = arg;

	if (strcmp(busid, disk_info.busid) != 0 || flags != 0)
		wrong(s, "another device is wanted");
	s->wanted = dev;
	s->opens_at = s->ends.now + s->seed % 3 * 10000;
}

static void
opens(struct stack *s)
{
	static const struct wire_refusal yes = {WIRE_OK, ""};
	const struct exports_device d = {
	    .device = s, .info = &disk_info, .raw = disk_raw, .raw_len = disk_raw_len};

	if (s->ends.now < s->opens_at)
		return;
	s->opens_at = UINT64_MAX;
	s->open = true;
	exports_opened(s->exports, s->wanted, &yes, &d);
}

static int
on_submit(void *device, struct urb *u)
{
	struct stack *s = device;

	if (!s->open)
		wrong(s, "an urb for a closed device");
	if (u->type == URB_ISO)
		return mic_submit(&s->mic, u, s->ends.now);
	if (pad_takes(&s->pad, u))
		return pad_submit(&s->pad, u, s->ends.now);
	if (port_takes(u))
		return port_submit(&s->port, u, s->ends.now);
	return disk_submit(&s->disk, u, s->ends.now);
}

static void
on_cancel(void *device, struct urb *u)
{
	struct stack *s = device;

	if (u->type == URB_ISO)
		mic_cancel(&s->mic, u, s->ends.now);
	else if (pad_takes(&s->pad, u))
		pad_cancel(&s->pad, u, s->ends.now);
	else if (port_takes(u))
		port_cancel(&s->port, u, s->ends.now);
	else
		disk_cancel(&s->disk, u, s->ends.now);
}

static void
on_close(void *arg, void *device)
{
	struct stack *s = arg;

	if (device != s || !s->open || !disk_idle(&s->disk) || !mic_idle(&s->mic) ||
	    !pad_idle(&s->pad) || !port_idle(&s->port))
		wrong(s, "closed too early, or twice");
	s->open = false;
}

static const struct exports_ops exports_ops = {on_hello,  on_list,  on_open, on_submit,
					       on_cancel, on_close, NULL};

static void
on_complete(void *arg, struct urb *u)
{
	struct stack *s = arg;

	exports_complete(s->exports, s->wanted, u);
}

static int
serve_message(void *arg, const struct session_msg *m)
{
	struct stack *s = arg;

	return exports_message(s->exports, m);
}

static int
serve_accept(void *arg, uint32_t sid, enum stream_prio *prio)
{
	struct stack *s = arg;

	return exports_accept(s->exports, sid, prio);
}

/* --- both --- */

static void
on_wake(void *arg)
{
	(void)arg; /* the ends look after each event */
}

static const struct session_ops attach_ops = {attach_message, attach_accept, on_wake};
static const struct session_ops serve_ops = {serve_message, serve_accept, on_wake};

static void *
urb_get(void *arg, size_t n)
{
	struct pool *p = arg;

	return p->get(p->arg, n);
}

static void
urb_put(void *arg, void *m, size_t n)
{
	struct pool *p = arg;

	p->put(p->arg, m, n);
}

/* 100 Mbit/s, all of the time. */
static bool
on_link(void *arg, struct shrink_link *l)
{
	struct stack *s = arg;

	*l = (struct shrink_link){s->ends.now, s->ends.now, s->ends.now / 2 * 25};
	return true;
}

static uint64_t
on_ns(void *arg)
{
	struct stack *s = arg;

	return s->ends.now * 1000;
}

void
stack_init(struct stack *s, uint64_t seed, const struct stack_conf *conf)
{
	static const struct session_ops *const ops[2] = {&attach_ops, &serve_ops};
	void *const arg[2] = {s, s};
	struct exports_conf e = {&s->urbs, conf->urb_max};
	const struct pack_conf pack = {&rle, on_link, on_ns, s};

	memset(s, 0, sizeof(*s));
	s->conf = *conf;
	s->seed = seed;
	s->opens_at = UINT64_MAX;
	ends_init(&s->ends, seed, &conf->ends, ops, arg);
	if (conf->serve_budget > 0)
		s->ends.end[SERVE].pool.budget = conf->serve_budget;
	s->urbs = (struct pool){urb_get, urb_put, &s->ends.end[SERVE].pool,
				conf->export_budget, 0};
	disk_init(&s->disk, seed + 1, on_complete, s);
	mic_init(&s->mic, seed + 2, on_complete, s);
	pad_init(&s->pad, seed + 4, on_complete, s);
	port_init(&s->port, seed + 5, on_complete, s);
	s->imports = imports_new(&s->ends.end[ATTACH].pool, s->ends.end[ATTACH].session,
				 &imports_ops, s);
	s->exports = exports_new(&s->ends.end[SERVE].pool, s->ends.end[SERVE].session, &e,
				 &exports_ops, s);
	if (s->imports == NULL || s->exports == NULL)
		wrong(s, "no memory at the start");
	else if (conf->packs[SERVE])
		exports_pack(s->exports, &pack);
	if (s->imports != NULL && conf->packs[ATTACH])
		imports_pack(s->imports, &pack);
}

bool
stack_fini(struct stack *s)
{
	if (s->bridge != NULL) {
		bridge_free(s->bridge);
		kernel_fini(&s->kernel);
	}
	imports_free(s->imports);
	if (exports_end(s->exports))
		exports_free(s->exports);
	else
		wrong(s, "urbs are left with the device");
	if (s->urbs.used != 0)
		wrong(s, "buffers of urbs are left");
	if (s->wrong == NULL && !ends_fini(&s->ends))
		wrong(s, "memory is left");
	if (s->pad.wrong != NULL)
		wrong(s, s->pad.wrong);
	if (s->port.wrong != NULL)
		wrong(s, s->port.wrong);
	if (s->wrong != NULL || s->kernel.wrong != NULL)
		printf("# %s at %llu us\n", s->wrong ? s->wrong : s->kernel.wrong,
		       (unsigned long long)s->ends.now);
	return s->wrong == NULL && s->kernel.wrong == NULL;
}

bool
stack_bad(const struct stack *s)
{
	return s->wrong != NULL || s->kernel.wrong != NULL || s->pad.wrong != NULL ||
	       s->port.wrong != NULL || ends_failed(&s->ends) != ERR_OK;
}

static uint64_t
sooner(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t
turn(struct stack *s)
{
	struct arq_stats st = {0};

	if (s->ends.end[ATTACH].arq != NULL)
		arq_stats(s->ends.end[ATTACH].arq, &st);
	return bridge_turn(s->bridge, st.srtt_us);
}

void
stack_step(struct stack *s, uint64_t until)
{
	int err;

	opens(s);
	disk_run(&s->disk, s->ends.now);
	mic_run(&s->mic, s->ends.now);
	pad_run(&s->pad, s->ends.now);
	port_run(&s->port, s->ends.now);
	exports_turn(s->exports);
	until = sooner(until, sooner(disk_next(&s->disk), s->opens_at));
	until = sooner(until, sooner(mic_next(&s->mic), pad_next(&s->pad)));
	until = sooner(until, port_next(&s->port));
	if (s->bridge != NULL) {
		(void)turn(s);
		kernel_run(&s->kernel, s->ends.now);
		until = sooner(until, kernel_next(&s->kernel));
		until = sooner(until, turn(s));
	}
	(void)ends_step(&s->ends, until);
	for (int i = 0; i < 2; i++)
		if (s->ends.end[i].failed == ERR_TIMEOUT)
			ends_lose(&s->ends, i); /* the session waits for another */
	err = ends_failed(&s->ends);
	if (err != ERR_OK)
		wrong(s, err_text(err));
}

static void
wait_for(struct stack *s, bool (*what)(const struct stack *))
{
	uint64_t end = s->ends.now + PATIENCE;

	while (!what(s) && !stack_bad(s) && s->ends.now < end)
		stack_step(s, s->ends.now + 10000);
	if (!what(s))
		wrong(s, "it takes for ever");
}

static bool
is_welcome(const struct stack *s)
{
	return imports_window(s->imports) != 0;
}

static bool
is_listed(const struct stack *s)
{
	return s->list_ended;
}

static bool
is_attached(const struct stack *s)
{
	return s->bridge != NULL;
}

static bool
is_closed(const struct stack *s)
{
	return !s->open && ends_idle(&s->ends);
}

/* List, import. */
static bool
get_device(struct stack *s)
{
	s->listed = 0;
	s->list_ended = false;
	if (stack_bad(s) || imports_list(s->imports) != ERR_OK)
		return false;
	wait_for(s, is_listed);
	if (s->listed != 1)
		wrong(s, "the list has not one device");
	if (stack_bad(s) ||
	    imports_import(s->imports, disk_info.busid, 0, &user, s, &s->dev) != ERR_OK)
		return false;
	wait_for(s, is_attached);
	if (s->bridge != NULL)
		(void)turn(s);
	return !stack_bad(s);
}

bool
stack_attach(struct stack *s)
{
	struct wire_hello h = {
	    .generation = 1, .window = s->conf.ends.window, .urb_max = s->conf.urb_max};

	h.greet.major = WIRE_MAJOR;
	h.greet.caps = s->conf.reliable ? 0 : WIRE_CAPS;
	text_copy(h.greet.name, sizeof(h.greet.name), "attach");
	if (imports_hello(s->imports, &h) != ERR_OK)
		wrong(s, "no hello");
	wait_for(s, is_welcome);
	return get_device(s);
}

void
stack_part(struct stack *s)
{
	if (s->bridge == NULL)
		return;
	bridge_free(s->bridge);
	kernel_fini(&s->kernel);
	s->bridge = NULL;
	wait_for(s, is_closed);
}

bool
stack_replug(struct stack *s)
{
	s->seed++;
	s->removed = false;
	disk_init(&s->disk, s->seed + 1, on_complete, s);
	mic_init(&s->mic, s->seed + 2, on_complete, s);
	pad_init(&s->pad, s->seed + 4, on_complete, s);
	port_init(&s->port, s->seed + 5, on_complete, s);
	return get_device(s);
}

bool
stack_detach(struct stack *s)
{
	imports_release(s->imports, s->dev);
	wait_for(s, is_closed);
	return !stack_bad(s);
}

void
stack_unplug(struct stack *s)
{
	static const struct wire_refusal why = {WIRE_NO_DEVICE, "pulled out"};

	disk_unplug(&s->disk);
	s->pad.unplugged = true;
	s->port.unplugged = true;
	exports_remove(s->exports, s->wanted, &why);
}

struct stack_conf
stack_far(uint64_t delay_us, uint32_t jitter_us, uint32_t loss)
{
	struct stack_conf c = {
	    .urb_max = 256 << 10, .import_budget = 4 << 20, .export_budget = 4 << 20};

	for (int i = 0; i < 2; i++)
		c.ends.to[i] = (struct net_conf){.delay_us = delay_us,
						 .jitter_us = jitter_us,
						 .loss = loss,
						 .queue = 1 << 20};
	c.ends.arq = ends_arq;
	c.ends.window = 1 << 20;
	c.ends.budget = 16 << 20;
	return c;
}

void
stack_live(struct stack *s, const struct stack_life *l, uint64_t *dice,
	   bool (*one)(void *arg), void *arg)
{
	uint64_t end = s->ends.now + l->us;
	uint64_t relink_at = l->relink_us > 0 ? s->ends.now + l->relink_us : UINT64_MAX;
	uint64_t unplug_at = l->unplug ? s->ends.now + l->us / 2 : UINT64_MAX;

	while (s->ends.now < end && !stack_bad(s) && one(arg)) {
		stack_step(s, s->ends.now + STACK_STEP_US);
		if (s->ends.now >= relink_at) {
			ends_relink(&s->ends);
			relink_at += 1 + net_random(dice) % ((uint32_t)l->relink_us * 2);
		}
		if (s->ends.now >= unplug_at) {
			stack_unplug(s);
			unplug_at = UINT64_MAX;
		}
	}
}
