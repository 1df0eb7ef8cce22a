/* SPDX-License-Identifier: ISC */
/*
 * The log: a ring of lines.
 */
#include <stdarg.h>
#include <stdio.h>

#include "core/text.h"
#include "tui/model.h"

void
model_log(struct model *m, bool bad, const char *text)
{
	unsigned at = (m->log_first + m->log_n) % MODEL_LOG;

	if (m->log_n == MODEL_LOG)
		m->log_first = (m->log_first + 1) % MODEL_LOG;
	else
		m->log_n++;
	text_copy(m->log[at].when, sizeof(m->log[at].when), m->now);
	text_copy(m->log[at].text, sizeof(m->log[at].text), text);
	m->log[at].bad = bad;
}

void
model_news(struct model *m, bool bad, const char *fmt, ...)
{
	char buf[sizeof(m->log[0].text)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	model_log(m, bad, buf);
}

const struct model_line *
model_log_at(const struct model *m, unsigned i)
{
	return i < m->log_n ? &m->log[(m->log_first + i) % MODEL_LOG] : NULL;
}
