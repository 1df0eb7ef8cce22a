/* SPDX-License-Identifier: ISC */
/*
 * Commands in a table, one function each. What writing means for durability:
 * data sits in the cache of the machine with the file until it is flushed. So a
 * volatile cache is reported (WCE) with FUA and SYNCHRONIZE CACHE to defeat it,
 * and ALLOW MEDIUM REMOVAL and stopping the unit flush too: Linux takes USB disks
 * for write-through and sends no SYNCHRONIZE CACHE, but allows removal at the
 * last close.
 */
#include "usb/scsi.h"

#include "core/mem.h"
#include "usb/scsi_reply.h"

#define FUA     0x08 /* byte 1 of READ and WRITE, 10 bytes and longer */
#define PROTECT 0xe0 /* RDPROTECT, WRPROTECT, VRPROTECT */

static enum scsi_sense
nothing(struct scsi_call *c)
{
	(void)c;
	return SCSI_NO_SENSE;
}

/* Stopping flushes and no more: there is no motor. LOEJ: the medium goes. */
static enum scsi_sense
start_stop(struct scsi_call *c)
{
	struct scsi *s = c->s;
	bool start = c->cdb[4] & 1, eject = c->cdb[4] & 2;

	if ((c->cdb[4] & 0xf0) != 0)
		return SCSI_NO_SENSE; /* a power condition: stay active */
	if (start) {
		if (eject && s->ejected)
			s->attention = SCSI_NEW_MEDIUM;
		s->ejected = s->ejected && !eject;
		return s->ejected ? SCSI_NO_MEDIUM : SCSI_NO_SENSE;
	}
	if (eject && s->locked)
		return SCSI_LOCKED;
	s->ejected = s->ejected || eject;
	c->task->todo = SCSI_FLUSH;
	return SCSI_NO_SENSE;
}

static enum scsi_sense
lock(struct scsi_call *c)
{
	if (c->cdb[4] & 2)
		return SCSI_BAD_FIELD; /* for medium changers */
	c->s->locked = c->cdb[4] & 1;
	if (!c->s->locked)
		c->task->todo = SCSI_FLUSH;
	return SCSI_NO_SENSE;
}

/* Where the address and the count are, by the length that the opcode implies */
static void
extent(const uint8_t *cdb, uint64_t *lba, uint64_t *blocks)
{
	switch (cdb[0] >> 5) {
	case 0:
		*lba = scsi_be24(cdb + 1) & 0x1fffff;
		*blocks = cdb[4] ? cdb[4] : 256;
		break;
	case 4:
		*lba = scsi_be64(cdb + 2);
		*blocks = scsi_be32(cdb + 10);
		break;
	case 5:
		*lba = scsi_be32(cdb + 2);
		*blocks = scsi_be32(cdb + 6);
		break;
	default:
		*lba = scsi_be32(cdb + 2);
		*blocks = scsi_be16(cdb + 7);
	}
}

static enum scsi_sense
medium(struct scsi_call *c, enum scsi_todo todo)
{
	bool six = c->cdb[0] >> 5 == 0; /* byte 1 is address there */
	uint64_t lba, blocks;

	if (!six && (c->cdb[1] & PROTECT) != 0)
		return SCSI_BAD_FIELD;
	extent(c->cdb, &lba, &blocks);
	if (lba > c->s->blocks || blocks > c->s->blocks - lba)
		return SCSI_BAD_LBA;
	c->task->at = lba * SCSI_BLOCK;
	c->task->len = blocks * SCSI_BLOCK;
	c->task->fua = !six && (c->cdb[1] & FUA) != 0;
	c->task->todo = blocks > 0 ? todo : SCSI_NOTHING;
	return SCSI_NO_SENSE;
}

static enum scsi_sense
read_blocks(struct scsi_call *c)
{
	return medium(c, SCSI_READ);
}

static enum scsi_sense
write_blocks(struct scsi_call *c)
{
	return medium(c, SCSI_WRITE);
}

/* Comparing with data of the host (BYTCHK) is not for us. */
static enum scsi_sense
verify(struct scsi_call *c)
{
	if (c->cdb[1] & 0x06)
		return SCSI_BAD_FIELD;
	return medium(c, SCSI_VERIFY);
}

/* All is flushed, whatever the extent and IMMED say. */
static enum scsi_sense
flush(struct scsi_call *c)
{
	enum scsi_sense sense = medium(c, SCSI_FLUSH);

	*c->task = (struct scsi_task){.todo = SCSI_FLUSH};
	return sense;
}

enum need {
	QUIET = 1,    /* answered in spite of a unit attention (SPC-3 5.9.5) */
	MEDIUM = 2,   /* not without a medium */
	WRITABLE = 4, /* not when read-only */
};

static const struct command {
	uint8_t opcode;
	uint8_t need;
	scsi_handler *run;
} commands[] = {
    {0x00, MEDIUM, nothing}, /* TEST UNIT READY */
    {0x03, QUIET, scsi_request_sense},
    {0x08, MEDIUM, read_blocks},
    {0x0a, MEDIUM | WRITABLE, write_blocks},
    {0x12, QUIET, scsi_inquire},
    {0x1a, 0, scsi_mode_sense6},
    {0x1b, 0, start_stop},
    {0x1e, MEDIUM, lock},
    {0x23, MEDIUM, scsi_format_capacities},
    {0x25, MEDIUM, scsi_capacity10},
    {0x28, MEDIUM, read_blocks},
    {0x2a, MEDIUM | WRITABLE, write_blocks},
    {0x2f, MEDIUM, verify},
    {0x35, MEDIUM, flush},
    {0x5a, 0, scsi_mode_sense10},
    {0x88, MEDIUM, read_blocks},
    {0x8a, MEDIUM | WRITABLE, write_blocks},
    {0x8f, MEDIUM, verify},
    {0x91, MEDIUM, flush},
    {0x9e, MEDIUM, scsi_capacity16},
    {0xa0, QUIET, scsi_report_luns},
    {0xa8, MEDIUM, read_blocks},
    {0xaa, MEDIUM | WRITABLE, write_blocks},
};

static const struct command *
find(uint8_t opcode)
{
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if (commands[i].opcode == opcode)
			return &commands[i];
	return NULL;
}

/* by the group in the opcode's upper three bits (SPC-3 4.3.4.1) */
static size_t
cdb_length(uint8_t opcode)
{
	static const uint8_t lengths[8] = {6, 10, 10, 0, 16, 12, 0, 0};

	return lengths[opcode >> 5];
}

/* What keeps the command from running, in SPC-3's order of precedence */
static enum scsi_sense
check(struct scsi *s, const struct command *cmd, size_t n)
{
	enum scsi_sense attention = s->attention;

	if (cmd == NULL)
		return SCSI_BAD_OPCODE;
	if (n < cdb_length(cmd->opcode))
		return SCSI_BAD_FIELD;
	if (attention != SCSI_NO_SENSE && !(cmd->need & QUIET)) {
		s->attention = SCSI_NO_SENSE;
		return attention;
	}
	if ((cmd->need & MEDIUM) && s->ejected)
		return SCSI_NO_MEDIUM;
	if ((cmd->need & WRITABLE) && s->ro)
		return SCSI_READ_ONLY;
	return SCSI_NO_SENSE;
}

void
scsi_command(struct scsi *s, const uint8_t cdb[SCSI_CDB], size_t n,
	     struct scsi_task *task)
{
	const struct command *cmd = n > 0 ? find(cdb[0]) : NULL;
	struct scsi_call c = {.s = s, .cdb = cdb, .task = task};
	enum scsi_sense sense;

	*task = (struct scsi_task){.todo = SCSI_NOTHING};
	sense = check(s, cmd, n);
	if (sense == SCSI_NO_SENSE)
		sense = cmd->run(&c);
	if (sense != SCSI_NO_SENSE)
		*task = (struct scsi_task){.todo = SCSI_NOTHING};
	task->good = sense == SCSI_NO_SENSE;
	s->sense = sense;
}

void
scsi_failed(struct scsi *s, enum scsi_sense sense, uint64_t lba)
{
	s->sense = sense;
	s->sense_lba = lba;
}

void
scsi_reset(struct scsi *s)
{
	s->sense = SCSI_NO_SENSE;
	s->attention = SCSI_WAS_RESET;
	s->locked = false;
	s->ejected = false;
}
