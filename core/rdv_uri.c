/* SPDX-License-Identifier: ISC */
/*
 * URIs of rendezvous as text and back. It does not know whether one is there.
 */
#include "core/rdv_uri.h"
#include "core/mem.h"
#include "core/text.h"
#include "core/ticket.h"

#define PREFIX (sizeof(RDV_PREFIX) - 1)

bool
rdv_uri_is(const char *text)
{
	for (size_t i = 0; i < PREFIX; i++)
		if (text[i] != RDV_PREFIX[i])
			return false;
	return true;
}

int
rdv_uri_read(const char *text, struct rdv_uri *u)
{
	size_t n = 0;

	memset(u, 0, sizeof(*u));
	if (!rdv_uri_is(text) || text_len(text) >= RDV_URI)
		return ERR_USAGE;
	text += PREFIX;
	while (text[n] != '\0' && text[n] != '#')
		n++;
	if (text[n] == '\0' || n >= RDV_ADDR)
		return ERR_USAGE;
	memcpy(u->addr, text, n);
	if (!ticket_addr_ok(u->addr) || peerid_read(text + n + 1, u->pin) != ERR_OK)
		return ERR_USAGE;
	return ERR_OK;
}

void
rdv_uri_text(const struct rdv_uri *u, char text[RDV_URI])
{
	char pin[B32_TEXT(PEERID)];
	struct text t;

	b32_encode(u->pin, PEERID, pin, sizeof(pin));
	text_init(&t, text, RDV_URI);
	text_str(&t, RDV_PREFIX);
	text_str(&t, u->addr);
	text_char(&t, '#');
	text_str(&t, pin);
	ASSERT(!t.full);
}

bool
rdv_uri_equal(const struct rdv_uri *a, const struct rdv_uri *b)
{
	return text_equal(a->addr, b->addr) && memcmp(a->pin, b->pin, PEERID) == 0;
}
