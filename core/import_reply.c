/* SPDX-License-Identifier: ISC */
/*
 * Which replies of a far end are believed, whoever of this side has asked.
 */
#include "core/import.h"

bool
import_reply_fits(const struct import_reply *r, uint32_t len, uint32_t packets,
		  bool cancelled)
{
	if (r->actual > len)
		return false;
	if (r->unlinked)
		return cancelled && r->actual == 0 && r->packets == 0;
	if (packets == 0 || r->packets > 0)
		return r->packets == packets;
	return r->status != 0 && r->actual == 0;
}
