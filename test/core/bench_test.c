/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: core */
/* clang-format on */
#include "core/bench.h"
#include "core/cur.h"
#include "core/wire.h"
#include "test/core/pair.h"

static struct pair pair;
static struct bench bench;

static int
message(void *arg, const struct session_msg *m)
{
	const struct wire_row *row;
	int err = wire_check(m->type, WIRE_ATTACH, WIRE_BENCH, m->len, &row);

	(void)arg;
	return err == ERR_OK ? bench_message(&bench, m) : err;
}

static const struct session_ops ops = {message, pair_accept, pair_wake};

static void
setup(void)
{
	pair_init(&pair, 1 << 20, &ops, NULL);
	session_peer_window(pair.near, 1 << 20);
	bench_init(&bench, pair.near);
}

static int
say_amount(uint8_t type, uint64_t n)
{
	uint8_t b[8];
	struct wr w;

	wr_init(&w, b, sizeof(b));
	wr_le64(&w, n);
	return pair_say(&pair, STREAM_BENCH, type, b, sizeof(b));
}

static void
echoes(void)
{
	static uint8_t body[1024];
	const struct pair_got *g;

	setup();
	memset(body, 'e', sizeof(body));
	for (size_t n = 8; n <= sizeof(body); n += 508) {
		CHECK_EQ(pair_say(&pair, STREAM_ECHO, WIRE_PING, body, n), ERR_OK);
		g = pair_last(&pair, WIRE_PONG);
		CHECK(g->sid == STREAM_ECHO && g->len == n &&
		      memcmp(g->body, body, n) == 0);
	}
	CHECK_EQ(pair_say(&pair, STREAM_ECHO, WIRE_PING, body, 7), ERR_PROTO);
	pair_fini(&pair);
}

/* Bytes of DATA that were heard. */
static uint64_t
heard(void)
{
	uint64_t n = 0;

	CHECK(pair.gots <= PAIR_GOTS);
	for (unsigned i = 0; i < pair.gots && i < PAIR_GOTS; i++) {
		CHECK(pair.got[i].type == WIRE_DATA && pair.got[i].sid == STREAM_BENCH);
		CHECK(pair.got[i].len >= 1 && pair.got[i].len <= 65536);
		n += pair.got[i].len;
	}
	return n;
}

static void
source_gives_what_was_asked(void)
{
	static const uint64_t amount[] = {1, 32767, 32768, 32769, 5000000};

	for (size_t i = 0; i < ARRAY_LEN(amount); i++) {
		setup();
		CHECK_EQ(say_amount(WIRE_SOURCE, amount[i]), ERR_OK);
		for (int turn = 0; turn < 100 && bench.source_left > 0; turn++) {
			bench_turn(&bench);
			CHECK_EQ(pair_flush(&pair), ERR_OK);
		}
		CHECK_EQ(heard(), amount[i]);
		CHECK_EQ(say_amount(WIRE_SOURCE, 5), ERR_OK); /* the next one */
		CHECK_EQ(heard(), amount[i] + 5);
		pair.deaf = true;
		CHECK_EQ(say_amount(WIRE_SOURCE, 100000), ERR_OK);
		CHECK_EQ(say_amount(WIRE_SOURCE, 7), ERR_OK); /* and one more */
		pair.deaf = false;
		for (int turn = 0; turn < 100 && bench.source_left > 0; turn++) {
			CHECK_EQ(pair_flush(&pair), ERR_OK);
			bench_turn(&bench);
		}
		CHECK_EQ(pair_flush(&pair), ERR_OK);
		CHECK_EQ(heard(), amount[i] + 100012);
		pair_fini(&pair);
	}
}

/* Nothing is acknowledged: no more than a part is queued, in memory or turns. */
static void
source_does_not_run_ahead(void)
{
	setup();
	pair.deaf = true;
	CHECK_EQ(say_amount(WIRE_SOURCE, BENCH_BYTES_MAX), ERR_OK);
	for (int turn = 0; turn < 100; turn++)
		bench_turn(&bench);
	CHECK(session_unsent(pair.near, STREAM_BENCH) < 2 << 20);
	CHECK(pair.pool.used < 3 << 20);
	CHECK_EQ(say_amount(WIRE_SOURCE, BENCH_BYTES_MAX), ERR_PROTO); /* too much */
	pair_fini(&pair);
	setup();
	pair.deaf = true;
	pair.pool.budget = pair.pool.used + 300000;
	CHECK_EQ(say_amount(WIRE_SOURCE, 1000000), ERR_OK); /* waits for memory */
	CHECK(bench.source_left > 0);
	pair.deaf = false;
	for (int turn = 0; turn < 100 && bench.source_left > 0; turn++) {
		CHECK_EQ(pair_flush(&pair), ERR_OK);
		bench_turn(&bench);
	}
	CHECK_EQ(pair_flush(&pair), ERR_OK);
	CHECK_EQ(heard(), 1000000);
	pair_fini(&pair);
}

static void
sink_counts(void)
{
	static const uint8_t data[65536];
	struct rd r;

	setup();
	for (int round = 0; round < 2; round++) {
		CHECK_EQ(say_amount(WIRE_SINK, 100000), ERR_OK);
		CHECK_EQ(pair_say(&pair, STREAM_BENCH, WIRE_DATA, data, 65536), ERR_OK);
		CHECK_EQ(pair.gots, round);
		CHECK_EQ(pair_say(&pair, STREAM_BENCH, WIRE_DATA, data, 34464), ERR_OK);
		rd_init(&r, pair_last(&pair, WIRE_SUNK)->body, 8);
		CHECK_EQ(rd_le64(&r), 100000);
	}
	CHECK_EQ(pair_say(&pair, STREAM_BENCH, WIRE_DATA, data, 1), ERR_PROTO);
	pair_fini(&pair);
}

static void
amounts_and_data_out_of_bounds(void)
{
	static const uint8_t data[65536];
	static const struct {
		uint8_t type;
		uint64_t n;
		int err;
	} t[] = {
	    {WIRE_SOURCE, 0, ERR_PROTO},
	    {WIRE_SINK, 0, ERR_PROTO},
	    {WIRE_SOURCE, BENCH_BYTES_MAX + 1, ERR_PROTO},
	    {WIRE_SINK, BENCH_BYTES_MAX + 1, ERR_PROTO},
	    {WIRE_SINK, UINT64_MAX, ERR_PROTO},
	    {WIRE_SINK, BENCH_BYTES_MAX, ERR_OK},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		setup();
		CHECK_EQ(say_amount(t[i].type, t[i].n), t[i].err);
		pair_fini(&pair);
	}
	setup();
	CHECK_EQ(say_amount(WIRE_SINK, 9), ERR_OK);
	CHECK_EQ(say_amount(WIRE_SINK, 9), ERR_PROTO); /* one at a time */
	pair_fini(&pair);
	setup();
	CHECK_EQ(say_amount(WIRE_SINK, 9), ERR_OK);
	CHECK_EQ(pair_say(&pair, STREAM_BENCH, WIRE_DATA, data, 10), ERR_PROTO);
	pair_fini(&pair);
	setup();
	CHECK_EQ(pair_say(&pair, STREAM_BENCH, WIRE_DATA, data, 0), ERR_PROTO);
	pair_fini(&pair);
	setup(); /* at once, and on the stream of echoes: harmless */
	CHECK_EQ(pair_say(&pair, STREAM_ECHO, WIRE_SINK, "\11\0\0\0\0\0\0\0", 8), ERR_OK);
	CHECK_EQ(pair_say(&pair, STREAM_ECHO, WIRE_SOURCE, "\11\0\0\0\0\0\0\0", 8),
		 ERR_OK);
	CHECK_EQ(pair_say(&pair, STREAM_ECHO, WIRE_DATA, data, 9), ERR_OK);
	pair_last(&pair, WIRE_SUNK);
	pair_fini(&pair);
}

TEST_MAIN(TEST(echoes), TEST(source_gives_what_was_asked),
	  TEST(source_does_not_run_ahead), TEST(sink_counts),
	  TEST(amounts_and_data_out_of_bounds))
