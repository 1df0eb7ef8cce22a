/* SPDX-License-Identifier: ISC */
/*
 * Settings: what was made of the table of conf_key.c, and by whom. A value that is not
 * understood changes nothing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/conf.h"
#include "core/mem.h"
#include "core/text.h"

#define NAMED " NAME." /* in a key's name: its sections have names */

bool
conf_words(const char *v, const char *between, bool (*fn)(void *arg, const char *word),
	   void *arg)
{
	char word[CONF_WORD];

	for (;; v++) {
		size_t n, all;

		v += strspn(v, " \t");
		for (n = all = strcspn(v, between); n > 0 && strchr(" \t", v[n - 1]); n--)
			;
		if (n >= sizeof(word))
			return false;
		memcpy(word, v, n);
		word[n] = '\0';
		if (!fn(arg, word))
			return false;
		v += all;
		if (*v == '\0')
			return true;
	}
}

int
conf_add_rdv(struct conf *c, const char *uri)
{
	struct rdv_uri u;

	if (rdv_uri_read(uri, &u) != ERR_OK)
		return ERR_USAGE;
	for (unsigned i = 0; i < c->rdvs; i++)
		if (rdv_uri_equal(&c->rdv[i], &u))
			return ERR_OK;
	if (c->rdvs == TICKET_RDVS)
		return ERR_FULL;
	c->rdv[c->rdvs++] = u;
	return ERR_OK;
}

/* --- sections with names --- */

/* Gives a section its defaults. */
static void
set_usual(enum conf_of of, void *section)
{
	for (const struct conf_key *k = conf_keys; k->name != NULL; k++)
		if (k->of == of && k->def != NULL &&
		    !k->set((char *)section + k->at, k->def))
			ASSERT(false);
}

const struct conf_attach *
conf_find_attach(const struct conf *c, const char *name)
{
	for (unsigned i = 0; i < c->attaches; i++)
		if (strcmp(c->attach[i]->name, name) == 0)
			return c->attach[i];
	return NULL;
}

static void *
make_attach(struct conf *c, const char *name)
{
	struct conf_attach *a =
	    c->attaches < CONF_SECTIONS ? calloc(1, sizeof(*a)) : NULL;

	if (a == NULL)
		return NULL;
	text_copy(a->name, sizeof(a->name), name);
	a->grace_us = UINT64_MAX;
	set_usual(CONF_ATTACH, a);
	return c->attach[c->attaches++] = a;
}

static struct policy_rule *
find_policy(const struct conf *c, const char *name)
{
	for (unsigned i = 0; i < c->policies; i++)
		if (strcmp(c->policy[i]->name, name) == 0)
			return c->policy[i];
	return NULL;
}

static void *
make_policy(struct conf *c, const char *name)
{
	struct policy_rule *r = NULL;

	if (c->policies < CONF_SECTIONS)
		r = calloc(1, sizeof(*r));
	if (r == NULL)
		return NULL;
	text_copy(r->name, sizeof(r->name), name);
	set_usual(CONF_POLICY, r);
	return c->policy[c->policies++] = r;
}

/* What a key of this section changes, and how large it is; made if it is new. */
static void *
section_of(struct conf *c, enum conf_of of, const char *name, size_t *n)
{
	void *at = c;

	*n = sizeof(*c);
	if (of == CONF_ATTACH) {
		*n = sizeof(struct conf_attach);
		at = (void *)(uintptr_t)conf_find_attach(c, name);
		if (at == NULL)
			at = make_attach(c, name);
	} else if (of == CONF_POLICY) {
		*n = sizeof(struct policy_rule);
		if ((at = find_policy(c, name)) == NULL)
			at = make_policy(c, name);
	}
	return at;
}

/* --- who made it --- */

const struct conf_made *
conf_find(const struct conf *c, const struct conf_key *k, const char *name)
{
	for (unsigned i = 0; i < c->made_n; i++)
		if (c->made[i].key == k && strcmp(c->made[i].name, name) == 0)
			return &c->made[i];
	return NULL;
}

static int
note(struct conf *c, const struct conf_key *k, const char *name, const char *value,
     const char *from)
{
	struct conf_made *m = (void *)(uintptr_t)conf_find(c, k, name);
	char *text = strdup(value), *who = strdup(from);
	void *more = c->made;

	if (m == NULL)
		more = realloc(c->made, (c->made_n + 1) * sizeof(*c->made));
	if (text == NULL || who == NULL || more == NULL) {
		free(text);
		free(who);
		return ERR_NOMEM;
	}
	c->made = more;
	if (m == NULL) {
		m = &c->made[c->made_n++];
		memset(m, 0, sizeof(*m));
		m->key = k;
		text_copy(m->name, sizeof(m->name), name);
	}
	free(m->text);
	free(m->from);
	m->text = text;
	m->from = who;
	return ERR_OK;
}

/* --- one setting --- */

static int
put(struct conf *c, const struct conf_key *k, const char *name, const char *value,
    const char *from, char *why, size_t cap)
{
	size_t n;
	void *at = section_of(c, k->of, name, &n), *old = malloc(n);
	int err = ERR_NOMEM;

	if (at == NULL || old == NULL) {
		snprintf(why, cap, "too many sections, or out of memory");
		free(old);
		return at == NULL ? ERR_FULL : ERR_NOMEM;
	}
	memcpy(old, at, n);
	if (!k->set((char *)at + k->at, value)) {
		memcpy(at, old, n);
		snprintf(why, cap, "%s wants %s, not \"%s\"", k->name, k->form,
			 k->secret ? "..." : value);
		err = ERR_USAGE;
	} else if ((err = note(c, k, name, value, from)) != ERR_OK) {
		memcpy(at, old, n);
		snprintf(why, cap, "%s", err_text(err));
	}
	free(old);
	return err;
}

/* Whether the key belongs to sections of this kind: its length there, or 0. */
static size_t
of_kind(const struct conf_key *k, const char *kind, size_t n, bool named)
{
	const char *after = named ? NAMED : ".";

	if (strncmp(k->name, kind, n) != 0 ||
	    strncmp(k->name + n, after, strlen(after)) != 0)
		return 0;
	return n + strlen(after);
}

int
conf_put(struct conf *c, const char *section, const char *key, const char *value,
	 const char *from, char *why, size_t cap)
{
	size_t n = strcspn(section, " "), at;
	const char *name = section + n + strspn(section + n, " ");
	bool any = false;

	if (section[n] != '\0' && !access_name_ok(name)) {
		snprintf(why, cap, "\"%s\" cannot be the name of a section", name);
		return ERR_USAGE;
	}
	for (const struct conf_key *k = conf_keys; k->name != NULL; k++) {
		if ((at = of_kind(k, section, n, section[n] != '\0')) == 0)
			continue;
		any = true;
		if (strcmp(k->name + at, key) == 0)
			return put(c, k, name, value, from, why, cap);
	}
	if (any)
		snprintf(why, cap, "unknown key \"%s\" in [%s]", key, section);
	else
		snprintf(why, cap, "unknown section [%s]", section);
	return any ? ERR_NOPEER : ERR_NODEV;
}

int
conf_set(struct conf *c, const char *setting, char *why, size_t cap)
{
	const char *eq = strchr(setting, '='), *dot, *space;
	size_t n = eq == NULL ? strlen(setting) : (size_t)(eq - setting);
	char word[CONF_WORD], *key;
	int err = ERR_NODEV;

	if (n < sizeof(word)) {
		memcpy(word, setting, n);
		word[n] = '\0';
		space = strchr(word, ' ');
		dot = space != NULL ? strrchr(space, '.') : strchr(word, '.');
		key = word + (dot == NULL ? n : (size_t)(dot - word));
		if (*key != '\0')
			*key++ = '\0';
		err = conf_put(c, word, key, eq == NULL ? "" : eq + 1, "-o", why, cap);
	}
	if (err == ERR_NODEV || err == ERR_NOPEER)
		snprintf(why, cap,
			 "there is no setting \"%.*s\"; \"usbp2p help\" lists them",
			 (int)n, setting);
	return err == ERR_OK ? ERR_OK : ERR_USAGE;
}

/* --- start and end --- */

void
conf_init(struct conf *c)
{
	char host[ACCESS_NAME] = "";
	char *dot;

	memset(c, 0, sizeof(*c));
	if (gethostname(host, sizeof(host) - 1) != 0)
		host[0] = '\0';
	if ((dot = strchr(host, '.')) != NULL)
		*dot = '\0';
	access_name_clean(host);
	text_copy(c->serve_name, sizeof(c->serve_name), host);
	set_usual(CONF_ONE, c);
}

void
conf_fini(struct conf *c)
{
	for (unsigned i = 0; i < c->attaches; i++)
		free(c->attach[i]);
	for (unsigned i = 0; i < c->policies; i++)
		free(c->policy[i]);
	for (unsigned i = 0; i < c->made_n; i++) {
		free(c->made[i].text);
		free(c->made[i].from);
	}
	free(c->made);
	memset(c, 0, sizeof(*c));
}

static const char *
value_of(const struct conf *c, const struct conf_key *k, const char *name)
{
	const struct conf_made *m = conf_find(c, k, name);

	return m != NULL ? m->text : k->def != NULL ? k->def : "";
}

void
conf_differ(const struct conf *was, const struct conf *is,
	    void (*fn)(void *arg, const struct conf_key *), void *arg)
{
	for (const struct conf_key *k = conf_keys; k->name != NULL; k++)
		if (k->of == CONF_ONE &&
		    strcmp(value_of(was, k, ""), value_of(is, k, "")) != 0)
			fn(arg, k);
}
