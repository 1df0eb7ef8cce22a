/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: usb core */
/* clang-format on */
/*
 * A virtual disk driven as a host drives it: wrappers, data and jobs as urbs.
 * fdatasync is ours here, so that it can be counted and can fail, and pread, so
 * that it can take as long as the test wants.
 */
#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <event2/event.h>

#include "core/cur.h"
#include "core/usbip.h"
#include "test/test.h"
#include "usb/bus.h"
#include "usb/virtual.h"

#define BLOCKS 4096
#define BYTES  (BLOCKS * 512)
#define IN     0x81
#define OUT    0x02
#define PIECES 64

static char dir[64], path[96];
static uint8_t image[BYTES];
static struct event_base *base;
static struct usb_bus bus;
static struct usb_dev *dev, *arrived;
static atomic_int syncs;
static atomic_bool syncs_fail;
static bool calling, opened, closed, gone;
static int open_err, completions, left;

int
fdatasync(int fd)
{
	(void)fd;
	syncs++;
	errno = EIO;
	return syncs_fail ? -1 : 0;
}

static atomic_bool slow; /* each pread posts `reading`, then waits for `go` */
static sem_t reading, go;

ssize_t
pread(int fd, void *buf, size_t n, off_t at)
{
	if (slow) {
		sem_post(&reading);
		sem_wait(&go);
	}
	return syscall(SYS_pread64, fd, buf, n, at);
}

struct req {
	struct urb u;
	bool done;
	int order; /* which completion it was */
};

static void
on_opened(void *arg, int err, const char *why)
{
	(void)arg;
	CHECK(!calling && (err == ERR_OK || why[0] != '\0'));
	open_err = err;
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
	r->order = ++completions;
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
	arrived = d;
}

static void
on_left(void *arg, struct usb_dev *d)
{
	(void)arg;
	(void)d;
	left++;
}

static const struct usb_bus_ops bus_ops = {on_arrived, on_left};

static void
wait_for(const bool *done)
{
	alarm(30);
	while (!*done)
		event_base_loop(base, EVLOOP_ONCE);
	alarm(0);
}

static void
write_image(void)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	for (size_t i = 0; i < sizeof(image); i++)
		image[i] = (uint8_t)(i / 512 * 7 + i);
	CHECK_EQ(write(fd, image, sizeof(image)), sizeof(image));
	CHECK_EQ(write(fd, "rest", 4), 4);
	close(fd);
}

static bool
file_is(const uint8_t *want)
{
	static uint8_t now[BYTES];
	int fd = open(path, O_RDONLY);
	bool same = read(fd, now, sizeof(now)) == sizeof(now) &&
		    memcmp(now, want, sizeof(now)) == 0;

	close(fd);
	return same;
}

static void
open_it(void)
{
	opened = closed = false;
	calling = true;
	CHECK_EQ(usb_dev_open(dev, &user, NULL), ERR_OK);
	calling = false;
	wait_for(&opened);
	CHECK_EQ(open_err, ERR_OK);
}

static void
close_it(void)
{
	calling = true;
	usb_dev_close(dev);
	calling = false;
	wait_for(&closed);
	CHECK(usb_bus_quiet(&bus));
}

static void
make_bus(void)
{
	snprintf(path, sizeof(path), "%s/demo \xf0\x9f\x92\xbe.img", dir);
	write_image();
	base = event_base_new();
	usb_bus_init(&bus, base, &bus_ops, NULL);
	syncs = 0;
	syncs_fail = false;
	completions = left = 0;
	gone = false;
}

static void
set_up(const char *options)
{
	char spec[128], why[128] = "";

	make_bus();
	snprintf(spec, sizeof(spec), "%s%s", path, options);
	CHECK_EQ(usb_disk_add(&bus, spec, why, sizeof(why)), ERR_OK);
	if (why[0] != '\0')
		printf("# %s\n", why);
	dev = usb_bus_find(&bus, "v-1");
	CHECK(dev != NULL && dev == arrived);
	open_it();
}

static void
drop_bus(void)
{
	usb_bus_fini(&bus);
	event_base_free(base);
	CHECK_EQ(unlink(path), 0);
}

static void
tear_down(void)
{
	close_it();
	drop_bus();
}

static void
submit(struct req *r, uint8_t ep, void *buf, uint32_t len)
{
	*r = (struct req){.u = {.type = (ep & 0x7f) ? URB_BULK : URB_CONTROL,
				.ep = ep,
				.buf = buf,
				.len = len}};
	calling = true;
	CHECK_EQ(usb_dev_submit(dev, &r->u), ERR_OK);
	calling = false;
}

static int
bulk(uint8_t ep, void *buf, uint32_t len, uint32_t *actual)
{
	struct req r;

	submit(&r, ep, buf, len);
	wait_for(&r.done);
	*actual = r.u.actual;
	return r.u.status;
}

static int
control(enum urb_job job, uint64_t setup, void *buf, uint32_t len, uint32_t *actual)
{
	struct req r = {.u = {.type = URB_CONTROL, .job = job, .buf = buf, .len = len}};

	for (int i = 0; i < 8; i++) /* as one reads it: type, request, ... */
		r.u.setup[i] = (uint8_t)(setup >> (56 - 8 * i));
	r.u.ep = r.u.setup[0] & 0x80;
	calling = true;
	CHECK_EQ(usb_dev_submit(dev, &r.u), ERR_OK);
	calling = false;
	wait_for(&r.done);
	*actual = r.u.actual;
	return r.u.status;
}

static void
clear_halt(uint8_t ep)
{
	uint32_t n;

	CHECK_EQ(control(URB_JOB_CLEAR_HALT, 0x0201000000000000 | (uint64_t)ep << 24,
			 NULL, 0, &n),
		 0);
}

/* Reset Recovery, Bulk-Only Transport 5.3.4 */
static void
recover(void)
{
	uint32_t n;

	CHECK_EQ(control(URB_JOB_NONE, 0x21ff000000000000, NULL, 0, &n), 0);
	clear_halt(IN);
	clear_halt(OUT);
}

static void
make_cbw(uint8_t p[31], const uint8_t cdb[16], uint8_t ep, uint32_t len)
{
	struct wr w;

	wr_init(&w, p, 31);
	wr_le32(&w, 0x43425355);
	wr_le32(&w, 77);
	wr_le32(&w, len);
	wr_u8(&w, ep & 0x80);
	wr_u8(&w, 0);
	wr_u8(&w, 16);
	wr_bytes(&w, cdb, 16);
}

/* One command as a host does it, its data in pieces that are all queued at once. */
struct outcome {
	int status; /* bCSWStatus, -1: no good wrapper */
	uint32_t residue, moved;
	bool stalled, data_stalled; /* at all; seen by an urb for data */
};

static void
take_csw(struct outcome *o)
{
	uint8_t csw[64];
	uint32_t n;
	struct rd r;
	int s = bulk(IN, csw, 13, &n);

	if (s == -LINUX_EPIPE) {
		o->stalled = true;
		clear_halt(IN);
		s = bulk(IN, csw, 13, &n);
	}
	rd_init(&r, csw, n);
	o->status = s == 0 && n == 13 && rd_le32(&r) == 0x53425355 && rd_le32(&r) == 77
			? csw[12]
			: -1;
	o->residue = rd_le32(&r);
}

static struct outcome
command(const uint8_t cdb[16], uint8_t ep, void *data, uint32_t len, uint32_t piece)
{
	static struct req r[PIECES];
	struct outcome o = {.status = -1};
	uint8_t cbw[31];
	uint32_t n, k = 0;
	int last = 0;

	make_cbw(cbw, cdb, ep, len);
	CHECK(bulk(OUT, cbw, 31, &n) == 0 && n == 31);
	for (uint32_t at = 0; at < len; at += piece, k++)
		submit(&r[k], ep, (uint8_t *)data + at,
		       len - at < piece ? len - at : piece);
	for (uint32_t i = 0; i < k; i++) {
		wait_for(&r[i].done);
		CHECK(r[i].order > last); /* in the order of submission */
		last = r[i].order;
		o.moved += r[i].u.actual;
		if (r[i].u.status == -LINUX_EPIPE && ep == IN)
			o.stalled = o.data_stalled = true;
		else
			CHECK_EQ(r[i].u.status, 0);
	}
	take_csw(&o);
	return o;
}

#define CDB(...) ((const uint8_t[16]){__VA_ARGS__})

static bool
good(struct outcome o)
{
	return o.status == 0 && o.residue == 0 && !o.stalled;
}

/* Past the unit attention of the start */
static void
wake(void)
{
	CHECK_EQ(command(CDB(0x00), IN, NULL, 0, 1).status, 1);
	CHECK(good(command(CDB(0x00), IN, NULL, 0, 1)));
}

static unsigned
sense(void)
{
	uint8_t s[18] = {0};

	CHECK(good(command(CDB(0x03, 0, 0, 0, 18), IN, s, 18, 18)));
	return (unsigned)s[2] << 16 | (unsigned)s[12] << 8 | s[13];
}

static void
transfer(bool write, uint32_t lba, void *data, uint32_t blocks, uint32_t piece,
	 uint8_t flags)
{
	struct outcome o =
	    command(CDB(write ? 0x2a : 0x28, flags, 0, 0, (uint8_t)(lba >> 8),
			(uint8_t)lba, 0, (uint8_t)(blocks >> 8), (uint8_t)blocks),
		    write ? OUT : IN, data, blocks * 512, piece);

	CHECK(good(o));
	CHECK_EQ(o.moved, blocks * 512);
}

static const uint32_t pieces[] = {512, 1024, 4096, 61440, 122880, 1 << 20};

static void
reads_in_any_pieces(void)
{
	static uint8_t back[240 * 512];

	set_up("");
	wake();
	for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
		uint32_t blocks = 240;

		while (blocks * 512 / pieces[i] > PIECES)
			blocks /= 2;
		memset(back, 0, sizeof(back));
		transfer(false, 99, back, blocks, pieces[i], 0);
		CHECK(memcmp(back, image + 99 * 512, blocks * 512) == 0);
	}
	tear_down();
}

static void
reads_all_in_one_urb(void)
{
	static uint8_t back[BYTES];

	set_up(",ro");
	wake();
	transfer(false, 0, back, BLOCKS, BYTES, 0); /* two jobs */
	CHECK(memcmp(back, image, BYTES) == 0);
	tear_down();
}

static void
writes_in_any_pieces(void)
{
	static uint8_t data[240 * 512], want[BYTES];

	set_up("");
	wake();
	memcpy(want, image, BYTES);
	for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
		uint32_t blocks = 240;

		while (blocks * 512 / pieces[i] > PIECES)
			blocks /= 2;
		memset(data, 'A' + (int)i, sizeof(data));
		memset(want + i * 300 * 512, 'A' + (int)i, blocks * 512);
		transfer(true, (uint32_t)i * 300, data, blocks, pieces[i], 0);
		CHECK(file_is(want));
	}
	tear_down();
}

/* A driver may queue data and status before the command went out. */
static void
urbs_wait_for_their_data(void)
{
	static uint8_t a[1024], b[3072], csw[13];
	struct req ra, rb, rc;
	uint8_t cbw[31];
	uint32_t n;

	set_up("");
	wake();
	submit(&ra, IN, a, sizeof(a));
	submit(&rb, IN, b, sizeof(b));
	submit(&rc, IN, csw, sizeof(csw));
	event_base_loop(base, EVLOOP_NONBLOCK);
	CHECK(!ra.done);
	make_cbw(cbw, CDB(0x28, [8] = 8), IN, 4096);
	CHECK_EQ(bulk(OUT, cbw, 31, &n), 0);
	wait_for(&rc.done);
	CHECK(ra.done && rb.done && ra.order < rb.order && rb.order < rc.order);
	CHECK(memcmp(a, image, 1024) == 0 && memcmp(b, image + 1024, 3072) == 0);
	CHECK(rc.u.actual == 13 && csw[0] == 'U' && csw[12] == 0);
	tear_down();
}

static void
short_data(void)
{
	uint8_t buf[1024], cbw[31];
	struct outcome o = {0};
	struct req r;
	uint32_t n;

	set_up("");
	make_cbw(cbw, CDB(0x12, [4] = 255), IN, 255);
	CHECK_EQ(bulk(OUT, cbw, 31, &n), 0);
	CHECK_EQ(bulk(IN, buf, sizeof(buf), &n), 0); /* ends with a short packet */
	CHECK_EQ(n, 36);
	take_csw(&o); /* which the halt of 6.7.2 precedes */
	CHECK(o.stalled && o.status == 0 && o.residue == 255 - 36);

	make_cbw(cbw, CDB(0x12, [4] = 36), IN, 36);
	CHECK_EQ(bulk(OUT, cbw, 31, &n), 0);
	submit(&r, IN, buf, 64);
	r.u.flags = URB_SHORT_NOT_OK;
	wait_for(&r.done);
	CHECK_EQ(r.u.status, -LINUX_EREMOTEIO);
	CHECK_EQ(r.u.actual, 36);
	o.stalled = false;
	take_csw(&o);
	CHECK(good(o));

	make_cbw(cbw, CDB(0x12, [4] = 36), IN, 36); /* a packet that does not fit */
	CHECK_EQ(bulk(OUT, cbw, 31, &n), 0);
	CHECK_EQ(bulk(IN, buf, 30, &n), -LINUX_EOVERFLOW);
	CHECK_EQ(bulk(IN, buf, 12, &n), -LINUX_EOVERFLOW); /* nor does its CSW */
	CHECK(command(CDB(0x00), IN, NULL, 0, 1).status == 1);
	tear_down();
}

static void
zero_packets(void)
{
	static uint8_t data[1024];
	struct outcome o = {0};
	uint8_t cbw[31];
	uint32_t n;

	set_up("");
	wake();
	CHECK_EQ(bulk(OUT, NULL, 0, &n), 0); /* behind data that were all: ignored */
	transfer(true, 0, data, 2, 1024, 0);
	make_cbw(cbw, CDB(0x2a, [8] = 2), OUT, 1024);
	CHECK_EQ(bulk(OUT, cbw, 31, &n), 0);
	CHECK_EQ(bulk(OUT, data, 512, &n), 0);
	CHECK_EQ(bulk(OUT, data, 0, &n), 0); /* before that: the host gives up */
	take_csw(&o);
	CHECK(o.status == 1 && o.residue == 512 && !o.stalled);
	CHECK_EQ(sense(), 0x0b4b00);
	make_cbw(cbw, CDB(0x2a, [8] = 2), OUT, 1024);
	CHECK_EQ(bulk(OUT, cbw, 31, &n), 0);
	CHECK(bulk(OUT, data, 700, &n) == 0 && n == 700); /* a short packet, too */
	take_csw(&o);
	CHECK(o.status == 1 && o.residue == 512);
	tear_down();
}

/* More data than announced are the next command, which they are not. */
static void
too_much_data(void)
{
	static uint8_t data[2048];
	struct outcome o = {0};
	struct req r;
	uint8_t cbw[31];
	uint32_t n;

	set_up("");
	wake();
	make_cbw(cbw, CDB(0x2a, [8] = 2), OUT, 1024);
	CHECK_EQ(bulk(OUT, cbw, 31, &n), 0);
	submit(&r, OUT, data, 2048);
	take_csw(&o);
	CHECK(good(o));
	wait_for(&r.done);
	CHECK_EQ(r.u.status, -LINUX_EPIPE);
	CHECK_EQ(r.u.actual, 1024);
	tear_down();
}

static void
bad_wrapper_needs_recovery(void)
{
	uint8_t buf[512] = {0};
	uint32_t n;

	set_up("");
	wake();
	CHECK_EQ(bulk(OUT, buf, 31, &n), -LINUX_EPIPE);
	CHECK_EQ(bulk(IN, buf, 13, &n), -LINUX_EPIPE);
	clear_halt(IN);
	clear_halt(OUT);
	CHECK_EQ(bulk(OUT, buf, 31, &n), -LINUX_EPIPE);
	CHECK_EQ(bulk(IN, buf, 13, &n), -LINUX_EPIPE);
	CHECK_EQ(control(URB_JOB_NONE, 0x8200000081000200, buf, 2, &n), 0);
	CHECK(n == 2 && buf[0] == 1); /* GET_STATUS: halted */
	CHECK_EQ(control(URB_JOB_NONE, 0x21ff000000000000, NULL, 0, &n), 0);
	CHECK_EQ(bulk(OUT, buf, 31, &n), -LINUX_EPIPE);
	clear_halt(IN);
	clear_halt(OUT);
	CHECK_EQ(control(URB_JOB_NONE, 0x8200000081000200, buf, 2, &n), 0);
	CHECK(n == 2 && buf[0] == 0);
	CHECK(good(command(CDB(0x00), IN, NULL, 0, 1)));
	tear_down();
}

static void
read_only(void)
{
	static uint8_t data[4096];
	struct outcome o;

	set_up(",ro");
	wake();
	o = command(CDB(0x2a, [8] = 8), OUT, data, 4096, 512);
	CHECK(o.status == 1 && o.residue == 4096 && o.moved == 4096);
	CHECK_EQ(sense(), 0x072700);
	o = command(CDB(0x1a, 0, 0x3f, 0, 4), IN, data, 4, 4);
	CHECK(good(o) && data[2] == 0x80);
	CHECK(file_is(image));
	tear_down();
}

static void
refused_reads_stall(void)
{
	static uint8_t data[4096];
	struct outcome o;

	set_up("");
	wake();
	o = command(CDB(0x28, 0, 0, 1, [8] = 8), IN, data, 4096, 1024);
	CHECK(o.status == 1 && o.stalled && o.moved == 0 && o.residue == 4096);
	CHECK_EQ(sense(), 0x052100);
	o = command(CDB(0x28, [8] = 8), OUT, data, 4096, 4096); /* case 10 */
	CHECK(o.status == 2 && o.residue == 4096);
	tear_down();
}

/* Somebody cuts the file: what is not there is an error, at the right block. */
static void
cut_file(void)
{
	static uint8_t data[8192];
	struct outcome o;

	set_up("");
	wake();
	CHECK_EQ(truncate(path, 5 * 512 + 100), 0);
	o = command(CDB(0x28, [8] = 16), IN, data, 8192, 8192);
	CHECK(o.status == 1 && o.data_stalled);
	CHECK(o.moved == 5 * 512 && o.residue == 11 * 512);
	CHECK(memcmp(data, image, 5 * 512) == 0);
	CHECK(good(command(CDB(0x03, [4] = 18), IN, data, 18, 18)));
	CHECK(memcmp(data, "\xf0\0\3\0\0\0\5\x0a\0\0\0\0\x11", 13) == 0);
	o = command(CDB(0x2f, [8] = 16), IN, NULL, 0, 1); /* VERIFY finds it too */
	CHECK_EQ(o.status, 1);
	CHECK_EQ(sense(), 0x031100);
	CHECK(good(command(CDB(0x2f, [8] = 5), IN, NULL, 0, 1)));
	tear_down();
}

static void
file_that_cannot_grow(void)
{
	static uint8_t data[8192];
	struct rlimit old, small;
	struct outcome o;

	set_up("");
	wake();
	CHECK_EQ(getrlimit(RLIMIT_FSIZE, &old), 0);
	small = old;
	small.rlim_cur = 4 * 512;
	signal(SIGXFSZ, SIG_IGN);
	CHECK_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
	o = command(CDB(0x2a, [8] = 16), OUT, data, 8192, 2048);
	CHECK_EQ(setrlimit(RLIMIT_FSIZE, &old), 0);
	CHECK(o.status == 1 && o.moved == 8192 && o.residue == 12 * 512);
	CHECK_EQ(sense(), 0x030c00);
	tear_down();
}

static void
flushing(void)
{
	static uint8_t data[1024];
	struct outcome o;

	set_up("");
	wake();
	transfer(true, 0, data, 2, 1024, 0);
	CHECK_EQ(syncs, 0);
	CHECK(good(command(CDB(0x35), IN, NULL, 0, 1)));
	CHECK_EQ(syncs, 1);
	transfer(true, 0, data, 2, 1024, 8); /* FUA */
	CHECK_EQ(syncs, 2);
	transfer(false, 0, data, 2, 1024, 8); /* is on the medium already */
	CHECK_EQ(syncs, 2);
	transfer(true, 0, data, 2, 1024, 0);
	transfer(false, 0, data, 2, 1024, 8);
	CHECK_EQ(syncs, 3);
	syncs_fail = true;
	o = command(CDB(0x35), IN, NULL, 0, 1);
	CHECK_EQ(o.status, 1);
	CHECK_EQ(sense(), 0x030c00);
	o = command(CDB(0x2a, 8, [8] = 2), OUT, data, 1024, 1024);
	CHECK_EQ(o.status, 1);
	syncs_fail = false;
	CHECK_EQ(syncs, 5);
	close_it(); /* dirty still */
	CHECK_EQ(syncs, 6);
	open_it();
	close_it();
	CHECK_EQ(syncs, 6);
	open_it();
	wake();
	transfer(true, 0, data, 2, 1024, 0);
	syncs_fail = true;
	close_it(); /* tries once */
	CHECK_EQ(syncs, 7);
	drop_bus();
}

static void
cancelling(void)
{
	static uint8_t a[1024];
	struct req ra, rb;

	set_up("");
	wake();
	submit(&ra, IN, a, sizeof(a));
	submit(&rb, IN, a, sizeof(a));
	usb_dev_cancel(dev, &ra.u);
	usb_dev_cancel(dev, &ra.u);
	CHECK(!ra.done);
	wait_for(&ra.done);
	CHECK(ra.u.status == -LINUX_ECONNRESET && ra.u.actual == 0 && !rb.done);
	usb_dev_cancel(dev, &rb.u);
	wait_for(&rb.done);
	tear_down();
}

static void
start_slow_read(struct req *cbw_req, struct req *r, uint8_t cbw[31], uint8_t *data)
{
	make_cbw(cbw, CDB(0x28, [7] = 16, [8] = 0), IN, BYTES);
	slow = true;
	submit(cbw_req, OUT, cbw, 31);
	submit(r, IN, data, BYTES); /* two jobs */
	wait_for(&cbw_req->done);
	event_base_loop(base, EVLOOP_NONBLOCK);
	sem_wait(&reading);
}

static void
let_it_read(void)
{
	slow = false;
	sem_post(&go);
}

/* The thread writes to the buffer: whatever happens, the urb stays until it ended. */
static void
pinned_urbs(void)
{
	static uint8_t data[BYTES], cbw[31], csw[13];
	struct req c, r, s, t;

	set_up("");
	wake();
	start_slow_read(&c, &r, cbw, data);
	submit(&s, IN, csw, 13);
	usb_dev_cancel(dev, &r.u);
	usb_dev_cancel(dev, &s.u);
	submit(&t, 0, NULL, 0);
	memcpy(t.u.setup, "\2\3\0\0\x81\0\0", 8); /* halt bulk IN */
	wait_for(&t.done);
	CHECK(t.u.status == 0 && !r.done);
	submit(&t, 0, NULL, 0);
	memcpy(t.u.setup, "\x21\xff\0\0\0\0\0", 8); /* reset: waits, too */
	event_base_loop(base, EVLOOP_NONBLOCK);
	CHECK(s.done && s.u.status == -LINUX_ECONNRESET);
	CHECK(!r.done && !t.done);
	let_it_read();
	wait_for(&r.done);
	CHECK(r.u.status == -LINUX_ECONNRESET && r.u.actual == 1 << 20);
	CHECK(memcmp(data, image, 1 << 20) == 0);
	wait_for(&t.done);
	recover();
	CHECK(good(command(CDB(0x00), IN, NULL, 0, 1)));

	start_slow_read(&c, &r, cbw, data);
	usb_dev_close(dev);
	event_base_loop(base, EVLOOP_NONBLOCK);
	CHECK(!r.done && !closed);
	let_it_read();
	wait_for(&closed);
	CHECK(r.done && r.u.status == -LINUX_ECONNRESET);
	drop_bus();
}

static void
closing_in_the_middle(void)
{
	static uint8_t data[1 << 20];
	struct req r[8];
	uint8_t cbw[31];

	for (int turns = 0; turns < 6; turns++) {
		set_up("");
		wake();
		make_cbw(cbw, CDB(0x2a, [7] = 8), OUT, 1 << 20);
		submit(&r[0], OUT, cbw, 31);
		for (int i = 1; i < 7; i++)
			submit(&r[i], OUT, data, 102400);
		submit(&r[7], IN, data, 13);
		for (int i = 0; i < turns; i++) {
			/* a turn ends with an event, or when there will be none */
			struct timeval end = {0, i < 2 ? 0 : 10000};

			event_base_loopexit(base, &end);
			event_base_loop(base, EVLOOP_ONCE);
		}
		close_it();
		for (int i = 0; i < 8; i++)
			CHECK(r[i].done &&
			      (r[i].u.status == 0 || r[i].u.status == -LINUX_ECONNRESET));
		CHECK(r[7].u.status == -LINUX_ECONNRESET);
		open_it(); /* and it is whole again */
		wake();
		tear_down();
	}
}

static void
unplugging(void)
{
	static uint8_t data[13];
	struct req r;

	set_up("");
	submit(&r, IN, data, sizeof(data));
	usb_bus_remove(&bus, dev);
	CHECK(gone && left == 1);
	CHECK_EQ(usb_dev_submit(dev, &r.u), ERR_GONE);
	wait_for(&closed);
	CHECK(r.done && r.u.status == -LINUX_ESHUTDOWN);
	CHECK(list_empty(&bus.devs));
	drop_bus();
}

static void
resets_and_configurations(void)
{
	static uint8_t data[13];
	struct req r;
	uint32_t n;

	set_up("");
	wake();
	submit(&r, IN, data, sizeof(data));
	CHECK_EQ(control(URB_JOB_RESET, 0, NULL, 0, &n), 0);
	CHECK(r.done && r.u.status == -LINUX_ESHUTDOWN);
	wake(); /* there is a unit attention again */
	CHECK_EQ(control(URB_JOB_SET_CONFIGURATION, 0x0009000000000000, NULL, 0, &n), 0);
	CHECK_EQ(dev->info.config, 0);
	r = (struct req){.u = {.type = URB_BULK, .ep = IN, .buf = data, .len = 13}};
	CHECK_EQ(usb_dev_submit(dev, &r.u), ERR_FAIL);
	CHECK_EQ(r.u.status, -LINUX_ENOENT);
	CHECK_EQ(control(URB_JOB_SET_CONFIGURATION, 0x0009020000000000, NULL, 0, &n),
		 -LINUX_EPIPE);
	CHECK_EQ(control(URB_JOB_SET_CONFIGURATION, 0x0009010000000000, NULL, 0, &n), 0);
	CHECK_EQ(control(URB_JOB_SET_INTERFACE, 0x010b000000000000, NULL, 0, &n), 0);
	CHECK_EQ(control(URB_JOB_SET_INTERFACE, 0x010b010000000000, NULL, 0, &n),
		 -LINUX_EPIPE);
	CHECK(good(command(CDB(0x00), IN, NULL, 0, 1)));
	for (int ep = 1; ep < 4; ep++) {
		r = (struct req){.u = {.type = URB_BULK, .ep = (uint8_t)ep}};
		if (ep != OUT)
			CHECK_EQ(usb_dev_submit(dev, &r.u), ERR_FAIL);
	}
	r = (struct req){.u = {.type = URB_INTERRUPT, .ep = IN}};
	CHECK_EQ(usb_dev_submit(dev, &r.u), ERR_FAIL);
	tear_down();
}

static const struct asked {
	const char *what;
	uint64_t setup;
	uint32_t len;
	int status; /* or */
	uint32_t actual;
	const char *bytes;
} asked[] = {
    {"device", 0x8006000100001200, 64, 0, 18,
     "\x12\1\0\2\0\0\0\x40\x6b\x1d\4\1\0\1\1\2\3\1"},
    {"device, 8 bytes", 0x8006000100000800, 64, 0, 8, "\x12\1\0\2\0\0\0\x40"},
    {"device, small buffer", 0x8006000100001200, 4, 0, 4, "\x12\1\0\2"},
    {"configuration", 0x800600020000ff00, 255, 0, 32,
     "\x09\2\x20\0\1\1\0\xc0\0\x09\4\0\0\2\x08\6\x50\0\7\5\x81\2\0\2\0\7\5\2\2\0\2\0"},
    {"configuration 2", 0x800601020000ff00, 255, -LINUX_EPIPE, 0, ""},
    {"languages", 0x800600030000ff00, 255, 0, 4, "\4\3\x09\4"},
    {"string 1", 0x800601030904ff00, 255, 0, 14,
     "\x0e\3u\0s\0b\0p\0"
     "2\0p\0"},
    {"string 2", 0x800602030904ff00, 255, 0, 24,
     "\x18\3d\0e\0m\0o\0 \0\x3d\xd8\xbe\xdc.\0i\0m\0g\0"},
    {"string 4", 0x800604030904ff00, 255, -LINUX_EPIPE, 0, ""},
    {"qualifier", 0x8006000600000a00, 10, 0, 10, "\x0a\6\0\2\0\0\0\x40\0\0"},
    {"BOS", 0x8006000f00000500, 5, -LINUX_EPIPE, 0, ""},
    {"configuration number", 0x8008000000000100, 1, 0, 1, "\1"},
    {"alternate setting", 0x810a000000000100, 1, 0, 1, "\0"},
    {"alternate setting of 1", 0x810a000001000100, 1, -LINUX_EPIPE, 0, ""},
    {"status", 0x8000000000000200, 2, 0, 2, "\1\0"},
    {"status of interface", 0x8100000000000200, 2, 0, 2, "\0\0"},
    {"status of endpoint 0", 0x8200000080000200, 2, 0, 2, "\0\0"},
    {"status of endpoint 3", 0x8200000003000200, 2, -LINUX_EPIPE, 0, ""},
    {"max LUN", 0xa1fe000000000100, 1, 0, 1, "\0"},
    {"max LUN of 1", 0xa1fe000001000100, 1, -LINUX_EPIPE, 0, ""},
    {"vendor request", 0xc001000000000100, 1, -LINUX_EPIPE, 0, ""},
    {"halt", 0x0203000081000000, 0, 0, 0, ""},
    {"halted", 0x8200000081000200, 2, 0, 2, "\1\0"},
    {"clear", 0x0201000081000000, 0, 0, 0, ""},
    {"cleared", 0x8200000081000200, 2, 0, 2, "\0\0"},
};

static void
endpoint_0(void)
{
	uint8_t buf[256];
	uint32_t n;

	set_up("");
	for (size_t i = 0; i < ARRAY_LEN(asked); i++) {
		printf("# %s\n", asked[i].what);
		CHECK_EQ(control(URB_JOB_NONE, asked[i].setup, buf, asked[i].len, &n),
			 asked[i].status);
		CHECK_EQ(n, asked[i].actual);
		CHECK(memcmp(buf, asked[i].bytes, asked[i].actual) == 0);
	}
	tear_down();
}

static void
what_is_told_of_it(void)
{
	char serial[DEVINFO_STRING], why[128];

	set_up(",ro");
	CHECK(strcmp(dev->info.busid, "v-1") == 0);
	CHECK_EQ(dev->info.busnum, USB_BUS_VIRTUAL);
	CHECK_EQ(dev->info.devnum, 1);
	CHECK_EQ(dev->info.speed, DEVINFO_HIGH);
	CHECK(dev->info.vid == 0x1d6b && dev->info.pid == 0x0104 && dev->is_virtual);
	CHECK(dev->info.iface[0].cls == 8 && dev->info.iface[0].proto == 0x50);
	CHECK(strcmp(dev->info.product, "demo \xf0\x9f\x92\xbe.img") == 0);
	CHECK_EQ(dev->raw_len, 50);
	strcpy(serial, dev->info.serial);
	CHECK_EQ(strlen(serial), 16);
	CHECK_EQ(strspn(serial, "0123456789ABCDEF"), 16);
	CHECK_EQ(usb_disk_add(&bus, path, why, sizeof(why)), ERR_BUSY); /* locked */
	CHECK(strstr(why, "locked") != NULL);
	CHECK(usb_bus_find(&bus, "v-2") == NULL);
	tear_down();

	make_bus(); /* another run */
	CHECK_EQ(chdir(dir), 0);
	CHECK_EQ(usb_disk_add(&bus, strrchr(path, '/') + 1, why, sizeof(why)), ERR_OK);
	CHECK(strcmp(arrived->info.serial, serial) == 0);
	CHECK_EQ(chdir("/"), 0);
	drop_bus();
}

static void
two_readers(void)
{
	char spec[128], why[128];

	set_up(",ro");
	snprintf(spec, sizeof(spec), "%s,ro", path);
	CHECK_EQ(usb_disk_add(&bus, spec, why, sizeof(why)), ERR_OK);
	CHECK(usb_bus_find(&bus, "v-2") == arrived && arrived->info.devnum == 2);
	tear_down();
}

static void
files_that_will_not_do(void)
{
	const struct {
		const char *spec;
		int err;
		const char *why;
	} bad[] = {
	    {"", ERR_USAGE, "needs a file"},
	    {",ro", ERR_USAGE, "needs a file"},
	    {"missing", ERR_NODEV, "no such file"},
	    {"missing,ro", ERR_NODEV, "no such file"},
	    {"empty,ro", ERR_USAGE, "smaller than a block"},
	    {"sub", ERR_USAGE, "directory"},
	    {"sub,ro", ERR_USAGE, "directory"},
	    {"fifo", ERR_USAGE, "neither"},
	    {"empty/x", ERR_NODEV, "no such file"},
	    {"locked", ERR_BUSY, "locked"},
	};
	char why[128];
	int fd;

	make_bus();
	CHECK_EQ(chdir(dir), 0);
	close(open("empty", O_CREAT | O_WRONLY, 0600));
	fd = open("locked", O_CREAT | O_RDWR, 0600);
	CHECK(ftruncate(fd, 1024) == 0 && flock(fd, LOCK_EX) == 0);
	CHECK(mkdir("sub", 0700) == 0 && mkfifo("fifo", 0600) == 0);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		why[0] = '\0';
		CHECK_EQ(usb_disk_add(&bus, bad[i].spec, why, sizeof(why)), bad[i].err);
		printf("# %s\n", why);
		CHECK(strstr(why, bad[i].why) != NULL && strchr(why, '\n') == NULL);
	}
	CHECK(list_empty(&bus.devs) && bus.virtuals == 0);
	close(fd);
	unlink("empty"), unlink("locked"), unlink("fifo"), rmdir("sub");
	CHECK_EQ(chdir("/"), 0);
	drop_bus();
}

/* Whatever a host does, in any order: each urb comes back once, all end at close. */

#define STORM 24

static uint32_t
dice(uint32_t n)
{
	static uint32_t seed = 1;

	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % n;
}

static void
storm_urb(struct req *r, uint8_t *buf)
{
	static const uint8_t opcodes[] = {0x28, 0x2a, 0x12, 0x2f, 0x35, 0x03, 0x1a, 0x00};
	static const uint64_t setups[] = {0x0201000081000000, 0x0201000002000000,
					  0x21ff000000000000, 0x8006000100001200,
					  0x0009010000000000, 0x0203000081000000};
	static const uint32_t sizes[] = {0, 13, 31, 512, 700, 1024, 4096, 65536};
	uint64_t setup = setups[dice(ARRAY_LEN(setups))];
	uint8_t cdb[16] = {opcodes[dice(ARRAY_LEN(opcodes))], dice(4) ? 0 : 8};

	*r = (struct req){.u = {.type = URB_BULK, .buf = buf}};
	r->u.len = sizes[dice(ARRAY_LEN(sizes))];
	r->u.ep = dice(2) ? IN : OUT;
	cdb[8] = (uint8_t)dice(32);
	if (dice(3) == 0) {
		make_cbw(buf, cdb, dice(2) ? IN : OUT, dice(2) ? cdb[8] * 512 : 512);
		r->u.len = 31;
		r->u.ep = OUT;
	} else if (dice(4) == 0) {
		r->u.type = URB_CONTROL;
		r->u.job = dice(20) ? URB_JOB_NONE : URB_JOB_RESET;
		for (int i = 0; i < 8; i++)
			r->u.setup[i] = (uint8_t)(setup >> (56 - 8 * i));
		r->u.ep = r->u.setup[0] & 0x80;
	}
}

static void
storm(void)
{
	static uint8_t bufs[STORM][65536];
	static struct req r[STORM];
	bool out[STORM] = {false};

	set_up("");
	for (int turn = 0; turn < 20000; turn++) {
		uint32_t i = dice(STORM);

		out[i] = out[i] && !r[i].done;
		calling = true;
		if (!out[i]) {
			storm_urb(&r[i], bufs[i]);
			CHECK_EQ(usb_dev_submit(dev, &r[i].u), ERR_OK);
			out[i] = true;
		} else if (dice(4) == 0) {
			usb_dev_cancel(dev, &r[i].u);
		}
		calling = false;
		if (dice(3) == 0)
			event_base_loop(base, EVLOOP_NONBLOCK);
		if (dice(30) == 0)
			recover();
		if (dice(400) == 0) {
			close_it();
			open_it();
		}
	}
	close_it();
	for (int i = 0; i < STORM; i++)
		CHECK(!out[i] || r[i].done);
	drop_bus();
}

static void
no_files_are_left(void)
{
	CHECK_EQ(rmdir(dir), 0);
}

static void
a_place_to_be(void)
{
	strcpy(dir, "/tmp/disk_test.XXXXXX");
	CHECK(mkdtemp(dir) != NULL);
	sem_init(&reading, 0, 0);
	sem_init(&go, 0, 0);
}

TEST_MAIN(TEST(a_place_to_be), TEST(files_that_will_not_do), TEST(what_is_told_of_it),
	  TEST(two_readers), TEST(endpoint_0), TEST(reads_in_any_pieces),
	  TEST(reads_all_in_one_urb), TEST(writes_in_any_pieces),
	  TEST(urbs_wait_for_their_data), TEST(short_data), TEST(zero_packets),
	  TEST(too_much_data), TEST(bad_wrapper_needs_recovery), TEST(read_only),
	  TEST(refused_reads_stall), TEST(cut_file), TEST(file_that_cannot_grow),
	  TEST(flushing), TEST(cancelling), TEST(pinned_urbs),
	  TEST(closing_in_the_middle), TEST(unplugging), TEST(resets_and_configurations),
	  TEST(storm), TEST(no_files_are_left))
