/* SPDX-License-Identifier: ISC */
/*
 * bind, unbind: choose the local devices to share.
 */
#include <stdio.h>
#include <string.h>

#include <event2/event.h>

#include "cmd/cmd.h"
#include "cmd/share.h"
#include "cmd/sockets.h"
#include "cmd/state.h"
#include "core/text.h"
#include "usb/bus.h"

#define ASK_TIMEOUT_MS 5000

/* A serve that runs learns of it at once. */
static void
tell_serve(const struct ctx *ctx)
{
	char path[4096], answer[512];

	if (state_path(ctx->dir, "run/serve.sock", path, sizeof(path)) == ERR_OK &&
	    sockets_ask(path, "{\"cmd\":\"reload\"}", ASK_TIMEOUT_MS, answer,
			sizeof(answer)) == ERR_TIMEOUT)
		fprintf(stderr, "usbp2p: serve does not answer; it will see the change "
				"when it restarts\n");
}

static void
on_device(void *arg, struct usb_dev *d)
{
	(void)arg;
	(void)d;
}

static const struct usb_bus_ops bus_ops = {on_device, on_device};

/* Says what the word means now; a device that is not there yet may come. */
static void
show_matches(struct usb_bus *bus, const char *word)
{
	struct list *l;
	unsigned n = 0;

	LIST_EACH (&bus->devs, l) {
		const struct usb_dev *d = CONTAINER_OF(l, struct usb_dev, link);

		if (!pattern_match(word, &d->info))
			continue;
		printf("%s shared: %04x:%04x %s %s\n", d->info.busid, d->info.vid,
		       d->info.pid, d->info.manufacturer, d->info.product);
		n++;
	}
	if (n == 0)
		printf("%s: no such device is plugged in now; it will be shared when it "
		       "comes\n",
		       word);
}

static int
bind_words(struct ctx *ctx, struct usb_bus *bus, int argc, char **argv)
{
	int code = 0;

	for (int i = 1; i < argc; i++) {
		if (share_bind(ctx->dir, argv[i]) == ERR_OK)
			show_matches(bus, argv[i]);
		else
			code = cmd_fail(ERR_IO, "%s cannot be bound", argv[i]);
	}
	tell_serve(ctx);
	return code;
}

static int
check_words(const struct cmd *c, int argc, char **argv)
{
	if (argc < 2)
		return cmd_wrong(
		    c, "which device? \"usbp2p list\" shows those of this machine");
	for (int i = 1; i < argc; i++)
		if (argv[i][0] == '-' || pattern_check(argv[i]) != ERR_OK)
			return cmd_wrong(c, "\"%s\" is no device", argv[i]);
	return 0;
}

static int
run_bind(struct ctx *ctx, int argc, char **argv)
{
	struct event_base *base;
	struct usb_bus bus;
	char why[256];
	int code = check_words(&cmd_bind, argc, argv);

	if (code != 0 || state_make(ctx->dir) != ERR_OK)
		return code != 0 ? code : 1;
	if ((base = event_base_new()) == NULL)
		return cmd_fail(ERR_NOMEM, "%s", err_text(ERR_NOMEM));
	usb_bus_init(&bus, base, &bus_ops, NULL);
	if (usb_host_start(&bus, ctx->conf.serve_attached, why, sizeof(why)) != ERR_OK)
		fprintf(stderr, "usbp2p: %s\n", why);
	code = bind_words(ctx, &bus, argc, argv);
	usb_host_stop(&bus);
	usb_bus_fini(&bus);
	event_base_free(base);
	return code;
}

static int
run_unbind(struct ctx *ctx, int argc, char **argv)
{
	int code = check_words(&cmd_unbind, argc, argv), err;

	for (int i = 1; code != err_exit(ERR_USAGE) && i < argc; i++) {
		err = share_unbind(ctx->dir, argv[i]);
		if (err == ERR_NODEV)
			code = cmd_fail(
			    err, "\"%s\" was not bound; the file %s/bound lists what is",
			    argv[i], ctx->dir);
		else if (err != ERR_OK)
			code = err_exit(err);
	}
	if (code != err_exit(ERR_USAGE))
		tell_serve(ctx);
	return code;
}

const struct cmd cmd_bind = {"bind", "DEVICE...", "choose local devices to share", NULL,
			     run_bind};
const struct cmd cmd_unbind = {"unbind", "DEVICE...", "stop sharing local devices", NULL,
			       run_unbind};
