/* SPDX-License-Identifier: ISC */
/*
 * serve: shares this machine's devices with invited peers.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include "cmd/audit.h"
#include "cmd/server.h"
#include "cmd/state.h"
#include "core/log.h"
#include "core/text.h"
#include "net/ctl.h"
#include "net/ice_uri.h"
#include "net/lan.h"
#include "net/stock.h"
#include "usb/virtual.h"

#define SERVE_USBIP "127.0.0.1:3240"

enum {
	OPT_LISTEN,
	OPT_RENDEZVOUS,
	OPT_STUN,
	OPT_SHARE,
	OPT_VIRTUAL,
	OPT_USBIP,
	OPT_USBIP_ALLOW,
	OPT_LAN
};

static const struct cmd_opt opts[] = {
    [OPT_LISTEN] = {"listen", "ADDR:PORT",
		    "where peers knock, repeatable, or none (default: [::]:13240)"},
    [OPT_RENDEZVOUS] = {"rendezvous", "URI",
			"register there, so that peers find this machine; repeatable"},
    [OPT_STUN] = {"stun", "HOST:PORT",
		  "a server to ask for our address, as -o ice.stun (default: none)"},
    [OPT_SHARE] = {"share", "DEVICE", "share this device while serve runs, repeatable"},
    [OPT_VIRTUAL] = {"virtual", "SPEC",
		     "share a device of software, repeatable:" USB_VIRTUAL_FORMS},
    [OPT_USBIP] = {"usbip", "[=ADDR:PORT]",
		   "let stock USB/IP clients in, unencrypted (default: 127.0.0.1:3240)"},
    [OPT_USBIP_ALLOW] = {"usbip-allow", "CIDR",
			 "from where they may come, beside this machine; repeatable"},
    [OPT_LAN] = {"lan", NULL, "announce it on the local network (mDNS)"},
    {NULL, NULL, NULL},
};

bool
server_shares(const struct server *s, const struct usb_dev *d)
{
	const struct conf_list *set = &s->ctx->conf.serve_share;
	const char *word[CONF_WORDS];

	for (unsigned i = 0; i < set->n; i++)
		word[i] = set->word[i];
	return !lease_never(s, d) && (share_has(&s->share, &d->info, d->is_virtual) ||
				      share_has(&s->extra, &d->info, d->is_virtual) ||
				      pattern_list(word, set->n, &d->info));
}

/* `bound` or `peers` has changed: who lost a device or a right loses it now. */
void
server_reload(struct server *s)
{
	struct share fresh = {.n = 0};
	struct list *l;

	if (share_load(&fresh, s->ctx->dir) != ERR_OK)
		return;
	s->share = fresh;
	log_info("serve shares by patterns=%u", fresh.n);
	share_mark(&s->share, &s->bus);
	LIST_EACH (&s->bus.devs, l) {
		struct usb_dev *d = CONTAINER_OF(l, struct usb_dev, link);

		if (!server_shares(s, d))
			lease_revoke(s, d, "it is no longer shared");
		else if (!lease_fits(s, d))
			lease_revoke(s, d, "it is shared in another way now");
	}
	guest_review(s);
}

/* --- devices --- */

static void
on_arrived(void *arg, struct usb_dev *d)
{
	struct server *s = arg;

	share_mark(&s->share, &s->bus);
	watch_poke(&s->watch);
	lease_review(s); /* nicknames may have moved */
	if (server_shares(s, d)) {
		log_info("device %s shared id=%04x:%04x product=\"%s\"", d->info.busid,
			 d->info.vid, d->info.pid, d->info.product);
		guest_changed(s);
	}
}

static void
on_left(void *arg, struct usb_dev *d)
{
	struct server *s = arg;

	lease_revoke(s, d, "it was unplugged");
	watch_poke(&s->watch);
	share_mark(&s->share, &s->bus); /* another one may get its nickname */
	lease_review(s);
	if (server_shares(s, d)) {
		log_info("device %s left", d->info.busid);
		guest_changed(s);
	}
}

static const struct usb_bus_ops bus_ops = {on_arrived, on_left};

static int
add_virtual(struct server *s, const char *spec)
{
	char why[256];
	int err;

	if ((err = usb_virtual_add(&s->bus, spec, why, sizeof(why))) != ERR_OK)
		return cmd_fail(err, "%s", why);
	return 0;
}

/* --- start and end --- */

void
server_check_end(struct server *s)
{
	if (s->ending && list_empty(&s->guests) && list_empty(&s->leases) &&
	    list_empty(&s->stocks) && usb_bus_quiet(&s->bus))
		loop_exit(&s->loop, 0);
}

/* SIGINT, SIGTERM: goodbye to all; a second one does not wait for devices. */
static void
on_stop(void *arg)
{
	struct server *s = arg;
	struct list *l;

	if (s->ending) {
		loop_exit(&s->loop, 1);
		return;
	}
	log_info("serve ends");
	s->ending = true;
	serve_door_close(s);
	stocker_end_all(s);
	LIST_EACH (&s->guests, l) {
		guest_end(CONTAINER_OF(l, struct guest, link));
	}
	guest_reap_soon(s);
}

static void
on_reap(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	guest_reap(arg);
}

static void
on_tell(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	guest_tell(arg);
}

static int
add_share(struct server *s, const char *pattern)
{
	struct share_row row = {.part = false};
	int err = ERR_USAGE;

	if (text_copy(row.word, sizeof(row.word), pattern))
		err = share_add(&s->extra, &row);
	if (err == ERR_USAGE)
		return cmd_wrong(&cmd_serve, "\"%s\" is no device", pattern);
	if (err != ERR_OK)
		return cmd_wrong(&cmd_serve, "too many times --share");
	return 0;
}

static int
add_allowed(struct stock_allow *allow, const char *cidr)
{
	int err = stock_allow_add(allow, cidr);

	if (err == ERR_FULL)
		return cmd_wrong(&cmd_serve, "at most %d times --usbip-allow",
				 STOCK_NETS);
	if (err != ERR_OK)
		return cmd_wrong(&cmd_serve,
				 "\"%s\" is no network: 192.0.2.0/24, 2001:db8::/32",
				 cidr);
	return 0;
}

/* What stands on the command line and is not done at once. */
struct line {
	const char *usbip; /* where stock clients come, or NULL */
	struct stock_allow allow;
	bool lan;
};

static int
word(struct server *s, struct line *l, int o, const char *arg)
{
	switch (o) {
	case OPT_LISTEN:
		return serve_door_listen(s, arg);
	case OPT_RENDEZVOUS:
		return serve_door_rendezvous(s, arg);
	case OPT_STUN:
		s->loop.stun_fixed = true;
		if (ice_uri_stun(&s->loop.servers.stun, arg) == ERR_OK)
			return 0;
		return cmd_wrong(&cmd_serve, "\"%s\" is no HOST:PORT", arg);
	case OPT_SHARE:
		return add_share(s, arg);
	case OPT_VIRTUAL:
		return add_virtual(s, arg);
	case OPT_USBIP:
		l->usbip = arg != NULL ? arg : SERVE_USBIP;
		return 0;
	case OPT_USBIP_ALLOW:
		return add_allowed(&l->allow, arg);
	case OPT_LAN:
		l->lan = true;
		return 0;
	case CMD_OPERAND:
		return cmd_wrong(&cmd_serve, "what is \"%s\" for?", arg);
	default:
		return err_exit(ERR_USAGE);
	}
}

/* What no option said. */
static int
settings(struct server *s, struct line *l)
{
	const struct conf *c = &s->ctx->conf;
	int code = 0;

	l->lan |= c->serve_lan;
	for (unsigned i = 0; i < c->serve_virtual.n && code == 0; i++)
		code = add_virtual(s, c->serve_virtual.word[i]);
	if (l->usbip == NULL && c->serve_usbip[0] != '\0')
		l->usbip = c->serve_usbip;
	for (unsigned i = 0; i < c->serve_usbip_allow.n && code == 0; i++)
		code = add_allowed(&l->allow, c->serve_usbip_allow.word[i]);
	for (unsigned i = 0, given = s->listeners;
	     code == 0 && given == 0 && !s->hidden && i < c->serve_listen.n; i++)
		code = serve_door_listen(s, c->serve_listen.word[i]);
	return code;
}

static int
options(struct server *s, int argc, char **argv)
{
	struct line l = {0};
	struct cmd_args a;
	const char *arg;
	int o, code = 0;

	cmd_args_init(&a, argc, argv);
	while (code == 0 && (o = cmd_next(&a, &cmd_serve, &arg)) != CMD_END)
		code = word(s, &l, o, arg);
	if (code == 0 && l.allow.n > 0 && l.usbip == NULL)
		code = cmd_wrong(&cmd_serve, "--usbip-allow is for --usbip");
	if (code == 0)
		code = settings(s, &l);
	if (code == 0 && s->hidden && (s->listeners > 0 || s->ctx->conf.rdvs == 0))
		code = cmd_wrong(&cmd_serve,
				 "--listen none stands alone, and wants --rendezvous");
	if (code == 0)
		code = serve_door_register(s);
	if (code == 0 && l.usbip != NULL)
		code = stocker_listen(s, l.usbip, &l.allow);
	if (code == 0 && l.lan)
		code = serve_door_announce(s);
	return code;
}

static int
prepare(struct server *s, int argc, char **argv)
{
	char why[256];
	int code;

	s->reaper = event_new(s->loop.base, -1, 0, on_reap, s);
	s->teller = evtimer_new(s->loop.base, on_tell, s);
	s->clock = evtimer_new(s->loop.base, lease_on_clock, s);
	if (s->reaper == NULL || s->teller == NULL || s->clock == NULL)
		return cmd_fail(ERR_NOMEM, "%s", err_text(ERR_NOMEM));
	if (share_load(&s->share, s->ctx->dir) != ERR_OK)
		return 1;
	if ((code = options(s, argc, argv)) != 0)
		return code;
	if (usb_host_start(&s->bus, s->ctx->conf.serve_attached, why, sizeof(why)) !=
	    ERR_OK)
		log_warn("no real devices reason=\"%s\"", why);
	claims_recover(s);
	return err_exit(serve_ctl_start(s));
}

static int
run_server(struct server *s, int argc, char **argv)
{
	int code, lock = state_lock(s->ctx->dir, "run/serve.lock", 0);

	if (lock == ERR_BUSY)
		return cmd_fail(ERR_BUSY, "another serve runs in %s", s->ctx->dir);
	if (lock < 0)
		return cmd_fail(lock, "cannot lock %s/run/serve.lock", s->ctx->dir);
	if (audit_start(&s->ctx->conf) != ERR_OK)
		code = cmd_fail(ERR_IO, "the audit cannot be written to %s",
				s->ctx->conf.audit_to);
	else if ((code = prepare(s, argc, argv)) == 0) {
		audit(&(struct audit){.event = "start"});
		log_info("serve ready name=%s", s->loop.env.name);
		code = loop_run(&s->loop);
		audit(&(struct audit){.event = "end"});
	}
	audit_end();
	watch_fini(&s->watch);
	ctl_free(s->ctl);
	lan_free(s->lan);
	stock_listener_free(s->stock);
	serve_door_close(s);
	usb_host_stop(&s->bus);
	usb_bus_fini(&s->bus);
	if (s->reaper != NULL)
		event_free(s->reaper);
	if (s->teller != NULL)
		event_free(s->teller);
	if (s->clock != NULL)
		event_free(s->clock);
	close(lock);
	return code;
}

static int
run(struct ctx *ctx, int argc, char **argv)
{
	struct server *s = calloc(1, sizeof(*s));
	int code = 1;

	if (s == NULL)
		return cmd_fail(ERR_NOMEM, "%s", err_text(ERR_NOMEM));
	s->ctx = ctx;
	s->started = (uint64_t)time(NULL);
	list_init(&s->guests);
	list_init(&s->leases);
	list_init(&s->stocks);
	if (loop_start(&s->loop, ctx, on_stop, s) == ERR_OK) {
		s->loop.reload = server_reread;
		usb_bus_init(&s->bus, s->loop.base, &bus_ops, s);
		code = run_server(s, argc, argv);
		loop_end(&s->loop);
	}
	free(s);
	return code;
}

const struct cmd cmd_serve = {"serve", "", "share devices with invited peers", opts, run};
