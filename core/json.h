/* SPDX-License-Identifier: ISC */
/*
 * JSON (RFC 8259) for control sockets and --json: a writer into bounded text,
 * and a reader that looks values up in place. Nesting is bounded, numbers are
 * unsigned 64-bit integers or decimals that the writer made.
 */
#ifndef CORE_JSON_H
#define CORE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/text.h"

#define JSON_DEPTH 16

/* Writer: commas come by themselves. key is NULL inside arrays. */
struct json {
	struct text t;
	bool comma; /* the next value needs one */
};

void json_init(struct json *, char *buf, size_t cap);
void json_open(struct json *, const char *key);  /* { */
void json_close(struct json *);                  /* } */
void json_array(struct json *, const char *key); /* [ */
void json_end(struct json *);                    /* ] */
void json_str(struct json *, const char *key, const char *value);
void json_u64(struct json *, const char *key, uint64_t);
void json_bool(struct json *, const char *key, bool);

/* v / 10^decimals with that many decimals. */
void json_dec(struct json *, const char *key, uint64_t v, unsigned decimals);

/* Reader: a value is a piece of the text it was found in. */
struct json_val {
	const char *p;
	size_t n; /* 0: there is none */
};

/* The one value that is the whole text (white space around it); n == 0: broken. */
struct json_val json_read(const char *, size_t n);

/* The member of an object; n == 0 if it is no object or has none. */
struct json_val json_get(struct json_val, const char *key);

/* The i-th element of an array. */
struct json_val json_at(struct json_val, unsigned i);

/* false: not a string, or it does not fit. Escapes are undone, NUL is refused. */
bool json_str_of(struct json_val, char *dst, size_t cap);
bool json_get_str(struct json_val object, const char *key, char *dst, size_t cap);
bool json_get_u64(struct json_val object, const char *key, uint64_t *);
bool json_get_bool(struct json_val object, const char *key); /* true only for true */

#endif
