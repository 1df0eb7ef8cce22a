/* SPDX-License-Identifier: ISC */
/*
 * Whether serve could listen where peers expect it: it is tried.
 */
#include <errno.h>
#include <netinet/in.h>
#include <unistd.h>

#include "cmd/doctor.h"
#include "cmd/sockets.h"
#include "net/tcp_addr.h"

/* As tcp_listen does it: those that are closing do not count. */
static bool
is_taken(uint16_t port)
{
	struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const int one = 1;
	bool taken;

	if (fd < 0)
		return false;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	taken = (bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0 || listen(fd, 1) != 0) &&
		errno == EADDRINUSE;
	close(fd);
	return taken;
}

static bool
serves(const struct doctor *d)
{
	struct sockets found;

	sockets_find(&found, d->ctx->dir, "serve");
	return found.n > 0;
}

void
doctor_port(struct doctor *d)
{
	bool taken = is_taken(TCP_PORT);

	if (taken && !serves(d)) {
		doctor_say(d, "port", DOCTOR_WARN,
			   "another program has TCP port %u, where serve listens",
			   TCP_PORT);
		doctor_fix(d, "ss -Hltnp 'sport = :%u'", TCP_PORT);
	} else {
		doctor_say(d, "port", DOCTOR_OK, "TCP port %u is %s", TCP_PORT,
			   taken ? "serve's" : "free");
	}
}
