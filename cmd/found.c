/* SPDX-License-Identifier: ISC */
/*
 * Asks every attach for its devices, and holds the word against each.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/found.h"
#include "core/json.h"
#include "core/pattern.h"
#include "net/ctl.h"
#include "net/stock.h"

#define FOUND_TIMEOUT_MS 15000

static void
read_info(struct json_val v, struct devinfo *d)
{
	char id[12];
	uint64_t n;

	memset(d, 0, sizeof(*d));
	json_get_str(v, "busid", d->busid, sizeof(d->busid));
	json_get_str(v, "product", d->product, sizeof(d->product));
	json_get_str(v, "serial", d->serial, sizeof(d->serial));
	json_get_str(v, "nick", d->nick, sizeof(d->nick));
	if (!json_get_str(v, "id", id, sizeof(id)) || strlen(id) != 9)
		return;
	id[4] = '\0';
	if (text_to_hex(id, 0xffff, &n))
		d->vid = (uint16_t)n;
	if (text_to_hex(id + 5, 0xffff, &n))
		d->pid = (uint16_t)n;
}

/* A device of a stock server: usbip://HOST[:PORT]/BUSID. */
static bool
means_stock(const char *uri, const char *peer, struct json_val device)
{
	char where[STOCK_WHERE], want[USBIP_OP_BUSID], busid[DEVINFO_BUSID];

	return stock_uri(uri, where, want) == ERR_OK && strcmp(where, peer) == 0 &&
	       json_get_str(device, "busid", busid, sizeof(busid)) &&
	       strcmp(want, busid) == 0;
}

/* word: port:N, PEER/DEVICE, usbip://HOST[:PORT]/BUSID or DEVICE. */
static bool
means(const char *word, const char *peer, struct json_val device, bool *named)
{
	const char *slash = strchr(word, '/');
	struct devinfo d;
	uint64_t want, port;

	if (strncmp(word, "port:", 5) == 0)
		return json_get_u64(device, "port", &port) &&
		       text_to_u64(word + 5, UINT32_MAX, &want) && want == port;
	if (strncmp(word, STOCK_URI, strlen(STOCK_URI)) == 0)
		return means_stock(word, peer, device);
	if (slash != NULL) {
		if (strlen(peer) != (size_t)(slash - word) ||
		    strncmp(peer, word, strlen(peer)) != 0)
			return false;
		word = slash + 1;
	}
	read_info(device, &d);
	*named = pattern_names(word, &d);
	return *named || (pattern_check(word) == ERR_OK && pattern_match(word, &d));
}

static void
look_in(const char *path, const char *word, struct found *f)
{
	char *buf = malloc(CTL_LINE_MAX), peer[STOCK_WHERE];
	struct json_val v, d;
	bool named;

	if (buf != NULL && sockets_ask(path, "{\"cmd\":\"status\"}", FOUND_TIMEOUT_MS,
				       buf, CTL_LINE_MAX) == ERR_OK) {
		v = json_read(buf, strlen(buf));
		json_get_str(v, "peer", peer, sizeof(peer));
		for (unsigned i = 0; (d = json_at(json_get(v, "devices"), i)).n > 0;
		     i++) {
			named = false;
			if (!means(word, peer, d, &named) || (f->named && !named))
				continue;
			f->n = f->named == named ? f->n + 1 : 1;
			f->named = named;
			snprintf(f->path, sizeof(f->path), "%s", path);
			json_get_str(d, "busid", f->busid, sizeof(f->busid));
			f->local[0] = '\0';
			json_get_str(d, "local", f->local, sizeof(f->local));
			f->has_port = json_get_u64(d, "port", &f->port);
		}
	}
	free(buf);
}

int
found_one(const struct sockets *s, const char *word, struct found *f)
{
	memset(f, 0, sizeof(*f));
	for (unsigned i = 0; i < s->n; i++)
		look_in(s->path[i], word, f);
	if (f->n == 0)
		return cmd_fail(ERR_NODEV,
				"no attached device is \"%s\"; see \"usbp2p status\"",
				word);
	if (f->n > 1)
		return cmd_fail(ERR_USAGE,
				"\"%s\" means %u devices: say PEER/DEVICE or port:N",
				word, f->n);
	return 0;
}
