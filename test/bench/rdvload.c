/* SPDX-License-Identifier: ISC */
/*
 * Peers for a rendezvous on this machine: rdvload URI N connects N of them, each with
 * its own key and, fifty by fifty, from its own address of 127.0.0.0/8; says "ready",
 * and lets go of them when its standard input ends. One after another, with a sign of
 * life of all now and then.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "core/mem.h"
#include "core/rdv_uri.h"
#include "core/rdv_wire.h"
#include "net/ident.h"
#include "net/tls.h"

_Noreturn void
core_panic(const char *file, int line)
{
	fprintf(stderr, "rdvload: ASSERT at %s:%d\n", file, line);
	abort();
}

struct peer {
	int fd;
	bool joined;
	struct tls *tls;
};

static void
on_output(void *arg, const uint8_t *p, size_t n)
{
	struct peer *x = arg;

	if (write(x->fd, p, n) != (ssize_t)n)
		perror("rdvload: write");
}

static int
on_up(void *arg, const uint8_t id[IDENT_ID])
{
	struct peer *x = arg;
	uint8_t b[19] = {RDV_MAJOR, RDV_MINOR, RDV_HOST, 1};

	(void)id;
	return tls_send(x->tls, RDV_JOIN, b, sizeof(b));
}

static int
on_message(void *arg, uint8_t type, const uint8_t *body, size_t n)
{
	(void)body;
	(void)n;
	((struct peer *)arg)->joined |= type == RDV_JOINED;
	return ERR_OK;
}

static const struct tls_ops ops = {on_output, on_up, on_message};

static struct ident *
new_ident(const char *dir)
{
	char file[300], why[200];
	struct ident *id;

	if (ident_load(&id, dir, why, sizeof(why)) != ERR_OK) {
		fprintf(stderr, "rdvload: %s\n", why);
		exit(1);
	}
	snprintf(file, sizeof(file), "%s/key.pem", dir);
	unlink(file);
	snprintf(file, sizeof(file), "%s/cert.pem", dir);
	unlink(file);
	return id;
}

static int
connect_from(unsigned i, const struct sockaddr_in *to)
{
	struct sockaddr_in from = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	from.sin_addr.s_addr = htonl(0x7f010001u + i / 50);
	if (fd < 0 || bind(fd, (struct sockaddr *)&from, sizeof(from)) != 0 ||
	    connect(fd, (const struct sockaddr *)to, sizeof(*to)) != 0) {
		perror("rdvload");
		exit(1);
	}
	return fd;
}

static bool
join(struct peer *x, const uint8_t pin[PEERID], const char *dir)
{
	struct ident *id = new_ident(dir);
	struct tls_ctx *ctx = tls_ctx_new(id, TLS_RDV);
	uint8_t b[4096];
	ssize_t n;

	x->joined = false;
	x->tls = tls_new_in(ctx, false, pin, &ops, x);
	if (tls_start(x->tls) != ERR_OK)
		return false;
	while (!x->joined && (n = read(x->fd, b, sizeof(b))) > 0)
		if (tls_input(x->tls, b, (size_t)n) != ERR_OK)
			return false;
	tls_ctx_free(ctx);
	ident_free(id);
	return x->joined;
}

int
main(int argc, char **argv)
{
	struct sockaddr_in to = {.sin_family = AF_INET};
	unsigned n = argc == 3 ? (unsigned)atoi(argv[2]) : 0;
	char dir[] = "/dev/shm/rdvload.XXXXXX", host[RDV_ADDR], *port, c;
	struct rlimit files;
	struct peer *all;
	time_t pinged = time(NULL);
	struct rdv_uri u;

	if (n == 0 || rdv_uri_read(argv[1], &u) != ERR_OK || mkdtemp(dir) == NULL)
		return 2;
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	memcpy(host, u.addr, sizeof(host));
	port = strrchr(host, ':');
	*port++ = '\0';
	inet_pton(AF_INET, host, &to.sin_addr);
	to.sin_port = htons((uint16_t)atoi(port));
	all = calloc(n, sizeof(*all));
	for (unsigned i = 0; i < n; i++) {
		all[i].fd = connect_from(i, &to);
		if (time(NULL) > pinged + 40) {
			for (unsigned k = 0; k < i; k++)
				(void)!tls_send(all[k].tls, RDV_PING, NULL, 0);
			pinged = time(NULL);
		}
		if (!join(&all[i], u.pin, dir)) {
			fprintf(stderr, "rdvload: peer %u is not let in\n", i);
			return 1;
		}
	}
	rmdir(dir);
	printf("ready\n");
	fflush(stdout);
	while (read(0, &c, 1) > 0)
		;
	return 0;
}
