/* SPDX-License-Identifier: ISC */
/* link: vhci */
/*
 * The pipe in a real loop; the kernel is the other end of a socketpair.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

#include "test/test.h"
#include "vhci/pipe.h"

#define BIG (4 * 1024 * 1024)

enum op { OP_NONE, OP_INPUT, OP_OUTPUT, OP_SENT, OP_CLOSED };

static struct event_base *base;
static int kernel, ours;

static struct engine {
	struct vhci_pipe *pipe;
	uint8_t *in;
	size_t got;
	uint8_t *out;
	size_t have, gone; /* bytes of out there are, and that were sent */
	unsigned inputs, outputs, sents, closes;
	int err;
	int refuse;      /* input fails with this */
	bool echo;       /* what comes in goes out */
	enum op free_in; /* frees the pipe in this op */
	enum op wake_in;
	bool freed;
	bool reuse; /* then somebody else's socket gets the number of the fd */
	int other[2];
} e;

static void
in_op(enum op op)
{
	CHECK(!e.freed); /* no op after the end */
	CHECK(e.closes == 0 || op == OP_CLOSED);
	if (e.wake_in == op)
		vhci_pipe_wake(e.pipe);
	if (e.free_in != op)
		return;
	e.freed = true;
	vhci_pipe_free(e.pipe);
	e.pipe = NULL;
	if (!e.reuse)
		return;
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, e.other), 0);
	CHECK_EQ(e.other[0], ours);
	CHECK_EQ(write(e.other[1], "x", 1), 1);
}

static int
on_input(void *arg, const uint8_t *p, size_t n)
{
	CHECK(arg == &e);
	e.inputs++;
	if (e.got + n <= BIG)
		memcpy(e.in + e.got, p, n);
	e.got += n;
	if (e.echo) {
		memcpy(e.out + e.have, p, n);
		e.have += n;
	}
	in_op(OP_INPUT);
	return e.refuse;
}

static size_t
on_output(void *arg, const uint8_t **p)
{
	CHECK(arg == &e);
	e.outputs++;
	*p = e.out + e.gone;
	in_op(OP_OUTPUT);
	return e.have - e.gone;
}

static void
on_sent(void *arg, size_t n)
{
	CHECK(arg == &e);
	e.sents++;
	e.gone += n;
	CHECK(e.gone <= e.have);
	in_op(OP_SENT);
}

static void
on_closed(void *arg, int err)
{
	CHECK(arg == &e);
	e.closes++;
	e.err = err;
	in_op(OP_CLOSED);
}

static const struct vhci_pipe_ops ops = {on_input, on_output, on_sent, on_closed};

static void
fill(uint8_t *p, size_t n)
{
	uint32_t x = 1;

	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)((x = x * 1664525u + 1013904223u) >> 24);
}

static void
setup(void)
{
	const int size = BIG;
	int fd[2];

	memset(&e, 0, sizeof(e));
	e.in = malloc(BIG);
	e.out = calloc(1, BIG);
	base = event_base_new();
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd) < 0)
		abort();
	kernel = fd[1];
	ours = fd[0];
	setsockopt(kernel, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	e.pipe = vhci_pipe_new(base, ours, &ops, &e);
	CHECK(e.pipe != NULL);
}

static void
teardown(void)
{
	vhci_pipe_free(e.pipe);
	CHECK_EQ(fcntl(ours, F_GETFD), -1); /* it closed its fd */
	close(kernel);
	event_base_free(base);
	free(e.in);
	free(e.out);
}

static void
turn(void)
{
	event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

static void
carries_both_ways(void)
{
	char b[16];

	setup();
	e.echo = true;
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(write(kernel, "hello", 5), 5);
		turn();
		CHECK_EQ(read(kernel, b, sizeof(b)), 5);
		CHECK(memcmp(b, "hello", 5) == 0);
	}
	CHECK_EQ(e.got, 15);
	CHECK_EQ(e.gone, 15);
	turn();
	CHECK_EQ(e.inputs, 3); /* nothing spins */
	CHECK_EQ(e.closes, 0);
	teardown();
}

static void
byte_by_byte(void)
{
	setup();
	e.echo = true;
	for (size_t i = 0; i < 256; i++) {
		uint8_t c = (uint8_t)i, back = 0;

		CHECK_EQ(write(kernel, &c, 1), 1);
		turn();
		CHECK_EQ(read(kernel, &back, 1), 1);
		CHECK_EQ(back, c);
	}
	teardown();
}

/* As much as the socket takes at once. */
static size_t
stuff(const uint8_t *p, size_t n)
{
	size_t done = 0;
	ssize_t w;

	while (done < n && (w = send(kernel, p + done, n - done, MSG_DONTWAIT)) > 0)
		done += (size_t)w;
	return done;
}

/* A lot of input is taken, but not all in one turn. */
static void
drains_in_shares(void)
{
	static uint8_t b[BIG];
	size_t n;
	unsigned turns = 0;

	setup();
	fill(b, BIG);
	n = stuff(b, BIG);
	CHECK(n > 300 * 1024);
	for (size_t before = 0; e.got < n && turns < 1000; turns++, before = e.got) {
		turn();
		CHECK(e.got > before);
		CHECK(e.got - before <= 256 * 1024);
	}
	CHECK(turns > 1);
	CHECK_EQ(e.got, n);
	CHECK(memcmp(e.in, b, n) == 0);
	teardown();
}

/* A kernel that does not read: no byte is lost, nothing spins, input goes on. */
static void
waits_for_a_full_kernel(void)
{
	static uint8_t b[BIG];
	unsigned outputs, turns;
	size_t n = 0;

	setup();
	fill(e.out, BIG);
	e.have = BIG;
	vhci_pipe_wake(e.pipe);
	for (turns = 0; turns < 100; turns++)
		turn();
	CHECK(e.gone > 0 && e.gone < BIG);
	outputs = e.outputs;
	for (turns = 0; turns < 10; turns++)
		turn();
	CHECK_EQ(e.outputs, outputs);
	vhci_pipe_wake(e.pipe); /* knows that it waits */
	turn();
	CHECK_EQ(e.outputs, outputs);
	CHECK_EQ(write(kernel, "x", 1), 1);
	turn();
	CHECK_EQ(e.got, 1);
	for (turns = 0; n < BIG && turns < 10000; turns++) {
		ssize_t r = read(kernel, b + n, BIG - n);

		n += r > 0 ? (size_t)r : 0;
		turn();
	}
	CHECK_EQ(n, BIG);
	CHECK_EQ(e.gone, BIG);
	CHECK(memcmp(b, e.out, BIG) == 0);
	teardown();
}

/* A client that reads nothing: it is not listened to for ever, until it reads. */
static void
stops_listening_to_the_deaf(void)
{
	static uint8_t b[BIG];
	size_t n = 0, back = 0;
	unsigned turns;

	setup();
	fill(b, BIG);
	e.have = BIG;
	vhci_pipe_wake(e.pipe);
	for (turns = 0; turns < 100; turns++) {
		turn();
		n += stuff(b + n, BIG - n);
	}
	CHECK(n > e.got); /* the socket is full */
	CHECK(e.got >= 1 << 20 && e.got <= (1 << 20) + 256 * 1024);
	for (turns = 0; (back < BIG || e.got < BIG) && turns < 10000; turns++) {
		ssize_t r = read(kernel, e.out, BIG);

		back += r > 0 ? (size_t)r : 0;
		n += stuff(b + n, BIG - n);
		turn();
	}
	CHECK_EQ(back, BIG);
	CHECK_EQ(e.got, BIG);
	CHECK(memcmp(e.in, b, BIG) == 0);
	teardown();
}

/* Output, too, is written in shares: others get their turn. */
static void
writes_in_shares(void)
{
	const int size = BIG;

	setup();
	if (setsockopt(ours, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
		setsockopt(ours, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	e.have = BIG;
	e.wake_in = OP_SENT; /* and waking inside does not change that */
	vhci_pipe_wake(e.pipe);
	turn();
	CHECK(e.gone > 0 && e.gone <= 256 * 1024);
	turn();
	CHECK(e.gone > 256 * 1024 && e.gone <= 512 * 1024);
	teardown();
}

static void
wake_waits_for_the_loop(void)
{
	char b[8];

	setup();
	memcpy(e.out, "later", 5);
	e.have = 5;
	for (int i = 0; i < 10; i++)
		vhci_pipe_wake(e.pipe);
	CHECK_EQ(e.outputs, 0);
	CHECK_EQ(read(kernel, b, sizeof(b)), -1);
	turn();
	CHECK_EQ(e.sents, 1);
	CHECK_EQ(e.outputs, 2); /* once for the bytes, once for their end */
	CHECK_EQ(read(kernel, b, sizeof(b)), 5);
	vhci_pipe_wake(e.pipe); /* nothing to say: harmless */
	turn();
	CHECK_EQ(e.sents, 1);
	teardown();
}

static void
wake_inside_any_op(void)
{
	for (enum op op = OP_INPUT; op <= OP_CLOSED; op++) {
		char b[8];

		setup();
		e.echo = true;
		e.wake_in = op;
		CHECK_EQ(write(kernel, "hi", 2), 2);
		turn();
		CHECK_EQ(read(kernel, b, sizeof(b)), 2);
		shutdown(kernel, SHUT_WR);
		turn();
		turn();
		CHECK_EQ(e.closes, 1);
		CHECK_EQ(e.gone, 2);
		teardown();
	}
}

static void
free_inside_any_op(void)
{
	for (enum op op = OP_INPUT; op <= OP_CLOSED; op++) {
		char c;

		setup();
		e.echo = true;
		e.free_in = op;
		CHECK_EQ(write(kernel, "hi", 2), 2);
		turn();
		if (op == OP_CLOSED) {
			shutdown(kernel, SHUT_WR);
			turn();
		}
		CHECK(e.freed);
		if (op != OP_CLOSED)
			CHECK_EQ(e.closes, 0);
		(void)read(kernel, &c, 1);
		(void)read(kernel, &c, 1);
		CHECK_EQ(read(kernel, &c, 1), 0); /* the kernel sees the end */
		turn();
		teardown();
	}
}

/* After it was closed inside an op, the number may be somebody else's. */
static void
leaves_the_number_alone(void)
{
	static uint8_t b[200 * 1024];

	for (enum op op = OP_INPUT; op <= OP_SENT; op++) {
		char c;

		setup();
		e.have = 5;
		e.free_in = op;
		e.reuse = true;
		CHECK(stuff(b, sizeof(b)) > 128 * 1024); /* more than one read */
		turn();
		CHECK(e.freed);
		CHECK(e.sents == (op == OP_SENT));
		CHECK_EQ(read(e.other[1], &c, 1), -1);
		CHECK_EQ(read(e.other[0], &c, 1), 1);
		close(e.other[0]);
		close(e.other[1]);
		teardown();
	}
}

/* Free in input that also fails: no closed, for nobody is there to hear it. */
static void
free_and_fail(void)
{
	setup();
	e.free_in = OP_INPUT;
	e.refuse = ERR_PROTO;
	CHECK_EQ(write(kernel, "hi", 2), 2);
	turn();
	CHECK(e.freed);
	CHECK_EQ(e.closes, 0);
	teardown();
}

static void
free_with_a_wake_pending(void)
{
	setup();
	e.have = 5;
	vhci_pipe_wake(e.pipe);
	vhci_pipe_free(e.pipe);
	e.pipe = NULL;
	e.freed = true;
	turn();
	CHECK_EQ(e.outputs, 0);
	vhci_pipe_free(NULL);
	teardown();
}

static void
says_closed_once(void)
{
	setup();
	CHECK_EQ(write(kernel, "last", 4), 4);
	shutdown(kernel, SHUT_WR);
	turn();
	turn();
	CHECK_EQ(e.got, 4); /* what came before the end counts */
	CHECK_EQ(e.closes, 1);
	CHECK_EQ(e.err, ERR_CLOSED);
	e.have = 5;
	vhci_pipe_wake(e.pipe);
	turn();
	CHECK_EQ(e.outputs, 1); /* the answer to the input; none after the end */
	teardown();
}

static void
bad_input_closes(void)
{
	setup();
	e.refuse = ERR_PROTO;
	CHECK_EQ(write(kernel, "bad", 3), 3);
	turn();
	CHECK_EQ(write(kernel, "bad", 3), 3);
	turn();
	CHECK_EQ(e.inputs, 1);
	CHECK_EQ(e.outputs, 0);
	CHECK_EQ(e.closes, 1);
	CHECK_EQ(e.err, ERR_PROTO);
	teardown();
}

/* Writing to a kernel that is gone: no signal, closed. */
static void
writing_finds_the_end(void)
{
	setup();
	e.have = 5;
	shutdown(kernel, SHUT_RD);
	vhci_pipe_wake(e.pipe);
	turn();
	CHECK_EQ(e.closes, 1);
	CHECK_EQ(e.err, ERR_CLOSED);
	teardown();
}

static void
kernel_closes_with_bytes_unread(void)
{
	setup();
	e.have = 5;
	vhci_pipe_wake(e.pipe);
	turn();
	CHECK_EQ(e.gone, 5);
	close(kernel); /* resets: our bytes were not read */
	turn();
	CHECK_EQ(e.closes, 1);
	CHECK_EQ(e.err, ERR_CLOSED);
	kernel = -1;
	teardown();
}

static unsigned allocs_left = UINT32_MAX;

static void *
fewer(size_t n)
{
	return allocs_left > 0 && allocs_left-- ? malloc(n) : NULL;
}

static void
without_memory(void)
{
	unsigned n = 0;

	setup();
	vhci_pipe_free(e.pipe);
	for (e.pipe = NULL; e.pipe == NULL && n < 100; n++) {
		int fd[2];

		if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd) < 0)
			abort();
		close(kernel);
		kernel = fd[1];
		ours = fd[0];
		allocs_left = n;
		e.pipe = vhci_pipe_new(base, ours, &ops, &e);
		allocs_left = UINT32_MAX;
		if (e.pipe == NULL)
			CHECK_EQ(close(ours), 0); /* still the caller's */
	}
	CHECK(n > 2 && n < 100);
	teardown();
}

static void
setup_memory(void)
{
	event_set_mem_functions(fewer, realloc, free);
	CHECK(event_get_version() != NULL);
}

TEST_MAIN(TEST(setup_memory), TEST(carries_both_ways), TEST(byte_by_byte),
	  TEST(drains_in_shares), TEST(waits_for_a_full_kernel),
	  TEST(stops_listening_to_the_deaf), TEST(writes_in_shares),
	  TEST(wake_waits_for_the_loop), TEST(wake_inside_any_op),
	  TEST(free_inside_any_op), TEST(leaves_the_number_alone), TEST(free_and_fail),
	  TEST(free_with_a_wake_pending), TEST(says_closed_once), TEST(bad_input_closes),
	  TEST(writing_finds_the_end), TEST(kernel_closes_with_bytes_unread),
	  TEST(without_memory))
