/* SPDX-License-Identifier: ISC */
/*
 * Texts, names and exit codes of enum err, made from the same list.
 */
#include <stddef.h>

#include "core/err.h"

struct err_row {
	const char *name, *text;
	int code;
};

static const struct err_row err_rows[] = {
#define ERR_ROW(name, text, code) {#name, text, code},
    ERR_LIST(ERR_ROW)
#undef ERR_ROW
};

static const struct err_row err_none = {"OK", "done", 0};
static const struct err_row err_unknown = {"UNKNOWN", "unknown error", 1};

static const struct err_row *
row(int err)
{
	if (err == ERR_OK)
		return &err_none;
	if (err > 0 || err <= ERR_FIRST ||
	    (size_t)(err - ERR_FIRST - 1) >= sizeof(err_rows) / sizeof(err_rows[0]))
		return &err_unknown;
	return &err_rows[err - ERR_FIRST - 1];
}

const char *
err_text(int err)
{
	return row(err)->text;
}

const char *
err_name(int err)
{
	return row(err)->name;
}

int
err_exit(int err)
{
	return row(err)->code;
}
