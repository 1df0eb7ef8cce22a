/* SPDX-License-Identifier: ISC */
/*
 * The file `claims`: "BUSID VID:PID DRIVERS", one device a line. It is there before
 * the drivers are taken and goes when they are back, so whoever reads it after a crash
 * knows all of them. Giving back is opening and closing: that resets the device, too.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cmd/audit.h"
#include "cmd/server.h"
#include "cmd/state.h"
#include "core/json.h"
#include "core/log.h"
#include "core/text.h"
#include "net/clock.h"

#define CLAIMS_FILE  "claims"
#define CLAIMS_LINE  (DEVINFO_BUSID + 16 + CLAIMS_DRIVERS)
#define CLAIMS_SHOWN 8 /* of one device, in the status */

static void
save(const struct server *s)
{
	char *text = NULL;
	struct list *l;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);

	if (f == NULL) {
		log_error("claims not written reason=\"out of memory\"");
		return;
	}
	LIST_EACH (&s->leases, l) {
		const struct lease *x = CONTAINER_OF(l, struct lease, link);

		if (x->state != LEASE_WAITING && x->drivers[0] != '\0')
			fprintf(f, "%s %04x:%04x %s\n", x->dev->info.busid,
				x->dev->info.vid, x->dev->info.pid, x->drivers);
	}
	if (fclose(f) != 0 || state_put(s->ctx->dir, CLAIMS_FILE, text) != ERR_OK)
		log_error("claims not written: drivers are lost if serve is killed");
	free(text);
}

void
claims_take(struct lease *x)
{
	x->asked_us = clock_us();
	if (x->part) /* what has a driver is not touched */
		return;
	usb_host_drivers(x->dev, x->drivers, sizeof(x->drivers));
	if (x->drivers[0] != '\0')
		save(x->of);
}

void
claims_why(struct lease *x, const char *why)
{
	if (x->why[0] == '\0')
		text_copy(x->why, sizeof(x->why), why);
}

static void
tell(const struct lease *x, const char *event, const char *peer, const char *why)
{
	const struct devinfo *d = &x->dev->info;
	char id[12];

	snprintf(id, sizeof(id), "%04x:%04x", d->vid, d->pid);
	audit(&(struct audit){
	    .event = event,
	    .peer = peer,
	    .id = x->user != NULL && x->user->id != NULL ? x->user->id(x->arg) : NULL,
	    .device = d->busid,
	    .vid_pid = id,
	    .serial = d->serial,
	    .why = why});
}

void
claims_opened(const struct lease *x)
{
	tell(x, "lent", x->by, NULL);
}

void
claims_denied(const struct lease *x, const char *why)
{
	tell(x, "denied", x->user->name(x->arg), why);
}

void
claims_end(struct lease *x)
{
	struct claims *c = &x->of->claims;
	struct claim_past *p = &c->past[c->n % CLAIMS_PAST];

	if (x->state == LEASE_WAITING)
		return;
	memset(p, 0, sizeof(*p));
	text_copy(p->busid, sizeof(p->busid), x->dev->info.busid);
	text_copy(p->by, sizeof(p->by), x->by);
	text_copy(p->why, sizeof(p->why), x->why[0] != '\0' ? x->why : "given back");
	p->since = x->since;
	p->until = (uint64_t)time(NULL);
	p->open_ms = x->open_ms;
	p->failed = !x->was_open;
	c->n++;
	if (x->was_open)
		tell(x, "returned", x->by, p->why);
	if (x->drivers[0] == '\0')
		return;
	x->drivers[0] = '\0';
	save(x->of);
}

/* --- after a crash --- */

static void
on_opened(void *arg, uint32_t number, const struct wire_refusal *no, struct lease *x)
{
	(void)arg;
	(void)number;
	if (x != NULL)
		lease_close(x);
	else
		log_error("drivers not given back reason=\"%s\"", no->text);
}

static void
on_nothing(void *arg, uint32_t number, struct urb *u)
{
	(void)arg;
	(void)number;
	(void)u;
}

static void
on_taken(void *arg, uint32_t number, const struct wire_refusal *no)
{
	(void)arg;
	(void)number;
	(void)no;
}

static void
on_probe(void *arg)
{
	(void)arg;
}

static uint64_t
silence_us(void *arg)
{
	(void)arg;
	return 0;
}

static const char *
name(void *arg)
{
	(void)arg;
	return "recovery";
}

static const struct lease_user user = {.opened = on_opened,
				       .complete = on_nothing,
				       .taken = on_taken,
				       .probe = on_probe,
				       .silence_us = silence_us,
				       .abandon = on_taken,
				       .name = name};

static int
recover(void *arg, unsigned number, const char *line)
{
	char busid[DEVINFO_BUSID], drivers[CLAIMS_DRIVERS];
	struct server *s = arg;
	struct usb_dev *d;
	unsigned vid, pid;

	(void)number;
	if (sscanf(line, "%31s %4x:%4x %199s", busid, &vid, &pid, drivers) != 4 ||
	    (d = usb_bus_find(&s->bus, busid)) == NULL || d->info.vid != vid ||
	    d->info.pid != pid || !usb_host_owe(d, drivers))
		return ERR_OK;
	log_warn("device %s gets its drivers back drivers=%s reason=\"the last serve did "
		 "not end in order\"",
		 busid, drivers);
	lease_take(s, d, &user, s, 0, false);
	return ERR_OK;
}

void
claims_recover(struct server *s)
{
	char *text = state_read(s->ctx->dir, CLAIMS_FILE);

	if (text != NULL && text[0] != '\0' && state_lines(text, recover, s) == ERR_OK)
		save(s);
	free(text);
}

/* --- status --- */

static void
put_past(const struct claim_past *p, struct json *j)
{
	json_open(j, NULL);
	json_str(j, "by", p->by);
	json_u64(j, "since", p->since);
	json_u64(j, "until", p->until);
	json_u64(j, "open_ms", p->open_ms);
	json_bool(j, "failed", p->failed);
	json_str(j, "reason", p->why);
	json_close(j);
}

static void
put_now(const struct server *s, const struct usb_dev *d, struct json *j)
{
	struct list *l;

	LIST_EACH (&s->leases, l) {
		const struct lease *x = CONTAINER_OF(l, struct lease, link);

		if (x->dev != d || !x->was_open)
			continue;
		json_open(j, "claimed");
		json_u64(j, "open_ms", x->open_ms);
		json_str(j, "drivers", x->drivers);
		json_close(j);
	}
}

void
claims_put(const struct server *s, const struct usb_dev *d, struct json *j)
{
	const struct claims *c = &s->claims;
	unsigned kept = c->n < CLAIMS_PAST ? c->n : CLAIMS_PAST, shown = 0;

	put_now(s, d, j);
	for (unsigned i = 1; i <= kept && shown < CLAIMS_SHOWN; i++) {
		const struct claim_past *p = &c->past[(c->n - i) % CLAIMS_PAST];

		if (strcmp(p->busid, d->info.busid) != 0)
			continue;
		if (shown++ == 0)
			json_array(j, "claims");
		put_past(p, j);
	}
	if (shown > 0)
		json_end(j);
}
