/* SPDX-License-Identifier: ISC */
/*
 * Options of UDP sockets.
 */
#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>

#include "core/mem.h"
#include "net/udp.h"

void
udp_enlarge(int fd, int bytes)
{
	static const struct {
		int forced, plain;
	} opt[] = {{SO_RCVBUFFORCE, SO_RCVBUF}, {SO_SNDBUFFORCE, SO_SNDBUF}};

	/* forced needs CAP_NET_ADMIN, plain has a limit */
	for (size_t o = 0; o < ARRAY_LEN(opt); o++)
		if (setsockopt(fd, SOL_SOCKET, opt[o].forced, &bytes, sizeof(bytes)) != 0)
			setsockopt(fd, SOL_SOCKET, opt[o].plain, &bytes, sizeof(bytes));
}

void
udp_whole(int fd)
{
	const int v4 = IP_PMTUDISC_PROBE, v6 = IPV6_PMTUDISC_PROBE, one = 1;

	/* those of the other family are refused */
	setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &v4, sizeof(v4));
	setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &v6, sizeof(v6));
	setsockopt(fd, IPPROTO_IPV6, IPV6_DONTFRAG, &one, sizeof(one));
}
