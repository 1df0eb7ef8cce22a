/* SPDX-License-Identifier: ISC */
/* Kinds of values that settings have. */
#ifndef CMD_CONF_VALUE_H
#define CMD_CONF_VALUE_H

#include <stdbool.h>

struct conf_list;

/*
 * Each reads a value and puts it at `at`, the field of its kind or the struct conf that
 * it is in (cmd/conf_key.c says which); false: it cannot be that, and `at` may be
 * changed.
 */
bool value_bool(void *at, const char *v);
bool value_time(void *at, const char *v);
bool value_no_assist(void *at, const char *v);
bool value_ttl(void *at, const char *v);
bool value_word(void *at, const char *v);
bool value_secret(void *at, const char *v);
bool value_cc(void *at, const char *v);
bool value_cipher(void *at, const char *v);
bool value_fast(void *at, const char *v);
bool value_mtu(void *at, const char *v);
bool value_rekey(void *at, const char *v);
bool value_ports(void *at, const char *v);
bool value_relay(void *at, const char *v);
bool value_seek(void *at, const char *v);
bool value_stun(void *at, const char *v);
bool value_address(void *at, const char *v);
bool value_name(void *at, const char *v);
bool value_turn(void *at, const char *v);
bool value_rendezvous(void *at, const char *v);
bool value_listen(void *at, const char *v);
bool value_devices(void *at, const char *v);
bool value_virtual(void *at, const char *v);
bool value_usbip(void *at, const char *v);
bool value_networks(void *at, const char *v);

/* Words with `between` between them, at most max, that each of them must be. */
bool value_list(struct conf_list *to, const char *v, const char *between, unsigned max,
		bool (*ok)(const char *));
bool value_is_address(const char *v);
bool value_is_pattern(const char *v);
bool value_is_turn(const char *v);

#endif
