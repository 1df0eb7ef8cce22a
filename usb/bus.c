/* SPDX-License-Identifier: ISC */
/*
 * The list of all devices. It knows no kind of device: real ones come from
 * usb/host, virtual ones from usb/virtual.
 */
#include "usb/bus.h"

#include "core/text.h"

static struct usb_dev *
dev_of(struct list *l)
{
	return CONTAINER_OF(l, struct usb_dev, link);
}

void
usb_bus_init(struct usb_bus *b, struct event_base *base, const struct usb_bus_ops *ops,
	     void *arg)
{
	*b = (struct usb_bus){.base = base, .ops = ops, .arg = arg};
	list_init(&b->devs);
}

void
usb_bus_fini(struct usb_bus *b)
{
	struct list *l, *n;

	ASSERT(usb_bus_quiet(b));
	LIST_EACH_SAFE (&b->devs, l, n) {
		list_del(l);
		dev_of(l)->ops->free(dev_of(l));
	}
	if (b->host_stop)
		b->host_stop(b);
}

static bool
is_called(const struct devinfo *d, const char *name)
{
	return text_equal(d->busid, name) ||
	       (d->nick[0] != '\0' && text_equal(d->nick, name));
}

struct usb_dev *
usb_bus_find(const struct usb_bus *b, const char *name)
{
	struct list *l;

	LIST_EACH (&b->devs, l)
		if (!dev_of(l)->left && is_called(&dev_of(l)->info, name))
			return dev_of(l);
	return NULL;
}

bool
usb_bus_quiet(const struct usb_bus *b)
{
	struct list *l;

	LIST_EACH (&b->devs, l)
		if (dev_of(l)->state != USB_DEV_FREE)
			return false;
	return true;
}

void
usb_bus_add(struct usb_bus *b, struct usb_dev *d)
{
	d->bus = b;
	list_add(&b->devs, &d->link);
	if (b->ops != NULL)
		b->ops->arrived(b->arg, d);
}

void
usb_bus_remove(struct usb_bus *b, struct usb_dev *d)
{
	d->left = true; /* usb_bus_find no longer finds it */
	if (b->ops != NULL)
		b->ops->left(b->arg, d);
	usb_dev_left(d);
}
