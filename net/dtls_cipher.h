/* SPDX-License-Identifier: ISC */
/*
 * Which of the two ciphers of net/dtls this machine is quicker with: AES-128-GCM where
 * the processor has instructions for it, ChaCha20-Poly1305 mostly where it has none
 * (a Raspberry Pi, an emulated machine).
 */
#ifndef NET_DTLS_CIPHER_H
#define NET_DTLS_CIPHER_H

#include <stdbool.h>

/* Tries both on some packets, which takes less than a millisecond of a real machine. */
bool dtls_cipher_chacha(void);

#endif
