/* SPDX-License-Identifier: ISC */
/*
 * bench: measures the way to a peer, and reads a device without vhci.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include "cmd/bencher.h"
#include "cmd/report.h"
#include "core/mem.h"
#include "core/pattern.h"
#include "core/text.h"
#include "net/clock.h"
#include "net/ident.h"

enum { OPT_AS, OPT_TIME, OPT_JSON };

static const struct cmd_opt opts[] = {
    [OPT_AS] = {"as", "NAME", "know the server under this name"},
    [OPT_TIME] = {"time", "TIME", "measure each direction for so long (1.5s)"},
    [OPT_JSON] = {"json", NULL, "one JSON object"},
    {NULL, NULL, NULL},
};

static const struct {
	void (*run)(struct bencher *);
	bool device;
} phases[] = {
    {bench_ping, false}, {bench_down, false},  {bench_up, false},  {bench_busy, false},
    {bench_find, true},  {bench_import, true}, {bench_urbs, true}, {bench_disk, true},
};

/* --- report --- */

static int
by_value(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void
report_json(const struct bencher *b)
{
	char buf[8192];
	struct json j;

	json_init(&j, buf, sizeof(buf));
	report_open(&j, "bench");
	json_str(&j, "peer", b->target.name);
	json_dec(&j, "connect_ms", b->connect_us, 3);
	json_str(&j, "path", b->path);
	report_link(&j, remote_link(b->remote));
	json_open(&j, "rtt_us");
	json_u64(&j, "p50", b->rtt[BENCH_PINGS / 2]);
	json_u64(&j, "p99", b->rtt[BENCH_PINGS * 99 / 100]);
	json_close(&j);
	json_open(&j, "rtt_busy_us");
	json_u64(&j, "p50", b->busy[b->busy_pings / 2]);
	json_u64(&j, "p99", b->busy[b->busy_pings * 99 / 100]);
	json_close(&j);
	json_dec(&j, "down_mb_s", b->down_bps / 1000, 3);
	json_dec(&j, "up_mb_s", b->up_bps / 1000, 3);
	json_open(&j, "cpu_s_per_gb");
	json_dec(&j, "local", b->total > 0 ? b->cpu_us * 1000000 / (b->total / 1000) : 0,
		 6);
	json_close(&j);
	if (b->device != NULL) {
		json_dec(&j, "first_byte_ms", b->connect_us + b->first_us, 3);
		json_u64(&j, "urb_s", b->urb_s);
		json_open(&j, "device");
		report_device(&j, &b->info);
		if (b->disk.sha256[0] != '\0') {
			json_u64(&j, "bytes", b->disk.bytes);
			json_dec(&j, "read_mb_s", b->disk.read_bps / 1000, 3);
			json_str(&j, "sha256", b->disk.sha256);
		}
		json_close(&j);
	}
	json_close(&j);
	printf("%s\n", buf);
}

static void
report_text(const struct bencher *b)
{
	printf("connected in %llu.%llu ms, path %s\n",
	       (unsigned long long)b->connect_us / 1000,
	       (unsigned long long)b->connect_us / 100 % 10, b->path);
	printf("round trip p50 %llu us, p99 %llu us\n",
	       (unsigned long long)b->rtt[BENCH_PINGS / 2],
	       (unsigned long long)b->rtt[BENCH_PINGS * 99 / 100]);
	printf("beside bulk p50 %llu us, p99 %llu us\n",
	       (unsigned long long)b->busy[b->busy_pings / 2],
	       (unsigned long long)b->busy[b->busy_pings * 99 / 100]);
	printf("down %llu.%llu MB/s, up %llu.%llu MB/s, %llu ms of CPU per GB here\n",
	       (unsigned long long)b->down_bps / 1000000,
	       (unsigned long long)b->down_bps / 100000 % 10,
	       (unsigned long long)b->up_bps / 1000000,
	       (unsigned long long)b->up_bps / 100000 % 10,
	       (unsigned long long)(b->total > 0 ? b->cpu_us * 1000 / (b->total / 1000)
						 : 0));
	if (b->device == NULL)
		return;
	bench_show_descriptors(b);
	printf("first byte %llu ms after the call; %llu requests a second\n",
	       (unsigned long long)(b->connect_us + b->first_us) / 1000,
	       (unsigned long long)b->urb_s);
	if (b->disk.sha256[0] != '\0')
		printf("disk: %llu bytes read at %llu.%llu MB/s, SHA-256 %s\n",
		       (unsigned long long)b->disk.bytes,
		       (unsigned long long)b->disk.read_bps / 1000000,
		       (unsigned long long)b->disk.read_bps / 100000 % 10,
		       b->disk.sha256);
}

static void
report(struct bencher *b)
{
	qsort(b->rtt, BENCH_PINGS, sizeof(b->rtt[0]), by_value);
	qsort(b->busy, b->busy_pings, sizeof(b->busy[0]), by_value);
	if (b->json)
		report_json(b);
	else
		report_text(b);
}

/* --- phases --- */

void
bench_stop(struct bencher *b, int err, const char *why)
{
	if (b->done)
		return;
	b->done = true;
	b->code = cmd_fail(err, "%s", why);
	remote_close(b->remote);
}

void
bench_next(struct bencher *b)
{
	while (b->phase < ARRAY_LEN(phases) && phases[b->phase].device &&
	       b->device == NULL)
		b->phase++;
	if (b->phase < ARRAY_LEN(phases)) {
		phases[b->phase++].run(b);
		return;
	}
	b->done = true;
	if (b->dev != 0)
		imports_release(remote_imports(b->remote), b->dev);
	report(b);
	remote_close(b->remote);
}

static void
on_ready(void *arg)
{
	struct bencher *b = arg;

	b->connect_us = clock_us() - b->started;
	link_path(remote_link(b->remote), b->path, sizeof(b->path));
	bench_next(b);
}

static void
on_down(void *arg, int err, const char *why)
{
	struct bencher *b = arg;

	if (!b->done) {
		b->done = true;
		b->code = err_exit(err == ERR_OK ? ERR_CLOSED : err);
		if (why[0] != '\0')
			cmd_fail(err, "%s", why);
	}
	loop_exit(&b->loop, b->code);
}

static const struct remote_ops remote_ops = {
    on_ready, bench_on_device, bench_on_message, bench_on_turn, NULL, on_down};

/* The first signal says goodbye, so that the device is free at once. */
static void
on_stop(void *arg)
{
	struct bencher *b = arg;

	if (b->remote == NULL || b->code != 0) {
		loop_exit(&b->loop, 1);
		return;
	}
	b->done = true;
	b->code = 1;
	remote_close(b->remote);
}

/*
 * When this process began to be: what loads it counts for those who wait. The kernel
 * says it in hundredths of a second since boot, which is not what clock_us counts.
 */
static uint64_t
process_start(void)
{
	char buf[1024];
	struct timespec boot;
	unsigned long long ticks = 0;
	uint64_t now = clock_us(), age;
	FILE *f = fopen("/proc/self/stat", "re");
	size_t n = f == NULL ? 0 : fread(buf, 1, sizeof(buf) - 1, f);
	const char *p;

	if (f != NULL)
		fclose(f);
	buf[n] = '\0';
	if ((p = strrchr(buf, ')')) == NULL ||
	    sscanf(p,
		   ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d "
		   "%*d %*d %*d %llu",
		   &ticks) != 1 ||
	    clock_gettime(CLOCK_BOOTTIME, &boot) != 0)
		return now;
	age = (uint64_t)boot.tv_sec * 1000000 + (uint64_t)boot.tv_nsec / 1000 -
	      ticks * 1000000 / (uint64_t)sysconf(_SC_CLK_TCK);
	return age < now ? now - age : now;
}

static int
run_bench(struct bencher *b, struct ctx *ctx, const char *who, const char *as)
{
	int code, err = target_find(&b->target, ctx, who, as);

	if (err != ERR_OK)
		return err_exit(err);
	if (loop_start(&b->loop, ctx, on_stop, b) != ERR_OK)
		return 1;
	b->started = process_start();
	b->remote = remote_connect(&b->loop, ctx, &b->target, 0, &remote_ops, b);
	code = b->remote == NULL ? cmd_fail(ERR_NOMEM, "%s", err_text(ERR_NOMEM))
				 : loop_run(&b->loop);
	remote_free(b->remote);
	ident_hash_end(b->disk.hash, NULL);
	free(b->raw);
	loop_end(&b->loop);
	return code;
}

static int
run(struct ctx *ctx, int argc, char **argv)
{
	struct bencher *b = calloc(1, sizeof(*b));
	const char *arg, *who = NULL, *as = NULL;
	struct cmd_args a;
	int o, code = 0;

	if (b == NULL)
		return cmd_fail(ERR_NOMEM, "%s", err_text(ERR_NOMEM));
	b->direction_us = BENCH_US;
	cmd_args_init(&a, argc, argv);
	while (code == 0 && (o = cmd_next(&a, &cmd_bench, &arg)) != CMD_END) {
		if (o == OPT_AS)
			as = arg;
		else if (o == OPT_TIME && text_to_duration(arg, &b->direction_us))
			;
		else if (o == OPT_TIME)
			code = cmd_wrong(&cmd_bench, "\"%s\" is no duration", arg);
		else if (o == OPT_JSON)
			b->json = true;
		else if (o == CMD_BAD)
			code = err_exit(ERR_USAGE);
		else if (who == NULL)
			who = arg;
		else if (b->device == NULL && pattern_check(arg) == ERR_OK)
			b->device = arg;
		else
			code = cmd_wrong(&cmd_bench,
					 "\"%s\" is no device, or one too many", arg);
	}
	if (code == 0 && who == NULL)
		code = cmd_wrong(&cmd_bench, "which peer? a name or a ticket is missing");
	if (code == 0)
		code = run_bench(b, ctx, who, as);
	free(b);
	return code;
}

const struct cmd cmd_bench = {"bench", "PEER|TICKET [DEVICE]",
			      "measure the way to a peer, and read a device", opts, run};
