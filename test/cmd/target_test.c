/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: cmd core */
/* clang-format on */
#include "cmd/peers.h"
#include "cmd/target.h"
#include "test/cmd/place.h"

static struct place p;
static struct ctx ctx;

static void
begin(void)
{
	place_make(&p);
	ctx.dir = p.dir;
}

/* A ticket of the server whose id is all n. */
static const char *
ticket(uint8_t n, bool secret)
{
	static char text[TICKET_TEXT];
	struct ticket t = {.addrs = 2, .has_secret = secret};

	memset(t.peer, n, sizeof(t.peer));
	strcpy(t.name, "lab");
	strcpy(t.addr[0], "192.0.2.1:13240");
	strcpy(t.addr[1], "[2001:db8::1]:13240");
	memset(t.id, 5, sizeof(t.id));
	memset(t.secret, 6, sizeof(t.secret));
	CHECK_EQ(ticket_write(&t, text, sizeof(text)), ERR_OK);
	return text;
}

static bool
said(const char *words)
{
	return strstr(place_said(&p), words) != NULL;
}

static void
by_ticket(void)
{
	struct target t;

	begin();
	CHECK_EQ(target_find(&t, &ctx, ticket(1, true), NULL), ERR_OK);
	CHECK(t.ticket && t.link.has_secret);
	CHECK(t.link.id[0] == 1 && t.link.ticket[7] == 5 && t.link.secret[15] == 6);
	CHECK_EQ(t.link.addrs, 2);
	CHECK(strcmp(t.link.addr[1], "[2001:db8::1]:13240") == 0);
	CHECK(t.name[0] == '\0' && t.as[0] == '\0');
	CHECK_EQ(target_find(&t, &ctx, ticket(1, false), "attic"), ERR_OK);
	CHECK(!t.link.has_secret);
	CHECK(strcmp(t.as, "attic") == 0);
	place_end(&p);
}

static void
not_found(void)
{
	static const struct {
		const char *who, *as;
		int err;
		const char *said;
	} rows[] = {
	    {"lab", NULL, ERR_NOPEER, "no server is known as \"lab\""},
	    {"", NULL, ERR_NOPEER, "no server is known as \"\""},
	    {"usbp2p:ABC", NULL, ERR_BADTICKET, "this ticket cannot be read"},
	    {"USBP2P:", NULL, ERR_BADTICKET, "this ticket cannot be read"},
	    {"lab", "a b", ERR_USAGE, "\"a b\" cannot be a name"},
	    {"lab", "", ERR_USAGE, "\"\" cannot be a name"},
	    {"lab", "usbp2p:x", ERR_USAGE, "cannot be a name"},
	};
	struct target t;

	begin();
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CHECK_EQ(target_find(&t, &ctx, rows[i].who, rows[i].as), rows[i].err);
		CHECK(said(rows[i].said));
	}
	place_write(&p, "peers", "x\n");
	CHECK(target_find(&t, &ctx, "lab", NULL) != ERR_OK);
	CHECK(said("peers line 1 is not understood"));
	place_end(&p);
}

static void
from_stdin(void)
{
	static const struct {
		bool ticket;
		const char *before, *after;
		int err;
	} rows[] = {{true, "", "\n", ERR_OK},
		    {true, "", "\r\nmore\n", ERR_OK},
		    {true, "", "", ERR_OK},
		    {true, " ", " \n", ERR_OK},
		    {false, "", "", ERR_BADTICKET},
		    {false, "", "\n", ERR_BADTICKET},
		    {false, "lab", "\n", ERR_BADTICKET}};
	char text[TICKET_TEXT + 100], path[128];
	struct target t;

	begin();
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		snprintf(text, sizeof(text), "%s%s%s", rows[i].before,
			 rows[i].ticket ? ticket(1, true) : "", rows[i].after);
		place_write(&p, "in", text);
		place_path(&p, "in", path);
		CHECK(freopen(path, "r", stdin) != NULL);
		if (target_find(&t, &ctx, "-", NULL) != rows[i].err)
			printf("# row %zu\n", i);
		CHECK_EQ(said("ticket"), rows[i].err != ERR_OK);
	}
	CHECK(freopen("/dev/null", "r", stdin) != NULL);
	place_end(&p);
}

/* Finds, and keeps under what the server calls itself. */
static int
meet(const char *who, const char *as, const char *name)
{
	struct target t;
	int err = target_find(&t, &ctx, who, as);

	if (err != ERR_OK || (err = target_keep(&t, &ctx, name)) != ERR_OK)
		return err;
	CHECK(t.name[0] != '\0');
	return ERR_OK;
}

/* The id of the server known as name; 0 if none. */
static int
known(const char *name)
{
	struct access_row *r;
	struct peers peers;
	int id = 0;

	CHECK_EQ(peers_load(&peers, p.dir), ERR_OK);
	if ((r = peers_by_name(&peers, ACCESS_SERVER, name)) != NULL)
		id = r->id[0];
	peers_free(&peers);
	return id;
}

static void
kept_by_name(void)
{
	struct target t;

	begin();
	CHECK_EQ(meet(ticket(1, true), NULL, "lab"), ERR_OK);
	CHECK_EQ(known("lab"), 1);
	CHECK_EQ(target_find(&t, &ctx, "lab", NULL), ERR_OK);
	CHECK(!t.ticket && !t.link.has_secret);
	CHECK_EQ(t.link.addrs, 2);
	CHECK(strcmp(t.link.addr[0], "192.0.2.1:13240") == 0);
	CHECK(strcmp(t.name, "lab") == 0);
	place_end(&p);
}

static void
names_of_others(void)
{
	begin();
	CHECK_EQ(meet(ticket(1, true), NULL, "lab"), ERR_OK);
	CHECK_EQ(meet(ticket(2, true), NULL, "lab"), ERR_USAGE);
	CHECK(said("choose a name with --as NAME"));
	CHECK_EQ(known("lab"), 1);
	CHECK_EQ(meet(ticket(2, true), "attic", "lab"), ERR_OK);
	CHECK_EQ(known("attic"), 2);
	CHECK_EQ(meet(ticket(3, true), "attic", "x"), ERR_USAGE);
	CHECK(said("--as NAME"));
	/* another ticket of one we know: its name here stays */
	CHECK_EQ(meet(ticket(2, true), NULL, "lab"), ERR_OK);
	CHECK_EQ(known("attic"), 2);
	CHECK_EQ(known("lab"), 1);
	/* a new name for one we know */
	CHECK_EQ(meet("attic", "cellar", "lab"), ERR_OK);
	CHECK_EQ(known("attic"), 0);
	CHECK_EQ(known("cellar"), 2);
	CHECK_EQ(meet("cellar", "lab", "lab"), ERR_USAGE);
	CHECK(said("known as \"lab\" already"));
	place_end(&p);
}

/* What a server calls itself is cleaned before it becomes a name here. */
static void
strange_names(void)
{
	begin();
	CHECK_EQ(meet(ticket(1, true), NULL, "../ l\033[2Jab\n"), ERR_OK);
	CHECK_EQ(known("l-2Jab"), 1);
	CHECK_EQ(meet(ticket(2, true), NULL, "\n"), ERR_OK);
	CHECK_EQ(known("peer"), 2);
	place_end(&p);
}

TEST_MAIN(TEST(by_ticket), TEST(not_found), TEST(from_stdin), TEST(kept_by_name),
	  TEST(names_of_others), TEST(strange_names))
