/* SPDX-License-Identifier: ISC */
/*
 * bench of a device, without vhci: its descriptors, and how many requests a
 * second it answers.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/bencher.h"
#include "core/desc.h"
#include "core/pattern.h"
#include "net/clock.h"

#define URBS_US    1000000
#define URBS_DEPTH 8

void
bench_find(struct bencher *b)
{
	int err = imports_list(remote_imports(b->remote));

	b->finding = true;
	b->asked_us = clock_us();
	if (err != ERR_OK)
		bench_stop(b, err, err_text(err));
}

void
bench_on_device(void *arg, const struct wire_device *d)
{
	struct bencher *b = arg;

	if (!b->finding)
		return; /* the list has changed meanwhile */
	if (d != NULL) {
		if (pattern_names(b->device, &d->info) || /* goes before text */
		    (!b->found && pattern_match(b->device, &d->info))) {
			b->found = true;
			b->info = d->info;
		}
		return;
	}
	b->finding = false;
	if (b->found)
		bench_next(b);
	else
		bench_stop(b, ERR_NODEV, "the server shares no such device with you");
}

static void
on_imported(void *arg, int err, const struct wire_imported *i)
{
	struct bencher *b = arg;

	if (err != ERR_OK) {
		bench_stop(b, err, i->no.text);
		return;
	}
	b->info = i->info;
	if ((b->raw = malloc(i->raw_len)) == NULL) {
		bench_stop(b, ERR_NOMEM, err_text(ERR_NOMEM));
		return;
	}
	memcpy(b->raw, i->raw, i->raw_len);
	b->raw_len = i->raw_len;
	bench_next(b);
}

static void
more_urbs(struct bencher *b)
{
	static const struct import_request device_descriptor = {
	    .ep = 0x80,
	    .type = URB_CONTROL,
	    .len = 18,
	    .setup = {0x80, 6, 0, 1, 0, 0, 18, 0}};

	while (b->inflight < URBS_DEPTH && clock_us() < b->phase_end && !b->done) {
		b->inflight++;
		if (bench_request(b, &device_descriptor) != ERR_OK)
			return;
	}
	if (b->inflight > 0 || b->done)
		return;
	b->urb_s = b->urbs * 1000000 / (clock_us() - b->phase_start);
	b->phase_end = 0;
	bench_next(b);
}

static int
on_reply(void *arg, uint8_t ep, uint64_t tag, const struct import_reply *r,
	 const struct session_msg *m)
{
	struct bencher *b = arg;
	uint8_t d[18];

	(void)tag;
	if ((ep & 15) != 0)
		return bench_disk_reply(b, ep, r, m);
	b->inflight--;
	if (r->status != 0 || r->actual != sizeof(d) || m == NULL) {
		bench_stop(b, ERR_IO, "the device does not give its descriptor");
		return ERR_OK;
	}
	imports_data(m, d, sizeof(d));
	if (memcmp(d, b->raw, sizeof(d)) != 0) {
		bench_stop(b, ERR_IO, "the device's descriptor is another than it was");
		return ERR_OK;
	}
	if (b->urbs++ == 0)
		b->first_us = clock_us() - b->asked_us;
	more_urbs(b);
	return ERR_OK;
}

static void
on_removed(void *arg, const struct wire_refusal *why)
{
	struct bencher *b = arg;

	b->dev = 0;
	bench_stop(b, ERR_GONE, why->text);
}

static const struct imports_user user = {on_imported, on_reply, on_removed, NULL, NULL};

void
bench_import(struct bencher *b)
{
	int err = imports_import(remote_imports(b->remote), b->info.busid, 0, &user, b,
				 &b->dev);

	if (err != ERR_OK)
		bench_stop(b, err, err_text(err));
}

int
bench_request(struct bencher *b, const struct import_request *q)
{
	uint64_t tag;
	int err = imports_submit(remote_imports(b->remote), b->dev, q, &tag);

	if (err != ERR_OK)
		bench_stop(b, err, err_text(err));
	return err;
}

void
bench_urbs(struct bencher *b)
{
	b->phase_start = clock_us();
	b->phase_end = b->phase_start + URBS_US;
	more_urbs(b);
}

void
bench_show_descriptors(const struct bencher *b)
{
	static const char *const type[] = {"control", "isochronous", "bulk", "interrupt"};
	struct desc d;

	printf("device %s: %04x:%04x %s %s (%s)\n", b->info.busid, b->info.vid,
	       b->info.pid, b->info.manufacturer, b->info.product, b->info.serial);
	if (desc_parse(&d, b->raw, b->raw_len, b->info.config) != ERR_OK)
		return;
	for (unsigned i = 0; i < d.eps; i++)
		printf(
		    "  configuration %u interface %u.%u: endpoint %u %s, %s, %u bytes\n",
		    d.ep[i].config, d.ep[i].iface, d.ep[i].alt, d.ep[i].addr & 15u,
		    d.ep[i].addr & 0x80 ? "IN" : "OUT", type[d.ep[i].type & 3],
		    d.ep[i].packet & 0x7ffu);
}
