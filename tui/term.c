/* SPDX-License-Identifier: ISC */
/*
 * ncurses: cells and keys. Colours unless NO_COLOR is set.
 */
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#define NCURSES_WIDECHAR 1
#include <curses.h>

#include "core/mem.h"
#include "core/text.h"
#include "tui/term.h"
#include "tui/ui.h"

#define WHEEL 3 /* rows */

static SCREEN *screen;
static chtype style_of[GRID_STYLES];

/* Without colours, the styles differ by weight. */
static const struct {
	short colour;
	chtype plain;
	chtype with; /* beside a colour */
} styles[GRID_STYLES] = {
    [GRID_PLAIN] = {-1, A_NORMAL, A_NORMAL},
    [GRID_TITLE] = {COLOR_CYAN, A_BOLD, A_BOLD},
    [GRID_DIM] = {-1, A_DIM, A_DIM},
    [GRID_GOOD] = {COLOR_GREEN, A_NORMAL, A_NORMAL},
    [GRID_WARN] = {COLOR_YELLOW, A_BOLD, A_NORMAL},
    [GRID_BAD] = {COLOR_RED, A_BOLD, A_BOLD},
    [GRID_QR] = {COLOR_WHITE, A_BOLD, A_BOLD},
};

static void
set_styles(void)
{
	const char *no = getenv("NO_COLOR");
	bool colour = has_colors() && (no == NULL || no[0] == '\0');

	if (colour) {
		start_color();
		use_default_colors();
	}
	for (short i = 0; i < GRID_STYLES; i++) {
		style_of[i] = styles[i].plain;
		if (colour && i == GRID_QR)
			init_pair((short)(i + 1), COLOR_WHITE, COLOR_BLACK);
		if (!colour || styles[i].colour < 0)
			continue;
		if (i != GRID_QR)
			init_pair((short)(i + 1), styles[i].colour, -1);
		style_of[i] = COLOR_PAIR(i + 1) | styles[i].with;
	}
}

/* A program that crashes leaves the terminal usable, and still dumps its core. */
static void
on_crash(int sig)
{
	static const char restore[] = "\033[?1000l\033[?1049l\033[?25h\033[0m\033>\r\n";

	(void)!write(STDOUT_FILENO, restore, sizeof(restore) - 1);
	if (screen != NULL)
		reset_shell_mode();
	signal(sig, SIG_DFL);
	raise(sig);
}

static void
catch_crashes(void)
{
	static const int sigs[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL};

	for (size_t i = 0; i < ARRAY_LEN(sigs); i++)
		signal(sigs[i], on_crash);
}

int
term_open(struct grid *g, char *why, size_t cap)
{
	int err;

	setlocale(LC_CTYPE, "");
	g->ascii = strcmp(nl_langinfo(CODESET), "UTF-8") != 0;
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
		text_copy(why, cap, "this is no terminal");
		return ERR_LACKING;
	}
	screen = newterm(NULL, stdout, stdin);
	if (screen == NULL) {
		snprintf(why, cap, "the terminal's kind is not known: TERM=%s",
			 getenv("TERM") != NULL ? getenv("TERM") : "");
		return ERR_LACKING;
	}
	catch_crashes();
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	set_escdelay(25);
	curs_set(0);
	mousemask(BUTTON1_PRESSED | BUTTON4_PRESSED | BUTTON5_PRESSED, NULL);
	mouseinterval(0);
	set_styles();
	if ((err = grid_resize(g, (unsigned)COLS, (unsigned)LINES)) != ERR_OK)
		term_close();
	return err;
}

void
term_close(void)
{
	if (screen == NULL)
		return;
	endwin();
	delscreen(screen);
	screen = NULL;
}

void
term_resize(struct grid *g)
{
	struct winsize w;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) != 0 || w.ws_row == 0 || w.ws_col == 0)
		return;
	resizeterm(w.ws_row, w.ws_col);
	clearok(stdscr, TRUE);
	/* without memory the old size stays, and is cut */
	(void)!grid_resize(g, w.ws_col, w.ws_row);
}

void
term_show(const struct grid *g)
{
	for (unsigned y = 0; y < g->h; y++) {
		move((int)y, 0);
		for (unsigned x = 0; x < g->w; x++) {
			const struct grid_cell *c = grid_at(g, x, y);
			unsigned style = c->style & ~(unsigned)GRID_CURSOR;

			if (c->glyph[0] == '\0')
				continue;
			attrset((int)(style_of[style] |
				      (c->style & GRID_CURSOR ? A_REVERSE : 0)));
			addstr(c->glyph);
		}
	}
	refresh();
}

static const struct {
	int curses, key;
} keymap[] = {
    {KEY_UP, UI_KEY_UP},
    {KEY_DOWN, UI_KEY_DOWN},
    {KEY_LEFT, UI_KEY_LEFT},
    {KEY_RIGHT, UI_KEY_RIGHT},
    {KEY_PPAGE, UI_KEY_PAGE_UP},
    {KEY_NPAGE, UI_KEY_PAGE_DOWN},
    {KEY_HOME, UI_KEY_HOME},
    {KEY_END, UI_KEY_END},
    {KEY_BACKSPACE, UI_KEY_BACK},
    {127, UI_KEY_BACK},
    {8, UI_KEY_BACK},
    {KEY_BTAB, UI_KEY_BACK_TAB},
    {KEY_ENTER, UI_KEY_ENTER},
    {'\r', UI_KEY_ENTER},
};

static void
read_mouse(struct term_event *e)
{
	MEVENT m;

	if (getmouse(&m) != OK || m.x < 0 || m.y < 0)
		return;
	if (m.bstate & (BUTTON4_PRESSED | BUTTON5_PRESSED))
		e->wheel = m.bstate & BUTTON4_PRESSED ? -WHEEL : WHEEL;
	else if (m.bstate & BUTTON1_PRESSED)
		e->click = true;
	e->x = (unsigned)m.x;
	e->y = (unsigned)m.y;
}

bool
term_next(struct term_event *e)
{
	wint_t c;
	int kind = get_wch(&c);

	memset(e, 0, sizeof(*e));
	if (kind == ERR)
		return false;
	if (kind == KEY_CODE_YES && c == KEY_MOUSE) {
		read_mouse(e);
		return true;
	}
	e->key = kind == KEY_CODE_YES || c >= UI_KEY_UP ? 0 : (int)c;
	for (size_t i = 0; i < ARRAY_LEN(keymap); i++)
		if (keymap[i].curses == (int)c && (c < KEY_MIN || kind == KEY_CODE_YES))
			e->key = keymap[i].key;
	return true;
}

void
term_copy(const char *text)
{
	static const char d[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t n = strlen(text);

	fputs("\033]52;c;", stdout);
	for (size_t i = 0; i < n; i += 3) {
		unsigned v = (unsigned)(unsigned char)text[i] << 16;

		v |= i + 1 < n ? (unsigned)(unsigned char)text[i + 1] << 8 : 0;
		v |= i + 2 < n ? (unsigned)(unsigned char)text[i + 2] : 0;
		putchar(d[v >> 18]);
		putchar(d[v >> 12 & 63]);
		putchar(i + 1 < n ? d[v >> 6 & 63] : '=');
		putchar(i + 2 < n ? d[v & 63] : '=');
	}
	fputs("\033\\", stdout);
	fflush(stdout);
}
