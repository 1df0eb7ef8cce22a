/* SPDX-License-Identifier: ISC */
/*
 * Whether this machine's own packet filter lets peers in. It reads what `nft` prints;
 * that shows the rules of ufw, firewalld and iptables, too.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/doctor.h"
#include "core/mem.h"
#include "core/text.h"
#include "net/tcp_addr.h"

#define CHECK    "firewall"
#define NFT      "PATH=\"$PATH:/usr/sbin:/sbin\" nft list ruleset 2>/dev/null"
#define TEXT_MAX (1 << 20)
#define NAME     64

/* The chain that we are in while lines go by, and the first that lets nobody in. */
struct filter {
	char family[NAME], table[NAME], chain[NAME];
	bool input; /* this chain sees what comes in */
	bool closed, open;
	char where[3 * NAME];
};

/* A rule without a condition: "drop", "counter packets 1 bytes 2 reject with ...". */
static bool
is_end(const char *rule)
{
	unsigned a, b;
	int n = 0;

	if (sscanf(rule, "counter packets %u bytes %u %n", &a, &b, &n) == 2)
		rule += n;
	return strcmp(rule, "drop") == 0 || strncmp(rule, "reject", 6) == 0;
}

static void
read_line(struct filter *f, const char *line)
{
	char port[16];

	snprintf(port, sizeof(port), "%u", TCP_PORT);
	line += strspn(line, " \t");
	if (sscanf(line, "table %63s %63s", f->family, f->table) == 2)
		return;
	if (sscanf(line, "chain %63s", f->chain) == 1)
		f->input = false;
	if (strstr(line, " hook input ") != NULL)
		f->input = true;
	if (strstr(line, port) != NULL && strstr(line, "accept") != NULL)
		f->open = true;
	if (f->closed || !f->input ||
	    (strstr(line, "policy drop;") == NULL && !is_end(line)))
		return;
	f->closed = true;
	snprintf(f->where, sizeof(f->where), "%s %s %s", f->family, f->table, f->chain);
}

void
doctor_fire_read(struct doctor *d, const char *rules)
{
	struct filter f = {.family = ""};
	char line[512];
	size_t n;

	for (const char *p = rules; *p != '\0'; p += n + (p[n] == '\n')) {
		n = strcspn(p, "\n");
		snprintf(line, sizeof(line), "%.*s", (int)n, p);
		read_line(&f, line);
	}
	if (!f.closed || f.open) {
		doctor_say(d, CHECK, DOCTOR_OK, "the packet filter lets peers in");
		return;
	}
	doctor_say(d, CHECK, DOCTOR_WARN,
		   "the packet filter (%s) lets nobody in at TCP port %u", f.where,
		   TCP_PORT);
	if (strstr(rules, "ufw-user-input") != NULL)
		doctor_fix(d, "ufw allow %u/tcp", TCP_PORT);
	else if (strstr(rules, "table inet firewalld") != NULL)
		doctor_fix(d,
			   "firewall-cmd --permanent --add-port=%u/tcp && firewall-cmd "
			   "--reload",
			   TCP_PORT);
	else
		doctor_fix(d, "nft insert rule %s tcp dport %u accept", f.where,
			   TCP_PORT);
}

void
doctor_fire(struct doctor *d)
{
	char *rules = malloc(TEXT_MAX);
	size_t n = 0;
	FILE *f;
	int code = -1;

	if ((d->side & DOCTOR_SERVE) != 0 && rules != NULL &&
	    (f = popen(NFT, "re")) != NULL) {
		n = fread(rules, 1, TEXT_MAX - 1, f);
		rules[n] = '\0';
		code = pclose(f);
	}
	if (code == 0)
		doctor_fire_read(d, rules);
	else if ((d->side & DOCTOR_SERVE) != 0)
		doctor_say(d, CHECK, DOCTOR_UNKNOWN, "%s",
			   d->w->is_root ? "nft, which shows the packet filter, is not "
					   "installed or failed"
					 : "only root may see the packet filter");
	free(rules);
}
