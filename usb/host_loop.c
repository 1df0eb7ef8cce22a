/* SPDX-License-Identifier: ISC */
/*
 * libusb's file descriptors in libevent's loop. libusb says from any thread that
 * it has a new one or closes one (a worker opens and closes devices), and
 * libevent's base is for one thread: so they go into an epoll set of ours, which
 * the kernel guards, and libevent watches that set.
 *
 * No transfer of ours has a timeout: libusb never needs to be woken by time.
 */
#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <event2/event.h>
#include <libusb-1.0/libusb.h>

#include "core/log.h"
#include "usb/host.h"

static void LIBUSB_CALL
on_added(int fd, short events, void *arg)
{
	struct usb_host *h = arg;
	struct epoll_event e = {.data.fd = fd};

	if (events & POLLIN)
		e.events |= EPOLLIN;
	if (events & POLLOUT)
		e.events |= EPOLLOUT;
	(void)epoll_ctl(h->epoll, EPOLL_CTL_ADD, fd, &e);
}

static void LIBUSB_CALL
on_removed(int fd, void *arg)
{
	struct usb_host *h = arg;

	(void)epoll_ctl(h->epoll, EPOLL_CTL_DEL, fd, NULL);
}

/* Callbacks of transfers and of plugging come from in here. */
static void
on_ready(evutil_socket_t fd, short what, void *arg)
{
	struct usb_host *h = arg;
	struct timeval now = {0};
	int r;

	(void)fd, (void)what;
	r = libusb_handle_events_timeout_completed(h->ctx, &now, NULL);
	if (r != 0 && r != LIBUSB_ERROR_INTERRUPTED)
		log_warn("usb events reason=\"%s\"", libusb_error_name(r));
}

int
host_loop_start(struct usb_host *h)
{
	const struct libusb_pollfd **fds;

	if ((h->epoll = epoll_create1(EPOLL_CLOEXEC)) < 0)
		return ERR_LACKING;
	h->ready = event_new(h->bus->base, h->epoll, EV_READ | EV_PERSIST, on_ready, h);
	if (h->ready == NULL || event_add(h->ready, NULL) != 0)
		return ERR_NOMEM;
	libusb_set_pollfd_notifiers(h->ctx, on_added, on_removed, h);
	if ((fds = libusb_get_pollfds(h->ctx)) == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; fds[i] != NULL; i++)
		on_added(fds[i]->fd, fds[i]->events, h);
	libusb_free_pollfds(fds);
	return ERR_OK;
}

void
host_loop_stop(struct usb_host *h)
{
	if (h->ctx != NULL)
		libusb_set_pollfd_notifiers(h->ctx, NULL, NULL, NULL);
	if (h->ready != NULL)
		event_free(h->ready);
	if (h->epoll >= 0)
		close(h->epoll);
	h->ready = NULL;
	h->epoll = -1;
}
