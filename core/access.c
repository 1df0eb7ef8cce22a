/* SPDX-License-Identifier: ISC */
/*
 * Rows of the file `peers`. Knows their text and what they allow; not where
 * the file is, nor who asks.
 */
#include "core/access.h"
#include "core/mem.h"
#include "core/text.h"

static const char *const kinds[] = {
    [ACCESS_CLIENT] = "client",
    [ACCESS_SERVER] = "server",
};

static bool
must_escape(char c)
{
	return (unsigned char)c <= ' ' || c == '%' || c == 0x7f;
}

bool
access_escape(const char *word, char *out, size_t cap)
{
	struct text t;

	text_init(&t, out, cap);
	for (; *word != '\0'; word++) {
		if (must_escape(*word)) {
			text_char(&t, '%');
			text_hex(&t, (unsigned char)*word, 2);
		} else {
			text_char(&t, *word);
		}
	}
	return !t.full;
}

bool
access_unescape(const char *in, size_t n, char *out, size_t cap)
{
	struct text t;

	text_init(&t, out, cap);
	for (size_t i = 0; i < n; i++) {
		uint64_t v = (unsigned char)in[i];

		if (v == '%') {
			char xx[3] = {0};

			if (n - i < 3)
				return false;
			memcpy(xx, in + i + 1, 2);
			if (!text_to_hex(xx, 0xff, &v) || text_len(xx) != 2 || v == 0)
				return false;
			i += 2;
		} else if (must_escape(in[i])) {
			return false;
		}
		text_char(&t, (char)v);
	}
	return !t.full;
}

static bool
name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

bool
access_name_ok(const char *name)
{
	uint8_t id[PEERID];
	bool digits = true;
	size_t n;

	for (n = 0; name[n] != '\0'; n++) {
		if (!name_char(name[n]))
			return false;
		digits = digits && name[n] >= '0' && name[n] <= '9';
	}
	return n < ACCESS_NAME && !digits && name[0] != '-' && name[0] != '.' &&
	       peerid_read(name, id) != ERR_OK;
}

void
access_name_clean(char name[ACCESS_NAME])
{
	char out[ACCESS_NAME];
	struct text t;

	text_init(&t, out, sizeof(out));
	for (size_t i = 0; i < ACCESS_NAME - 1 && name[i] != '\0'; i++) {
		if (name_char(name[i]) &&
		    (t.len > 0 || (name[i] != '-' && name[i] != '.')))
			text_char(&t, name[i]);
		else if (t.len > 0 && out[t.len - 1] != '-')
			text_char(&t, '-');
	}
	while (t.len > 0 && out[t.len - 1] == '-')
		out[--t.len] = '\0';
	(void)text_copy(name, ACCESS_NAME, access_name_ok(out) ? out : "peer");
}

static bool
word_ok(enum access_kind kind, const char *word)
{
	return kind == ACCESS_CLIENT ? pattern_check(word) == ERR_OK : *word != '\0';
}

/* The next word of the line: its length, 0 at the end. */
static size_t
next(const char **line)
{
	size_t n = 0;

	while (**line == ' ' || **line == '\t')
		++*line;
	while ((*line)[n] != '\0' && (*line)[n] != ' ' && (*line)[n] != '\t')
		n++;
	return n;
}

/* The next word, unescaped, into out; false when there is none that fits. */
static bool
take(const char **line, char *out, size_t cap)
{
	size_t n = next(line);
	bool ok = n > 0 && access_unescape(*line, n, out, cap);

	*line += n;
	return ok;
}

static bool
read_kind(const char *word, enum access_kind *kind)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (!text_equal(word, kinds[i]))
			continue;
		*kind = (enum access_kind)i;
		return true;
	}
	return false;
}

static bool
read_words(const char *line, struct access_row *row)
{
	for (; next(&line) > 0; row->words++) {
		if (row->words == ACCESS_WORDS ||
		    !take(&line, row->word[row->words], PATTERN_TEXT) ||
		    !word_ok(row->kind, row->word[row->words]))
			return false;
	}
	return row->kind != ACCESS_SERVER || row->words > 0;
}

int
access_read(const char *line, struct access_row *row)
{
	char word[PEERID_TEXT];

	memset(row, 0, sizeof(*row));
	if (next(&line) == 0 || *line == '#')
		return ERR_NODEV;
	if (!take(&line, word, sizeof(word)) || !read_kind(word, &row->kind) ||
	    !take(&line, word, sizeof(word)) || peerid_read(word, row->id) != ERR_OK ||
	    !take(&line, row->name, sizeof(row->name)) || !access_name_ok(row->name) ||
	    !read_words(line, row))
		return ERR_USAGE;
	return ERR_OK;
}

static bool
row_ok(const struct access_row *row)
{
	for (unsigned i = 0; i < row->words; i++)
		if (!word_ok(row->kind, row->word[i]))
			return false;
	return access_name_ok(row->name) &&
	       (row->kind != ACCESS_SERVER || row->words > 0);
}

int
access_write(const struct access_row *row, char *line, size_t cap)
{
	char word[3 * PATTERN_TEXT];
	struct text t;

	ASSERT(row->words <= ACCESS_WORDS && row->kind < ARRAY_LEN(kinds));
	if (!row_ok(row))
		return ERR_USAGE;
	peerid_text(row->id, word);
	text_init(&t, line, cap);
	text_str(&t, kinds[row->kind]);
	text_char(&t, ' ');
	text_str(&t, word);
	text_char(&t, ' ');
	text_str(&t, row->name);
	for (unsigned i = 0; i < row->words; i++) {
		(void)access_escape(row->word[i], word, sizeof(word)); /* fits */
		text_char(&t, ' ');
		text_str(&t, word);
	}
	return t.full ? ERR_TOOBIG : ERR_OK;
}

bool
access_allows(const struct access_row *row, const struct devinfo *d)
{
	const char *list[ACCESS_WORDS];

	ASSERT(row->words <= ACCESS_WORDS);
	for (unsigned i = 0; i < row->words; i++)
		list[i] = row->word[i];
	return row->kind == ACCESS_CLIENT &&
	       (row->words == 0 || pattern_list(list, row->words, d));
}
