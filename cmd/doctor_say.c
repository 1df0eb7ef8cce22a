/* SPDX-License-Identifier: ISC */
/*
 * What doctor found.
 */
#include <stdarg.h>
#include <stdio.h>

#include "cmd/doctor.h"
#include "core/text.h"

void
doctor_say(struct doctor *d, const char *check, enum doctor_state state, const char *what,
	   ...)
{
	struct doctor_finding *f = &d->finding[d->n];
	va_list ap;

	d->last = f;
	d->n += d->n < DOCTOR_FINDINGS;
	*f = (struct doctor_finding){.check = check, .state = state};
	va_start(ap, what);
	vsnprintf(f->what, sizeof(f->what), what, ap);
	va_end(ap);
	text_clean(f->what);
}

void
doctor_fix(struct doctor *d, const char *fmt, ...)
{
	struct doctor_finding *f = d->last;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f->fix, sizeof(f->fix), fmt, ap);
	va_end(ap);
	text_clean(f->fix);
}
