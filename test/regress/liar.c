/* SPDX-License-Identifier: ISC */
/*
 * A rendezvous that lies, for real peers: liar STATE. Prints its URI. What it does to the
 * next guests is told on its standard input, in lines: "LIE guest" or "LIE host", about
 * what goes to him or to the host. Answers "ok", and "done" each time that it has said
 * something again, or flooded the host, after a guest has left. It ends with its input.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <event2/event.h>

#include "cmd/cmd.h"
#include "core/rdv_uri.h"
#include "core/text.h"
#include "net/heap.h"
#include "test/net/liar.h"

#define LOOK_US 50000
#define THROUGH 3 /* parcels of a guest who was answered: HELLO, and TLS */

/* What main.c has for the program itself. */
const struct cmd *const cmds[] = {NULL};

enum act { NOTHING, AGAIN, FLOOD };

static const struct {
	const char *name;
	enum lie lie;
	enum act act;
} lies[] = {
    {"honest", HONEST, NOTHING},
    {"drop", DROP, NOTHING},
    {"repeat", REPEAT, NOTHING},
    {"replay", REPLAY, NOTHING},
    {"swap", SWAP, NOTHING},
    {"flip", FLIP, NOTHING},
    {"truncate", TRUNCATE, NOTHING},
    {"other-id", OTHER_ID, NOTHING},
    {"other-host", OTHER_HOST, NOTHING},
    {"again", HONEST, AGAIN},
    {"flood", HONEST, FLOOD},
};

struct program {
	struct event_base *base;
	struct event *look, *told;
	struct liar liar;
	enum act act;
};

/* When the guest has left. */
static void
on_look(evutil_socket_t fd, short what, void *arg)
{
	struct program *p = arg;
	struct liar *l = &p->liar;

	(void)fd;
	(void)what;
	if (l->recorded == 0 || member_of(l, l->guest) != NULL)
		return;
	if (l->recorded <
	    THROUGH) { /* else each that the host has no room for were more */
		l->recorded = 0;
		return;
	}
	if (p->act == AGAIN)
		replay(l);
	else if (p->act == FLOOD)
		flood(l, 2000, 200);
	l->recorded = 0;
	puts("done");
	fflush(stdout);
}

static void
choose(struct program *p, char *line)
{
	const char *name = strtok(line, " \n"), *side = strtok(NULL, " \n");

	for (size_t i = 0; name != NULL && i < ARRAY_LEN(lies); i++)
		if (strcmp(name, lies[i].name) == 0) {
			p->liar.lie = lies[i].lie;
			p->act = lies[i].act;
			p->liar.to_host = side == NULL || strcmp(side, "guest") != 0;
			p->liar.recorded = 0;
			puts("ok");
			fflush(stdout);
		}
}

static void
on_line(evutil_socket_t fd, short what, void *arg)
{
	struct program *p = arg;
	char line[64];
	ssize_t n = read(fd, line, sizeof(line) - 1);

	(void)what;
	if (n <= 0) {
		event_base_loopbreak(p->base);
		return;
	}
	line[n] = '\0';
	choose(p, line);
}

static void
print_uri(const struct liar *l)
{
	struct rdv_uri u = {.addr = ""};
	char text[RDV_URI];

	memcpy(u.pin, ident_id(l->ident), sizeof(u.pin));
	text_copy(u.addr, sizeof(u.addr), tcp_listener_where(l->listener));
	rdv_uri_text(&u, text);
	puts(text);
	fflush(stdout);
}

int
main(int argc, char **argv)
{
	const struct bucket_conf always = {1000000, 1000000}; /* who tests come often */
	const struct timeval often = {0, LOOK_US};
	static struct program p;
	struct liar *l = &p.liar;
	char why[300] = "";

	if (argc != 2)
		return 2;
	p.base = event_base_new();
	heap_pool(&l->pool, SIZE_MAX);
	l->conf = rdv_usual;
	l->conf.id.rate[RDV_JOINS] = l->conf.id.rate[RDV_OPENS] = always;
	l->conf.network.rate[RDV_JOINS] = l->conf.network.rate[RDV_OPENS] = always;
	if (ident_load(&l->ident, argv[1], why, sizeof(why)) != ERR_OK ||
	    liar_start(l, p.base, why, sizeof(why)) != ERR_OK) {
		fprintf(stderr, "liar: %s\n", why);
		return 1;
	}
	p.look = event_new(p.base, -1, EV_PERSIST, on_look, &p);
	event_add(p.look, &often);
	p.told = event_new(p.base, 0, EV_READ | EV_PERSIST, on_line, &p);
	event_add(p.told, NULL);
	print_uri(l);
	event_base_dispatch(p.base);
	return 0;
}
