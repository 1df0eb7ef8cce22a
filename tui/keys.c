/* SPDX-License-Identifier: ISC */
/*
 * Keys: one table, from which the help, the line of the moment and the manual come.
 */
#include <stdio.h>
#include <string.h>

#include "core/mem.h"
#include "core/text.h"
#include "tui/ui_impl.h"

#define TABS  0xfu
#define ON(p) (1u << (p))

/* What a key acts on: nothing, the row under the cursor, its device, its peer. */
enum needs { NONE, ROW, DEV, PEER, ASK };

struct key {
	int key, also; /* 0: no other */
	const char *name;
	unsigned places;
	enum needs needs;
	const char *hint; /* two words for the bottom line; NULL: not there */
	const char *help;
	void (*act)(struct ui *, const struct item *);
};

/* --- moving --- */

static void
move(struct ui *u, int by)
{
	unsigned *c = &u->cursor[u->tab];

	if (by < 0)
		*c = (unsigned)-by > *c ? 0 : *c - (unsigned)-by;
	else if (u->items > 0)
		*c = *c + (unsigned)by >= u->items ? u->items - 1 : *c + (unsigned)by;
}

#define KEY(name, what)                                       \
	static void name(struct ui *u, const struct item *it) \
	{                                                     \
		(void)it;                                     \
		what;                                         \
	}
KEY(up, move(u, -1))
KEY(down, move(u, 1))
KEY(page_up, move(u, -(int)(u->page > 1 ? u->page - 1 : 1)))
KEY(page_down, move(u, (int)(u->page > 1 ? u->page - 1 : 1)))
KEY(home, move(u, -1000000))
KEY(end, move(u, 1000000))
KEY(go_local, u->tab = UI_LOCAL)
KEY(go_peers, u->tab = UI_PEERS)
KEY(go_attached, u->tab = UI_ATTACHED)
KEY(go_log, u->tab = UI_LOG)
KEY(go_next, u->tab = (enum ui_tab)((u->tab + 1) % UI_TABS))
KEY(go_back, u->tab = (enum ui_tab)((u->tab + UI_TABS - 1) % UI_TABS))

/* --- the browser itself --- */

KEY(quit, u->ops->quit(u->arg))
KEY(unfilter, u->filter[0] = '\0')
KEY(filter_on, u->filtering = true; u->filter[0] = '\0')
KEY(filter_keep, u->filtering = false)
KEY(filter_off, u->filtering = false; u->filter[0] = '\0')
KEY(filter_back, type_key(u->filter, sizeof(u->filter), UI_KEY_BACK))

static void
sort(struct ui *u, const struct item *it)
{
	(void)it;
	u->sort[u->tab]++;
	ui_items(u);
	ui_say(u, false, "sorted by %s", ui_sort_name(u));
}

static void
doctor(struct ui *u, const struct item *it)
{
	struct ui_job j = act_job(UI_DOCTOR, "", "");

	(void)it;
	ui_say(u, false, "looking at this machine...");
	act_run(u, &j);
}

/* --- boxes --- */

KEY(close, box_close(u))
KEY(box_up, box_scroll(u, -1))
KEY(box_down, box_scroll(u, 1))
KEY(box_page_up, box_scroll(u, -10))
KEY(box_page_down, box_scroll(u, 10))
KEY(box_back, type_key(u->box.input, sizeof(u->box.input), UI_KEY_BACK))

static void
box_yes(struct ui *u, const struct item *it)
{
	struct ui_job j = u->box.job;

	(void)it;
	box_close(u);
	act_run(u, &j);
}

static void
box_enter(struct ui *u, const struct item *it)
{
	struct ui_job j = u->box.job;

	(void)it;
	if (u->box.input[0] == '\0')
		return;
	text_copy(j.arg, sizeof(j.arg), u->box.input);
	box_close(u);
	act_run(u, &j);
}

static void
box_copy(struct ui *u, const struct item *it)
{
	(void)it;
	if (u->box.copy[0] == '\0')
		return;
	u->ops->copy(u->arg, u->box.copy);
	ui_say(u, false, "copied, if the terminal can");
}

static void
box_qr(struct ui *u, const struct item *it)
{
	(void)it;
	u->box.qr_alone = !u->box.qr_alone && u->box.qr != NULL;
}

static void help(struct ui *, const struct item *);

static const struct key keys[] = {
    {'1', 0, "1", TABS, NONE, NULL, "this machine's devices", go_local},
    {'2', 0, "2", TABS, NONE, NULL, "peers and what they share", go_peers},
    {'3', 0, "3", TABS, NONE, NULL, "what is attached here", go_attached},
    {'4', 0, "4", TABS, NONE, NULL, "the log", go_log},
    {UI_KEY_TAB, UI_KEY_RIGHT, "Tab Right", TABS, NONE, NULL, "next tab", go_next},
    {UI_KEY_BACK_TAB, UI_KEY_LEFT, "Shift-Tab Left", TABS, NONE, NULL, "previous tab",
     go_back},
    {UI_KEY_UP, 'k', "Up k", TABS, NONE, NULL, "up", up},
    {UI_KEY_DOWN, 'j', "Down j", TABS, NONE, NULL, "down", down},
    {UI_KEY_PAGE_UP, 0, "PgUp", TABS, NONE, NULL, "a page up", page_up},
    {UI_KEY_PAGE_DOWN, 0, "PgDn", TABS, NONE, NULL, "a page down", page_down},
    {UI_KEY_HOME, 'g', "Home g", TABS, NONE, NULL, "first row", home},
    {UI_KEY_END, 'G', "End G", TABS, NONE, NULL, "last row", end},
    {' ', 0, "Space", ON(UI_LOCAL), DEV, "share", "share this device, or take it back",
     act_share},
    {' ', 0, "Space", ON(UI_PEERS), ROW, "attach",
     "attach this device, or detach it; accept who asks", act_attach},
    {' ', 0, "Space", ON(UI_ATTACHED), DEV, "detach", "detach this device", act_detach},
    {UI_KEY_ENTER, 0, "Enter", TABS, ROW, "details", "all that is known of this row",
     act_details},
    {'y', 0, "y", ON(UI_PEERS), ASK, NULL, "let in who asks, or let it have the device",
     act_accept},
    {'x', 0, "x", ON(UI_PEERS), ASK, NULL, "refuse who asks", act_refuse},
    {'i', 0, "i", ON(UI_LOCAL) | ON(UI_PEERS), NONE, "invite", "invite somebody",
     act_invite},
    {'a', 0, "a", ON(UI_PEERS) | ON(UI_ATTACHED), NONE, "ticket", "attach with a ticket",
     act_ticket},
    {'n', 0, "n", ON(UI_LOCAL), DEV, "name", "give this device a nickname", act_nick},
    {'n', 0, "n", ON(UI_PEERS), PEER, "name", "rename this peer", act_rename},
    {'r', 0, "r", ON(UI_PEERS), PEER, "refresh", "ask again what this peer shares",
     act_refresh},
    {'b', 0, "b", ON(UI_PEERS), PEER, "bench", "measure the line to this peer",
     act_bench},
    {'F', 0, "F", ON(UI_PEERS), PEER, NULL, "forget this peer", act_forget},
    {'R', 0, "R", ON(UI_LOCAL) | ON(UI_ATTACHED), DEV, "reset", "reset this device",
     act_reset},
    {'/', 0, "/", TABS, NONE, "filter", "show only rows with a text", filter_on},
    {'s', 0, "s", ON(UI_LOCAL) | ON(UI_PEERS) | ON(UI_ATTACHED), NONE, "sort",
     "sort by another column", sort},
    {UI_KEY_ESC, 0, "Esc", TABS, NONE, NULL, "all rows again", unfilter},
    {'D', 0, "D", TABS, NONE, "doctor", "what this machine lacks", doctor},
    {'?', 0, "?", TABS, NONE, "help", "this page", help},
    {'q', 0, "q", TABS, NONE, "quit", "leave; what is attached stays", quit},
    {'y', 0, "y", ON(PLACE_ASK), NONE, "yes", "do it", box_yes},
    {'n', UI_KEY_ESC, "n Esc", ON(PLACE_ASK), NONE, "no", "leave it", close},
    {UI_KEY_ENTER, 0, "Enter", ON(PLACE_LINE), NONE, "done", "that is the text",
     box_enter},
    {UI_KEY_ESC, 0, "Esc", ON(PLACE_LINE), NONE, "leave it", "leave it", close},
    {UI_KEY_BACK, 0, "Backspace", ON(PLACE_LINE), NONE, NULL, "the last character goes",
     box_back},
    {UI_KEY_UP, 'k', "Up k", ON(PLACE_ASK) | ON(PLACE_TEXT), NONE, NULL, "up", box_up},
    {UI_KEY_DOWN, 'j', "Down j", ON(PLACE_ASK) | ON(PLACE_TEXT), NONE, NULL, "down",
     box_down},
    {UI_KEY_PAGE_UP, 0, "PgUp", ON(PLACE_TEXT), NONE, NULL, "ten lines up", box_page_up},
    {UI_KEY_PAGE_DOWN, ' ', "PgDn Space", ON(PLACE_TEXT), NONE, NULL, "ten lines down",
     box_page_down},
    {'c', 0, "c", ON(PLACE_TEXT), NONE, NULL, "copy the ticket, or the id", box_copy},
    {'Q', 0, "Q", ON(PLACE_TEXT), NONE, NULL, "the ticket as a QR code, alone", box_qr},
    {UI_KEY_ESC, 'q', "Esc q", ON(PLACE_TEXT), NONE, "close", "close", close},
    {UI_KEY_ENTER, 0, "Enter", ON(PLACE_TEXT), NONE, NULL, "close", close},
    {UI_KEY_ENTER, 0, "Enter", ON(PLACE_FILTER), NONE, "keep", "keep the filter",
     filter_keep},
    {UI_KEY_ESC, 0, "Esc", ON(PLACE_FILTER), NONE, "all rows", "all rows again",
     filter_off},
    {UI_KEY_BACK, 0, "Backspace", ON(PLACE_FILTER), NONE, NULL, "the last character goes",
     filter_back},
};

enum place
keys_place(const struct ui *u)
{
	if (u->box.kind != BOX_NONE)
		return (enum place)(PLACE_ASK + u->box.kind - BOX_ASK);
	return u->filtering ? PLACE_FILTER : (enum place)u->tab;
}

static bool
has_what_it_needs(const struct key *k, const struct item *it)
{
	if (k->needs == NONE)
		return true;
	if (it == NULL)
		return false;
	return k->needs == ROW || (k->needs == DEV && it->dev != NULL) ||
	       (k->needs == PEER && it->peer != NULL) ||
	       (k->needs == ASK && it->ask != NULL);
}

/* Only text is typed into these. */
static bool
typed(struct ui *u, enum place p, int key)
{
	if (p == PLACE_LINE)
		return key != UI_KEY_BACK &&
		       type_key(u->box.input, sizeof(u->box.input), key);
	return p == PLACE_FILTER && key != UI_KEY_BACK &&
	       type_key(u->filter, sizeof(u->filter), key);
}

void
keys_press(struct ui *u, int key)
{
	enum place p = keys_place(u);

	u->toast[0] = '\0';
	if (typed(u, p, key))
		return;
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		const struct key *k = &keys[i];

		if ((key != k->key && (k->also == 0 || key != k->also)) ||
		    (k->places & ON(p)) == 0)
			continue;
		if (has_what_it_needs(k, ui_item(u)))
			k->act(u, ui_item(u));
		return;
	}
}

/* --- what they are --- */

static void
hint(struct text *t, const struct key *k)
{
	text_str(t, t->len > 0 ? "  " : "");
	text_str(t, k->name);
	text_char(t, ' ');
	text_str(t, k->hint);
}

static size_t
hint_len(const struct key *k)
{
	return strlen(k->name) + strlen(k->hint) + 3;
}

static bool
is_last(const struct key *k)
{
	return k->act == help || k->act == quit;
}

/* As many as fit; those for help and leaving always. */
void
keys_hint(const struct ui *u, unsigned width, char *buf, size_t cap)
{
	unsigned on = ON(keys_place(u)), used = 0;
	struct text t;

	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (is_last(&keys[i]) && (keys[i].places & on) != 0)
			used += (unsigned)hint_len(&keys[i]);
	text_init(&t, buf, cap);
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		const struct key *k = &keys[i];

		if (k->hint == NULL || (k->places & on) == 0)
			continue;
		if (!is_last(k) && used + hint_len(k) > width + 2)
			continue;
		used += is_last(k) ? 0 : (unsigned)hint_len(k);
		hint(&t, k);
	}
}

const char *
ui_help_line(unsigned i)
{
	static const char *const place[PLACES] = {
	    "this machine", "peers",    "attached", "log",
	    "a question",   "a prompt", "a text",   "the filter"};
	static char buf[200];
	struct text t;

	if (i >= ARRAY_LEN(keys))
		return NULL;
	text_init(&t, buf, sizeof(buf));
	text_str(&t, keys[i].name);
	while (t.len < 15)
		text_char(&t, ' ');
	text_str(&t, keys[i].help);
	if ((keys[i].places & TABS) == TABS)
		return buf;
	text_str(&t, " (");
	for (unsigned k = 0, n = 0; k < PLACES; k++)
		if (keys[i].places & ON(k)) {
			text_str(&t, n++ > 0 ? ", " : "");
			text_str(&t, place[k]);
		}
	text_char(&t, ')');
	return buf;
}

bool
ui_table_keys(unsigned i, int key[2])
{
	if (i >= ARRAY_LEN(keys))
		return false;
	key[0] = keys[i].key;
	key[1] = keys[i].also;
	return true;
}

const char *
ui_table_name(unsigned i)
{
	return i < ARRAY_LEN(keys) ? keys[i].name : NULL;
}

static void
help(struct ui *u, const struct item *it)
{
	struct text t;
	const char *line;
	char buf[6000];

	(void)it;
	text_init(&t, buf, sizeof(buf));
	for (unsigned i = 0; (line = ui_help_line(i)) != NULL; i++) {
		text_str(&t, line);
		text_char(&t, '\n');
	}
	box_show(u, "Keys", buf);
}
