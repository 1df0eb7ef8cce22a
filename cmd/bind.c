/* SPDX-License-Identifier: ISC */
/*
 * bind, unbind: choose the local devices to share.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "cmd/cmd.h"
#include "cmd/share.h"
#include "cmd/sockets.h"
#include "cmd/state.h"
#include "core/json.h"
#include "core/text.h"
#include "usb/bus.h"

#define BIND_TIMEOUT_MS 5000

enum { OPT_AS, OPT_KEEP_LOCAL, OPT_MODE };

static const struct cmd_opt opts[] = {
    [OPT_AS] = {"as", "NICK", "a nickname for the device, which peers may say"},
    [OPT_KEEP_LOCAL] = {"keep-local", NULL,
			"share only the interfaces that no local driver has"},
    [OPT_MODE] = {"mode", "MODE",
		  "exclusive (default), queued: peers wait for their turn, readonly: "
		  "nothing is written to its disks, or queued,readonly"},
    {NULL, NULL, NULL},
};

/* Says what the word means now; a device that is not there yet may come. */
static void
show_matches(struct usb_bus *bus, const struct share_row *row)
{
	struct list *l;
	unsigned n = 0;

	LIST_EACH (&bus->devs, l) {
		const struct usb_dev *d = CONTAINER_OF(l, struct usb_dev, link);
		bool named = n == 0 && row->nick[0] != '\0';

		if (!pattern_match(row->word, &d->info))
			continue;
		printf("%s shared%s%s%s%s%s: %04x:%04x %s %s\n", d->info.busid,
		       row->part ? " in part" : "", row->queued ? " queued" : "",
		       row->read_only ? " readonly" : "", named ? " as " : "",
		       named ? row->nick : "", d->info.vid, d->info.pid,
		       d->info.manufacturer, d->info.product);
		n++;
	}
	if (n == 0)
		printf("%s: no such device is plugged in now; it will be shared when it "
		       "comes\n",
		       row->word);
}

static int
bind_rows(struct ctx *ctx, struct usb_bus *bus, const struct share *s)
{
	int err, code = 0;

	for (unsigned i = 0; i < s->n; i++) {
		const struct share_row *row = &s->row[i];

		if ((err = share_bind(ctx->dir, row)) == ERR_OK)
			show_matches(bus, row);
		else if (err == ERR_BUSY)
			code = cmd_fail(err,
					"%s is the nickname of another device: choose "
					"another one, or \"usbp2p unbind %s\" first",
					row->nick, row->nick);
		else
			code = cmd_fail(ERR_IO, "%s cannot be bound", row->word);
	}
	sockets_reload(ctx->dir);
	return code;
}

static int
bind_all(struct ctx *ctx, const struct share *s)
{
	struct event_base *base;
	struct usb_bus bus;
	char why[256];
	int code;

	if (state_make(ctx->dir) != ERR_OK)
		return 1;
	if ((base = event_base_new()) == NULL)
		return cmd_fail(ERR_NOMEM, "%s", err_text(ERR_NOMEM));
	usb_bus_init(&bus, base, NULL, NULL);
	if (usb_host_start(&bus, ctx->conf.serve_attached, why, sizeof(why)) != ERR_OK)
		fprintf(stderr, "usbp2p: %s\n", why);
	code = bind_rows(ctx, &bus, s);
	usb_host_stop(&bus);
	usb_bus_fini(&bus);
	event_base_free(base);
	return code;
}

/* --- of a serve whose state directory is not ours to write --- */

static bool
must_ask(const char *dir)
{
	return access(dir, F_OK) == 0 && access(dir, W_OK) != 0;
}

static int
ask(const char *dir, const char *request)
{
	char path[4096], answer[512], text[256] = "";
	uint64_t code = 0;
	int err = ERR_TOOBIG;

	if (state_path(dir, "run/serve.sock", path, sizeof(path)) == ERR_OK)
		err = sockets_ask(path, request, BIND_TIMEOUT_MS, answer, sizeof(answer));
	if (err != ERR_OK)
		return cmd_fail(err == ERR_NODEV ? ERR_LACKING : err,
				"%s is not yours to write, and its serve does not let "
				"you in: run this as its user, or set control.group",
				dir);
	json_get_u64(json_read(answer, strlen(answer)), "exit", &code);
	json_get_str(json_read(answer, strlen(answer)), "text", text, sizeof(text));
	if (code != 0)
		cmd_fail(ERR_FAIL, "serve: %s", text);
	return (int)code;
}

static int
ask_bind(const char *dir, const struct share_row *row)
{
	char request[1024];
	struct json j;

	json_init(&j, request, sizeof(request));
	json_open(&j, NULL);
	json_str(&j, "cmd", "bind");
	json_str(&j, "device", row->word);
	if (row->nick[0] != '\0')
		json_str(&j, "as", row->nick);
	json_bool(&j, "keep_local", row->part);
	json_str(&j, "mode", share_mode(row->queued, row->read_only));
	json_close(&j);
	return ask(dir, request);
}

static int
ask_bind_all(const char *dir, const struct share *s)
{
	int code = 0;

	for (unsigned i = 0; i < s->n && code == 0; i++)
		code = ask_bind(dir, &s->row[i]);
	return code;
}

static int
ask_unbind(const char *dir, const char *word)
{
	char request[PATTERN_TEXT * 6 + 64];
	struct json j;

	json_init(&j, request, sizeof(request));
	json_open(&j, NULL);
	json_str(&j, "cmd", "unbind");
	json_str(&j, "device", word);
	json_close(&j);
	return ask(dir, request);
}

static int
ask_unbind_all(const char *dir, int argc, char **argv)
{
	int code = 0;

	for (int i = 1; i < argc && code == 0; i++)
		code = ask_unbind(dir, argv[i]);
	return code;
}

/* --- what is bound --- */

static int
check_options(const struct share *s, const char *nick)
{
	if (s->n == 0)
		return cmd_wrong(
		    &cmd_bind,
		    "which device? \"usbp2p list\" shows those of this machine");
	if (nick != NULL && s->n != 1)
		return cmd_wrong(&cmd_bind, "--as is for one device");
	if (nick != NULL && !pattern_is_nick(nick))
		return cmd_wrong(
		    &cmd_bind,
		    "\"%s\" is no nickname: a-z 0-9 . _ -, at most %d, not like a busid",
		    nick, DEVINFO_NICK - 1);
	return 0;
}

/* The options are of all devices; a nickname can be of one only. */
static int
set_options(struct share *s, const char *nick, const struct share_row *o, bool any)
{
	int code = check_options(s, nick);

	for (unsigned i = 0; i < s->n && code == 0; i++) {
		struct share_row *row = &s->row[i];

		if (row->word[0] == '!' && any)
			return cmd_wrong(&cmd_bind,
					 "\"%s\" takes a device out: no options for it",
					 row->word);
		if (nick != NULL)
			text_copy(row->nick, sizeof(row->nick), nick);
		row->part = o->part;
		row->queued = o->queued;
		row->read_only = o->read_only;
	}
	return code;
}

static int
read_line(struct share *s, int argc, char **argv)
{
	const char *arg, *nick = NULL;
	struct share_row options = {.part = false};
	bool any = false;
	struct cmd_args a;
	int o;

	cmd_args_init(&a, argc, argv);
	while ((o = cmd_next(&a, &cmd_bind, &arg)) != CMD_END) {
		struct share_row row = {.part = false};

		any |= o >= 0;
		if (o == CMD_BAD)
			return err_exit(ERR_USAGE);
		if (o == OPT_AS)
			nick = arg;
		else if (o == OPT_KEEP_LOCAL)
			options.part = true;
		else if (o == OPT_MODE && !share_read_mode(&options, arg))
			return cmd_wrong(&cmd_bind,
					 "--mode cannot be \"%s\": exclusive, queued, "
					 "readonly or queued,readonly",
					 arg);
		else if (o == CMD_OPERAND &&
			 (!text_copy(row.word, sizeof(row.word), arg) ||
			  share_add(s, &row) != ERR_OK))
			return cmd_wrong(&cmd_bind,
					 "\"%s\" is no device, or one too many", arg);
	}
	return set_options(s, nick, &options, any);
}

static int
run_bind(struct ctx *ctx, int argc, char **argv)
{
	struct share *s = calloc(1, sizeof(*s));
	int code;

	if (s == NULL)
		return cmd_fail(ERR_NOMEM, "%s", err_text(ERR_NOMEM));
	if ((code = read_line(s, argc, argv)) == 0)
		code = must_ask(ctx->dir) ? ask_bind_all(ctx->dir, s) : bind_all(ctx, s);
	free(s);
	return code;
}

static int
run_unbind(struct ctx *ctx, int argc, char **argv)
{
	int code = 0, err;

	if (argc < 2)
		return cmd_wrong(&cmd_unbind,
				 "which device? the file %s/bound lists them", ctx->dir);
	for (int i = 1; i < argc; i++)
		if (argv[i][0] == '-' || pattern_check(argv[i]) != ERR_OK)
			return cmd_wrong(&cmd_unbind, "\"%s\" is no device", argv[i]);
	if (must_ask(ctx->dir))
		return ask_unbind_all(ctx->dir, argc, argv);
	for (int i = 1; i < argc; i++) {
		err = share_unbind(ctx->dir, argv[i]);
		if (err == ERR_NODEV)
			code = cmd_fail(
			    err, "\"%s\" was not bound; the file %s/bound lists what is",
			    argv[i], ctx->dir);
		else if (err != ERR_OK)
			code = err_exit(err);
	}
	sockets_reload(ctx->dir);
	return code;
}

const struct cmd cmd_bind = {"bind", "DEVICE...", "choose local devices to share", opts,
			     run_bind};
const struct cmd cmd_unbind = {"unbind", "DEVICE...", "stop sharing local devices", NULL,
			       run_unbind};
