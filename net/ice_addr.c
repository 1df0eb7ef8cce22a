/* SPDX-License-Identifier: ISC */
#include "net/ice_addr.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

static socklen_t
length_of(const struct sockaddr *a)
{
	if (a == NULL)
		return 0;
	if (a->sa_family == AF_INET)
		return sizeof(struct sockaddr_in);
	return a->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : 0;
}

static bool
is_link_local(const struct sockaddr *a)
{
	const struct sockaddr_in *four = (const void *)a;
	const struct sockaddr_in6 *six = (const void *)a;

	if (a->sa_family == AF_INET)
		return ntohl(four->sin_addr.s_addr) >> 16 == 0xa9fe;
	return IN6_IS_ADDR_LINKLOCAL(&six->sin6_addr);
}

static bool
can_bind(const struct sockaddr *a, socklen_t len)
{
	int fd = socket(a->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool ok = fd >= 0 && bind(fd, a, len) == 0;

	if (fd >= 0)
		close(fd);
	return ok;
}

unsigned
ice_addr_list(struct sockaddr_storage *out, unsigned cap, bool link_local)
{
	struct ifaddrs *all, *i;
	unsigned n = 0;

	if (getifaddrs(&all) != 0)
		return 0;
	for (i = all; i != NULL && n < cap; i = i->ifa_next) {
		socklen_t len = length_of(i->ifa_addr);

		if (len == 0 || !(i->ifa_flags & IFF_UP) ||
		    (i->ifa_flags & IFF_LOOPBACK) ||
		    (!link_local && is_link_local(i->ifa_addr)) ||
		    !can_bind(i->ifa_addr, len))
			continue;
		memset(&out[n], 0, sizeof(out[n]));
		memcpy(&out[n++], i->ifa_addr, len);
	}
	freeifaddrs(all);
	return n;
}
