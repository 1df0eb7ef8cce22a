/* SPDX-License-Identifier: ISC */
/*
 * What every UDP socket that carries packets of a link is set to. Best effort: what the
 * system refuses is done without.
 */
#ifndef NET_UDP_H
#define NET_UDP_H

/* Room for so many bytes, in and out. */
void udp_enlarge(int fd, int bytes);

/*
 * A datagram longer than the path takes is lost (or EMSGSIZE), never cut in pieces, and
 * what routers say of their MTU is not believed: core/pmtu finds it out.
 */
void udp_whole(int fd);

#endif
