/* SPDX-License-Identifier: ISC */
/*
 * isoread BUS DEVICE INTERFACE ALTERNATE ENDPOINT SIZE URBS PACKETS SECONDS
 *
 * A stream of isochronous packets through libusb, as a camera or a sound program
 * has one: URBS transfers of PACKETS packets of SIZE bytes are in flight all the
 * time. Its packets are those of the device `loop` (usbp2p-serve(1)): from an IN
 * endpoint each is checked, to an OUT endpoint each is made so. Afterwards one line
 * tells what there was, with the device's own counters if it has any. Ends with 1
 * when a packet was lost or wrong; but not for those that are lost before all the
 * transfers have reached the device, the first of which starts its clock.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <libusb-1.0/libusb.h>

#define HEAD     4 /* bytes of the number */
#define MOD      63
#define PACKET   4096
#define COUNTERS 8
#define LIMIT_MS 5000 /* without a packet */

struct stream {
	int interface, alternate, endpoint, size, urbs, packets, seconds;
	libusb_device_handle *dev;
	uint8_t pattern[PACKET];
	uint64_t begun, ended, heard, longest; /* ms */
	int out;                               /* transfers in flight */
	int over;
	uint32_t next; /* number */
	uint64_t n, gaps, lost, errors, wrong, failed;
	uint64_t at_first; /* lost before all transfers were there */
};

static uint64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void
must(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "isoread: %s\n", what);
	exit(2);
}

static void
put_number(uint8_t *p, uint32_t n)
{
	for (int i = 0; i < HEAD; i++)
		p[i] = (uint8_t)(n >> (8 * i));
}

static uint32_t
number(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void
check(struct stream *s, const uint8_t *p)
{
	uint32_t n = number(p);

	if (s->n <= (uint64_t)s->urbs * (uint64_t)s->packets)
		s->at_first += n - s->next;
	else if (n != s->next) {
		s->gaps++;
		s->lost += n - s->next;
		fprintf(stderr, "isoread: packet %u came for %u after %llu ms\n", n,
			s->next, (unsigned long long)(now_ms() - s->begun));
	}
	s->next = n + 1;
	s->wrong += memcmp(p + HEAD, s->pattern + HEAD, (size_t)s->size - HEAD) != 0;
}

static void
take(struct stream *s, struct libusb_transfer *t)
{
	for (int i = 0; i < t->num_iso_packets; i++) {
		const struct libusb_iso_packet_descriptor *d = &t->iso_packet_desc[i];

		s->n++;
		if (d->status != LIBUSB_TRANSFER_COMPLETED ||
		    d->actual_length != (unsigned)s->size) {
			if (s->errors++ == 0)
				fprintf(stderr,
					"isoread: packet %d: status %d, %u bytes\n", i,
					d->status, d->actual_length);
		} else if (s->endpoint & 0x80)
			check(s, t->buffer + (size_t)i * (size_t)s->size);
	}
}

static void
submit(struct stream *s, struct libusb_transfer *t)
{
	for (int i = 0; i < s->packets && (s->endpoint & 0x80) == 0; i++) {
		uint8_t *p = t->buffer + (size_t)i * (size_t)s->size;

		memcpy(p, s->pattern, (size_t)s->size);
		put_number(p, s->next++);
	}
	if (libusb_submit_transfer(t) == 0)
		s->out++;
	else
		s->failed++;
}

static void LIBUSB_CALL
on_transfer(struct libusb_transfer *t)
{
	struct stream *s = t->user_data;
	uint64_t now = now_ms();

	s->out--;
	if (now - s->heard > s->longest)
		s->longest = now - s->heard;
	s->heard = now;
	if (t->status != LIBUSB_TRANSFER_COMPLETED) {
		fprintf(stderr, "isoread: a transfer ended with %d\n", t->status);
		s->failed++;
		s->over = 1;
		return;
	}
	take(s, t);
	if (!s->over)
		submit(s, t);
}

static void
run(struct stream *s)
{
	struct timeval turn = {.tv_usec = 100000};

	for (int i = 0; i < s->urbs; i++) {
		struct libusb_transfer *t = libusb_alloc_transfer(s->packets);
		int len = s->packets * s->size;
		uint8_t *buf = malloc((size_t)len);

		must(t != NULL && buf != NULL, "out of memory");
		libusb_fill_iso_transfer(t, s->dev, (uint8_t)s->endpoint, buf, len,
					 s->packets, on_transfer, s, 0);
		libusb_set_iso_packet_lengths(t, (unsigned)s->size);
		submit(s, t);
	}
	while (s->out > 0 && now_ms() - s->heard < LIMIT_MS) {
		libusb_handle_events_timeout(NULL, &turn);
		s->over |= now_ms() - s->begun >= (uint64_t)s->seconds * 1000;
	}
	s->ended = now_ms();
}

/* 0: they are what they should be, or there are none. */
static int
counters(struct stream *s)
{
	uint8_t b[COUNTERS * 8];
	uint64_t c[COUNTERS] = {0};
	int r = libusb_control_transfer(s->dev, 0xc0, 1, 0, 0, b, sizeof(b), 5000);

	if (r != (int)sizeof(b))
		return 0;
	for (int i = 0; i < COUNTERS * 8; i++)
		c[i / 8] |= (uint64_t)b[i] << (i % 8 * 8);
	printf(" device_packets=%llu device_wrong=%llu in_lost=%llu out_lost=%llu",
	       (unsigned long long)c[3], (unsigned long long)c[5],
	       (unsigned long long)c[6], (unsigned long long)c[7]);
	return s->endpoint & 0x80 ? c[6] != s->at_first : c[3] != s->n || c[5] != 0;
}

static libusb_device_handle *
open_dev(int bus, int address)
{
	libusb_device_handle *h = NULL;
	libusb_device **all;
	ssize_t n = libusb_get_device_list(NULL, &all);

	for (ssize_t i = 0; i < n; i++)
		if (libusb_get_bus_number(all[i]) == bus &&
		    libusb_get_device_address(all[i]) == address)
			must(libusb_open(all[i], &h) == 0, "cannot open the device");
	return h;
}

static void
begin(struct stream *s, int bus, int address)
{
	must(libusb_init(NULL) == 0, "no libusb");
	s->dev = open_dev(bus, address);
	must(s->dev != NULL, "no such device");
	libusb_set_auto_detach_kernel_driver(s->dev, 1);
	must(libusb_claim_interface(s->dev, s->interface) == 0, "cannot claim");
	must(libusb_set_interface_alt_setting(s->dev, s->interface, s->alternate) == 0,
	     "no such alternate setting");
	libusb_control_transfer(s->dev, 0x40, 2, 0, 0, NULL, 0, 5000); /* counters */
	for (int i = 0; i < PACKET; i++)
		s->pattern[i] = (uint8_t)(i % MOD);
	s->begun = s->heard = now_ms();
}

int
main(int argc, char **argv)
{
	struct stream s = {0};
	int bus, address, bad,
	    *arg[] = {&bus,    &address, &s.interface, &s.alternate, &s.endpoint,
		      &s.size, &s.urbs,  &s.packets,   &s.seconds};

	must(argc == 10, "nine numbers; see the source");
	for (int i = 0; i < 9; i++)
		*arg[i] = (int)strtol(argv[i + 1], NULL, 0);
	must(s.size >= HEAD && s.size <= PACKET && s.packets > 0 && s.urbs > 0,
	     "numbers");
	begin(&s, bus, address);
	run(&s);
	printf("packets=%llu ms=%llu gaps=%llu lost=%llu errors=%llu wrong=%llu "
	       "failed=%llu at_first=%llu longest_ms=%llu",
	       (unsigned long long)s.n, (unsigned long long)(s.ended - s.begun),
	       (unsigned long long)s.gaps, (unsigned long long)s.lost,
	       (unsigned long long)s.errors, (unsigned long long)s.wrong,
	       (unsigned long long)s.failed, (unsigned long long)s.at_first,
	       (unsigned long long)s.longest);
	bad = counters(&s);
	printf("\n");
	if (s.n < (uint64_t)s.seconds * 500) {
		printf("too few packets\n");
		bad = 1;
	}
	libusb_release_interface(s.dev, s.interface); /* its driver comes back */
	libusb_close(s.dev);
	return bad || s.gaps || s.errors || s.wrong || s.failed || s.out > 0;
}
