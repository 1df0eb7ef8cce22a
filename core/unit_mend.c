/* SPDX-License-Identifier: ISC */
/*
 * A command of ours failed, and those behind it came back: what its driver would have
 * done, so that the device is ready for the next. What it says that it will not say again
 * is kept. If it cannot be mended, the driver's next urb fails, and it resets the device.
 */
#include "core/mem.h"
#include "core/unit_impl.h"
#include "core/usbip.h"

/* SPC-4 4.5: response codes and sense keys */
#define DEFERRED_FIXED 0x71
#define DEFERRED_DESC  0x73
#define IS_DESC        0x72
#define UNIT_ATTENTION 6

void
unit_owe(struct unit *u)
{
	u->broken = false;
	u->mend = UNIT_WELL;
	u->failed = NULL;
	unit_drop(u);
	unit_own_end(u, -LINUX_EPROTO);
	bot_owe(u->bot);
}

/* The device is as if the command had never been. */
static void
mended(struct unit *u)
{
	u->broken = false;
	u->mend = UNIT_WELL;
	u->failed = NULL;
	unit_forget_seqs(u);
	u->stats->fallbacks++;
	unit_drop(u);
	if (u->sense_n > 0)
		unit_own_check(u);
	else
		unit_own_again(u);
}

static void
keep_sense(struct unit *u, const struct unit_cmd *c)
{
	uint32_t n = c->part[UNIT_DATA].actual;
	uint8_t code = c->data[0] & 0x7f, key;

	if (n < 8)
		return;
	key = (code >= IS_DESC ? c->data[1] : c->data[2]) & 15;
	if (key != UNIT_ATTENTION && code != DEFERRED_FIXED && code != DEFERRED_DESC)
		return;
	memcpy(u->sense, c->data, n);
	u->sense_n = n;
	u->told = false;
}

static void
ask_sense(struct unit *u)
{
	u->broken = false;
	u->mend = UNIT_ASK;
	if (unit_send_sense(u) != ERR_OK)
		unit_owe(u);
}

static void
clear_halt(struct unit *u)
{
	const struct import_request q = {.type = URB_CONTROL,
					 .setup = {0x02, 1, 0, 0, u->in, 0, 0, 0}};

	u->broken = false;
	u->mend = UNIT_HALT;
	if (u->ops->submit(u->arg, &q, &u->mend_far) != ERR_OK)
		unit_owe(u);
}

static void
retry_csw(struct unit *u)
{
	const struct import_request q = {
	    .ep = u->in, .type = URB_BULK, .len = UNIT_STATUS};
	struct unit_request *p = &u->failed->part[UNIT_CSW];

	u->mend = UNIT_RETRY;
	if (u->ops->submit(u->arg, &q, &p->far) != ERR_OK) {
		unit_owe(u);
		return;
	}
	*p = (struct unit_request){.far = p->far, .sent = true, .open = true};
	u->opens++;
}

/* It ended with "passed", all data there or not: the device waits for the next. */
static bool
has_passed(const struct unit_cmd *c)
{
	return c->good || (unit_has_csw(c) && c->csw[12] == 0);
}

/* There is a status. */
static void
judge(struct unit *u, const struct unit_cmd *c)
{
	if (has_passed(c))
		mended(u);
	else if (unit_has_csw(c) && c->csw[12] == 1)
		ask_sense(u);
	else
		unit_owe(u);
}

/* The first that is not; NULL: data are missing, and that is all. */
static struct unit_cmd *
first_bad(const struct unit *u)
{
	struct list *l;

	LIST_EACH (&u->row, l) {
		struct unit_cmd *c = CONTAINER_OF(l, struct unit_cmd, link);

		if (!has_passed(c))
			return c;
	}
	return NULL;
}

static void
begin(struct unit *u)
{
	struct unit_cmd *c = u->failed = first_bad(u);
	const struct unit_request *p = c == NULL ? NULL : c->part;

	if (p == NULL || p[UNIT_BLOCK].back || !p[UNIT_BLOCK].sent)
		mended(u); /* it never began */
	else if (p[UNIT_BLOCK].status != 0 || p[UNIT_BLOCK].actual != UNIT_CBW)
		unit_owe(u);
	else if (p[UNIT_DATA].status == -LINUX_EPIPE ||
		 (p[UNIT_DATA].status == 0 && p[UNIT_CSW].status == -LINUX_EPIPE))
		clear_halt(u);
	else
		judge(u, c);
}

/* The sense has come, or the status at the second try. */
static void
go_on(struct unit *u)
{
	struct unit_cmd *c = u->failed;

	if (u->mend == UNIT_RETRY) {
		u->mend = UNIT_WELL;
		u->broken = false;
		judge(u, c);
	} else if (!c->good) {
		unit_owe(u);
	} else {
		keep_sense(u, c);
		mended(u);
	}
}

void
unit_mend(struct unit *u)
{
	if (u->opens > 0 || u->bars > 0 || u->mend == UNIT_HALT)
		return;
	if (u->mend != UNIT_WELL)
		go_on(u);
	else if (u->broken)
		begin(u);
}

void
unit_mend_ended(struct unit *u)
{
	if (u->bars > 0) {
		u->mend = UNIT_WELL;
		u->cut = true;
	} else if (u->reply.status != 0) {
		unit_owe(u);
	} else {
		retry_csw(u);
	}
}
