/* SPDX-License-Identifier: ISC */
/*
 * Frames in a packet: one byte of type, then fields. 0..15 are the link's,
 * 16..127 the session's; unknown ones close the link.
 *	16 STREAM  u32 stream | u64 offset | u16 length | bytes
 *	17 WINDOW  u32 stream | u64 offset: bytes before it may be sent
 *	18 RESUME  16 session | u64 generation | 32 proof | marks
 *	19 RESUMED u64 generation, 0: the session is gone | marks
 *	20 DATAGRAM u32 stream | u64 message | u32 offset | u16 length | bytes
 * where marks are u8 n | n x { u32 stream, u64 offset: bytes before it have come }
 */
#ifndef CORE_FRAME_H
#define CORE_FRAME_H

enum frame_type {
	FRAME_PAD = 0,
	FRAME_PING = 1,
	FRAME_ACK = 2,
	FRAME_CLOSE = 3,
	FRAME_SESSION = 16, /* first of the session's */
	FRAME_STREAM = 16,
	FRAME_WINDOW = 17,
	FRAME_RESUME = 18,
	FRAME_RESUMED = 19,
	FRAME_DATAGRAM = 20,
};

#define FRAME_STREAM_HEAD   15
#define FRAME_WINDOW_LEN    13
#define FRAME_DATAGRAM_HEAD 19

#endif
