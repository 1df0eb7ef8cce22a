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
	if (u->use == UNIT_WRITES && u->opens > 0) {
		u->cut = u->broken = true; /* when those have come back */
		u->mend = UNIT_WELL;
		return;
	}
	if (u->use == UNIT_WRITES)
		unit_cache_lose(u, NULL);
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
	if (u->use == UNIT_WRITES) {
		unit_cache_lose(u, NULL);
		return;
	}
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

bool
unit_sense_read(const uint8_t *p, uint32_t n, uint8_t why[3])
{
	bool desc = n > 0 && (p[0] & 0x7f) >= IS_DESC;

	if (n < 8)
		return false;
	why[0] = p[desc ? 1 : 2] & 15;
	why[1] = desc ? p[2] : n > 12 ? p[12] : 0;
	why[2] = desc ? p[3] : n > 13 ? p[13] : 0;
	return true;
}

void
unit_keep_sense(struct unit *u, const uint8_t *p, uint32_t n, uint8_t lun)
{
	uint8_t code = n > 0 ? p[0] & 0x7f : 0, why[3];

	if (!unit_sense_read(p, n, why) ||
	    (why[0] != UNIT_ATTENTION && code != DEFERRED_FIXED && code != DEFERRED_DESC))
		return;
	memcpy(u->sense, p, n);
	u->sense_n = n;
	u->sense_lun = lun;
	u->told = false;
}

/* The failed command has its sense. */
static void
explain(struct unit *u, const struct unit_cmd *c)
{
	uint32_t n = c->part[UNIT_DATA].actual;

	if (u->use == UNIT_WRITES) {
		unit_cache_failed(u, c->data, n);
		return;
	}
	if (u->use == UNIT_RELAY) {
		u->broken = false;
		u->mend = UNIT_WELL;
		u->failed = NULL;
		unit_relay_failed(u, c->data, n);
		return;
	}
	unit_keep_sense(u, c->data, n, u->row_lun);
	mended(u);
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
clear_halt(struct unit *u, uint8_t ep)
{
	const struct import_request q = {.type = URB_CONTROL,
					 .setup = {0x02, 1, 0, 0, ep, 0, 0, 0}};

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

/* It has said what it had to, and stalled where there was no more. */
static void
relayed(struct unit *u)
{
	u->broken = false;
	u->mend = UNIT_WELL;
	u->failed = NULL;
	unit_relay_passed(u);
}

/* There is a status. */
static void
judge(struct unit *u, const struct unit_cmd *c)
{
	if (unit_has_passed(c) && u->use == UNIT_RELAY)
		relayed(u);
	else if (unit_has_passed(c))
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

		if (!unit_has_passed(c))
			return c;
	}
	return NULL;
}

static void
begin(struct unit *u)
{
	struct unit_cmd *c = u->failed = first_bad(u);
	const struct unit_request *p = c == NULL ? NULL : c->part;

	if (p == NULL || p[UNIT_BLOCK].back || !p[UNIT_BLOCK].sent ||
	    (u->cut && u->use == UNIT_WRITES))
		mended(u); /* it never began, or is not to go on */
	else if (p[UNIT_BLOCK].status != 0 || p[UNIT_BLOCK].actual != UNIT_CBW)
		unit_owe(u);
	else if (p[UNIT_DATA].status == -LINUX_EPIPE)
		clear_halt(u, c->out ? u->out : u->in);
	else if (p[UNIT_DATA].status == 0 && p[UNIT_CSW].status == -LINUX_EPIPE)
		clear_halt(u, u->in);
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
		explain(u, c);
	}
}

void
unit_mend(struct unit *u)
{
	if (u->opens > 0 || (u->bars > 0 && u->use != UNIT_WRITES) ||
	    u->mend == UNIT_HALT)
		return;
	if (u->mend != UNIT_WELL)
		go_on(u);
	else if (u->broken)
		begin(u);
}

void
unit_mend_ended(struct unit *u)
{
	if (u->bars > 0 && (u->use != UNIT_WRITES || u->cut)) {
		u->mend = UNIT_WELL;
		u->cut = true;
		u->broken = u->use == UNIT_WRITES; /* it is not to go on */
	} else if (u->reply.status != 0) {
		unit_owe(u);
	} else {
		retry_csw(u);
	}
}
