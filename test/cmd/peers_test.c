/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: cmd core */
/* clang-format on */
#include <sys/wait.h>

#include "cmd/peers.h"
#include "test/cmd/place.h"

static struct access_row
sample(enum access_kind kind, uint8_t id, const char *name)
{
	struct access_row r = {.kind = kind};

	memset(r.id, id, sizeof(r.id));
	strcpy(r.name, name);
	if (kind == ACCESS_SERVER) {
		r.words = 1;
		strcpy(r.word[0], "192.0.2.1:13240");
	}
	return r;
}

static void
empty(void)
{
	struct peers p;
	struct place at;

	place_make(&at);
	CHECK_EQ(peers_load(&p, at.dir), ERR_OK);
	CHECK_EQ(p.n, 0);
	CHECK(peers_by_name(&p, ACCESS_CLIENT, "anna") == NULL);
	peers_free(&p);
	place_end(&at);
}

static void
found_by_id_and_name(void)
{
	struct access_row anna = sample(ACCESS_CLIENT, 1, "anna");
	struct access_row lab = sample(ACCESS_SERVER, 1, "anna");
	struct access_row *r;
	struct peers p;
	struct place at;

	place_make(&at);
	anna.words = 2;
	strcpy(anna.word[0], "1d6b:0104");
	strcpy(anna.word[1], "!serial=a b");
	CHECK_EQ(peers_put(at.dir, &anna), ERR_OK);
	CHECK_EQ(peers_put(at.dir, &lab), ERR_OK);
	CHECK_EQ(peers_load(&p, at.dir), ERR_OK);
	CHECK_EQ(p.n, 2);
	r = peers_by_id(&p, ACCESS_CLIENT, anna.id);
	CHECK(r != NULL && memcmp(r, &anna, sizeof(anna)) == 0);
	r = peers_by_name(&p, ACCESS_SERVER, "anna");
	CHECK(r != NULL && memcmp(r, &lab, sizeof(lab)) == 0);
	anna.id[0] = 9;
	CHECK(peers_by_id(&p, ACCESS_CLIENT, anna.id) == NULL);
	CHECK(peers_by_name(&p, ACCESS_CLIENT, "ann") == NULL);
	peers_free(&p);
	place_end(&at);
}

static void
replaced_in_place(void)
{
	struct access_row a = sample(ACCESS_CLIENT, 1, "anna");
	struct access_row b = sample(ACCESS_CLIENT, 2, "bert");
	struct peers p;
	struct place at;

	place_make(&at);
	CHECK_EQ(peers_put(at.dir, &a), ERR_OK);
	CHECK_EQ(peers_put(at.dir, &b), ERR_OK);
	strcpy(a.name, "carl");
	CHECK_EQ(peers_put(at.dir, &a), ERR_OK);
	CHECK_EQ(peers_load(&p, at.dir), ERR_OK);
	CHECK_EQ(p.n, 2);
	CHECK(strcmp(p.row[0].name, "carl") == 0 && strcmp(p.row[1].name, "bert") == 0);
	peers_free(&p);
	place_end(&at);
}

/* A line that is not understood is not thrown away either. */
static void
damaged_line(void)
{
	static const char text[] = "# ours\n\nclient nonsense anna\n";
	struct access_row a = sample(ACCESS_CLIENT, 1, "anna");
	struct peers p;
	struct place at;

	place_make(&at);
	place_write(&at, "peers", text);
	CHECK(peers_load(&p, at.dir) != ERR_OK);
	CHECK(p.row == NULL && p.n == 0);
	CHECK(strcmp(place_said(&at), "usbp2p: peers line 3 is not understood: mend or "
				      "remove it\n") == 0);
	CHECK(peers_put(at.dir, &a) != ERR_OK);
	place_said(&at);
	CHECK(place_is(&at, "peers", text));
	place_end(&at);
}

static void
bad_rows_are_not_written(void)
{
	struct access_row a = sample(ACCESS_CLIENT, 1, "anna");
	struct access_row bad = sample(ACCESS_CLIENT, 2, "two words");
	struct peers p;
	struct place at;

	place_make(&at);
	CHECK_EQ(peers_put(at.dir, &a), ERR_OK);
	CHECK(peers_put(at.dir, &bad) != ERR_OK);
	CHECK_EQ(peers_load(&p, at.dir), ERR_OK);
	CHECK_EQ(p.n, 1);
	peers_free(&p);
	place_end(&at);
}

static int
drop_first(void *arg, struct peers *p)
{
	memmove(p->row, p->row + 1, --p->n * sizeof(p->row[0]));
	return *(int *)arg;
}

static void
changed_or_not(void)
{
	struct access_row a = sample(ACCESS_CLIENT, 1, "anna");
	struct access_row b = sample(ACCESS_SERVER, 2, "bert");
	int err = ERR_NOPEER;
	struct peers p;
	struct place at;

	place_make(&at);
	CHECK_EQ(peers_put(at.dir, &a), ERR_OK);
	CHECK_EQ(peers_put(at.dir, &b), ERR_OK);
	CHECK_EQ(peers_change(at.dir, drop_first, &err), ERR_NOPEER);
	CHECK_EQ(peers_load(&p, at.dir), ERR_OK);
	CHECK_EQ(p.n, 2);
	peers_free(&p);
	err = ERR_OK;
	CHECK_EQ(peers_change(at.dir, drop_first, &err), ERR_OK);
	CHECK_EQ(peers_load(&p, at.dir), ERR_OK);
	CHECK(p.n == 1 && p.row[0].kind == ACCESS_SERVER);
	peers_free(&p);
	place_end(&at);
}

/* Several processes at once: no row is lost. */
static void
many_writers(void)
{
	struct peers p;
	struct place at;
	int status, bad = 0;

	place_make(&at);
	fflush(stdout);
	for (uint8_t i = 0; i < 16; i++) {
		char name[8];

		snprintf(name, sizeof(name), "p%u", i);
		if (fork() == 0) {
			struct access_row r = sample(ACCESS_SERVER, i, name);

			_exit(peers_put(at.dir, &r) == ERR_OK ? 0 : 1);
		}
	}
	while (wait(&status) > 0)
		bad |= status;
	CHECK_EQ(bad, 0);
	CHECK_EQ(peers_load(&p, at.dir), ERR_OK);
	CHECK_EQ(p.n, 16);
	peers_free(&p);
	place_end(&at);
}

TEST_MAIN(TEST(empty), TEST(found_by_id_and_name), TEST(replaced_in_place),
	  TEST(damaged_line), TEST(bad_rows_are_not_written), TEST(changed_or_not),
	  TEST(many_writers))
