/* SPDX-License-Identifier: ISC */
/*
 * The tables say what is harmless. SCSI operation codes mean different things to
 * different kinds of devices: a row is harmless to all.
 */
#include "core/harmless.h"
#include "core/mem.h"

/* SPC-4 4.5 */
#define WRITE_PROTECTED 0x072700u
#define BAD_OPCODE      0x052000u
#define BAD_FIELD       0x052400u

/* Byte `at` of the command block has to be `is` in the bits of `mask`. */
static const struct {
	uint8_t opcode, at, mask, is;
} commands[] = {
    {0x00, 0, 0, 0},       /* TEST UNIT READY */
    {0x03, 0, 0, 0},       /* REQUEST SENSE */
    {0x08, 0, 0, 0},       /* READ(6) */
    {0x12, 0, 0, 0},       /* INQUIRY */
    {0x1a, 0, 0, 0},       /* MODE SENSE(6) */
    {0x1b, 4, 0x02, 0},    /* START STOP UNIT, but no ejecting */
    {0x1e, 0, 0, 0},       /* PREVENT ALLOW MEDIUM REMOVAL */
    {0x23, 0, 0, 0},       /* READ FORMAT CAPACITIES */
    {0x25, 0, 0, 0},       /* READ CAPACITY(10) */
    {0x28, 0, 0, 0},       /* READ(10) */
    {0x2f, 1, 0x06, 0},    /* VERIFY(10), with the medium alone */
    {0x35, 0, 0, 0},       /* SYNCHRONIZE CACHE(10) */
    {0x43, 0, 0, 0},       /* READ TOC */
    {0x46, 0, 0, 0},       /* GET CONFIGURATION */
    {0x4a, 0, 0, 0},       /* GET EVENT STATUS NOTIFICATION */
    {0x4d, 0, 0, 0},       /* LOG SENSE */
    {0x51, 0, 0, 0},       /* READ DISC INFORMATION */
    {0x52, 0, 0, 0},       /* READ TRACK INFORMATION */
    {0x5a, 0, 0, 0},       /* MODE SENSE(10) */
    {0x88, 0, 0, 0},       /* READ(16) */
    {0x8f, 1, 0x06, 0},    /* VERIFY(16) */
    {0x91, 0, 0, 0},       /* SYNCHRONIZE CACHE(16) */
    {0x9e, 1, 0x1f, 0x10}, /* READ CAPACITY(16) */
    {0xa0, 0, 0, 0},       /* REPORT LUNS */
    {0xa3, 1, 0x1f, 0x0c}, /* REPORT SUPPORTED OPERATION CODES */
    {0xa8, 0, 0, 0},       /* READ(12) */
    {0xad, 0, 0, 0},       /* READ DISC STRUCTURE */
    {0xbe, 0, 0, 0},       /* READ CD */
};

/* Those that a driver is to hear of as write protection. */
static const uint8_t writes[] = {
    0x04, 0x07, 0x0a, 0x15, 0x19, 0x2a, 0x2e, 0x3f, 0x41, 0x42, 0x48, 0x53, 0x55,
    0x5d, 0x5f, 0x89, 0x8a, 0x8b, 0x8e, 0x93, 0x9c, 0x9d, 0xaa, 0xae, 0xbf,
};

uint32_t
harmless_command(const uint8_t cdb[16], bool takes_data)
{
	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		if (commands[i].opcode != cdb[0])
			continue;
		if (takes_data ||
		    (cdb[commands[i].at] & commands[i].mask) != commands[i].is)
			return BAD_FIELD;
		return 0;
	}
	for (size_t i = 0; i < ARRAY_LEN(writes); i++)
		if (writes[i] == cdb[0])
			return WRITE_PROTECTED;
	return BAD_OPCODE;
}

/* Requests to endpoint 0; value 0xffff: any. */
static const struct {
	uint8_t type, request;
	uint16_t value;
} requests[] = {
    {0x80, 0, 0xffff},  {0x81, 0, 0xffff},  {0x82, 0, 0xffff}, /* GET_STATUS */
    {0x80, 6, 0xffff},  {0x81, 6, 0xffff},                     /* GET_DESCRIPTOR */
    {0x80, 8, 0xffff},  {0x81, 10, 0xffff}, /* GET_CONFIGURATION, GET_INTERFACE */
    {0x00, 1, 0xffff},  {0x02, 1, 0},       /* CLEAR_FEATURE */
    {0x01, 11, 0},                          /* SET_INTERFACE */
    {0x00, 48, 0xffff}, {0x00, 49, 0xffff}, /* SET_SEL, SET_ISOCH_DELAY */
    {0xa1, 0xfe, 0},    {0x21, 0xff, 0},    /* BOT: Get Max LUN, Reset */
};

bool
harmless_request(const uint8_t setup[8], uint8_t config)
{
	uint16_t value = (uint16_t)(setup[2] | setup[3] << 8);

	if (setup[0] == 0 && setup[1] == 9) /* SET_CONFIGURATION */
		return value == 0 || value == config;
	for (size_t i = 0; i < ARRAY_LEN(requests); i++)
		if (requests[i].type == setup[0] && requests[i].request == setup[1] &&
		    (requests[i].value == 0xffff || requests[i].value == value))
			return true;
	return false;
}
