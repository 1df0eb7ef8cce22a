/* SPDX-License-Identifier: ISC */
/*
 * Which rules mean a peer and a device, and what they say together.
 */
#include "core/policy.h"
#include "core/mem.h"
#include "core/text.h"

/* --- one rule --- */

static bool
means_peer(const struct policy_rule *r, const char *peer)
{
	for (unsigned i = 0; i < r->peers; i++)
		if (text_equal(r->peer[i], peer))
			return true;
	return r->peers == 0;
}

static bool
means_device(const struct policy_rule *r, const struct devinfo *d)
{
	const char *word[POLICY_WORDS];

	for (unsigned i = 0; i < r->devices; i++)
		word[i] = r->device[i];
	return r->devices == 0 || pattern_list(word, r->devices, d);
}

/* Minutes until the range ends, if it is within; 0: it is not. */
static uint32_t
left_of(const struct policy_hours *h, unsigned minute)
{
	if (minute >= h->from && minute < h->to)
		return h->to - minute;
	if (minute + POLICY_WEEK >= h->from && minute + POLICY_WEEK < h->to)
		return h->to - (minute + POLICY_WEEK);
	return 0;
}

/* Ranges may touch: the end of the last one of those that do. */
static uint32_t
open_for(const struct policy_rule *r, unsigned minute)
{
	uint32_t sum = 0, more = 1;

	while (more > 0 && sum < POLICY_WEEK) {
		more = 0;
		for (unsigned i = 0; i < r->hours; i++) {
			uint32_t left =
			    left_of(&r->hour[i], (minute + sum) % POLICY_WEEK);

			more = left > more ? left : more;
		}
		sum += more;
	}
	return sum >= POLICY_WEEK ? UINT32_MAX : sum;
}

/* --- all of them --- */

static void
apply(struct policy *p, const struct policy_rule *r, unsigned minute)
{
	uint32_t open = r->hours == 0 ? UINT32_MAX : open_for(r, minute);

	if (open == 0 && p->closed == NULL)
		p->closed = r;
	if (open < p->open_min) {
		p->open_min = open;
		p->by_hours = r;
	}
	if (r->session_us > 0 && (p->session_us == 0 || r->session_us < p->session_us)) {
		p->session_us = r->session_us;
		p->by_session = r;
	}
	if (r->pause_us > p->pause_us)
		p->pause_us = r->pause_us;
	if (r->warn_us > p->warn_us)
		p->warn_us = r->warn_us;
	if (r->rate > 0 && (p->rate == 0 || r->rate < p->rate))
		p->rate = r->rate;
}

void
policy_look(struct policy *p, const struct policy_rule *const *rule, unsigned n,
	    const char *peer, const struct devinfo *d, unsigned minute)
{
	memset(p, 0, sizeof(*p));
	p->open_min = UINT32_MAX;
	for (unsigned i = 0; i < n; i++)
		if (means_peer(rule[i], peer) && means_device(rule[i], d))
			apply(p, rule[i], minute);
}

/* --- texts --- */

static const char *const days[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool
take_day(const char **at, unsigned *day)
{
	for (unsigned i = 0; i < ARRAY_LEN(days); i++) {
		const char *s = *at;

		if (lower(s[0]) != days[i][0] || lower(s[1]) != days[i][1] ||
		    lower(s[2]) != days[i][2])
			continue;
		*at += 3;
		*day = i;
		return true;
	}
	return false;
}

static bool
take_two(const char **at, unsigned max, unsigned *v)
{
	const char *s = *at;

	if (s[0] < '0' || s[0] > '9' || s[1] < '0' || s[1] > '9')
		return false;
	*v = (unsigned)(s[0] - '0') * 10 + (unsigned)(s[1] - '0');
	*at += 2;
	return *v <= max;
}

/* "08:00"; "24:00" is the end of the day. */
static bool
take_time(const char **at, unsigned *minute)
{
	unsigned h, m;

	if (!take_two(at, 24, &h) || *(*at)++ != ':' || !take_two(at, 59, &m))
		return false;
	*minute = h * 60 + m;
	return *minute <= POLICY_DAY;
}

static bool
add_days(struct policy_rule *r, unsigned first, unsigned last, unsigned from, unsigned to)
{
	unsigned day = first;

	if (to <= from)
		to += POLICY_DAY;
	for (;; day = (day + 1) % 7) {
		if (r->hours == POLICY_HOURS)
			return false;
		r->hour[r->hours].from = (uint16_t)(day * POLICY_DAY + from);
		r->hour[r->hours++].to = (uint16_t)(day * POLICY_DAY + to);
		if (day == last)
			return true;
	}
}

bool
policy_add_hours(struct policy_rule *r, const char *text)
{
	unsigned first = 0, last = 6, from = 0, to = POLICY_DAY;
	bool day = take_day(&text, &first);

	if (day) {
		last = first;
		if (*text == '-' && (text++, !take_day(&text, &last)))
			return false;
		if (*text == '\0')
			return add_days(r, first, last, from, to);
		if (*text++ != ' ')
			return false;
		while (*text == ' ')
			text++;
	}
	if (!take_time(&text, &from) || *text++ != '-' || !take_time(&text, &to) ||
	    *text != '\0' || from == to || from == POLICY_DAY)
		return false;
	return add_days(r, first, last, from, to);
}

static uint64_t
unit_of(char c)
{
	return c == 'k' || c == 'K' ? 1000
	       : c == 'M'           ? 1000000
	       : c == 'G'           ? 1000000000
				    : 1;
}

bool
policy_read_rate(const char *text, uint64_t *rate)
{
	uint64_t whole = 0, part = 0, scale = 1, unit;
	const char *at = text;

	for (; *at >= '0' && *at <= '9' && at - text < 9; at++)
		whole = whole * 10 + (uint64_t)(*at - '0');
	if (at == text)
		return false;
	if (*at == '.')
		for (at++; *at >= '0' && *at <= '9' && scale < 1000; at++, scale *= 10)
			part = part * 10 + (uint64_t)(*at - '0');
	unit = unit_of(*at);
	at += unit > 1;
	if (*at == 'B')
		at++;
	if (at[0] == '/' && at[1] == 's')
		at += 2;
	*rate = whole * unit + part * unit / scale;
	return *at == '\0' && *rate >= 1000;
}

/* --- rates --- */

void
policy_charge(struct policy_toll *t, uint64_t rate, uint64_t bytes, uint64_t now)
{
	if (rate == 0)
		return;
	if (t->free_at < now)
		t->free_at = now;
	t->free_at += bytes * 1000000 / rate;
}

uint64_t
policy_wait_us(const struct policy_toll *t, uint64_t now)
{
	return t->free_at > now ? t->free_at - now : 0;
}
