/* SPDX-License-Identifier: ISC */
/*
 * A JSON writer and an in-place reader.
 */
#include "core/json.h"
#include "core/mem.h"

/* --- writer --- */

void
json_init(struct json *j, char *buf, size_t cap)
{
	text_init(&j->t, buf, cap);
	j->comma = false;
}

static void
quoted(struct text *t, const char *s)
{
	text_char(t, '"');
	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\') {
			text_char(t, '\\');
			text_char(t, *s);
		} else if (c < 0x20) {
			text_str(t, "\\u");
			text_hex(t, c, 4);
		} else {
			text_char(t, *s);
		}
	}
	text_char(t, '"');
}

static struct text *
value(struct json *j, const char *key)
{
	if (j->comma)
		text_char(&j->t, ',');
	j->comma = true;
	if (key != NULL) {
		quoted(&j->t, key);
		text_char(&j->t, ':');
	}
	return &j->t;
}

static void
begin(struct json *j, const char *key, char c)
{
	text_char(value(j, key), c);
	j->comma = false;
}

static void
finish(struct json *j, char c)
{
	text_char(&j->t, c);
	j->comma = true;
}

void
json_open(struct json *j, const char *key)
{
	begin(j, key, '{');
}

void
json_close(struct json *j)
{
	finish(j, '}');
}

void
json_array(struct json *j, const char *key)
{
	begin(j, key, '[');
}

void
json_end(struct json *j)
{
	finish(j, ']');
}

void
json_str(struct json *j, const char *key, const char *v)
{
	quoted(value(j, key), v);
}

void
json_u64(struct json *j, const char *key, uint64_t v)
{
	text_u64(value(j, key), v);
}

void
json_bool(struct json *j, const char *key, bool v)
{
	text_str(value(j, key), v ? "true" : "false");
}

void
json_dec(struct json *j, const char *key, uint64_t v, unsigned decimals)
{
	struct text *t = value(j, key);
	uint64_t unit = 1;

	for (unsigned i = 0; i < decimals; i++)
		unit *= 10;
	text_u64(t, v / unit);
	if (decimals == 0)
		return;
	text_char(t, '.');
	for (v %= unit; unit > 1; v %= unit) {
		unit /= 10;
		text_char(t, (char)('0' + v / unit));
	}
}

/* --- reader --- */

static const char *
blank(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
		p++;
	return p;
}

/* Behind the string that begins at p; NULL if it does not end. */
static const char *
skip_string(const char *p, const char *end)
{
	for (p++; p < end; p++) {
		if (*p == '"')
			return p + 1;
		if ((unsigned char)*p < 0x20 || (*p == '\\' && ++p == end))
			return NULL;
	}
	return NULL;
}

static bool
is_word(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z') || c == '-' || c == '+' || c == '.';
}

/*
 * Behind the value at p, NULL if it is broken. Brackets are kept on a small
 * stack; what stands between them is checked where it is looked up.
 */
static const char *
skip_value(const char *p, const char *end)
{
	char stack[JSON_DEPTH];
	unsigned depth = 0;

	do {
		p = blank(p, end);
		if (p == end)
			return NULL;
		if (*p == '"') {
			if ((p = skip_string(p, end)) == NULL)
				return NULL;
		} else if (*p == '{' || *p == '[') {
			if (depth == JSON_DEPTH)
				return NULL;
			stack[depth++] = *p++ == '{' ? '}' : ']';
		} else if (*p == '}' || *p == ']') {
			if (depth == 0 || stack[--depth] != *p++)
				return NULL;
		} else if (*p == ',' || *p == ':') {
			if (depth == 0)
				return NULL;
			p++;
		} else if (is_word(*p)) {
			while (p < end && is_word(*p))
				p++;
		} else {
			return NULL;
		}
	} while (depth > 0);
	return p;
}

struct json_val
json_read(const char *p, size_t n)
{
	const char *end = p + n, *from = blank(p, end), *to = skip_value(from, end);
	struct json_val none = {NULL, 0};

	if (to == NULL || blank(to, end) != end)
		return none;
	return (struct json_val){from, (size_t)(to - from)};
}

/* One element: sets *val and gives where the next one begins, NULL at the end. */
static const char *
element(const char *p, const char *end, struct json_val *val)
{
	const char *to;

	p = blank(p, end);
	if (p == end || *p == ']' || *p == '}' || (to = skip_value(p, end)) == NULL)
		return NULL;
	*val = (struct json_val){p, (size_t)(to - p)};
	return to;
}

static bool
unquote(struct json_val v, char *dst, size_t cap)
{
	const char *p = v.p + 1, *end = v.p + v.n - 1;
	struct text t;

	text_init(&t, dst, cap);
	if (v.n < 2 || v.p[0] != '"')
		return false;
	while (p < end) {
		static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
		uint64_t code;
		char hex[5];
		size_t i = 0;

		if (*p != '\\') {
			text_char(&t, *p++);
			continue;
		}
		p++;
		while (from[i] != '\0' && from[i] != *p)
			i++;
		if (from[i] != '\0') {
			text_char(&t, to[i]);
			p++;
			continue;
		}
		/* the writer makes \u only of control characters */
		if (*p != 'u' || end - p < 5)
			return false;
		memcpy(hex, p + 1, 4);
		hex[4] = '\0';
		if (!text_to_hex(hex, 0x7f, &code) || code == 0)
			return false;
		text_char(&t, (char)code);
		p += 5;
	}
	return !t.full;
}

struct json_val
json_get(struct json_val o, const char *key)
{
	const char *p = o.p + 1, *end = o.p + o.n;
	struct json_val k, v, none = {NULL, 0};
	char name[64];

	if (o.n < 2 || o.p[0] != '{')
		return none;
	while ((p = element(p, end, &k)) != NULL) {
		p = blank(p, end);
		if (p == end || *p++ != ':' || (p = element(p, end, &v)) == NULL)
			return none;
		if (unquote(k, name, sizeof(name)) && text_equal(name, key))
			return v;
		p = blank(p, end);
		if (p == end || *p++ != ',')
			return none;
	}
	return none;
}

struct json_val
json_at(struct json_val a, unsigned i)
{
	const char *p = a.p + 1, *end = a.p + a.n;
	struct json_val v, none = {NULL, 0};

	if (a.n < 2 || a.p[0] != '[')
		return none;
	while ((p = element(p, end, &v)) != NULL) {
		if (i-- == 0)
			return v;
		p = blank(p, end);
		if (p == end || *p++ != ',')
			return none;
	}
	return none;
}

bool
json_get_str(struct json_val o, const char *key, char *dst, size_t cap)
{
	return json_str_of(json_get(o, key), dst, cap);
}

bool
json_get_u64(struct json_val o, const char *key, uint64_t *v)
{
	struct json_val s = json_get(o, key);
	char b[24];

	if (s.n == 0 || s.n >= sizeof(b))
		return false;
	memcpy(b, s.p, s.n);
	b[s.n] = '\0';
	return text_to_u64(b, UINT64_MAX, v);
}

bool
json_get_bool(struct json_val o, const char *key)
{
	struct json_val v = json_get(o, key);

	return v.n == 4 && memcmp(v.p, "true", 4) == 0;
}

bool
json_str_of(struct json_val v, char *dst, size_t cap)
{
	dst[0] = '\0';
	return v.n > 0 && unquote(v, dst, cap);
}
