/* SPDX-License-Identifier: ISC */
/*
 * Enumeration answered from copies. Which reads tell of a reset follows
 * hub_port_init() of Linux: below SuperSpeed it asks for 64 bytes of the device
 * descriptor before it gives an address, at SuperSpeed for 8 after that; nobody
 * asks for so few or so many else.
 */
#include "core/desc.h"
#include "core/desc_cache.h"
#include "core/desc_edit.h"
#include "core/enumerate.h"
#include "core/import.h"
#include "core/mem.h"
#include "core/usbip.h"

const struct import_request enumerate_reset = {
    .ep = 0,
    .type = URB_CONTROL,
    .setup = {0x23, 3, 4, 0, 0, 0, 0, 0}, /* SetPortFeature(PORT_RESET) */
};

static uint8_t *
copy(struct pool *pool, const uint8_t *p, size_t n)
{
	uint8_t *to = pool_get(pool, n);

	if (to != NULL)
		memcpy(to, p, n);
	return to;
}

int
enumerate_init(struct enumerate *e, struct pool *pool, const struct import_conf *conf)
{
	int err = desc_cache_check(conf->cache, conf->cache_len);

	memset(e, 0, sizeof(*e));
	e->pool = pool;
	e->speed = conf->speed;
	if (err != ERR_OK || conf->raw_len > DEVINFO_RAW)
		return err != ERR_OK ? err : ERR_TOOBIG;
	if ((e->raw = copy(pool, conf->raw, conf->raw_len)) == NULL)
		return ERR_NOMEM;
	e->raw_len = e->raw_room = conf->raw_len;
	if (conf->cache_len > 0 &&
	    (e->cache = copy(pool, conf->cache, conf->cache_len)) == NULL)
		return ERR_NOMEM;
	e->cache_len = conf->cache_len;
	return e->speed >= DEVINFO_SUPER ? desc_hide_uas(e->raw, &e->raw_len) : ERR_OK;
}

void
enumerate_fini(struct enumerate *e)
{
	pool_put(e->pool, e->raw, e->raw_room);
	pool_put(e->pool, e->cache, e->cache_len);
}

/* Finds the descriptor that a request of endpoint 0 asks for. */
static enum desc_known
find(const struct enumerate *e, const struct import_request *q, const uint8_t **p,
     size_t *n)
{
	const struct desc_cache c = {e->raw, e->cache, e->raw_len, e->cache_len};

	return q->ep == 0x80 ? desc_cache_find(&c, q->setup, p, n) : DESC_UNKNOWN;
}

bool
enumerate_resets(const struct enumerate *e, const struct import_request *q)
{
	unsigned want = q->setup[6] | (unsigned)q->setup[7] << 8;
	const uint8_t *p;
	size_t n;

	return e->configured && want == (e->speed >= DEVINFO_SUPER ? 8 : 64) &&
	       find(e, q, &p, &n) == DESC_KNOWN && p == e->raw;
}

bool
enumerate_knows(const struct enumerate *e, const struct import_request *q)
{
	const uint8_t *p;
	size_t n;

	return find(e, q, &p, &n) != DESC_UNKNOWN;
}

bool
enumerate_answer(const struct enumerate *e, const struct import_request *q, uint8_t *room,
		 int32_t *status, uint32_t *actual)
{
	const uint8_t *p = NULL;
	size_t n = 0;
	enum desc_known known = find(e, q, &p, &n);

	*status = known == DESC_ABSENT ? -LINUX_EPIPE : 0;
	*actual = (uint32_t)n;
	if (n > 0)
		memcpy(room, p, n);
	if (n < q->len && (q->flags & URB_SHORT_NOT_OK) && *status == 0)
		*status = -LINUX_EREMOTEIO;
	return known != DESC_UNKNOWN;
}

void
enumerate_done(struct enumerate *e, const uint8_t setup[8])
{
	enum urb_job job = desc_job(setup);

	if (job == URB_JOB_SET_CONFIGURATION)
		e->configured = setup[2] != 0;
	else if (job == URB_JOB_RESET)
		e->configured = false;
}
