/* SPDX-License-Identifier: ISC */
/*
 * Keys: one table, from which the help, the line of the moment and the manual come.
 */
#include <stdio.h>
#include <string.h>

#include "core/mem.h"
#include "core/text.h"
#include "tui/ui_impl.h"

#define ALL   0xfu
#define ON(t) (1u << (t))

struct key {
	int key, also; /* 0: no other */
	const char *name;
	unsigned tabs;
	const char *hint; /* two words for the bottom line; NULL: not there */
	const char *help;
	void (*act)(struct ui *, const struct item *);
};

/* --- moving --- */

void
ui_move(struct ui *u, int by)
{
	unsigned *c = &u->cursor[u->tab];

	if (by < 0)
		*c = (unsigned)-by > *c ? 0 : *c - (unsigned)-by;
	else if (u->items > 0)
		*c = *c + (unsigned)by >= u->items ? u->items - 1 : *c + (unsigned)by;
}

#define MOVE(name, by)                                        \
	static void name(struct ui *u, const struct item *it) \
	{                                                     \
		(void)it;                                     \
		ui_move(u, by);                               \
	}
MOVE(up, -1)
MOVE(down, 1)
MOVE(page_up, -(int)(u->page > 1 ? u->page - 1 : 1))
MOVE(page_down, (int)(u->page > 1 ? u->page - 1 : 1))
MOVE(home, -1000000)
MOVE(end, 1000000)

#define GO(name, to)                                          \
	static void name(struct ui *u, const struct item *it) \
	{                                                     \
		(void)it;                                     \
		u->tab = (enum ui_tab)((to) % UI_TABS);       \
	}
GO(go_local, UI_LOCAL)
GO(go_peers, UI_PEERS)
GO(go_attached, UI_ATTACHED)
GO(go_log, UI_LOG)
GO(go_next, u->tab + 1)
GO(go_back, u->tab + UI_TABS - 1)

/* --- commands --- */

static struct ui_job
job(enum ui_verb verb, const char *peer, const char *busid)
{
	struct ui_job j = {.verb = verb};

	text_copy(j.peer, sizeof(j.peer), peer);
	text_copy(j.busid, sizeof(j.busid), busid);
	return j;
}

void
ui_run(struct ui *u, const struct ui_job *j)
{
	if (u->busy_n == UI_BUSY) {
		text_copy(u->toast, sizeof(u->toast), "too much at once");
		u->toast_bad = true;
		return;
	}
	u->busy[u->busy_n++] = *j;
	u->ops->run(u->arg, j);
}

static void
share(struct ui *u, const struct item *it)
{
	const struct model_dev *d = it->dev;
	struct ui_job j = job(d->shared ? UI_UNSHARE : UI_SHARE, "", d->busid);
	char text[400];

	if (ui_busy(u, "", d->busid) != NULL)
		return;
	if (!d->shared || d->holder[0] == '\0') {
		ui_run(u, &j);
		return;
	}
	snprintf(text, sizeof(text), "%s is in use by %s.\nIt is taken away from there.",
		 d->product[0] != '\0' ? d->product : d->busid, d->holder);
	box_ask(u, "Take it back?", &j, text);
}

static void
ask_detach(struct ui *u, const struct model_dev *d)
{
	struct ui_job j = job(UI_DETACH, d->peer, d->busid);
	char text[400];

	snprintf(text, sizeof(text),
		 "%s of %s%s%s\nUnmount what is mounted from it first.",
		 d->product[0] != '\0' ? d->product : d->busid, d->peer,
		 d->nodes[0] != '\0' ? " is used here as " : "", d->nodes);
	box_ask(u, "Detach it?", &j, text);
}

static const struct model_dev *
attached_here(const struct ui *u, const struct model_dev *d)
{
	for (unsigned i = 0; i < u->m->attached.n; i++) {
		const struct model_dev *a = model_dev(&u->m->attached, i);

		if (strcmp(a->peer, d->peer) == 0 && strcmp(a->busid, d->busid) == 0)
			return a;
	}
	return NULL;
}

static void
ask_list(struct ui *u, const struct model_peer *p)
{
	struct ui_job j = job(UI_LIST, p->name, "");

	if (ui_busy(u, p->name, "") == NULL)
		ui_run(u, &j);
}

static void
attach(struct ui *u, const struct item *it)
{
	struct ui_job j;

	if (it->dev == NULL) {
		ask_list(u, it->peer);
		return;
	}
	if (ui_busy(u, it->peer->name, it->dev->busid) != NULL)
		return;
	if (attached_here(u, it->dev) != NULL) {
		ask_detach(u, attached_here(u, it->dev));
		return;
	}
	j = job(UI_ATTACH, it->peer->name, it->dev->busid);
	ui_run(u, &j);
}

static void
detach(struct ui *u, const struct item *it)
{
	if (ui_busy(u, it->dev->peer, it->dev->busid) == NULL)
		ask_detach(u, it->dev);
}

static void
details(struct ui *u, const struct item *it)
{
	char buf[4000];

	if (u->tab == UI_PEERS && it->dev == NULL && !it->peer->asked) {
		ask_list(u, it->peer);
		return;
	}
	details_text(it, buf, sizeof(buf));
	box_show(u, "Details", buf);
}

static void
refresh(struct ui *u, const struct item *it)
{
	ask_list(u, it->peer);
}

static void
bench(struct ui *u, const struct item *it)
{
	struct ui_job j = job(UI_BENCH, it->peer->name, "");

	if (ui_busy(u, it->peer->name, "") == NULL)
		ui_run(u, &j);
}

static void
forget(struct ui *u, const struct item *it)
{
	struct ui_job j = job(UI_FORGET, it->peer->name, "");
	char text[300];

	snprintf(
	    text, sizeof(text),
	    "%s may use nothing here any more, and is no longer known under this name.",
	    it->peer->name);
	box_ask(u, "Forget this peer?", &j, text);
}

static void
rename_peer(struct ui *u, const struct item *it)
{
	struct ui_job j = job(UI_RENAME, it->peer->name, "");

	box_line(u, "Rename", &j, "Its new name:");
}

static void
invite(struct ui *u, const struct item *it)
{
	struct ui_job j = job(UI_INVITE, "", "");

	(void)it;
	box_line(u, "Invite", &j, "A name for the one who is invited:");
}

static void
ticket(struct ui *u, const struct item *it)
{
	struct ui_job j = job(UI_TICKET, "", "");

	(void)it;
	box_line(u, "Attach with a ticket", &j, "Paste the ticket (usbp2p:...):");
}

static void
sort(struct ui *u, const struct item *it)
{
	(void)it;
	u->sort[u->tab]++;
	ui_items(u);
	snprintf(u->toast, sizeof(u->toast), "sorted by %s", ui_sort_name(u));
	u->toast_bad = false;
}

static void
filter(struct ui *u, const struct item *it)
{
	(void)it;
	u->filtering = true;
	u->filter[0] = '\0';
}

static void
unfilter(struct ui *u, const struct item *it)
{
	(void)it;
	u->filter[0] = '\0';
	u->toast[0] = '\0';
}

static void
quit(struct ui *u, const struct item *it)
{
	(void)it;
	u->ops->quit(u->arg);
}

static void help(struct ui *, const struct item *);

static const struct key keys[] = {
    {'1', 0, "1", ALL, NULL, "this machine's devices", go_local},
    {'2', 0, "2", ALL, NULL, "peers and what they share", go_peers},
    {'3', 0, "3", ALL, NULL, "what is attached here", go_attached},
    {'4', 0, "4", ALL, NULL, "the log", go_log},
    {UI_KEY_TAB, UI_KEY_RIGHT, "Tab", ALL, NULL, "next tab", go_next},
    {UI_KEY_BACK_TAB, UI_KEY_LEFT, "Shift-Tab", ALL, NULL, "previous tab", go_back},
    {UI_KEY_UP, 'k', "Up k", ALL, NULL, "up", up},
    {UI_KEY_DOWN, 'j', "Down j", ALL, NULL, "down", down},
    {UI_KEY_PAGE_UP, 0, "PgUp", ALL, NULL, "a page up", page_up},
    {UI_KEY_PAGE_DOWN, 0, "PgDn", ALL, NULL, "a page down", page_down},
    {UI_KEY_HOME, 'g', "Home g", ALL, NULL, "first row", home},
    {UI_KEY_END, 'G', "End G", ALL, NULL, "last row", end},
    {' ', 0, "Space", ON(UI_LOCAL), "share", "share this device, or take it back", share},
    {' ', 0, "Space", ON(UI_PEERS), "attach", "attach this device, or detach it", attach},
    {' ', 0, "Space", ON(UI_ATTACHED), "detach", "detach this device", detach},
    {UI_KEY_ENTER, 0, "Enter", ALL, "details", "all that is known of this row", details},
    {'i', 0, "i", ON(UI_LOCAL) | ON(UI_PEERS), "invite", "invite somebody", invite},
    {'a', 0, "a", ON(UI_PEERS) | ON(UI_ATTACHED), "ticket", "attach with a ticket",
     ticket},
    {'r', 0, "r", ON(UI_PEERS), "refresh", "ask again what this peer shares", refresh},
    {'b', 0, "b", ON(UI_PEERS), "bench", "measure the line to this peer", bench},
    {'n', 0, "n", ON(UI_PEERS), NULL, "rename this peer", rename_peer},
    {'F', 0, "F", ON(UI_PEERS), NULL, "forget this peer", forget},
    {'/', 0, "/", ALL, "filter", "show only rows with a text", filter},
    {'s', 0, "s", ON(UI_LOCAL) | ON(UI_ATTACHED), "sort", "sort by another column", sort},
    {UI_KEY_ESC, 0, "Esc", ALL, NULL, "all rows again", unfilter},
    {'?', 0, "?", ALL, "help", "this page", help},
    {'q', 0, "q", ALL, "quit", "leave; what is attached stays", quit},
};

/* Keys that act on nothing but a row. */
static bool
wants_row(const struct key *k)
{
	return k->act == share || k->act == attach || k->act == detach ||
	       k->act == details || k->act == refresh || k->act == bench ||
	       k->act == rename_peer || k->act == forget;
}

void
keys_press(struct ui *u, int key)
{
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		const struct key *k = &keys[i];

		if ((key != k->key && (k->also == 0 || key != k->also)) ||
		    (k->tabs & ON(u->tab)) == 0)
			continue;
		u->toast[0] = '\0';
		if (!wants_row(k) || ui_item(u) != NULL)
			k->act(u, ui_item(u));
		return;
	}
}

void
keys_hint(const struct ui *u, char *buf, size_t cap)
{
	struct text t;

	text_init(&t, buf, cap);
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		if (keys[i].hint == NULL || (keys[i].tabs & ON(u->tab)) == 0)
			continue;
		if (t.len > 0)
			text_str(&t, "  ");
		text_str(&t, keys[i].name);
		text_char(&t, ' ');
		text_str(&t, keys[i].hint);
	}
}

const char *
ui_help_line(unsigned i)
{
	static const char *const tab[UI_TABS] = {"this machine", "peers", "attached",
						 "log"};
	static char buf[160];
	struct text t;

	if (i >= ARRAY_LEN(keys))
		return NULL;
	text_init(&t, buf, sizeof(buf));
	text_str(&t, keys[i].name);
	while (t.len < 11)
		text_char(&t, ' ');
	text_str(&t, keys[i].help);
	if (keys[i].tabs == ALL)
		return buf;
	text_str(&t, " (");
	for (unsigned k = 0, n = 0; k < UI_TABS; k++)
		if (keys[i].tabs & ON(k)) {
			text_str(&t, n++ > 0 ? ", " : "");
			text_str(&t, tab[k]);
		}
	text_char(&t, ')');
	return buf;
}

int
ui_table_key(unsigned i)
{
	return i < ARRAY_LEN(keys) ? keys[i].key : 0;
}

static void
help(struct ui *u, const struct item *it)
{
	struct text t;
	const char *line;
	char buf[4000];

	(void)it;
	text_init(&t, buf, sizeof(buf));
	for (unsigned i = 0; (line = ui_help_line(i)) != NULL; i++) {
		text_str(&t, line);
		text_char(&t, '\n');
	}
	box_show(u, "Keys", buf);
	u->box.kind = BOX_HELP;
}
