/* SPDX-License-Identifier: ISC */
/*
 * The packets of a link that is being secured or is up: out of the ARQ through
 * DTLS to ICE in batches, and back; and the timer for all three.
 */
#include <errno.h>
#include <string.h>

#include <event2/event.h>

#include "core/log.h"
#include "net/clock.h"
#include "net/dtls.h"
#include "net/link_parts.h"

#define FULL_US     10000 /* timers wait so long while the socket is full */
#define RELAY_BURST 44    /* coturn's socket loses longer ones (TRANSPORT.md 2.3) */
#define FIRST_TRAIN 8     /* packets that go first to a peer that waits */
#define CLOCK_EVERY 16    /* packets; a look at the clock may be a system call */

/* False: the socket is full, and some wait. What libnice does not take is lost. */
static bool
batch_flush(struct link *l)
{
	unsigned n = l->batched - l->gone;

	if (n > 0 && l->twin != NULL) {
		l->gone += twin_send(l->twin, l->batch + l->gone, n);
	} else if (n > 0) {
		(void)ice_send(l->ice, l->batch + l->gone, n);
		l->gone += n;
	}
	if (l->gone < l->batched)
		return false;
	l->gone = l->batched = 0;
	return true;
}

/* DTLS wants a datagram out: in front goes the byte that names the link. */
static void
on_datagram(void *arg, const uint8_t *p, size_t n)
{
	struct link *l = arg;
	uint8_t *to = l->out + l->batched * LINK_SLOT;

	if (n + 1 > LINK_SLOT || l->batched == ARQ_BURST)
		return;
	to[0] = (uint8_t)(32 + l->number);
	memcpy(to + 1, p, n);
	l->batch[l->batched++] = (struct ice_packet){to, n + 1};
}

void
link_rearm(struct link *l)
{
	uint64_t now = clock_us(), at = l->state < LINK_UP ? l->setup_end : UINT64_MAX, d;
	struct timeval tv;

	if (l->state == LINK_DOWN)
		return;
	if (l->dtls != NULL && (d = dtls_deadline(l->dtls)) < at)
		at = d;
	if (l->arq != NULL && (d = arq_deadline(l->arq)) < at)
		at = d;
	if (at == UINT64_MAX) {
		event_del(l->timer);
		return;
	}
	if (l->gone < l->batched && at < now + FULL_US)
		at = now + FULL_US;
	tv = clock_left(at, now);
	event_add(l->timer, &tv);
}

/* False: it is over, for nobody took its place in time. */
static bool
watch_keys(struct link *l)
{
	if (l->arq == NULL || !keyuse_worn(&l->keys))
		return true;
	if (keyuse_over(&l->keys)) {
		link_fail(l, ERR_TIMEOUT, "its keys are used up");
		return false;
	}
	if (!l->serve && l->state == LINK_UP && l->door.state == DOOR_OPEN &&
	    l->ops->worn != NULL)
		l->ops->worn(l->arg);
	return true;
}

/*
 * A peer with little to do gets the first packets early, and opens them while the next
 * ones are sealed; one that has enough to do gets them all at once.
 */
static unsigned
first_train(const struct link *l)
{
	return arq_inflight(l->arq) < FIRST_TRAIN * l->env->mtu ? FIRST_TRAIN : l->burst;
}

/* Packets of one turn, in trains. True: there may be more. */
static bool
send_burst(struct link *l)
{
	uint8_t packet[LINK_MTU_MAX];
	uint64_t now = clock_us();
	unsigned train = first_train(l), end = train;
	int err;

	for (unsigned n = 0; n < l->burst; n++) {
		size_t len = arq_output(l->arq, packet, sizeof(packet), now);

		if (len == 0)
			return false;
		if ((err = dtls_send(l->dtls, packet, len)) != ERR_OK) {
			link_fail(l, err, NULL);
			return false;
		}
		keyuse_sent(&l->keys, len);
		if (n % CLOCK_EVERY == CLOCK_EVERY - 1)
			now = clock_us();
		if (n + 1 < end)
			continue;
		if (!batch_flush(l))
			return false; /* on_ready goes on */
		end += train *= 2;
	}
	return true;
}

void
link_flush(struct link *l)
{
	bool more;

	if (!watch_keys(l))
		return;
	if (l->ice != NULL && !batch_flush(l)) {
		link_rearm(l); /* on_ready goes on */
		return;
	}
	more = l->arq != NULL && l->ice != NULL && send_burst(l);
	if (l->ice != NULL)
		batch_flush(l);
	if (more)
		event_active(l->work, EV_TIMEOUT, 1);
	link_rearm(l);
}

/* Packets that came before our side knew that the pair works. */
static void
hold_early(struct link *l, const uint8_t *p, size_t n)
{
	if (l->earlies == LINK_EARLY || n > sizeof(l->early[0].p))
		return;
	memcpy(l->early[l->earlies].p, p, n);
	l->early[l->earlies++].n = n;
}

static int
on_packet(void *arg, const uint8_t *p, size_t n)
{
	struct link *l = arg;
	int err;

	if (l->arq == NULL || l->state == LINK_DOWN)
		return ERR_OK;
	keyuse_got(&l->keys, n);
	err = arq_input(l->arq, p, n, l->came);
	if (err == ERR_CLOSED && arq_close_reason(l->arq) == ARQ_CLOSE_LOST)
		link_fail(l, ERR_UNREACHABLE, "the peer says that the link is lost");
	else if (err != ERR_OK)
		link_fail(l, err, NULL); /* DTLS itself is well: tell_end uses it */
	return ERR_OK;
}

static int
on_secured(void *arg)
{
	struct link *l = arg;

	if (l->state == LINK_SECURING)
		link_event(l, LINK_EV_SECURED);
	return l->err;
}

const struct dtls_ops link_dtls_ops = {on_datagram, on_secured, on_packet};

static void
on_packet_at(void *arg, const uint8_t *p, size_t n, uint64_t now)
{
	struct link *l = arg;
	int err;

	if (l->state == LINK_DOWN || n < 2 || p[0] != 32 + l->number)
		return;
	if (l->dtls == NULL) {
		hold_early(l, p, n);
		return;
	}
	l->came = now;
	if ((err = dtls_input(l->dtls, p + 1, n - 1, now)) != ERR_OK)
		link_fail(l, err, NULL);
	else
		event_active(l->work, EV_TIMEOUT, 1);
}

void
link_packet(void *arg, const uint8_t *p, size_t n)
{
	on_packet_at(arg, p, n, clock_us());
}

/* --- the way --- */

static void
on_twin_ready(void *arg)
{
	struct link *l = arg;

	if (l->state != LINK_DOWN)
		link_flush(l);
}

static const struct twin_ops twin_ops = {on_packet_at, on_twin_ready};

void
link_choose_way(struct link *l)
{
	struct sockaddr_storage to;
	char path[sizeof(l->path)];
	int fd;

	if (l->arq == NULL || l->state == LINK_DOWN)
		return;
	(void)batch_flush(l); /* the end of the handshake may be in it */
	l->gone = l->batched = 0;
	twin_free(l->twin);
	l->twin = NULL;
	ice_path(l->ice, path, sizeof(path));
	if (strcmp(path, l->path) != 0)
		arq_moved(l->arq, clock_us());
	memcpy(l->path, path, sizeof(path));
	link_source(l, l->source);
	l->burst = ice_relayed(l->ice) ? RELAY_BURST : ARQ_BURST;
	if (!l->env->slow && (fd = ice_socket(l->ice, &to)) >= 0) {
		l->twin = twin_new(l->env->base, fd, (struct sockaddr *)&to, sizeof(to),
				   &twin_ops, l);
		if (l->twin == NULL)
			log_debug("link %s slow reason=\"no second socket: %s\"", l->name,
				  strerror(errno));
	}
	log_debug("link %s goes by=%s path=\"%s\"", l->name, link_carrier(l), l->path);
	link_settle(l);
	event_active(l->work, EV_TIMEOUT, 1);
}

/* --- the end --- */

static enum arq_close
reason_of(int err)
{
	if (err == ERR_TIMEOUT || err == ERR_UNREACHABLE)
		return ARQ_CLOSE_LOST;
	return err == ERR_PROTO ? ARQ_CLOSE_PROTO : ARQ_CLOSE_DONE;
}

void
link_tell_end(struct link *l)
{
	uint8_t packet[LINK_MTU_MAX];
	size_t len;

	if (l->arq == NULL || l->err == ERR_OK || l->err == ERR_CLOSED)
		return;
	arq_close(l->arq, reason_of(l->err));
	len = arq_output(l->arq, packet, sizeof(packet), clock_us());
	if (len > 0 && dtls_send(l->dtls, packet, len) == ERR_OK)
		batch_flush(l);
}
