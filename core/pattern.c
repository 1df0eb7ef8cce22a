/* SPDX-License-Identifier: ISC */
/*
 * Device patterns: what a word means, and whether a device is meant. Does not
 * know where patterns come from.
 */
#include "core/pattern.h"
#include "core/mem.h"
#include "core/text.h"

enum kind { KIND_BAD, KIND_PORT, KIND_IDS, KIND_SERIAL, KIND_CLASS, KIND_TEXT };

/* USB-IF class codes; sub and proto as ranges, a name may have several rows. */
#define ANY 0x00, 0xff

static const struct usb_class {
	const char *name;
	uint8_t cls, sub_from, sub_to, proto_from, proto_to;
} classes[] = {
    {"audio", 0x01, ANY, ANY},
    {"cdc", 0x02, ANY, ANY},
    {"cdc", 0x0a, ANY, ANY},
    {"comm", 0x02, ANY, ANY},
    {"comm", 0x0a, ANY, ANY},
    {"hid", 0x03, ANY, ANY},
    {"image", 0x06, ANY, ANY},
    {"printer", 0x07, ANY, ANY},
    {"storage", 0x08, ANY, ANY},
    {"hub", 0x09, ANY, ANY},
    {"smartcard", 0x0b, ANY, ANY},
    {"security", 0x0d, ANY, ANY},
    {"video", 0x0e, ANY, ANY},
    {"wireless", 0xe0, ANY, ANY},
    {"vendor", 0xff, ANY, ANY},
    {"bluetooth", 0xe0, 0x01, 0x01, 0x01, 0x01},
    {"dfu", 0xfe, 0x01, 0x01, ANY},
    /* ACM with AT commands or none is a serial port; its other protocols are RNDIS */
    {"serial", 0x02, 0x02, 0x02, 0x00, 0x06},
    {"net", 0x02, 0x01, 0x01, ANY},
    {"net", 0x02, 0x02, 0x02, 0x07, 0xff},
    {"net", 0x02, 0x03, 0xff, ANY},
    {"net", 0xe0, 0x01, 0x01, 0x03, 0x03},
    {"net", 0xef, 0x04, 0x04, ANY},
};

static const char *const guarded[] = {"hid", "hub", "net", "wireless"};

static bool
digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
hex(char c)
{
	return digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* What follows the word in text; NULL when text does not begin with it. */
static const char *
after(const char *text, const char *word)
{
	while (*word != '\0')
		if (*text++ != *word++)
			return NULL;
	return text;
}

/* Skips digits; NULL when there is none. */
static const char *
number(const char *s)
{
	if (!digit(*s))
		return NULL;
	while (digit(*s))
		s++;
	return s;
}

static bool
is_port(const char *s)
{
	const char *v = after(s, "v-");

	if (v != NULL)
		return (v = number(v)) != NULL && *v == '\0';
	if ((s = number(s)) == NULL || *s != '-')
		return false;
	do
		s = number(s + 1);
	while (s != NULL && *s == '.');
	return s != NULL && *s == '\0';
}

/* "1-4." and the like: a port with a slip. */
static bool
like_port(const char *s)
{
	if ((s = number(s)) == NULL || *s != '-')
		return false;
	while (digit(*s) || *s == '-' || *s == '.')
		s++;
	return *s == '\0';
}

/* Four hexadecimal digits or '*': what follows them; else NULL. */
static const char *
half(const char *s)
{
	if (*s == '*')
		return s + 1;
	for (int i = 0; i < 4; i++)
		if (!hex(s[i]))
			return NULL;
	return s + 4;
}

static bool
is_ids(const char *s)
{
	return (s = half(s)) != NULL && *s == ':' && (s = half(s + 1)) != NULL &&
	       *s == '\0';
}

/* "1d6b:10", "*" and the like: ids with a slip. */
static bool
like_ids(const char *s)
{
	if (text_equal(s, "*"))
		return true;
	while (hex(*s) || *s == '*')
		s++;
	if (*s++ != ':')
		return false;
	while (hex(*s) || *s == '*')
		s++;
	return *s == '\0';
}

/* "name=": a key we do not have. */
static bool
like_key(const char *s)
{
	const char *p = s;

	while (*p >= 'a' && *p <= 'z')
		p++;
	return p != s && *p == '=';
}

static bool
class_code(const char *name, uint64_t *v)
{
	return text_len(name) == 2 && text_to_hex(name, 0xff, v);
}

static bool
class_known(const char *name)
{
	uint64_t v;

	for (size_t i = 0; i < ARRAY_LEN(classes); i++)
		if (text_equal(classes[i].name, name))
			return true;
	return class_code(name, &v);
}

/* What the pattern without its '!' is; *what gets the part that says it. */
static enum kind
kind_of(const char *s, const char **what)
{
	*what = s;
	if (is_port(s))
		return KIND_PORT;
	if (is_ids(s))
		return KIND_IDS;
	if ((*what = after(s, "serial=")) != NULL)
		return **what != '\0' ? KIND_SERIAL : KIND_BAD;
	if ((*what = after(s, "class=")) != NULL)
		return class_known(*what) ? KIND_CLASS : KIND_BAD;
	*what = s;
	if (*s == '\0' || *s == '!' || like_port(s) || like_ids(s) || like_key(s))
		return KIND_BAD;
	return KIND_TEXT;
}

int
pattern_check(const char *text)
{
	const char *what;

	if (text_len(text) >= PATTERN_TEXT)
		return ERR_USAGE;
	for (const char *s = text; *s != '\0'; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return ERR_USAGE;
	return kind_of(text + (*text == '!'), &what) == KIND_BAD ? ERR_USAGE : ERR_OK;
}

static bool
half_matches(const char *s, uint16_t id)
{
	uint64_t v;
	char four[5] = {s[0], s[1], s[2], s[3], '\0'};

	return text_to_hex(four, 0xffff, &v) && v == id;
}

static bool
ids_match(const char *s, const struct devinfo *d)
{
	const char *product = half(s) + 1;

	return (*s == '*' || half_matches(s, d->vid)) &&
	       (*product == '*' || half_matches(product, d->pid));
}

static bool
class_matches(const char *name, uint8_t cls, uint8_t sub, uint8_t proto)
{
	const struct usb_class *c;
	uint64_t v;

	for (c = classes; c < classes + ARRAY_LEN(classes); c++)
		if (c->cls == cls && sub >= c->sub_from && sub <= c->sub_to &&
		    proto >= c->proto_from && proto <= c->proto_to &&
		    text_equal(c->name, name))
			return true;
	return class_code(name, &v) && v == cls;
}

/* Class 0 of a device says: look at the interfaces. */
static bool
device_has(const char *name, const struct devinfo *d)
{
	if (d->cls != 0 && class_matches(name, d->cls, d->sub, d->proto))
		return true;
	for (unsigned i = 0; i < d->ifs && i < DEVINFO_IFS; i++)
		if (class_matches(name, d->iface[i].cls, d->iface[i].sub,
				  d->iface[i].proto))
			return true;
	return false;
}

static bool
text_matches(const char *what, const struct devinfo *d)
{
	char both[2 * DEVINFO_STRING];
	struct text t;

	text_init(&t, both, sizeof(both));
	text_str(&t, d->manufacturer);
	text_char(&t, ' ');
	text_str(&t, d->product);
	return text_has(both, what);
}

bool
pattern_match(const char *text, const struct devinfo *d)
{
	bool negated = *text == '!', is = false;
	const char *what;

	switch (kind_of(text + negated, &what)) {
	case KIND_BAD:
		return false;
	case KIND_PORT:
		is = text_equal(what, d->busid);
		break;
	case KIND_IDS:
		is = ids_match(what, d);
		break;
	case KIND_SERIAL:
		is = text_equal(what, d->serial);
		break;
	case KIND_CLASS:
		is = device_has(what, d);
		break;
	case KIND_TEXT:
		is = text_matches(what, d);
		break;
	}
	return is != negated;
}

bool
pattern_list(const char *const *text, unsigned n, const struct devinfo *d)
{
	bool plain = false, meant = false;

	for (unsigned i = 0; i < n; i++) {
		bool match = pattern_match(text[i], d);

		if (*text[i] != '!') {
			plain = true;
			meant |= match;
		} else if (!match) {
			return false;
		}
	}
	return n > 0 && (meant || !plain);
}

static bool
nick_char(char c)
{
	return (c >= 'a' && c <= 'z') || digit(c) || c == '.' || c == '_' || c == '-';
}

bool
pattern_is_nick(const char *text)
{
	const char *what;
	size_t n = 0;

	while (nick_char(text[n]))
		n++;
	return text[n] == '\0' && n < DEVINFO_NICK && *text != '.' && *text != '_' &&
	       *text != '-' && kind_of(text, &what) == KIND_TEXT;
}

bool
pattern_names(const char *text, const struct devinfo *d)
{
	text += *text == '!';
	return pattern_is_nick(text) && text_equal(text, d->nick);
}

void
pattern_resolve(char text[PATTERN_TEXT], const struct devinfo *d)
{
	bool negated = *text == '!';

	if (pattern_names(text, d))
		text_copy(text + negated, PATTERN_TEXT - 1, d->busid);
}

bool
pattern_is_port(const char *text)
{
	return is_port(text);
}

bool
pattern_needs_name(const struct devinfo *d)
{
	for (size_t i = 0; i < ARRAY_LEN(guarded); i++)
		if (device_has(guarded[i], d))
			return true;
	return d->ifs == 0;
}

const char *
pattern_class_name(uint8_t cls, uint8_t sub, uint8_t proto)
{
	const struct usb_class *c;

	for (c = classes; c < classes + ARRAY_LEN(classes); c++)
		if (class_matches(c->name, cls, sub, proto))
			return c->name;
	return "other";
}
