/* SPDX-License-Identifier: ISC */
/*
 * Requests to `serve` that change something: bind, unbind, and detach, which takes a
 * device from whoever has it. For those who may use the control socket but not write
 * the state directory.
 */
#include <stdio.h>

#include "cmd/audit.h"
#include "cmd/report.h"
#include "cmd/server.h"
#include "core/log.h"
#include "core/text.h"

static void
answer(struct json *j, int err, const char *text)
{
	report_open(j, err == ERR_OK ? "done" : "error");
	if (err != ERR_OK) {
		json_u64(j, "exit", (uint64_t)err_exit(err));
		json_str(j, "text", text);
	}
	json_close(j);
}

static bool
read_row(struct json_val request, struct share_row *row)
{
	char mode[20] = "";

	*row = (struct share_row){.part = json_get_bool(request, "keep_local")};
	if (!json_get_str(request, "device", row->word, sizeof(row->word)))
		return false;
	json_get_str(request, "as", row->nick, sizeof(row->nick));
	json_get_str(request, "mode", mode, sizeof(mode));
	return mode[0] == '\0' || share_read_mode(row, mode);
}

void
serve_ask_bind(struct server *s, struct json_val request, struct json *j)
{
	struct share_row row;
	int err;

	if (!read_row(request, &row)) {
		answer(j, ERR_USAGE, "bind wants a device, and a mode that there is");
		return;
	}
	err = share_bind(s->ctx->dir, &row);
	if (err == ERR_OK) {
		log_info("serve was told to bind \"%s\"", row.word);
		audit(&(struct audit){.event = "bind", .device = row.word});
		server_reload(s);
	}
	answer(j, err,
	       err == ERR_BUSY    ? "another device has that nickname"
	       : err == ERR_USAGE ? "that is no device, or no nickname for one"
				  : err_text(err));
}

void
serve_ask_unbind(struct server *s, struct json_val request, struct json *j)
{
	char word[PATTERN_TEXT];
	int err = ERR_USAGE;

	if (json_get_str(request, "device", word, sizeof(word)))
		err = share_unbind(s->ctx->dir, word);
	if (err == ERR_OK) {
		log_info("serve was told to unbind \"%s\"", word);
		audit(&(struct audit){.event = "unbind", .device = word});
		server_reload(s);
	}
	answer(j, err, err == ERR_NODEV ? "that was not bound" : "unbind wants a device");
}

void
serve_ask_detach(struct server *s, struct json_val request, struct json *j)
{
	char busid[DEVINFO_BUSID];
	uint64_t in_s = 0;
	struct usb_dev *d;

	json_get_u64(request, "in_s", &in_s);
	if (!json_get_str(request, "busid", busid, sizeof(busid)) ||
	    (d = usb_bus_find(&s->bus, busid)) == NULL) {
		answer(j, ERR_NODEV, "there is no device with this busid");
	} else if (lease_is_free(s, d)) {
		answer(j, ERR_NODEV, "nobody has it");
	} else {
		log_info("serve was told to take back device %s in=%llus", busid,
			 (unsigned long long)in_s);
		if (in_s > 0 && in_s < UINT32_MAX)
			lease_call_back(s, d, in_s * 1000000);
		else
			lease_revoke(s, d, "the server took it back");
		answer(j, ERR_OK, "");
	}
}
