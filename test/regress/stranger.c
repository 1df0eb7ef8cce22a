/* SPDX-License-Identifier: ISC */
/*
 * A client that asks for a device without having seen it in a list, as ours never
 * do: stranger STATE PEER BUSID. Prints what the server says; exit code 0 if it may
 * have the device.
 */
#include <stdio.h>

#include "cmd/remote.h"

struct stranger {
	struct loop loop;
	struct target target;
	struct remote *remote;
	const char *busid;
	int code;
};

/* What main.c has for the program itself. */
const struct cmd *const cmds[] = {NULL};

static void
on_imported(void *arg, int err, const struct wire_imported *i)
{
	struct stranger *s = arg;

	s->code = err == ERR_OK ? 0 : 1;
	puts(err == ERR_OK ? "imported" : i->no.text);
	remote_close(s->remote);
}

static int
on_reply(void *arg, uint8_t ep, uint64_t tag, const struct import_reply *r,
	 const struct session_msg *m)
{
	(void)arg, (void)ep, (void)tag, (void)r, (void)m;
	return ERR_PROTO;
}

static void
on_removed(void *arg, const struct wire_refusal *why)
{
	(void)arg, (void)why;
}

static const struct imports_user user = {on_imported, on_reply, on_removed, NULL, NULL};

static void
on_ready(void *arg)
{
	struct stranger *s = arg;
	uint32_t dev;

	if (imports_import(remote_imports(s->remote), s->busid, 0, &user, s, &dev) !=
	    ERR_OK)
		remote_close(s->remote);
}

static void
on_device(void *arg, const struct wire_device *d)
{
	(void)arg, (void)d;
}

static int
on_bench(void *arg, const struct session_msg *m)
{
	(void)arg, (void)m;
	return ERR_PROTO;
}

static void
on_down(void *arg, int err, const char *why)
{
	struct stranger *s = arg;

	if (err != ERR_OK)
		puts(why);
	loop_exit(&s->loop, s->code);
}

static void
on_stop(void *arg)
{
	struct stranger *s = arg;

	loop_exit(&s->loop, 1);
}

static const struct remote_ops ops = {on_ready, on_device, on_bench, NULL, NULL, on_down};

int
main(int argc, char **argv)
{
	static struct stranger s = {.code = 1};
	static struct ctx ctx;

	if (argc != 4)
		return 2;
	conf_init(&ctx.conf);
	ctx.dir = argv[1];
	s.busid = argv[3];
	if (target_find(&s.target, &ctx, argv[2], NULL) != ERR_OK ||
	    loop_start(&s.loop, &ctx, on_stop, &s) != ERR_OK)
		return 1;
	if ((s.remote = remote_connect(&s.loop, &ctx, &s.target, 0, &ops, &s)) != NULL)
		(void)loop_run(&s.loop);
	remote_free(s.remote);
	loop_end(&s.loop);
	return s.code;
}
