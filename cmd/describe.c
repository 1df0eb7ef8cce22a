/* SPDX-License-Identifier: ISC */
/*
 * describe: what a device says of itself, as a tree.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "cmd/cmd.h"
#include "cmd/one_dev.h"
#include "core/desc_text.h"
#include "core/json.h"
#include "net/ctl.h"
#include "usb/bus.h"

#define TEXT_MAX 262144

static int
show(const uint8_t *raw, size_t n)
{
	char *buf = malloc(TEXT_MAX);
	struct text t;

	if (buf == NULL)
		return cmd_fail(ERR_NOMEM, "%s", err_text(ERR_NOMEM));
	text_init(&t, buf, TEXT_MAX);
	desc_text(raw, n, &t);
	fputs(buf, stdout);
	free(buf);
	return 0;
}

/* What the kernel was given: sysfs has the bytes as they came. */
static int
show_attached(const struct ctx *ctx, const char *word)
{
	uint8_t raw[DEVINFO_RAW];
	char name[32], path[128];
	int code = one_dev_local(ctx, word, name, sizeof(name));
	size_t n;
	FILE *f;

	if (code != 0)
		return code;
	snprintf(path, sizeof(path), "%s/%s/descriptors", ONE_DEV_SYSFS, name);
	if ((f = fopen(path, "re")) == NULL)
		return cmd_fail(ERR_NODEV, "%s is not there any more", word);
	n = fread(raw, 1, sizeof(raw), f);
	fclose(f);
	return show(raw, n);
}

static int
show_hex(const char *line)
{
	static const char digits[] = "0123456789abcdef";
	struct json_val v = json_get(json_read(line, strlen(line)), "descriptors");
	uint8_t raw[DEVINFO_RAW];
	size_t n = 0;

	if (v.n < 2 || v.p[0] != '"')
		return cmd_fail(ERR_PROTO, "serve's answer is not understood");
	for (const char *p = v.p + 1; p + 1 < v.p + v.n - 1 && n < sizeof(raw); p += 2) {
		const char *hi = strchr(digits, p[0]), *lo = strchr(digits, p[1]);

		if (hi == NULL || lo == NULL)
			return cmd_fail(ERR_PROTO, "serve's answer is not understood");
		raw[n++] = (uint8_t)((hi - digits) << 4 | (lo - digits));
	}
	return show(raw, n);
}

/* No serve runs: what this machine has, looked at here. */
static int
show_plugged(const struct ctx *ctx, const char *word)
{
	struct event_base *base = event_base_new();
	const struct usb_dev *d;
	struct usb_bus bus;
	char why[256];
	int code;

	if (base == NULL)
		return cmd_fail(ERR_NOMEM, "%s", err_text(ERR_NOMEM));
	usb_bus_init(&bus, base, NULL, NULL);
	if (usb_host_start(&bus, ctx->conf.serve_attached, why, sizeof(why)) != ERR_OK)
		fprintf(stderr, "usbp2p: %s\n", why);
	d = usb_bus_find(&bus, word);
	code = d != NULL ? show(d->raw, d->raw_len)
			 : cmd_fail(ERR_NODEV, "no device here is \"%s\"", word);
	usb_host_stop(&bus);
	usb_bus_fini(&bus);
	event_base_free(base);
	return code;
}

static int
show_ours(const struct ctx *ctx, const char *word)
{
	char *buf = malloc(CTL_LINE_MAX);
	int code, err = ERR_NOMEM;

	if (buf != NULL)
		err = one_dev_ask(ctx, "descriptors", word, buf, CTL_LINE_MAX);
	if (err == ERR_OK)
		code = show_hex(buf);
	else if (err == ERR_NODEV)
		code = show_plugged(ctx, word);
	else if (err == ERR_NOPEER)
		code = err_exit(err);
	else
		code = cmd_fail(err, "serve does not answer: %s", err_text(err));
	free(buf);
	return code;
}

static int
run(struct ctx *ctx, int argc, char **argv)
{
	const char *word = one_dev_operand(&cmd_describe, argc, argv);

	if (word == NULL)
		return err_exit(ERR_USAGE);
	return one_dev_is_attached(word) ? show_attached(ctx, word)
					 : show_ours(ctx, word);
}

const struct cmd cmd_describe = {"describe", "DEVICE|PEER/DEVICE|port:N",
				 "show a device's descriptors as a tree", NULL, run};
