/* SPDX-License-Identifier: ISC */
/*
 * Reads descriptors once and keeps the endpoints in one flat table; everything
 * else (classes, strings, companions) is skipped by its length.
 */
#include "core/desc.h"
#include "core/mem.h"
#include "core/usbip.h"

/* USB 2.0 table 9-5, and the lengths of tables 9-8, 9-10, 9-12, 9-13 */
enum { TYPE_DEVICE = 1, TYPE_CONFIG = 2, TYPE_INTERFACE = 4, TYPE_ENDPOINT = 5 };
enum { DEVICE_LEN = 18, CONFIG_LEN = 9, INTERFACE_LEN = 9, ENDPOINT_LEN = 7 };

/* Where in the configuration the reader is. */
struct place {
	uint8_t config, iface, alt;
	bool in_iface;
};

static uint16_t
le16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static int
read_interface(struct place *at, const uint8_t *p)
{
	if (p[0] < INTERFACE_LEN)
		return ERR_PROTO;
	if (p[2] >= DEVINFO_IFS)
		return ERR_TOOBIG;
	at->iface = p[2];
	at->alt = p[3];
	at->in_iface = true;
	return ERR_OK;
}

static bool
is_known(const struct desc *d, const struct place *at, uint8_t addr)
{
	for (unsigned i = 0; i < d->eps; i++) {
		const struct desc_ep *e = &d->ep[i];

		if (e->config == at->config && e->iface == at->iface &&
		    e->alt == at->alt && e->addr == addr)
			return true;
	}
	return false;
}

static int
read_endpoint(struct desc *d, const struct place *at, const uint8_t *p)
{
	if (p[0] < ENDPOINT_LEN || !at->in_iface || (p[2] & 0x0f) == 0 ||
	    (p[2] & 0x70) != 0 || is_known(d, at, p[2]))
		return ERR_PROTO;
	if (d->eps == DESC_ENDPOINTS)
		return ERR_TOOBIG;
	d->ep[d->eps++] = (struct desc_ep){
	    .config = at->config,
	    .iface = at->iface,
	    .alt = at->alt,
	    .addr = p[2],
	    .type = p[3] & 3,
	    .interval = p[6],
	    .packet = le16(p + 4),
	};
	return ERR_OK;
}

/* One descriptor inside a configuration; its bLength bytes are there. */
static int
read_one(struct desc *d, struct place *at, const uint8_t *p)
{
	switch (p[1]) {
	case TYPE_DEVICE:
	case TYPE_CONFIG:
		return ERR_PROTO;
	case TYPE_INTERFACE:
		return read_interface(at, p);
	case TYPE_ENDPOINT:
		return read_endpoint(d, at, p);
	}
	return ERR_OK;
}

/* A configuration with all that belongs to it; *total gets its length. */
static int
read_config(struct desc *d, const uint8_t *p, size_t n, size_t *total)
{
	struct place at = {0};
	int r;

	if (n < CONFIG_LEN || p[0] < CONFIG_LEN || p[1] != TYPE_CONFIG ||
	    le16(p + 2) < p[0] || le16(p + 2) > n)
		return ERR_PROTO;
	if (p[4] > DEVINFO_IFS)
		return ERR_TOOBIG;
	*total = le16(p + 2);
	at.config = p[5];
	for (size_t i = p[0]; i < *total; i += p[i]) {
		if (p[i] < 2 || p[i] > *total - i)
			return ERR_PROTO;
		if ((r = read_one(d, &at, p + i)) != ERR_OK)
			return r;
	}
	return ERR_OK;
}

int
desc_parse(struct desc *d, const uint8_t *raw, size_t n, uint8_t active)
{
	unsigned configs;
	size_t used = DEVICE_LEN, total;
	int r;

	memset(d, 0, sizeof(*d));
	if (n > DEVINFO_RAW)
		return ERR_TOOBIG;
	if (n < DEVICE_LEN || raw[0] != DEVICE_LEN || raw[1] != TYPE_DEVICE)
		return ERR_PROTO;
	for (configs = raw[17]; used < n; used += total) {
		if (configs-- == 0)
			return ERR_PROTO;
		if ((r = read_config(d, raw + used, n - used, &total)) != ERR_OK)
			return r;
	}
	desc_set_config(d, active);
	return ERR_OK;
}

static bool
answers_to(const struct desc_ep *e, uint8_t addr)
{
	return e->addr == addr ||
	       (e->type == URB_CONTROL && ((e->addr ^ addr) & 0x7f) == 0);
}

const struct desc_ep *
desc_find(const struct desc *d, uint8_t addr)
{
	for (unsigned i = 0; d->config != 0 && i < d->eps; i++) {
		const struct desc_ep *e = &d->ep[i];

		if (e->config == d->config && e->alt == d->alt[e->iface] &&
		    answers_to(e, addr))
			return e;
	}
	return NULL;
}

void
desc_set_config(struct desc *d, uint8_t config)
{
	d->config = config;
	memset(d->alt, 0, sizeof(d->alt)); /* USB 2.0 9.1.1.5 */
}

void
desc_set_interface(struct desc *d, uint8_t iface, uint8_t alt)
{
	if (iface < ARRAY_LEN(d->alt))
		d->alt[iface] = alt;
}

enum urb_job
desc_job(const uint8_t setup[8])
{
	static const struct {
		uint8_t type, request;
		int value; /* -1: any */
		enum urb_job job;
	} jobs[] = {
	    {0x00, 9, -1, URB_JOB_SET_CONFIGURATION}, /* USB 2.0 table 9-3 */
	    {0x01, 11, -1, URB_JOB_SET_INTERFACE},
	    {0x02, 1, 0, URB_JOB_CLEAR_HALT},
	    {0x23, 3, 4, URB_JOB_RESET}, /* SetPortFeature(PORT_RESET), table 11-15 */
	};

	for (size_t i = 0; i < ARRAY_LEN(jobs); i++) {
		if (jobs[i].type != setup[0] || jobs[i].request != setup[1] ||
		    (jobs[i].value >= 0 && jobs[i].value != le16(setup + 2)))
			continue;
		if (jobs[i].job == URB_JOB_CLEAR_HALT && (setup[4] & 0x0f) == 0)
			continue;
		return jobs[i].job;
	}
	return URB_JOB_NONE;
}

void
desc_job_done(struct desc *d, const uint8_t setup[8])
{
	enum urb_job job = desc_job(setup);

	if (job == URB_JOB_SET_CONFIGURATION)
		desc_set_config(d, setup[2]);
	else if (job == URB_JOB_SET_INTERFACE)
		desc_set_interface(d, setup[4], setup[2]);
	else if (job == URB_JOB_RESET)
		desc_set_config(d, d->config); /* which the host chooses again */
}

/*
 * Linux refuses wLength != len (usbfs with EINVAL). A device may send less than
 * there is room for, so a shorter IN does no harm; older kernels let it pass.
 * Without a data stage the direction bit says nothing: usbfs sends it as OUT.
 */
static bool
setup_fits(uint8_t ep, uint32_t len, const uint8_t setup[8])
{
	bool in = (ep & 0x80) != 0;
	uint16_t want = le16(setup + 6);

	if (want > len || (!in && want != len))
		return false;
	return want == 0 || ((setup[0] ^ ep) & 0x80) == 0;
}

static uint32_t
flags_for(enum urb_type type, uint8_t ep)
{
	if (type == URB_ISO)
		return URB_ISO_ASAP;
	if ((ep & 0x80) != 0)
		return URB_SHORT_NOT_OK;
	return type == URB_CONTROL ? 0 : URB_ZERO_PACKET;
}

int32_t
desc_admit(const struct desc *d, uint8_t ep, uint32_t len, const uint8_t setup[8],
	   uint32_t *flags, enum urb_type *type)
{
	const struct desc_ep *e = desc_find(d, ep);

	if ((ep & 0x70) != 0 || ((ep & 0x0f) != 0 && e == NULL))
		return -LINUX_EPIPE;
	*type = (ep & 0x0f) == 0 ? URB_CONTROL : (enum urb_type)e->type;
	*flags &= flags_for(*type, ep);
	if (*type == URB_CONTROL && !setup_fits(ep, len, setup))
		return -LINUX_EINVAL;
	return 0;
}
