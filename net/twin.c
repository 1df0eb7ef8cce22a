/* SPDX-License-Identifier: ISC */
/*
 * The twin of libnice's socket (TRANSPORT.md 2.3).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "core/mem.h"
#include "net/clock.h"
#include "net/twin.h"
#include "net/udp.h"

#define SOCKET_BYTES (8 << 20)
#define TRAIN_BYTES  65000 /* of one UDP_SEGMENT: an IP packet holds 65,535 */
#define READ_BYTES   65536

struct twin {
	const struct twin_ops *ops;
	void *arg;
	int fd;
	struct event *in, *out;
	struct sockaddr_storage to;
	socklen_t to_len;
	bool gso;
	struct twin_stats stats;
	uint8_t buf[READ_BYTES];
};

/* --- out --- */

/*
 * How many of the first packets can go as one train: all as long as the first, but the
 * last may be shorter. One of a size that is tried, longer than all others, goes alone:
 * it may be too long for the device, and the train would be lost with it.
 */
static unsigned
train(const struct twin *t, const struct ice_packet *p, unsigned n)
{
	size_t bytes = p[0].n;
	unsigned k = 1;

	if (!t->gso || n == 1 || p[1].n != p[0].n)
		return 1;
	while (k < n && p[k].n <= p[0].n && bytes + p[k].n <= TRAIN_BYTES) {
		bytes += p[k].n;
		if (p[k++].n < p[0].n)
			break;
	}
	return k;
}

struct out {
	struct mmsghdr m[TWIN_BATCH];
	struct iovec v[TWIN_BATCH];
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(uint16_t))];
	} c[TWIN_BATCH];
	unsigned packets[TWIN_BATCH]; /* in each message */
};

static void
set_segment(struct msghdr *h, char *room, size_t cap, uint16_t size)
{
	struct cmsghdr *c;

	memset(room, 0, cap);
	h->msg_control = room;
	h->msg_controllen = cap;
	c = CMSG_FIRSTHDR(h);
	c->cmsg_level = SOL_UDP;
	c->cmsg_type = UDP_SEGMENT;
	c->cmsg_len = CMSG_LEN(sizeof(size));
	memcpy(CMSG_DATA(c), &size, sizeof(size));
}

/* Trains of the packets; returns how many. */
static unsigned
pack(struct twin *t, struct out *o, const struct ice_packet *p, unsigned n)
{
	unsigned messages = 0;

	for (unsigned i = 0; i < n; messages++) {
		unsigned k = train(t, p + i, n - i);
		struct msghdr *h = &o->m[messages].msg_hdr;

		*h = (struct msghdr){.msg_name = &t->to,
				     .msg_namelen = t->to_len,
				     .msg_iov = &o->v[i],
				     .msg_iovlen = k};
		for (unsigned j = i; j < i + k; j++)
			o->v[j] = (struct iovec){(void *)(uintptr_t)p[j].p, p[j].n};
		if (k > 1)
			set_segment(h, o->c[messages].room, sizeof(o->c[messages].room),
				    (uint16_t)p[i].n);
		o->packets[messages] = k;
		i += k;
	}
	return messages;
}

static bool
is_full(int err)
{
	return err == EAGAIN || err == ENOBUFS;
}

/* Of a device that cannot checksum, say (EIO), an old kernel, or too long a packet. */
static bool
is_no_train(int err)
{
	return err == EIO || err == EINVAL || err == EOPNOTSUPP || err == EMSGSIZE;
}

/* A train that was refused: if its first packet alone is not, trains are no good. */
static unsigned
send_one(struct twin *t, const struct ice_packet *p)
{
	ssize_t r;

	do
		r = sendto(t->fd, p->p, p->n, MSG_DONTWAIT, (struct sockaddr *)&t->to,
			   t->to_len);
	while (r < 0 && errno == EINTR);
	if (r < 0 && is_full(errno))
		return 0;
	t->gso = r < 0;
	return 1;
}

/* Sends the trains; returns how many packets are dealt with. */
static unsigned
send_some(struct twin *t, const struct ice_packet *p, unsigned n)
{
	struct out o;
	unsigned messages = pack(t, &o, p, n), done = 0;
	int r;

	do
		r = sendmmsg(t->fd, o.m, messages, MSG_DONTWAIT);
	while (r < 0 && errno == EINTR);
	if (r < 0 && is_full(errno))
		return 0;
	if (r < 0 && o.packets[0] > 1 && is_no_train(errno))
		return send_one(t, p);
	t->stats.sends++;
	if (r <= 0)
		return o.packets[0]; /* unreachable now, or too long: lost */
	for (int i = 0; i < r; i++)
		done += o.packets[i];
	return done;
}

unsigned
twin_send(struct twin *t, const struct ice_packet *p, unsigned n)
{
	unsigned sent = 0, k;

	n = n < TWIN_BATCH ? n : TWIN_BATCH;
	while (sent < n && (k = send_some(t, p + sent, n - sent)) > 0)
		sent += k;
	if (sent < n)
		event_add(t->out, NULL);
	return sent;
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct twin *t = arg;

	(void)fd;
	(void)what;
	t->ops->ready(t->arg);
}

/* --- in --- */

/* Bytes of each datagram in what was read. */
static size_t
segment_of(struct msghdr *h, size_t n)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c != NULL; c = CMSG_NXTHDR(h, c)) {
		int size;

		if (c->cmsg_level != SOL_UDP || c->cmsg_type != UDP_GRO)
			continue;
		memcpy(&size, CMSG_DATA(c), sizeof(size));
		if (size > 0)
			return (size_t)size;
	}
	return n;
}

/* One read: a datagram or a train of them. Returns how many, 0: there is none. */
static unsigned
read_train(struct twin *t)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} c;
	struct iovec v = {t->buf, sizeof(t->buf)};
	struct msghdr h = {.msg_iov = &v,
			   .msg_iovlen = 1,
			   .msg_control = c.room,
			   .msg_controllen = sizeof(c.room)};
	ssize_t n = recvmsg(t->fd, &h, MSG_DONTWAIT);
	size_t size, at = 0;
	unsigned packets = 0;
	uint64_t now;

	if (n < 0)
		return errno == EINTR || errno == ECONNREFUSED ? 1 : 0;
	t->stats.receives++;
	size = segment_of(&h, (size_t)n);
	now = clock_us();
	do {
		size_t left = (size_t)n - at;

		t->ops->packet(t->arg, t->buf + at, left < size ? left : size, now);
		at += size;
		packets++;
	} while (at < (size_t)n);
	return packets;
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct twin *t = arg;
	unsigned packets = 0, k;

	(void)fd;
	(void)what;
	while (packets < TWIN_BATCH && (k = read_train(t)) > 0)
		packets += k;
}

/* --- its life --- */

/*
 * The kernel numbers the sockets of an address in the order in which they came:
 * libnice's is 0, this one is 1. What the filter says of a number that is not there
 * goes to one that is, so that it may outlive the twin.
 */
static bool
filter(int fd)
{
	static struct sock_filter code[] = {
	    BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0),
	    BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 32, 0, 2),
	    BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 63, 1, 0),
	    BPF_STMT(BPF_RET | BPF_K, 1),
	    BPF_STMT(BPF_RET | BPF_K, 0),
	};
	static const struct sock_fprog prog = {ARRAY_LEN(code), code};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &prog,
			  sizeof(prog)) == 0;
}

static bool
join(struct twin *t, int beside)
{
	struct sockaddr_storage at;
	socklen_t len = sizeof(at);
	const int one = 1, six = 1;

	if (getsockname(beside, (struct sockaddr *)&at, &len) != 0 ||
	    setsockopt(beside, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)) != 0)
		return false;
	t->fd = socket(at.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (t->fd < 0 ||
	    setsockopt(t->fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)) != 0)
		return false;
	if (at.ss_family == AF_INET6)
		setsockopt(t->fd, IPPROTO_IPV6, IPV6_V6ONLY, &six, sizeof(six));
	udp_enlarge(t->fd, SOCKET_BYTES);
	udp_whole(t->fd);
	/* without it each datagram is read alone */
	setsockopt(t->fd, SOL_UDP, UDP_GRO, &one, sizeof(one));
	return bind(t->fd, (struct sockaddr *)&at, len) == 0 && filter(t->fd);
}

static bool
has_gso(int fd)
{
	int size;
	socklen_t len = sizeof(size);

	return getsockopt(fd, SOL_UDP, UDP_SEGMENT, &size, &len) == 0;
}

struct twin *
twin_new(struct event_base *base, int fd, const struct sockaddr *to, socklen_t to_len,
	 const struct twin_ops *ops, void *arg)
{
	struct twin *t = calloc(1, sizeof(*t));

	if (t == NULL || to_len > sizeof(t->to)) {
		free(t);
		return NULL;
	}
	t->ops = ops;
	t->arg = arg;
	t->fd = -1;
	memcpy(&t->to, to, to_len);
	t->to_len = to_len;
	if (join(t, fd)) {
		t->gso = has_gso(t->fd);
		t->in = event_new(base, t->fd, EV_READ | EV_PERSIST, on_readable, t);
		t->out = event_new(base, t->fd, EV_WRITE, on_writable, t);
	}
	if (t->in == NULL || t->out == NULL || event_add(t->in, NULL) != 0) {
		twin_free(t);
		return NULL;
	}
	return t;
}

void
twin_free(struct twin *t)
{
	int err = errno;

	if (t == NULL)
		return;
	if (t->in != NULL)
		event_free(t->in);
	if (t->out != NULL)
		event_free(t->out);
	if (t->fd >= 0)
		close(t->fd);
	free(t);
	errno = err;
}

const char *
twin_kind(const struct twin *t)
{
	return t->gso ? "gso" : "mmsg";
}

void
twin_stats(const struct twin *t, struct twin_stats *s)
{
	*s = t->stats;
}
