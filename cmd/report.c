/* SPDX-License-Identifier: ISC */
/*
 * JSON of devices and links.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cmd/logline.h"
#include "cmd/report.h"
#include "core/mem.h"
#include "core/pattern.h"
#include "core/session.h"
#include "net/dtls_seen.h"
#include "net/link.h"

void
report_open(struct json *j, const char *kind)
{
	json_open(j, NULL);
	json_str(j, "schema", REPORT_SCHEMA);
	json_str(j, "kind", kind);
}

const char *
report_speed(uint8_t speed)
{
	static const char *const text[] = {
	    [DEVINFO_LOW] = "1.5 Mbit/s",    [DEVINFO_FULL] = "12 Mbit/s",
	    [DEVINFO_HIGH] = "480 Mbit/s",   [DEVINFO_WIRELESS] = "480 Mbit/s",
	    [DEVINFO_SUPER] = "5000 Mbit/s", [DEVINFO_SUPER_PLUS] = "10000 Mbit/s"};

	return speed < ARRAY_LEN(text) && text[speed] != NULL ? text[speed] : "?";
}

void
report_time(char *buf, size_t cap, uint64_t unix_s)
{
	time_t t = (time_t)unix_s;
	struct tm tm;

	buf[0] = '\0';
	if (gmtime_r(&t, &tm) != NULL)
		strftime(buf, cap, "%Y-%m-%d %H:%M:%S UTC", &tm);
}

void
report_classes(char *buf, size_t cap, const struct devinfo *d)
{
	struct text t;

	text_init(&t, buf, cap);
	for (unsigned i = 0; i < d->ifs; i++) {
		const char *name = pattern_class_name(d->iface[i].cls, d->iface[i].sub,
						      d->iface[i].proto);

		if (text_has(buf, name))
			continue;
		if (t.len > 0)
			text_char(&t, ' ');
		text_str(&t, name);
	}
}

void
report_device(struct json *j, const struct devinfo *d)
{
	char id[12], classes[128];

	snprintf(id, sizeof(id), "%04x:%04x", d->vid, d->pid);
	report_classes(classes, sizeof(classes), d);
	json_str(j, "busid", d->busid);
	json_str(j, "id", id);
	json_str(j, "speed", report_speed(d->speed));
	json_str(j, "class", classes);
	json_str(j, "manufacturer", d->manufacturer);
	json_str(j, "product", d->product);
	json_str(j, "serial", d->serial);
	if (d->nick[0] != '\0')
		json_str(j, "nick", d->nick);
	if (d->part)
		json_bool(j, "part", true);
	if (d->queued || d->read_only)
		json_str(j, "mode",
			 !d->read_only ? "queued"
			 : d->queued   ? "queued,readonly"
				       : "readonly");
}

void
report_hex(struct json *j, const char *key, const uint8_t *p, size_t n)
{
	char *buf = malloc(2 * n + 1);
	struct text t;

	if (buf == NULL)
		return;
	text_init(&t, buf, 2 * n + 1);
	text_bytes(&t, p, n);
	json_str(j, key, buf);
	free(buf);
}

void
report_link(struct json *j, const struct link *l)
{
	struct dtls_drops d;
	struct arq_stats s;
	uint64_t out, in;
	char path[200];

	json_open(j, "link");
	if (l != NULL && link_stats(l, &s)) {
		link_drops(l, &d);
		link_path(l, path, sizeof(path));
		json_str(j, "path", path);
		json_str(j, "kind", link_kind(l));
		json_str(j, "carrier", link_carrier(l));
		json_str(j, "cipher", link_cipher(l));
		link_goodput(l, &out, &in);
		json_str(j, "cc", s.cc);
		json_str(j, "cc_state", s.cc_state);
		json_u64(j, "rate", s.rate);
		json_u64(j, "inflight", s.inflight);
		json_u64(j, "goodput_out", out);
		json_u64(j, "goodput_in", in);
		json_u64(j, "rtt_us", s.srtt_us);
		json_u64(j, "min_rtt_us", s.min_rtt_us);
		json_u64(j, "packets_out", s.sent);
		json_u64(j, "packets_in", s.received);
		json_u64(j, "bytes_out", s.bytes_out);
		json_u64(j, "bytes_in", s.bytes_in);
		json_u64(j, "lost", s.lost);
		json_u64(j, "duplicates", s.duplicates);
		json_u64(j, "replayed", d.replayed);
		json_u64(j, "late", d.late);
		json_u64(j, "corrupted", d.corrupted);
		json_u64(j, "cwnd", s.cwnd);
		json_u64(j, "mtu", s.mtu);
	}
	json_close(j);
}

/* Kilobytes: all that is resident, and what is not shared with files. */
static void
memory(uint64_t *rss, uint64_t *anon)
{
	unsigned long size, resident = 0, shared = 0;
	long kb = sysconf(_SC_PAGESIZE) / 1024;
	FILE *f = fopen("/proc/self/statm", "re");

	if (f == NULL || fscanf(f, "%lu %lu %lu", &size, &resident, &shared) != 3)
		resident = shared = 0;
	if (f != NULL)
		fclose(f);
	*rss = resident * (unsigned long)kb;
	*anon = (resident - shared) * (unsigned long)kb;
}

void
report_process(struct json *j, uint64_t since, bool whole)
{
	uint64_t rss, anon;

	json_u64(j, "pid", (uint64_t)getpid());
	json_u64(j, "since", since);
	json_open(j, "logged");
	json_u64(j, "errors", logline_count(LOG_LEVEL_ERROR));
	json_u64(j, "warnings", logline_count(LOG_LEVEL_WARN));
	json_close(j);
	if (!whole)
		return;
	memory(&rss, &anon);
	json_u64(j, "uptime_s", (uint64_t)time(NULL) - since);
	json_open(j, "memory");
	json_u64(j, "rss_kb", rss);
	json_u64(j, "anon_kb", anon);
	json_close(j);
}

void
report_datagrams(struct json *j, const struct session *s)
{
	struct session_stats st;

	if (s == NULL)
		return;
	session_stats(s, &st);
	if (st.sent + st.received + st.expired == 0)
		return;
	json_open(j, "datagrams");
	json_u64(j, "sent", st.sent);
	json_u64(j, "received", st.received);
	json_u64(j, "lost", st.lost);
	json_u64(j, "expired", st.expired);
	json_u64(j, "late", st.late);
	json_u64(j, "broken", st.broken);
	json_close(j);
}
