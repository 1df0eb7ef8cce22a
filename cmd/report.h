/* SPDX-License-Identifier: ISC */
/*
 * JSON of things that several commands show, so that each looks the same
 * everywhere. All objects of one line begin with "schema":"usbp2p/1".
 */
#ifndef CMD_REPORT_H
#define CMD_REPORT_H

#include "core/devinfo.h"
#include "core/json.h"

struct link;
struct session;

#define REPORT_SCHEMA "usbp2p/1"

/* Opens the object; the caller closes it. */
void report_open(struct json *, const char *kind);

/* Members of a device object: busid, id, speed, class, product ... */
void report_device(struct json *, const struct devinfo *);

/*
 * What this machine's kernel makes of a real device: "driver", "nodes" and "mounts",
 * those that there are. name: the kernel's, "1-4.2".
 */
void report_kernel(struct json *, const char *name);

/* A member that is a string of hexadecimal digits. */
void report_hex(struct json *, const char *key, const uint8_t *, size_t n);

/* A member "link": path, rtt_us, packets ... */
void report_link(struct json *, const struct link *);

/*
 * A member "datagrams": what became of isochronous data; nothing if there were none, or
 * there is no session.
 */
void report_datagrams(struct json *, const struct session *);

/*
 * Members pid, since (unix seconds), logged; and, when it is to be whole, what changes
 * all the time: uptime_s, memory.
 */
void report_process(struct json *, uint64_t since, bool whole);

/* "2026-01-31 12:00:00 UTC" of unix seconds. */
void report_time(char *buf, size_t cap, uint64_t unix_s);

/* "480 Mbit/s" */
const char *report_speed(uint8_t speed);

/* Interface classes of a device for people: "storage", "hid audio". */
void report_classes(char *buf, size_t cap, const struct devinfo *);

#endif
