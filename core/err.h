/* SPDX-License-Identifier: ISC */
/*
 * The one list of things that can go wrong. Functions that can fail return
 * int: ERR_OK (0) or one negative enum err. Library codes and errno are
 * translated in the file that called the library.
 *
 * The third column is the exit code a command ends with (DESIGN.md 5).
 */
#ifndef CORE_ERR_H
#define CORE_ERR_H

#define ERR_LIST(X)                                   \
	X(PROTO, "peer broke the protocol", 1)        \
	X(SHORT, "message ends too early", 1)         \
	X(TOOBIG, "larger than our limit", 1)         \
	X(FULL, "no free slot, try again later", 1)   \
	X(NOMEM, "out of memory", 1)                  \
	X(STATE, "not possible now", 1)               \
	X(IO, "input or output failed", 1)            \
	X(FAIL, "failed", 1)                          \
	X(USAGE, "wrong usage", 2)                    \
	X(BADTICKET, "this is no ticket", 2)          \
	X(REFUSED, "refused", 3)                      \
	X(NODEV, "no such device", 4)                 \
	X(NOPEER, "no such peer", 4)                  \
	X(BUSY, "busy", 5)                            \
	X(UNREACHABLE, "unreachable", 6)              \
	X(TIMEOUT, "no answer in time", 6)            \
	X(CLOSED, "closed by the peer", 6)            \
	X(LACKING, "this machine lacks something", 7) \
	X(GONE, "no longer there", 4)

enum err {
	ERR_OK = 0,
#define ERR_ENUM(name, text, code) ERR_##name,
	ERR_FIRST = -64, /* the list counts up from here, all negative */
	ERR_LIST(ERR_ENUM)
#undef ERR_ENUM
};

#if defined(__GNUC__)
#define MUST_CHECK __attribute__((warn_unused_result))
#else
#define MUST_CHECK
#endif

/* Text for err, for people; never NULL. */
const char *err_text(int err);

/* Name for err, for logs and JSON ("REFUSED"); never NULL. */
const char *err_name(int err);

/* Exit code for err: 0 for ERR_OK, 1 for what is not in the list. */
int err_exit(int err);

#endif
