/* SPDX-License-Identifier: ISC */
/* link: usb core */
#include "test/test.h"
#include "usb/bus.h"

/* A kind of device, a user and a bus that write down what they are told. */
static char story[512];

static void
tell(const char *what)
{
	strncat(story, what, sizeof(story) - strlen(story) - 1);
	strncat(story, " ", sizeof(story) - strlen(story) - 1);
}

static bool
told(const char *what)
{
	bool same = strcmp(story, what) == 0;

	if (!same)
		printf("# told: %s\n# not:  %s\n", story, what);
	story[0] = '\0';
	return same;
}

static int submit_gives = ERR_OK;

static void
kind_open(struct usb_dev *d)
{
	(void)d;
	tell("OPEN");
}

static void
kind_close(struct usb_dev *d)
{
	CHECK_EQ(d->inflight, 0);
	tell("CLOSE");
}

static int
kind_submit(struct usb_dev *d, struct urb *u)
{
	(void)d;
	(void)u;
	tell("SUBMIT");
	return submit_gives;
}

static void
kind_cancel(struct usb_dev *d, struct urb *u)
{
	(void)d;
	(void)u;
	tell("CANCEL");
}

static void
kind_cancel_all(struct usb_dev *d)
{
	(void)d;
	tell("CANCEL_ALL");
}

static void
kind_free(struct usb_dev *d)
{
	tell("FREE");
	free(d);
}

static const struct usb_dev_ops kind = {
    .open = kind_open,
    .close = kind_close,
    .submit = kind_submit,
    .cancel = kind_cancel,
    .cancel_all = kind_cancel_all,
    .free = kind_free,
};

static struct usb_dev *dev;
static bool close_in_complete, close_in_gone, open_in_closed;
static const struct usb_user user;

static void
user_opened(void *arg, int err, const char *why)
{
	CHECK(arg == story);
	CHECK((err == ERR_OK) == (why[0] == '\0'));
	tell(err == ERR_OK ? "opened" : "failed");
}

static void
user_complete(void *arg, struct urb *u)
{
	CHECK(arg == story && u != NULL);
	tell("complete");
	if (close_in_complete)
		usb_dev_close(dev);
}

static void
user_gone(void *arg)
{
	CHECK(arg == story);
	tell("gone");
	if (close_in_gone)
		usb_dev_close(dev);
}

static void
user_closed(void *arg)
{
	CHECK(arg == story);
	tell("closed");
	if (open_in_closed)
		CHECK_EQ(usb_dev_open(dev, &user, story), dev->left ? ERR_GONE : ERR_OK);
}

static const struct usb_user user = {user_opened, user_complete, user_gone, user_closed};

static void
bus_arrived(void *arg, struct usb_dev *d)
{
	CHECK(arg == &submit_gives && d == dev);
	tell("arrived");
}

static void
bus_left(void *arg, struct usb_dev *d)
{
	CHECK(arg == &submit_gives && d == dev);
	CHECK(usb_bus_find(d->bus, "1-4") == NULL);
	tell("left");
}

static const struct usb_bus_ops bus_ops = {bus_arrived, bus_left};
static struct usb_bus bus;

static void
set_up(void)
{
	story[0] = '\0';
	submit_gives = ERR_OK;
	close_in_complete = close_in_gone = open_in_closed = false;
	usb_bus_init(&bus, NULL, &bus_ops, &submit_gives);
	dev = calloc(1, sizeof(*dev));
	dev->ops = &kind;
	strcpy(dev->info.busid, "1-4");
	usb_bus_add(&bus, dev);
	CHECK(told("arrived "));
	CHECK(usb_bus_find(&bus, "1-4") == dev);
	CHECK(usb_bus_find(&bus, "1-4.1") == NULL);
	CHECK(usb_bus_find(&bus, "") == NULL); /* it has no nickname */
	strcpy(dev->info.nick, "key");
	CHECK(usb_bus_find(&bus, "key") == dev && usb_bus_find(&bus, "1-4") == dev);
	CHECK(usb_bus_quiet(&bus));
}

static void
tear_down(void)
{
	usb_bus_fini(&bus);
	CHECK(told("FREE "));
}

static void
open_it(void)
{
	CHECK_EQ(usb_dev_open(dev, &user, story), ERR_OK);
	CHECK(!usb_bus_quiet(&bus));
	usb_dev_opened(dev, ERR_OK, "");
	CHECK(told("OPEN opened "));
}

static void
one_user_at_a_time(void)
{
	struct urb u = {.ep = 0x80, .actual = 7, .status = 7};

	set_up();
	CHECK_EQ(usb_dev_submit(dev, &u), ERR_STATE);
	open_it();
	CHECK_EQ(usb_dev_open(dev, &user, story), ERR_BUSY);
	CHECK_EQ(usb_dev_submit(dev, &u), ERR_OK);
	CHECK(u.actual == 0 && u.status == 0);
	usb_dev_cancel(dev, &u);
	usb_dev_complete(dev, &u);
	CHECK(told("SUBMIT CANCEL complete "));
	usb_dev_close(dev);
	usb_dev_close(dev);
	CHECK_EQ(usb_dev_open(dev, &user, story), ERR_BUSY);
	usb_dev_closed(dev);
	CHECK(told("CLOSE closed "));
	CHECK(usb_bus_quiet(&bus));
	open_it();
	usb_dev_close(dev);
	open_in_closed = true;
	usb_dev_closed(dev);
	CHECK(told("CLOSE closed OPEN "));
	usb_dev_opened(dev, ERR_IO, "it would not");
	CHECK(told("failed "));
	tear_down();
}

static void
refused_urb_is_not_counted(void)
{
	struct urb u = {.ep = 0x80};

	set_up();
	open_it();
	submit_gives = ERR_FAIL;
	CHECK_EQ(usb_dev_submit(dev, &u), ERR_FAIL);
	CHECK_EQ(dev->inflight, 0);
	usb_dev_close(dev);
	usb_dev_closed(dev);
	CHECK(told("SUBMIT CLOSE closed "));
	tear_down();
}

static void
close_waits_for_urbs(void)
{
	struct urb a = {.ep = 0x80}, b = {.ep = 0x81};

	set_up();
	open_it();
	CHECK_EQ(usb_dev_submit(dev, &a), ERR_OK);
	CHECK_EQ(usb_dev_submit(dev, &b), ERR_OK);
	usb_dev_close(dev);
	CHECK(told("SUBMIT SUBMIT CANCEL_ALL "));
	CHECK_EQ(usb_dev_submit(dev, &a), ERR_STATE);
	usb_dev_cancel(dev, &a); /* it is, already */
	usb_dev_complete(dev, &a);
	CHECK(told("complete "));
	usb_dev_complete(dev, &b);
	CHECK(told("complete CLOSE "));
	usb_dev_closed(dev);
	CHECK(told("closed "));
	tear_down();
}

static void
close_inside_complete(void)
{
	struct urb a = {.ep = 0x80}, b = {.ep = 0x81};

	set_up();
	open_it();
	close_in_complete = true;
	CHECK_EQ(usb_dev_submit(dev, &a), ERR_OK);
	CHECK_EQ(usb_dev_submit(dev, &b), ERR_OK);
	usb_dev_complete(dev, &a);
	usb_dev_complete(dev, &b);
	CHECK(told("SUBMIT SUBMIT complete CANCEL_ALL complete CLOSE "));
	usb_dev_closed(dev);
	CHECK(told("closed "));
	open_it();
	CHECK_EQ(usb_dev_submit(dev, &a), ERR_OK);
	usb_dev_complete(dev, &a); /* the only one: closed from inside, once */
	CHECK(told("SUBMIT complete CLOSE "));
	usb_dev_closed(dev);
	CHECK(told("closed "));
	tear_down();
}

static void
closed_while_opening(void)
{
	set_up();
	CHECK_EQ(usb_dev_open(dev, &user, story), ERR_OK);
	usb_dev_close(dev);
	usb_dev_opened(dev, ERR_OK, "");
	CHECK(told("OPEN CLOSE "));
	usb_dev_closed(dev);
	CHECK(told("closed "));
	CHECK_EQ(usb_dev_open(dev, &user, story), ERR_OK);
	usb_dev_close(dev);
	usb_dev_opened(dev, ERR_IO, "it would not");
	CHECK(told("OPEN closed "));
	tear_down();
}

static void
unplugged(void)
{
	struct urb u = {.ep = 0x80};

	set_up();
	usb_bus_remove(&bus, dev); /* free */
	CHECK(told("left FREE "));
	usb_bus_fini(&bus);

	set_up();
	open_it();
	close_in_gone = open_in_closed = true;
	CHECK_EQ(usb_dev_submit(dev, &u), ERR_OK);
	usb_bus_remove(&bus, dev);
	CHECK(told("SUBMIT left gone CANCEL_ALL "));
	CHECK(!usb_bus_quiet(&bus));
	CHECK_EQ(usb_dev_submit(dev, &u), ERR_GONE);
	usb_dev_complete(dev, &u);
	usb_dev_closed(dev);
	CHECK(told("complete CLOSE closed FREE "));
	CHECK(usb_bus_quiet(&bus));
	usb_bus_fini(&bus);
}

static void
unplugged_while_opening(void)
{
	set_up();
	close_in_gone = true;
	CHECK_EQ(usb_dev_open(dev, &user, story), ERR_OK);
	usb_bus_remove(&bus, dev);
	usb_dev_opened(dev, ERR_GONE, "unplugged");
	CHECK(told("OPEN left failed FREE "));
	usb_bus_fini(&bus);

	set_up();
	close_in_gone = true;
	CHECK_EQ(usb_dev_open(dev, &user, story), ERR_OK);
	usb_bus_remove(&bus, dev);
	usb_dev_opened(dev, ERR_OK, "");
	usb_dev_closed(dev);
	CHECK(told("OPEN left opened gone CLOSE closed FREE "));
	usb_bus_fini(&bus);
}

static void
stop_host(struct usb_bus *b)
{
	CHECK(list_empty(&b->devs));
	tell("STOP");
}

static void
host_is_stopped_last(void)
{
	set_up();
	bus.host_stop = stop_host;
	usb_bus_fini(&bus);
	CHECK(told("FREE STOP "));
	CHECK(strcmp(usb_dev_state_name(USB_DEV_RELEASING), "RELEASING") == 0);
}

TEST_MAIN(TEST(one_user_at_a_time), TEST(refused_urb_is_not_counted),
	  TEST(close_waits_for_urbs), TEST(close_inside_complete),
	  TEST(closed_while_opening), TEST(unplugged), TEST(unplugged_while_opening),
	  TEST(host_is_stopped_last))
