/* SPDX-License-Identifier: ISC */
/*
 * list: the devices of this machine, or those that a peer shares with us.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "cmd/list_lan.h"
#include "cmd/remote.h"
#include "cmd/report.h"
#include "cmd/share.h"
#include "core/text.h"
#include "net/stock.h"
#include "usb/bus.h"

enum { OPT_AS, OPT_JSON, OPT_LAN };

static const struct cmd_opt opts[] = {
    [OPT_AS] = {"as", "NAME", "know the server under this name"},
    [OPT_JSON] = {"json", NULL, "one JSON object"},
    [OPT_LAN] = {"lan", NULL, "the servers that announce themselves here"},
    {NULL, NULL, NULL},
};

struct listing {
	struct loop loop;
	struct target target;
	struct remote *remote;
	bool json, begun, first, complete;
	int code;
};

/* --- output --- */

static void
show_json(struct listing *s, const struct devinfo *d, const char *state,
	  const struct wire_device *w)
{
	char buf[4096];
	struct json j;

	json_init(&j, buf, sizeof(buf));
	json_open(&j, NULL);
	report_device(&j, d);
	json_str(&j, "state", state);
	if (w == NULL)
		report_kernel(&j, d->busid);
	if (w != NULL && w->state == WIRE_TAKEN) {
		json_str(&j, "holder", w->holder);
		json_u64(&j, "since", w->since);
	}
	json_close(&j);
	printf("%s%s", s->first ? "" : ",", buf);
	s->first = false;
}

static void
show(struct listing *s, const struct devinfo *d, const char *state,
     const struct wire_device *w)
{
	char classes[128], when[40];

	if (s->json) {
		show_json(s, d, state, w);
		return;
	}
	report_classes(classes, sizeof(classes), d);
	printf("%-10s %04x:%04x %-10s %-9s %s%s%s", d->busid, d->vid, d->pid, classes,
	       state, d->manufacturer, d->manufacturer[0] != '\0' ? " " : "", d->product);
	if (d->serial[0] != '\0')
		printf(" (%s)", d->serial);
	if (d->nick[0] != '\0')
		printf(" as %s", d->nick);
	if (d->part)
		printf(" in part");
	if (d->queued)
		printf(" queued");
	if (d->read_only)
		printf(" readonly");
	if (w != NULL && w->state == WIRE_TAKEN) {
		report_time(when, sizeof(when), w->since);
		printf(" held by %s since %s", w->holder, when);
	}
	printf("\n");
}

static void
head(struct listing *s, const char *peer)
{
	s->begun = s->first = true;
	if (!s->json)
		return;
	printf("{\"schema\":\"%s\",\"kind\":\"list\"", REPORT_SCHEMA);
	if (peer != NULL)
		printf(",\"peer\":\"%s\"", peer);
	printf(",\"devices\":[");
}

static void
tail(struct listing *s)
{
	if (s->json)
		printf("]}\n");
}

/* --- this machine --- */

static int
list_local(struct listing *s, struct ctx *ctx)
{
	struct event_base *base = event_base_new();
	struct share *share = calloc(1, sizeof(*share));
	struct usb_bus bus;
	char why[256];
	struct list *l;
	int code = 1;

	if (base == NULL || share == NULL)
		return cmd_fail(ERR_NOMEM, "%s", err_text(ERR_NOMEM));
	usb_bus_init(&bus, base, NULL, NULL);
	if (usb_host_start(&bus, ctx->conf.serve_attached, why, sizeof(why)) != ERR_OK)
		fprintf(stderr, "usbp2p: %s\n", why);
	if (share_load(share, ctx->dir) == ERR_OK) {
		share_mark(share, &bus);
		head(s, NULL);
		LIST_EACH (&bus.devs, l) {
			const struct usb_dev *d = CONTAINER_OF(l, struct usb_dev, link);

			show(s, &d->info,
			     share_has(share, &d->info, false) ? "bound" : "private",
			     NULL);
		}
		tail(s);
		code = 0;
	}
	usb_host_stop(&bus);
	usb_bus_fini(&bus);
	event_base_free(base);
	free(share);
	return code;
}

/* --- a peer --- */

static void
on_ready(void *arg)
{
	struct listing *s = arg;

	if (imports_list(remote_imports(s->remote)) != ERR_OK)
		remote_close(s->remote);
}

static void
on_device(void *arg, const struct wire_device *d)
{
	static const char *const state[] = {
	    [WIRE_FREE] = "free", [WIRE_YOURS] = "yours", [WIRE_TAKEN] = "taken"};
	struct listing *s = arg;

	if (s->complete)
		return;
	if (!s->begun)
		head(s, s->target.name);
	if (d != NULL) {
		show(s, &d->info, state[d->state], d);
		return;
	}
	tail(s);
	s->complete = true;
	remote_close(s->remote);
}

static void
on_down(void *arg, int err, const char *why)
{
	struct listing *s = arg;

	if (!s->complete) {
		s->code = err_exit(err == ERR_OK ? ERR_CLOSED : err);
		if (why[0] != '\0')
			cmd_fail(err, "%s", why);
	}
	loop_exit(&s->loop, s->code);
}

static const struct remote_ops remote_ops = {on_ready, on_device, NULL,
					     NULL,     NULL,      on_down};

static void
on_stop(void *arg)
{
	struct listing *s = arg;

	if (s->remote == NULL || s->code != 0) {
		loop_exit(&s->loop, 1);
		return;
	}
	s->complete = true;
	s->code = 1;
	remote_close(s->remote);
}

static int
list_remote(struct listing *s, struct ctx *ctx, const char *who, const char *as)
{
	int code, err = target_find(&s->target, ctx, who, as);

	if (err != ERR_OK)
		return err_exit(err);
	if (loop_start(&s->loop, ctx, on_stop, s) != ERR_OK)
		return 1;
	s->remote = remote_connect(&s->loop, ctx, &s->target, 0, &remote_ops, s);
	code = s->remote == NULL ? cmd_fail(ERR_NOMEM, "%s", err_text(ERR_NOMEM))
				 : loop_run(&s->loop);
	remote_free(s->remote);
	loop_end(&s->loop);
	return code;
}

/* --- a stock server --- */

static void
on_stock_device(void *arg, const struct devinfo *d)
{
	struct listing *s = arg;

	if (!s->begun)
		head(s, s->target.name);
	show(s, d, "free", NULL);
}

static void
on_stock_done(void *arg, int err, int fd)
{
	struct listing *s = arg;

	(void)fd;
	if (err != ERR_OK) {
		loop_exit(&s->loop, cmd_fail(err, "the USB/IP server at %s: %s",
					     s->target.name, err_text(err)));
		return;
	}
	if (!s->begun)
		head(s, s->target.name);
	tail(s);
	loop_exit(&s->loop, 0);
}

static const struct stock_dial_ops stock_ops = {on_stock_device, on_stock_done};

static int
list_stock(struct listing *s, struct ctx *ctx, const char *uri)
{
	char where[STOCK_WHERE], busid[USBIP_OP_BUSID];
	struct stock_dial *d;

	if (stock_uri(uri, where, busid) != ERR_OK || busid[0] != '\0')
		return cmd_wrong(&cmd_list, "\"%s\" is no usbip://HOST[:PORT]", uri);
	text_copy(s->target.name, sizeof(s->target.name), where);
	if (loop_start(&s->loop, ctx, on_stop, s) != ERR_OK)
		return 1;
	d = stock_dial(s->loop.base, s->loop.dns, where, NULL, &stock_ops, s);
	s->code = d == NULL ? cmd_fail(ERR_NOMEM, "%s", err_text(ERR_NOMEM))
			    : loop_run(&s->loop);
	stock_dial_free(d);
	loop_end(&s->loop);
	return s->code;
}

static int
run(struct ctx *ctx, int argc, char **argv)
{
	struct listing *s = calloc(1, sizeof(*s));
	const char *arg, *who = NULL, *as = NULL;
	bool lan = false;
	struct cmd_args a;
	int o, code = 0;

	if (s == NULL)
		return cmd_fail(ERR_NOMEM, "%s", err_text(ERR_NOMEM));
	cmd_args_init(&a, argc, argv);
	while (code == 0 && (o = cmd_next(&a, &cmd_list, &arg)) != CMD_END) {
		if (o == OPT_AS)
			as = arg;
		else if (o == OPT_JSON)
			s->json = true;
		else if (o == OPT_LAN)
			lan = true;
		else if (o == CMD_BAD)
			code = err_exit(ERR_USAGE);
		else if (who == NULL)
			who = arg;
		else
			code = cmd_wrong(&cmd_list, "one peer at a time");
	}
	if (code == 0 && lan && (who != NULL || as != NULL))
		code = cmd_wrong(&cmd_list, "--lan is for no peer in particular");
	if (code == 0 && who == NULL && as != NULL)
		code = cmd_wrong(&cmd_list, "--as is for a ticket");
	if (code == 0 && lan)
		code = list_lan(ctx, s->json);
	else if (code == 0 && who == NULL)
		code = list_local(s, ctx);
	else if (code == 0 && strncmp(who, STOCK_URI, strlen(STOCK_URI)) == 0)
		code = list_stock(s, ctx, who);
	else if (code == 0)
		code = list_remote(s, ctx, who, as);
	free(s);
	return code;
}

const struct cmd cmd_list = {"list", "[PEER|TICKET|URI]",
			     "show local devices, or what a peer shares", opts, run};
