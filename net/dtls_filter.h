/* SPDX-License-Identifier: ISC */
/*
 * What a DTLS association lets OpenSSL see. While there are no keys, OpenSSL
 * takes many a bad record for the end of the handshake, so anything that no
 * honest peer of ours sends is kept from it. A pure function of the datagram.
 */
#ifndef NET_DTLS_FILTER_H
#define NET_DTLS_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Whether the datagram is whole records that the other side may have sent;
 * server: we are. sealed_min: what a sealed one has at least behind its head; OpenSSL
 * up to 3.0.20 ends the association for a shorter one, which anybody can make. Alerts
 * without protection are kept out as well, since anybody can make them: *alert is the
 * number of a fatal one, for what it is worth.
 */
bool
dtls_filter(bool server, size_t sealed_min, const uint8_t *, size_t n, uint8_t *alert);

#endif
