/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: tui core */
/* clang-format on */
/*
 * The browser without a terminal: what keys on devices and peers ask for.
 */
#include <locale.h>

#include "test/tui/models.h"

#define FEET (grid.h - 2) /* the row of the state */

static void
knows_utf8(void)
{
	CHECK(setlocale(LC_CTYPE, "C.UTF-8") != NULL);
}

static void
is_asked(enum ui_verb verb, const char *peer, const char *busid, const char *arg)
{
	CHECK_EQ(asked_n, 1);
	CHECK_EQ(asked.verb, verb);
	CHECK(strcmp(asked.peer, peer) == 0);
	CHECK(strcmp(asked.busid, busid) == 0);
	CHECK(strcmp(asked.arg, arg) == 0);
	asked_n = 0;
}

static void
done(struct ui *u, int code, const char *out, const char *err)
{
	ui_done(u, &asked, false, code, out, err);
	ui_draw(u, &grid, NOW);
}

/* --- this machine --- */

/* Rows: 1-2, 1-4 (hub), 1-4.2, 1-4.3 (hub), 1-4.3.1, 1-10 */
static void
space_shares(void)
{
	struct ui *u = start(usual, 80, 24);

	keys(u, " "); /* the mouse is private: 1-2 is first */
	is_asked(UI_SHARE, "", "1-2", "");
	CHECK(row_has(2, "sharing..."));
	keys(u, " ");
	CHECK_EQ(asked_n, 0); /* it is being done */
	CHECK(row_has(FEET, "not yet"));
	done(u, 0, "", "");
	CHECK(row_has(FEET, "1-2 is shared"));
	keys(u, "j "); /* a hub is no device */
	CHECK_EQ(asked_n, 0);
	keys(u, "jjjj "); /* nobody uses 1-10 */
	is_asked(UI_UNSHARE, "", "1-10", "");
	keys(u, "kkk "); /* anna uses 1-4.2 */
	CHECK_EQ(asked_n, 0);
	CHECK(screen_has("It is in use by anna, from whom it is taken away."));
	CHECK(screen_has("Next were bob, carl."));
	keys(u, "n");
	CHECK_EQ(asked_n, 0);
	keys(u, " y");
	is_asked(UI_UNSHARE, "", "1-4.2", "");
	keys(u, "jj "); /* mounted here */
	CHECK(screen_has("mounted here: /srv/my backup"));
	keys(u, "y");
	is_asked(UI_SHARE, "", "1-4.3.1", "");
	ui_free(u);
}

static void
devices_get_nicknames(void)
{
	struct ui *u = start(usual, 80, 24);

	keys(u, "Gn");
	for (unsigned i = 0; i < 5; i++)
		ui_key(u, UI_KEY_BACK); /* "attic" */
	keys(u, "roof\n");
	is_asked(UI_NICK, "", "1-10", "roof");
	CHECK(strcmp(asked.mode, "queued") == 0); /* and stays so */
	CHECK(!asked.part);
	done(u, 0, "", "");
	CHECK(row_has(FEET, "1-10 has its name"));
	ui_free(u);
}

static void
resets_are_asked_for(void)
{
	struct ui *u = start(attached, 80, 24);

	keys(u, "jjR");
	CHECK(screen_has("In use by anna") || screen_has("in use by anna"));
	ui_key(u, UI_KEY_ESC);
	CHECK_EQ(asked_n, 0);
	keys(u, "Ry");
	is_asked(UI_RESET, "", "1-4.2", "");
	done(u, 0, "1-4.2 reset\n", "");
	keys(u, "3R");
	CHECK(screen_has("/mnt /home/me/stick"));
	keys(u, "y");
	is_asked(UI_RESET, "office", "1-4", "");
	ui_free(u);
}

/* --- peers --- */

/* Rows: dora asks, anna asks, anna, office, 1-4, 1-5, 1-6, 1-8 */
static void
requests_are_answered(void)
{
	struct ui *u = start(attached, 80, 24);

	CHECK(row_has(0, "2 Peers!"));
	keys(u, "2");
	CHECK(row_has(2, "dora") && row_has(2, "asks to come in"));
	CHECK(row_has(3, "anna") && row_has(3, "asks for 1-10"));
	keys(u, "y");
	CHECK(screen_has("DORADOR-ADOR"));
	CHECK(screen_has("may use all that is shared here"));
	keys(u, "\n");
	is_asked(UI_ACCEPT, "DORADOR-ADOR", "", "dora");
	CHECK(row_has(2, "accepting..."));
	keys(u, "y");
	CHECK_EQ(asked_n, 0);
	done(u, 0, "", "");
	CHECK(row_has(FEET, "dora may use what is shared here"));
	keys(u, "x");
	is_asked(UI_REFUSE, "DORADOR-ADOR", "", "");
	done(u, 0, "", "");
	CHECK(row_has(FEET, "DORADOR is refused"));
	keys(u, "j ");
	CHECK(screen_has("anna may use 1-10 Zigbee Stick from then on, too."));
	keys(u, "y");
	is_asked(UI_ACCEPT_DEV, "ANNAAAA-BBB", "1-10", "");
	done(u, 0, "", "");
	keys(u, "jy"); /* no request */
	CHECK_EQ(asked_n, 0);
	usual(&model);
	keys(u, "2");
	CHECK(!screen_has("dora") && row_has(0, "2 Peers "));
	ui_free(u);
}

static void
space_attaches_and_detaches(void)
{
	struct ui *u = start(attached, 80, 24);

	keys(u, "2jjjj ");
	CHECK(screen_has("leaves this machine, where it is"));
	CHECK(screen_has("mounted here: /mnt /home/me/stick"));
	keys(u, "y");
	is_asked(UI_DETACH, "office", "1-4", "");
	done(u, 0, "", "");
	CHECK(row_has(FEET, "office/1-4 is detached"));
	keys(u, "jj ");
	is_asked(UI_ATTACH, "office", "1-6", "");
	CHECK(row_has(8, "attaching..."));
	done(u, 5, "", "usbp2p: busy: held by bob\nmore\n");
	CHECK(row_has(FEET, "usbp2p: busy: held by bob"));
	keys(u, "3 y");
	is_asked(UI_DETACH, "office", "1-4", "");
	ui_free(u);
}

static void
a_row_tells_how_far_attaching_is(void)
{
	struct ui *u = start(attached, 80, 24);

	keys(u, "2jjjjjj ");
	is_asked(UI_ATTACH, "office", "1-6", "");
	CHECK(row_has(8, "attaching..."));
	tell(&model, "A",
	     "{\"kind\":\"attach\",\"peer\":\"office\",\"link\":{\"path\":\"x\"},"
	     "\"devices\":[{\"busid\":\"1-6\",\"state\":\"enumerating\"}]}",
	     9000000);
	ui_draw(u, &grid, NOW);
	CHECK(row_has(8, "enumerating..."));
	ui_free(u);
}

static void
peers_keys_ask(void)
{
	struct ui *u = start(attached, 80, 24);

	keys(u, "2jjjr");
	is_asked(UI_LIST, "office", "", "");
	done(u, 0, "", "");
	keys(u, "b");
	is_asked(UI_BENCH, "office", "", "");
	done(u, 0, "round trip 1 ms\n", "");
	CHECK(screen_has("Bench of the line to office") && screen_has("round trip 1 ms"));
	ui_key(u, UI_KEY_ESC);
	keys(u, "F");
	CHECK(screen_has("What is attached of it stays until it is detached."));
	keys(u, "y");
	is_asked(UI_FORGET, "office", "", "");
	done(u, 0, "", "");
	keys(u, "kF");
	CHECK(screen_has("It uses Ultra, which is taken away from it."));
	keys(u, "nn");
	for (unsigned i = 0; i < 4; i++)
		ui_key(u, UI_KEY_BACK);
	keys(u, "home\n");
	is_asked(UI_RENAME, "anna", "", "home");
	done(u, 0, "", "");
	keys(u, "ausbp2p:ABC\n");
	is_asked(UI_TICKET, "", "", "usbp2p:ABC");
	ui_free(u);
}

/* What is typed is not thrown away by an answer that comes meanwhile. */
static void
answers_wait_for_the_one_who_types(void)
{
	struct ui *u = start(attached, 80, 24);
	struct ui_job bench;

	keys(u, "2jjjb");
	bench = asked;
	keys(u, "iber");
	ui_done(u, &bench, false, 0, "round trip 1 ms\n", "");
	keys(u, "t");
	CHECK(screen_has("> bert"));
	ui_key(u, UI_KEY_ESC);
	keys(u, "4");
	CHECK(screen_has("round trip 1 ms"));
	ui_free(u);
}

static void
an_invitation_can_be_copied(void)
{
	struct ui *u = start(usual, 80, 24);

	keys(u, "ianna\n");
	is_asked(UI_INVITE, "", "", "anna");
	done(u, 0, "usbp2p:AAAA\n", "");
	CHECK(screen_has("Ticket for anna"));
	give_code(u);
	keys(u, "c");
	CHECK(strcmp(copied, "usbp2p:AAAA") == 0);
	keys(u, "Q");
	CHECK(screen_has("██") && !screen_has("usbp2p"));
	keys(u, "Q");
	CHECK(screen_has("usbp2p:AAAA"));
	keys(u, "q");
	CHECK(!screen_has("usbp2p:AAAA"));
	ui_free(u);
}

static void
the_doctor_is_shown_whatever_he_says(void)
{
	struct ui *u = start(usual, 80, 24);

	keys(u, "D");
	is_asked(UI_DOCTOR, "", "", "");
	done(u, 7, "vhci_hcd is not loaded: modprobe vhci_hcd\n", "");
	CHECK(screen_has("modprobe vhci_hcd"));
	ui_key(u, UI_KEY_ESC);
	keys(u, "D");
	done(u, 2, "", "usbp2p: there is no command \"doctor\"\n");
	CHECK(screen_has("there is no command"));
	ui_free(u);
}

TEST_MAIN(TEST(knows_utf8), TEST(space_shares), TEST(devices_get_nicknames),
	  TEST(resets_are_asked_for), TEST(requests_are_answered),
	  TEST(space_attaches_and_detaches), TEST(a_row_tells_how_far_attaching_is),
	  TEST(peers_keys_ask), TEST(answers_wait_for_the_one_who_types),
	  TEST(an_invitation_can_be_copied), TEST(the_doctor_is_shown_whatever_he_says),
	  TEST(end_models))
