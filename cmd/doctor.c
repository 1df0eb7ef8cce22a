/* SPDX-License-Identifier: ISC */
/*
 * doctor: what is missing on this machine, and the command that mends it.
 */
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "cmd/doctor.h"
#include "cmd/report.h"

#define JSON_MAX (DOCTOR_FINDINGS * 2048)

enum { OPT_JSON, OPT_FOR };

static const struct cmd_opt opts[] = {
    [OPT_JSON] = {"json", NULL, "one JSON object"},
    [OPT_FOR] = {"for", "COMMAND",
		 "serve or attach: what that one needs (default: both)"},
    {NULL, NULL, NULL},
};

static const char *
state_name(enum doctor_state s)
{
	static const char *const name[] = {[DOCTOR_OK] = "ok",
					   [DOCTOR_WARN] = "warn",
					   [DOCTOR_MISSING] = "missing",
					   [DOCTOR_UNKNOWN] = "unknown"};

	return name[s];
}

static unsigned
count_missing(const struct doctor *d)
{
	unsigned n = 0;

	for (unsigned i = 0; i < d->n; i++)
		n += d->finding[i].state == DOCTOR_MISSING;
	return n;
}

static int
print_json(const struct doctor *d)
{
	char *buf = malloc(JSON_MAX);
	struct json j;

	if (buf == NULL)
		return cmd_fail(ERR_NOMEM, "%s", err_text(ERR_NOMEM));
	json_init(&j, buf, JSON_MAX);
	report_open(&j, "doctor");
	json_bool(&j, "ok", count_missing(d) == 0);
	json_array(&j, "findings");
	for (unsigned i = 0; i < d->n; i++) {
		const struct doctor_finding *f = &d->finding[i];

		json_open(&j, NULL);
		json_str(&j, "check", f->check);
		json_str(&j, "state", state_name(f->state));
		json_str(&j, "what", f->what);
		if (f->fix[0] != '\0')
			json_str(&j, "fix", f->fix);
		json_close(&j);
	}
	json_end(&j);
	json_close(&j);
	printf("%s\n", buf);
	free(buf);
	return 0;
}

static void
print(const struct doctor *d)
{
	for (unsigned i = 0; i < d->n; i++) {
		const struct doctor_finding *f = &d->finding[i];

		printf("%-8s %-13s %s\n", state_name(f->state), f->check, f->what);
		if (f->fix[0] != '\0')
			printf("    mend it: %s\n", f->fix);
	}
}

static bool
may(const char *path, int mode)
{
	return eaccess(path, mode) == 0;
}

/* Whether something (an NTP client) tells the kernel that its clock is right. */
static bool
clock_synced(void)
{
	struct timex t = {.modes = 0};

	return adjtimex(&t) != TIME_ERROR && (t.status & STA_UNSYNC) == 0;
}

/* "FILE:LINE: what" is found; a setting of -o has no file. */
static void
look_at_config(struct doctor *d)
{
	const char *why = d->ctx->wrong, *colon = strstr(why, ": ");
	const char *line = colon;

	if (why[0] == '\0') {
		doctor_say(d, "config", DOCTOR_OK, "every setting can be read");
		return;
	}
	doctor_say(d, "config", DOCTOR_MISSING, "%s; no command starts with that", why);
	while (line != NULL && line > why && line[-1] >= '0' && line[-1] <= '9')
		line--;
	if (line != NULL && line > why && line < colon && line[-1] == ':')
		doctor_fix(d, "editor +%.*s '%.*s'", (int)(colon - line), line,
			   (int)(line - 1 - why), why);
	else if (d->ctx->sources.file != NULL && strstr(why, d->ctx->sources.file))
		doctor_fix(d, "usbp2p config --example >'%s'", d->ctx->sources.file);
	else
		doctor_fix(d, "usbp2p help");
}

static int
examine(struct doctor *d, bool json)
{
	struct passwd *pw = getpwuid(geteuid());
	struct utsname u;
	struct doctor_world w = {.root = "",
				 .user = pw != NULL ? pw->pw_name : "USER",
				 .is_root = geteuid() == 0,
				 .now = (uint64_t)time(NULL),
				 .synced = clock_synced(),
				 .may = may};
	unsigned missing;

	uname(&u);
	w.release = u.release;
	d->w = &w;
	doctor_here(d);
	look_at_config(d);
	doctor_fire(d);
	if (d->n > 0 && d->finding[0].state != DOCTOR_MISSING) {
		if ((d->side & DOCTOR_SERVE) != 0)
			doctor_port(d);
		doctor_net(d); /* which keeps its identity where the first one looked */
	}
	if (!json)
		print(d);
	else if (print_json(d) != 0)
		return 1;
	missing = count_missing(d);
	return missing == 0
		   ? 0
		   : cmd_fail(ERR_LACKING, "this machine lacks %u thing%s that %s needed",
			      missing, missing == 1 ? "" : "s",
			      missing == 1 ? "is" : "are");
}

static int
run(struct ctx *ctx, int argc, char **argv)
{
	struct doctor *d = calloc(1, sizeof(*d));
	struct cmd_args a;
	const char *arg;
	bool json = false;
	int o, code;

	if (d == NULL)
		return cmd_fail(ERR_NOMEM, "%s", err_text(ERR_NOMEM));
	d->ctx = ctx;
	d->side = DOCTOR_BOTH;
	code = -1;
	cmd_args_init(&a, argc, argv);
	while (code < 0 && (o = cmd_next(&a, &cmd_doctor, &arg)) != CMD_END) {
		if (o == OPT_JSON)
			json = true;
		else if (o == OPT_FOR && strcmp(arg, "serve") == 0)
			d->side = DOCTOR_SERVE;
		else if (o == OPT_FOR && strcmp(arg, "attach") == 0)
			d->side = DOCTOR_ATTACH;
		else if (o == OPT_FOR)
			code = cmd_wrong(&cmd_doctor,
					 "--for wants serve or attach, not \"%s\"", arg);
		else if (o == CMD_OPERAND)
			code = cmd_wrong(&cmd_doctor, "what is \"%s\" for?", arg);
		else
			code = err_exit(ERR_USAGE);
	}
	if (code < 0)
		code = examine(d, json);
	free(d);
	return code;
}

const struct cmd cmd_doctor = {"doctor", "", "say what is missing on this machine", opts,
			       run};
