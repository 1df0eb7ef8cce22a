/* SPDX-License-Identifier: ISC */
/* link: cmd core */
#include "cmd/cmd.h"
#include "test/cmd/place.h"

enum { AS, JSON, JSONL };

static const struct cmd_opt opts[] = {{"as", "NAME", "another name"},
				      {"json", NULL, "one object"},
				      {"jsonl", NULL, "many objects"},
				      {NULL, NULL, NULL}};
static const struct cmd sample = {"sample", "FILE...", "shows things", opts, NULL};
static const struct cmd plain = {"plain", "", "does things", NULL, NULL};

/* What comes of the words: "0=x" for an option with argument, "1" without, "x" else. */
static const char *
walk(const struct cmd *c, const char *const *words)
{
	static char out[200];
	char *argv[10] = {(char *)(uintptr_t)c->name};
	struct cmd_args a;
	const char *arg;
	int argc = 1, o;
	size_t at = 0;

	while (words[argc - 1] != NULL) {
		argv[argc] = (char *)(uintptr_t)words[argc - 1];
		argc++;
	}
	cmd_args_init(&a, argc, argv);
	out[0] = '\0';
	do {
		arg = NULL;
		o = cmd_next(&a, c, &arg);
		at += (size_t)snprintf(out + at, sizeof(out) - at, "%s%d%s%s",
				       at > 0 ? " " : "", o, arg != NULL ? "=" : "",
				       arg != NULL ? arg : "");
	} while (o != CMD_END && o != CMD_BAD);
	return out;
}

static void
words(void)
{
	static const struct {
		const char *words[8], *want, *said;
	} rows[] = {
	    {{NULL}, "-2", ""},
	    {{"a", "b"}, "-1=a -1=b -2", ""},
	    {{"--as", "x", "a"}, "0=x -1=a -2", ""},
	    {{"--as=x", "--json"}, "0=x 1 -2", ""},
	    {{"--as="}, "0= -2", ""},
	    {{"--as", "--json"}, "0=--json -2", ""},
	    {{"--jsonl", "--json"}, "2 1 -2", ""},
	    {{"-"}, "-1=- -2", ""},
	    {{"--", "--json", "-x", "--"}, "-1=--json -1=-x -1=-- -2", ""},
	    {{"a", "--", "--"}, "-1=a -1=-- -2", ""},
	    {{"", "a"}, "-1= -1=a -2", ""},
	    {{"--as"},
	     "-3",
	     "usbp2p: --as wants an argument; see \"usbp2p help sample\"\n"},
	    {{"--json=1"},
	     "-3",
	     "usbp2p: --json takes no argument; see \"usbp2p help sample\"\n"},
	    {{"--js"},
	     "-3",
	     "usbp2p: there is no option --js; see \"usbp2p help sample\"\n"},
	    {{"--AS"},
	     "-3",
	     "usbp2p: there is no option --AS; see \"usbp2p help sample\"\n"},
	    {{"-j"}, "-3", "usbp2p: there is no option -j; see \"usbp2p help sample\"\n"},
	};
	struct place p;

	place_make(&p);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *got = walk(&sample, rows[i].words);

		if (strcmp(got, rows[i].want) != 0)
			printf("# row %zu: %s\n", i, got);
		CHECK(strcmp(got, rows[i].want) == 0);
		CHECK(strcmp(place_said(&p), rows[i].said) == 0);
	}
	place_end(&p);
}

static void
no_options_at_all(void)
{
	static const char *const one[] = {"--json", NULL}, *const two[] = {"x", NULL};
	struct place p;

	place_make(&p);
	CHECK(strcmp(walk(&plain, one), "-3") == 0);
	CHECK(strcmp(place_said(&p), "usbp2p: there is no option --json; see \"usbp2p "
				     "help plain\"\n") == 0);
	CHECK(strcmp(walk(&plain, two), "-1=x -2") == 0);
	place_end(&p);
}

static void
error_lines(void)
{
	struct place p;

	place_make(&p);
	CHECK_EQ(cmd_fail(ERR_REFUSED, "%s said no", "lab"), 3);
	CHECK(strcmp(place_said(&p), "usbp2p: lab said no\n") == 0);
	CHECK_EQ(cmd_fail(ERR_BUSY, "held by %s", "a\033[2Jb\nusbp2p: c"), 5);
	CHECK(strcmp(place_said(&p), "usbp2p: held by a?[2Jb?usbp2p: c\n") == 0);
	CHECK_EQ(cmd_wrong(&sample, "what is \"%s\" for?", "x"), 2);
	CHECK(strcmp(place_said(&p),
		     "usbp2p: what is \"x\" for?\n"
		     "usage: usbp2p sample [--as NAME] [--json] [--jsonl] FILE...\n"
		     "shows things\n"
		     "  --as NAME\n        another name\n"
		     "  --json\n        one object\n"
		     "  --jsonl\n        many objects\n") == 0);
	cmd_usage(&plain, false);
	CHECK(strcmp(place_said(&p), "usage: usbp2p plain\ndoes things\n") == 0);
	place_end(&p);
}

TEST_MAIN(TEST(words), TEST(no_options_at_all), TEST(error_lines))
