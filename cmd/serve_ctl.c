/* SPDX-License-Identifier: ISC */
/*
 * The control socket of `serve`: status, local devices, the addresses that an
 * invitation needs, the word that `bound` has changed, and text to type.
 */
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/audit.h"
#include "cmd/control.h"
#include "cmd/packing.h"
#include "cmd/report.h"
#include "cmd/server.h"
#include "net/clock.h"
#include "net/ctl.h"
#include "net/rdv_stand.h"
#include "net/stock.h"
#include "net/tcp.h"
#include "usb/virtual.h"

/* Those who wait for it, the next one first. */
static void
put_waiting(const struct server *s, const struct usb_dev *d, struct json *j)
{
	const char *name = lease_waiting(s, d, 0);

	if (name == NULL)
		return;
	json_array(j, "waiting");
	for (unsigned i = 1; name != NULL; i++) {
		json_str(j, NULL, name);
		name = lease_waiting(s, d, i);
	}
	json_end(j);
}

static void
put_devices(struct server *s, struct json *j)
{
	struct list *l;

	json_array(j, "devices");
	LIST_EACH (&s->bus.devs, l) {
		struct usb_dev *d = CONTAINER_OF(l, struct usb_dev, link);
		struct wire_device w;

		lease_describe(s, NULL, d, &w);
		json_open(j, NULL);
		report_device(j, &d->info);
		if (!d->is_virtual)
			report_kernel(j, d->info.busid);
		json_bool(j, "shared", server_shares(s, d));
		json_str(j, "state", w.state == WIRE_FREE ? "free" : "held");
		if (w.state != WIRE_FREE) {
			json_str(j, "holder", w.holder);
			json_u64(j, "since", w.since);
		}
		put_waiting(s, d, j);
		claims_put(s, d, j);
		json_close(j);
	}
	json_end(j);
}

static void
put_guest(const struct guest *g, struct json *j)
{
	struct export_stats x;
	struct pack_stats packed;
	char id[PEERID_TEXT];

	json_open(j, NULL);
	json_str(j, "name", guest_name(g));
	peerid_text(g->who.id, id);
	json_str(j, "id", id);
	json_u64(j, "since", g->since);
	report_link(j, g->l);
	report_datagrams(j, g->session);
	if (guest_held(g))
		json_u64(j, "held_s", (clock_us() - g->lost_at) / 1000000);
	json_u64(j, "links", g->links);
	if (g->exports != NULL) {
		exports_stats(g->exports, &x);
		json_open(j, "urbs");
		json_u64(j, "done", x.urbs);
		json_u64(j, "failed", x.failed);
		json_u64(j, "unlinked", x.unlinked);
		json_u64(j, "inflight", x.inflight);
		json_u64(j, "bytes_in", x.bytes_in);
		json_u64(j, "bytes_out", x.bytes_out);
		json_close(j);
		if (exports_packs(g->exports, &packed))
			packing_put(j, &packed);
	}
	json_close(j);
}

static void
put_rendezvous(const struct server *s, struct json *j)
{
	char uri[RDV_URI];

	json_array(j, "rendezvous");
	for (unsigned i = 0; i < s->stands; i++) {
		rdv_uri_text(rdv_stand_uri(s->stand[i]), uri);
		json_open(j, NULL);
		json_str(j, "uri", uri);
		json_bool(j, "registered", rdv_stand_up(s->stand[i]));
		if (!rdv_stand_up(s->stand[i]))
			json_str(j, "reason", rdv_stand_why(s->stand[i]));
		json_close(j);
	}
	json_end(j);
}

static void
put_status(struct server *s, struct json *j, bool whole)
{
	char id[PEERID_TEXT];
	struct list *l;

	report_open(j, "serve");
	report_process(j, s->started, whole);
	json_str(j, "name", s->loop.env.name);
	peerid_text(ident_id(s->loop.ident), id);
	json_str(j, "id", id);
	json_array(j, "listen");
	for (unsigned i = 0; i < s->listeners; i++)
		json_str(j, NULL, tcp_listener_where(s->listener[i]));
	json_end(j);
	put_rendezvous(s, j);
	if (s->stock != NULL)
		json_str(j, "usbip", stock_listener_where(s->stock));
	put_devices(s, j);
	asked_report(&s->asked, j);
	json_array(j, "peers");
	LIST_EACH (&s->guests, l) {
		const struct guest *g = CONTAINER_OF(l, struct guest, link);

		if (g->admitted)
			put_guest(g, j);
	}
	json_end(j);
	json_close(j);
}

static void
do_status(struct server *s, struct json_val request, struct json *j)
{
	(void)request;
	put_status(s, j, true);
}

/* A wildcard listener is reached at each address of the machine but loopback. */
static void
put_interfaces(struct json *j, const char *port)
{
	struct ifaddrs *all, *i;
	char ip[INET6_ADDRSTRLEN], where[TCP_ADDR_TEXT];

	if (getifaddrs(&all) != 0)
		return;
	for (i = all; i != NULL; i = i->ifa_next) {
		const struct sockaddr *a = i->ifa_addr;

		if (a == NULL || (i->ifa_flags & IFF_LOOPBACK) ||
		    !(i->ifa_flags & IFF_UP))
			continue;
		if (a->sa_family == AF_INET) {
			const struct sockaddr_in *in = (const void *)a;

			inet_ntop(AF_INET, &in->sin_addr, ip, sizeof(ip));
			snprintf(where, sizeof(where), "%s:%s", ip, port);
		} else if (a->sa_family == AF_INET6) {
			const struct sockaddr_in6 *in = (const void *)a;

			if (IN6_IS_ADDR_LINKLOCAL(&in->sin6_addr))
				continue;
			inet_ntop(AF_INET6, &in->sin6_addr, ip, sizeof(ip));
			snprintf(where, sizeof(where), "[%s]:%s", ip, port);
		} else {
			continue;
		}
		json_str(j, NULL, where);
	}
	freeifaddrs(all);
}

static void
do_addresses(struct server *s, struct json_val request, struct json *j)
{
	(void)request;
	report_open(j, "addresses");
	json_str(j, "name", s->loop.env.name);
	json_array(j, "addresses");
	if (s->listeners > 0 && s->ctx->conf.serve_address[0] != '\0')
		json_str(j, NULL, s->ctx->conf.serve_address);
	for (unsigned i = 0; i < s->listeners; i++) {
		const char *where = tcp_listener_where(s->listener[i]);
		const char *port = strrchr(where, ':');

		if (port != NULL && (strncmp(where, "[::]:", 5) == 0 ||
				     strncmp(where, "0.0.0.0:", 8) == 0))
			put_interfaces(j, port + 1);
		else
			json_str(j, NULL, where);
	}
	json_end(j);
	put_rendezvous(s, j);
	json_close(j);
}

static void
do_devices(struct server *s, struct json_val request, struct json *j)
{
	(void)request;
	report_open(j, "devices");
	put_devices(s, j);
	json_close(j);
}

static void
do_reload(struct server *s, struct json_val request, struct json *j)
{
	(void)request;
	audit(&(struct audit){.event = "changed"});
	server_reload(s);
	report_open(j, "done");
	json_close(j);
}

static bool
status_line(void *arg, char *buf, size_t cap)
{
	struct json j;

	json_init(&j, buf, cap);
	put_status(arg, &j, false); /* not what differs at each look */
	return !j.t.full;
}

void
serve_ctl_error(struct json *j, const char *text)
{
	report_open(j, "error");
	json_str(j, "text", text);
	json_close(j);
}

/* Text for a virtual keyboard: all of it is taken, or none. */
static void
do_type(struct server *s, struct json_val request, struct json *j)
{
	char busid[DEVINFO_BUSID], text[CTL_REQUEST_MAX], why[256];
	struct usb_dev *d;

	if (!json_get_str(request, "busid", busid, sizeof(busid)) ||
	    !json_get_str(request, "text", text, sizeof(text)))
		serve_ctl_error(j, "type wants a busid and a text in UTF-8");
	else if ((d = usb_bus_find(&s->bus, busid)) == NULL)
		serve_ctl_error(j, "there is no device with this busid");
	else if (usb_keyboard_type(d, text, why, sizeof(why)) != ERR_OK)
		serve_ctl_error(j, why);
	else {
		report_open(j, "done");
		json_close(j);
	}
}

static const struct {
	const char *cmd;
	void (*run)(struct server *, struct json_val request, struct json *);
} requests[] = {
    {"status", do_status},        {"addresses", do_addresses},
    {"devices", do_devices},      {"list", do_devices},
    {"reload", do_reload},        {"type", do_type},
    {"bind", serve_ask_bind},     {"unbind", serve_ask_unbind},
    {"detach", serve_ask_detach}, {"refuse", serve_own_refuse},
    {"reset", serve_own_reset},   {"descriptors", serve_own_descriptors},
};

static void
on_request(void *arg, struct ctl_conn *c, const char *line, size_t n)
{
	char *buf = malloc(CTL_LINE_MAX), cmd[32] = "";
	struct json_val v = json_read(line, n);
	struct server *s = arg;
	struct json j;
	bool known = false;

	json_get_str(v, "cmd", cmd, sizeof(cmd));
	if (buf == NULL || strcmp(cmd, "watch") == 0) {
		if (buf == NULL || watch_add(&s->watch, c) != ERR_OK)
			ctl_end(c);
		free(buf);
		return;
	}
	json_init(&j, buf, CTL_LINE_MAX);
	for (size_t i = 0; i < ARRAY_LEN(requests); i++)
		if (strcmp(requests[i].cmd, cmd) == 0) {
			requests[i].run(arg, v, &j);
			known = true;
		}
	if (!known || j.t.full) {
		json_init(&j, buf, CTL_LINE_MAX);
		serve_ctl_error(&j, known ? "the answer is too long"
					  : "serve does not know this request");
	}
	ctl_line(c, buf);
	ctl_end(c);
	free(buf);
}

static void
on_gone(void *arg, struct ctl_conn *c)
{
	struct server *s = arg;

	watch_gone(&s->watch,
		   c); /* every other answer is complete when the request returns */
}

static const struct ctl_ops ctl_ops = {on_request, on_gone};

int
serve_ctl_start(struct server *s)
{
	int err;

	if ((err = watch_init(&s->watch, s->loop.base, status_line, s)) != ERR_OK)
		return err;
	return control_listen(&s->ctl, s->ctx, s->loop.base, "run/serve.sock", &ctl_ops,
			      s);
}
