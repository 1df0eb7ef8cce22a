/* SPDX-License-Identifier: ISC */
/*
 * The interfaces of a disk and what each is at: what core/harmless refuses is answered
 * here.
 */
#include "core/nowrite.h"
#include "core/harmless.h"
#include "core/mem.h"
#include "core/usbip.h"

#define CBW_LEN     31
#define CSW_LEN     13
#define CBW_SIG     0x43425355u /* "USBC" */
#define CSW_SIG     0x53425355u

#define INTERFACE   4 /* USB 2.0 table 9-5 */
#define ENDPOINT    5
#define STORAGE     0x08
#define BULK_ONLY   0x50
#define DEVICE_LEN  18

#define SENSE       0x03 /* REQUEST SENSE */
#define MODE_SENSE  0x1a
#define MODE_SENSE2 0x5a
#define PROTECTED   0x80 /* device-specific parameter of a disk, SBC-3 6.4.1 */

static uint16_t
le16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t
le32(const uint8_t *p)
{
	return le16(p) | (uint32_t)le16(p + 2) << 16;
}

static void
put32(uint8_t *p, uint32_t v)
{
	for (unsigned i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

/* --- what there is --- */

/* An interface that has both endpoints. */
static void
add_unit(struct nowrite *g, const struct nowrite_unit *u)
{
	if (u->in != 0 && u->out != 0 && g->units < NOWRITE_UNITS)
		g->unit[g->units++] = *u;
}

static void
add_endpoint(struct nowrite_unit *u, const uint8_t *d)
{
	if ((d[3] & 3) != URB_BULK)
		return;
	if ((d[2] & 0x80) != 0)
		u->in = d[2];
	else
		u->out = d[2];
}

/* A configuration of `total` bytes. */
static int
read_config(struct nowrite *g, const uint8_t *p, size_t total)
{
	struct nowrite_unit u = {0};
	bool ours = false;

	for (size_t i = 0; i < total; i += p[i]) {
		const uint8_t *d = p + i;

		if (total - i < 2 || d[0] < 2 || d[0] > total - i)
			return ERR_PROTO;
		if (d[1] == INTERFACE && d[0] >= 9) {
			add_unit(g, &u);
			memset(&u, 0, sizeof(u));
			u.iface = d[2];
			ours = d[3] == 0 && d[5] == STORAGE && d[7] == BULK_ONLY;
		} else if (d[1] == ENDPOINT && d[0] >= 7 && ours) {
			add_endpoint(&u, d);
		}
	}
	add_unit(g, &u);
	return ERR_OK;
}

int
nowrite_init(struct nowrite *g, const uint8_t *raw, size_t n, uint8_t config)
{
	size_t total;
	int err;

	memset(g, 0, sizeof(*g));
	g->config = config;
	for (size_t i = DEVICE_LEN; i < n; i += total) {
		if (n - i < 9 || (total = le16(raw + i + 2)) < 9 || total > n - i)
			return ERR_PROTO;
		if (raw[i + 5] == config &&
		    (err = read_config(g, raw + i, total)) != ERR_OK)
			return err;
	}
	return g->units > 0 ? ERR_OK : ERR_LACKING;
}

/* --- answers of ours --- */

static bool
answer(struct urb *u, int32_t status, uint32_t actual)
{
	u->status = status;
	u->actual = actual;
	return false;
}

static bool
give(struct urb *u, const uint8_t *p, uint32_t n)
{
	if (n > u->len)
		return answer(u, -LINUX_EOVERFLOW, 0);
	memcpy(u->buf, p, n);
	return answer(
	    u, n < u->len && (u->flags & URB_SHORT_NOT_OK) ? -LINUX_EREMOTEIO : 0, n);
}

static bool
give_status(struct nowrite_unit *t, struct urb *u)
{
	uint8_t csw[CSW_LEN];

	put32(csw, CSW_SIG);
	memcpy(csw + 4, t->tag, sizeof(t->tag));
	put32(csw + 8, t->residue);
	csw[12] = t->failed;
	t->state = NOWRITE_OPEN;
	return give(u, csw, sizeof(csw));
}

/* As much as was asked for; a short transfer ends it. */
static bool
give_sense(struct nowrite_unit *t, struct urb *u)
{
	uint32_t n = t->reply_len - t->reply_at;
	const uint8_t *p = t->reply + t->reply_at;

	n = n < u->len ? n : u->len;
	t->reply_at = (uint8_t)(t->reply_at + n);
	t->left -= n;
	if (n < u->len || t->left == 0)
		t->state = NOWRITE_STATUS;
	return give(u, p, n);
}

/* Fixed or descriptor format (SPC-4 4.5). */
static void
make_sense(struct nowrite_unit *t, uint32_t sense, const uint8_t *cdb, uint32_t want)
{
	bool descriptor = cdb[1] & 1;
	uint8_t *r = t->reply;
	uint32_t n = descriptor ? 8 : NOWRITE_SENSE;

	memset(r, 0, sizeof(t->reply));
	r[0] = descriptor ? 0x72 : 0x70;
	r[descriptor ? 1 : 2] = (uint8_t)(sense >> 16);
	r[descriptor ? 2 : 12] = (uint8_t)(sense >> 8);
	r[descriptor ? 3 : 13] = (uint8_t)sense;
	if (!descriptor)
		r[7] = NOWRITE_SENSE - 8;
	n = n < cdb[4] ? n : cdb[4];
	n = n < want ? n : want;
	t->reply_len = (uint8_t)n;
	t->reply_at = 0;
	t->left = want;
	t->failed = false;
	t->residue = want - n;
	t->state = want > 0 ? NOWRITE_GIVE : NOWRITE_STATUS;
}

/* --- commands --- */

/* Data to the device are taken and dropped; for data from it the pipe is halted. */
static void
refuse(struct nowrite_unit *t, uint32_t want, bool in)
{
	t->failed = true;
	t->residue = want;
	t->left = want;
	t->halted = in && want > 0;
	t->state = !in && want > 0 ? NOWRITE_TAKE : NOWRITE_STATUS;
}

static bool
is_command(const struct urb *u)
{
	const uint8_t *p = u->buf;

	return u->len == CBW_LEN && le32(p) == CBW_SIG && (p[12] & 0x7f) == 0 &&
	       p[13] < NOWRITE_LUNS && p[14] > 0 && p[14] <= 16;
}

/* A command block wrapper (BOT 5.1). What is none would be data: it is stalled. */
static bool
command(struct nowrite_unit *t, struct urb *u)
{
	const uint8_t *p = u->buf;
	uint8_t cdb[16] = {0};
	uint32_t want, sense, *kept;
	bool in;

	if (!is_command(u))
		return answer(u, -LINUX_EPIPE, 0);
	want = le32(p + 8);
	in = (p[12] & 0x80) != 0;
	kept = &t->sense[p[13]];
	memcpy(cdb, p + 15, p[14]);
	memcpy(t->tag, p + 4, sizeof(t->tag));
	t->state = NOWRITE_OPEN;
	t->halted = false;
	sense = harmless_command(cdb, want > 0 && !in);
	if (sense == 0 && (cdb[0] != SENSE || *kept == 0)) {
		*kept = 0;
		t->opcode = cdb[0];
		t->fresh = true;
		return true;
	}
	if (sense == 0)
		make_sense(t, *kept, cdb, want);
	else
		refuse(t, want, in);
	*kept = sense;
	return answer(u, 0, u->len);
}

static bool
take(struct nowrite_unit *t, struct urb *u)
{
	t->left -= u->len < t->left ? u->len : t->left;
	if (t->left == 0)
		t->state = NOWRITE_STATUS;
	return answer(u, 0, u->len);
}

static bool
submit_in(struct nowrite_unit *t, struct urb *u)
{
	if (t->halted)
		return answer(u, -LINUX_EPIPE, 0);
	if (t->state == NOWRITE_GIVE)
		return give_sense(t, u);
	return t->state == NOWRITE_OPEN ? true : give_status(t, u);
}

/* --- endpoint 0 --- */

static void
reset(struct nowrite_unit *t)
{
	t->state = NOWRITE_OPEN;
	t->halted = false;
	memset(t->sense, 0, sizeof(t->sense));
}

static bool
control(struct nowrite *g, struct urb *u)
{
	const uint8_t *s = u->setup;

	if (u->job != URB_JOB_RESET && !harmless_request(s, g->config))
		return answer(u, -LINUX_EPIPE, 0);
	for (unsigned i = 0; i < g->units; i++) {
		struct nowrite_unit *t = &g->unit[i];

		if (u->job == URB_JOB_RESET || u->job == URB_JOB_SET_CONFIGURATION ||
		    (s[0] == 0x01 && s[1] == 11 && s[4] == t->iface) ||
		    (s[0] == 0x21 && s[4] == t->iface))
			reset(t);
		if (u->job == URB_JOB_CLEAR_HALT && s[4] == t->in)
			t->halted = false;
	}
	return true;
}

bool
nowrite_submit(struct nowrite *g, struct urb *u)
{
	if ((u->ep & 15) == 0)
		return control(g, u);
	for (unsigned i = 0; i < g->units; i++) {
		struct nowrite_unit *t = &g->unit[i];

		if (u->ep == t->in)
			return submit_in(t, u);
		if (u->ep == t->out)
			return t->state == NOWRITE_TAKE ? take(t, u) : command(t, u);
	}
	return answer(u, -LINUX_EPIPE, 0);
}

/* --- the device's answers --- */

static bool
is_status(const struct nowrite_unit *t, const struct urb *u)
{
	return u->actual == CSW_LEN && le32(u->buf) == CSW_SIG &&
	       memcmp(u->buf + 4, t->tag, sizeof(t->tag)) == 0;
}

/* The mode parameter header says that the medium is write-protected. */
static void
protect(const struct nowrite_unit *t, struct urb *u)
{
	uint32_t at = t->opcode == MODE_SENSE ? 2 : 3;

	if ((t->opcode == MODE_SENSE || t->opcode == MODE_SENSE2) && u->actual > at &&
	    u->actual <= u->len && !is_status(t, u))
		u->buf[at] |= PROTECTED;
}

void
nowrite_complete(struct nowrite *g, struct urb *u)
{
	for (unsigned i = 0; i < g->units; i++) {
		struct nowrite_unit *t = &g->unit[i];

		if (u->ep != t->in || !t->fresh)
			continue;
		t->fresh = false;
		protect(t, u);
	}
}
