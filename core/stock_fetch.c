/* SPDX-License-Identifier: ISC */
/*
 * GET_DESCRIPTOR of the device, twice of each configuration (its head says how long
 * it is), and of the three strings that the device descriptor names, in the first
 * language that the device has. USB 2.0 9.4.3, tables 9-8, 9-10, 9-15 and 9-16.
 */
#include "core/stock_fetch.h"
#include "core/devinfo.h"
#include "core/mem.h"
#include "core/stock_client.h"
#include "core/text.h"

#define CONFIGS_MAX 8 /* as Linux: of a device that has more, the first ones */

enum { TYPE_DEVICE = 1, TYPE_CONFIG = 2, TYPE_STRING = 3 };
enum { DEVICE_LEN = 18, CONFIG_LEN = 9, STRING_MAX = 255 };

enum step { DEVICE, CONFIG_HEAD, CONFIG, LANGUAGES, STRING, OVER };

#define STRINGS 3 /* iManufacturer, iProduct, iSerialNumber */

struct stock_fetch {
	struct pool *pool;
	struct stock_client *client;
	stock_fetch_done *done;
	void *arg;
	enum step step;
	uint8_t configs, config; /* their number, and which one */
	uint16_t asked;          /* bytes, by the request that is out */
	uint64_t tag;            /* its */
	uint64_t begun;          /* us */
	bool fresh;              /* begun since the last tick */
	struct import_reply reply;
	size_t have; /* bytes of raw that are good */
	uint8_t raw[DEVINFO_RAW];
	uint8_t language[2], string; /* and which string */
	uint8_t buf[STRING_MAX];
	char text[STRINGS][DEVINFO_STRING];
};

static void
finish(struct stock_fetch *f, int err, const char *why)
{
	f->step = OVER;
	f->done(f->arg, err, why);
}

static void
ask(struct stock_fetch *f, enum step step, uint8_t type, uint8_t index, uint16_t len)
{
	const struct import_request q = {.ep = 0x80,
					 .type = URB_CONTROL,
					 .len = len,
					 .setup = {0x80, 6, index, type, f->language[0],
						   f->language[1], (uint8_t)len,
						   (uint8_t)(len >> 8)}};
	int err;

	f->step = step;
	f->asked = len;
	f->fresh = true;
	if ((err = stock_client_submit(f->client, &q, &f->tag)) != ERR_OK)
		finish(f, err, err_text(err));
}

/* --- strings: a device that has none, or stalls, is fine --- */

static void
next_string(struct stock_fetch *f)
{
	while (f->string < STRINGS && f->raw[14 + f->string] == 0)
		f->string++;
	if (f->string == STRINGS)
		finish(f, ERR_OK, "");
	else if (f->language[0] == 0 && f->language[1] == 0)
		ask(f, LANGUAGES, TYPE_STRING, 0, STRING_MAX);
	else
		ask(f, STRING, TYPE_STRING, f->raw[14 + f->string], STRING_MAX);
}

/* How much of buf is a string descriptor; 0: it is none. */
static size_t
string_len(const struct stock_fetch *f)
{
	uint32_t n = f->reply.actual;

	if (f->reply.status != 0 || n < 4 || f->buf[1] != TYPE_STRING || f->buf[0] < 4)
		return 0;
	return f->buf[0] < n ? f->buf[0] : n;
}

static void
on_languages(struct stock_fetch *f)
{
	if (string_len(f) > 0)
		memcpy(f->language, f->buf + 2, sizeof(f->language));
	if (f->language[0] == 0 && f->language[1] == 0)
		finish(f, ERR_OK, "");
	else
		next_string(f);
}

static void
on_string(struct stock_fetch *f)
{
	text_utf16(f->text[f->string], sizeof(f->text[0]), f->buf + 2,
		   string_len(f) > 0 ? string_len(f) - 2 : 0);
	f->string++;
	next_string(f);
}

/* --- configurations --- */

static void
ask_config(struct stock_fetch *f, enum step step, uint16_t len)
{
	ask(f, step, TYPE_CONFIG, f->config, len);
}

static void
next_config(struct stock_fetch *f)
{
	if (f->config < f->configs)
		ask_config(f, CONFIG_HEAD, CONFIG_LEN);
	else if (f->have == DEVICE_LEN)
		finish(f, ERR_FAIL, "the device gives none of its configurations");
	else
		next_string(f);
}

/* The answer is as long as was asked for, and of this type. */
static bool
is_whole(const struct stock_fetch *f, const uint8_t *p, uint8_t type)
{
	return f->reply.status == 0 && f->reply.actual == f->asked && p[1] == type;
}

static void
on_device(struct stock_fetch *f)
{
	if (!is_whole(f, f->raw, TYPE_DEVICE) || f->raw[0] != DEVICE_LEN) {
		finish(f, ERR_FAIL, "the device does not say what it is");
		return;
	}
	f->have = DEVICE_LEN;
	f->configs = f->raw[17] < CONFIGS_MAX ? f->raw[17] : CONFIGS_MAX;
	next_config(f);
}

static void
on_config_head(struct stock_fetch *f)
{
	const uint8_t *p = f->raw + f->have;
	unsigned total = p[2] | (unsigned)p[3] << 8;

	if (!is_whole(f, p, TYPE_CONFIG) || total < CONFIG_LEN) {
		f->config++;
		next_config(f);
	} else if (total > DEVINFO_RAW - f->have) {
		finish(f, ERR_TOOBIG, "its descriptors are longer than our limit");
	} else {
		ask_config(f, CONFIG, (uint16_t)total);
	}
}

static void
on_config(struct stock_fetch *f)
{
	const uint8_t *p = f->raw + f->have;

	if (is_whole(f, p, TYPE_CONFIG) && (p[2] | p[3] << 8) == f->asked)
		f->have += f->asked;
	f->config++;
	next_config(f);
}

static int
on_reply(void *arg, uint8_t ep, uint64_t tag, const struct import_reply *reply,
	 uint8_t **data, struct urb_iso **iso)
{
	struct stock_fetch *f = arg;

	(void)ep;
	*iso = NULL;
	if (f->step != OVER && tag != f->tag)
		return ERR_PROTO;
	f->reply = *reply;
	*data = f->step == OVER ? NULL : f->step >= LANGUAGES ? f->buf : f->raw + f->have;
	return ERR_OK;
}

static int
on_reply_end(void *arg)
{
	static void (*const steps[])(struct stock_fetch *) = {[DEVICE] = on_device,
							      [CONFIG_HEAD] =
								  on_config_head,
							      [CONFIG] = on_config,
							      [LANGUAGES] = on_languages,
							      [STRING] = on_string};
	struct stock_fetch *f = arg;

	if (f->step != OVER)
		steps[f->step](f);
	return ERR_OK;
}

static const struct stock_client_user user = {on_reply, on_reply_end};

int
stock_fetch_new(struct stock_fetch **out, struct pool *pool, struct stock_client *client,
		stock_fetch_done *done, void *arg, uint64_t now)
{
	struct stock_fetch *f = pool_zget(pool, sizeof(*f));

	*out = NULL;
	if (f == NULL)
		return ERR_NOMEM;
	f->pool = pool;
	f->client = client;
	f->done = done;
	f->arg = arg;
	stock_client_set_user(client, &user, f);
	*out = f;
	ask(f, DEVICE, TYPE_DEVICE, 0, DEVICE_LEN);
	stock_fetch_tick(f, now);
	return ERR_OK;
}

void
stock_fetch_free(struct stock_fetch *f)
{
	if (f != NULL)
		pool_put(f->pool, f, sizeof(*f));
}

uint64_t
stock_fetch_deadline(const struct stock_fetch *f)
{
	if (f->step == OVER)
		return UINT64_MAX;
	return f->fresh ? 0 : f->begun + STOCK_FETCH_US;
}

void
stock_fetch_tick(struct stock_fetch *f, uint64_t now)
{
	if (f->fresh) {
		f->fresh = false;
		f->begun = now;
	}
	if (f->step != OVER && now - f->begun >= STOCK_FETCH_US)
		finish(f, ERR_TIMEOUT, "the device does not give its descriptors");
}

const uint8_t *
stock_fetch_raw(const struct stock_fetch *f, size_t *n)
{
	*n = f->have;
	return f->raw;
}

void
stock_fetch_strings(const struct stock_fetch *f, struct devinfo *d)
{
	text_copy(d->manufacturer, sizeof(d->manufacturer), f->text[0]);
	text_copy(d->product, sizeof(d->product), f->text[1]);
	text_copy(d->serial, sizeof(d->serial), f->text[2]);
}
