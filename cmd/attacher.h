/* SPDX-License-Identifier: ISC */
/*
 * The parts of `attach` and how they know one another:
 *
 *	attach.c      options, start and end
 *	attach_link.c the connection to the server
 *	attach_names.c nicknames in the server's list
 *	attach_want.c what was asked for, against the server's list
 *	attach_stand.c what was asked for stays asked for: devices that come back
 *	attach_dev.c  one device: asked for, given to the kernel
 *	attach_leave.c one device: how it goes
 *	attach_cache.c what is written to a device, and not yet there
 *	attach_via.c  the other way: offered to stock USB/IP clients
 *	attach_stock.c devices of a stock USB/IP server instead of a peer's
 *	attach_sleep.c  nothing is attached while the machine sleeps
 *	attach_ctl.c  the control socket: status, one more device, detach
 *	attach_hand.c handing devices to an attach that runs already
 *	attach_conf.c what the line does not say: the configuration, also read again
 */
#ifndef CMD_ATTACHER_H
#define CMD_ATTACHER_H

#include "cmd/remote.h"
#include "cmd/watch.h"
#include "core/list.h"
#include "net/stock.h"

struct ctl;
struct ctl_conn;
struct far;
struct stock_conn;
struct sleep;
struct stock_listener;
struct vhci_eject;
struct vhci_pipe;

#define ATTACH_WANTS     64
#define ATTACHED_POLL_US 20000 /* sysfs tells nobody when a port changes */
#define ATTACHED_SYSFS   "/sys/bus/usb/devices"

struct attacher {
	struct loop loop;
	struct ctx *ctx;
	struct target target;
	struct remote *remote; /* NULL after down, and of a stock server */
	bool stock;            /* target is one: attached.far instead of remote */
	struct ctl *ctl;
	struct watch watch; /* of the status, by the control socket */
	bool watched;       /* a line of watch is being made */
	bool ready;         /* welcomed */
	bool ending;
	bool once;         /* --once: ends with its first session */
	bool first_lasts;  /* what the line wants is lasting */
	uint32_t off;      /* core/assist_kind.h: what is not done */
	bool write_cache;  /* of disks */
	bool lost;         /* what was written to one */
	uint64_t grace_us; /* a session without a link is kept so long */
	struct attach_said {
		bool off, grace, via, takeover, accept,
		    write_cache; /* by the line: stays so */
	} said;
	char section[CONF_WORD]; /* [attach NAME], or "" */
	int code;                /* to exit with */
	int report;              /* fd to the waiting parent of --background, or -1 */
	uint64_t since;          /* unix seconds */
	struct want *first;      /* of the command line, until the list below has it */
	struct list wants;       /* want.link */
	struct list devs;        /* attached.link */
	struct list spurned;     /* of attach_stand.c: detached by the user, not again */
	unsigned attached; /* devices that the kernel has had, or that were offered */
	char via_where[STOCK_WHERE]; /* "": devices go to the kernel */
	struct stock_allow allow;
	struct stock_listener *via;
	struct sleep *sleep;       /* NULL: it is not noticed */
	struct event *hurry;       /* it waits no longer */
	bool asleep;               /* or about to be */
	struct wire_device *names; /* the server's list; whole in want_device */
	unsigned names_n;
};

/*
 * What somebody asked for: patterns, all at once; none means everything. It stays
 * as long as it has a device, one that is waited for included.
 */
struct want {
	struct list link; /* in attacher.wants */
	struct attacher *of;
	struct ctl_conn *conn; /* who asked; NULL: the command line, or has its answer */
	bool line;             /* of the command line: its end is the process's */
	bool once;             /* what has gone is not attached again */
	bool lasting;  /* of [attach NAME]: waits for devices that never were there */
	bool takeover; /* also from a live session of ours */
	bool accept;   /* what has come back as another kind of device */
	unsigned n;
	char word[ATTACH_WANTS][PATTERN_TEXT];
	bool met[ATTACH_WANTS]; /* some device matched */
	unsigned open;          /* devices on their way */
	unsigned found;         /* devices that matched */
	unsigned had;           /* devices that it got */
	bool listed;            /* the list has been looked through */
	bool answered;          /* and who asked has heard of all devices */
	int err;                /* first thing that went wrong */
};

enum attached_state {
	ATTACHED_OFFERED, /* to stock clients, none has it */
	ATTACHED_ASKING,  /* the server was asked */
	ATTACHED_KERNEL,  /* the kernel enumerates it */
	ATTACHED_UP,
	ATTACHED_FLUSHING, /* its client has gone, its disk has not all yet */
	ATTACHED_WAITING,  /* for it to come, or come back */
	ATTACHED_EJECTING, /* the kernel's drivers are being taken off */
	ATTACHED_LEAVING,  /* until the port is free */
};

struct attached {
	struct list link; /* in attacher.devs */
	struct attacher *of;
	struct want *want; /* by whose words it came */
	bool answered;     /* who asked has heard of it */
	enum attached_state state;
	struct devinfo info; /* of the list, then of the import */
	uint32_t dev;
	struct far *far; /* its connection to a stock server, or NULL */
	struct bridge *bridge;
	struct vhci_pipe *pipe;
	struct stock_conn *conn; /* a stock client that waits for its answer */
	bool has_port;
	unsigned port;
	char local[32]; /* the kernel's name: "3-1" */
	struct event *poll;
	struct event *turn; /* of the bridge */
	uint64_t lost;      /* writes that were, as far as was said */
	struct vhci_eject *eject;
	uint64_t poll_end;         /* us */
	struct ctl_conn *detacher; /* waits for the port to be free */
	uint64_t since;            /* unix seconds */
	uint64_t ends;             /* when the server takes it away, or 0 */

	/* ASKING: it waits for its turn. */
	unsigned place;        /* from 1; 0: it does not */
	char queue[WIRE_TEXT]; /* the line that says so */

	/* For its coming back. */
	struct devinfo asked; /* as the list told it when it was asked for */
	struct devinfo was;   /* asked, when it was had; no interfaces: it never was */
	struct devinfo other; /* as what it came back, when the user was told so */
	bool again;           /* LEAVING: waits then */
	bool told;            /* that it waits, since it was up */
	bool seen;            /* in the list that is being read */
	char why[WIRE_TEXT];  /* it went, or could not be had */
	unsigned tries;       /* that failed since it was up, or plugged in */
	uint64_t tried;       /* us, the last time */
	uint64_t not_before;  /* us, the next one */
};

/* attach_link.c */
int attach_connect(struct attacher *) MUST_CHECK;
void attach_check_end(struct attacher *); /* ends it when nothing is left to do */
void attach_end(struct attacher *, int code);

/* attach_names.c: as remote_ops; goes on to want_device when the list is complete. */
void names_device(void *attacher, const struct wire_device *);

/* attach_want.c */
void want_device(struct attacher *, const struct wire_device *); /* as remote_ops */
void want_say(const char *line);                                 /* on stdout, at once */
void want_answer(struct want *, int err, const char *text); /* one line to who asked */
void want_wait(struct want *, const char *text); /* the answer comes later, and why */
void want_check(struct want *); /* answered? frees it when it has no device */
bool want_means(struct want *, const struct devinfo *); /* its words do */
void want_busids(struct want *); /* of a stock server: there is no list */

/*
 * attach_wish.c: asks for a port that is not in the list; false: it cannot be asked for.
 * Who asked hears the server's answer.
 */
bool attach_wish(struct want *, const char *busid);

/* attach_stand.c: lists are given device by device, then as ended. */
void stand_device(struct attacher *, const struct wire_device *);
void stand_listed(struct attacher *);
bool stand_have(const struct attacher *, const char *busid); /* or had a moment ago */
struct attached *stand_waiting(const struct attacher *, const char *busid);
void stand_failed(struct attached *);      /* when to try again */
void stand_spurn(const struct attached *); /* the user does not want it any more */
void stand_forgive(struct attacher *, const struct devinfo *); /* asked for by name */
void stand_end(struct attacher *);
/* Has an interface of a class that the other has not (one of that we know any). */
bool stand_is_other(const struct devinfo *was, const struct devinfo *is);

/* attach_dev.c: a new one waits; ask starts it, and says no once by attached_fail. */
struct attached *attached_new(struct attacher *, struct want *, const struct devinfo *);
void attached_ask(struct attached *, const struct devinfo *);
void attached_answer(struct attached *, int err, const char *text); /* to its want */

/* attach_leave.c: fail and lose: it is tried again, or waited for, but with --once. */
void attached_fail(struct attached *, int err, const char *text);
void attached_lose(struct attached *, const char *why);
void attached_part(struct attached *, int err, const char *text, bool again);
void attached_leave(struct attached *);                /* unplugs at once */
void attached_eject(struct attached *);                /* drivers first, then unplugs */
void attached_abandon(struct attacher *);              /* all, as they are: the end */
void attached_wake_at(struct attached *, uint64_t us); /* its poll */
/* Waits until its disk has what was written, then via_again; false: it has. */
bool attached_flush(struct attached *);
/* What poll does: of LEAVING; EJECTING and FLUSHING; WAITING. */
void attached_left(struct attached *, bool port_free);
void attached_watch_eject(struct attached *);
void attached_look(struct attached *);

/* attach_cache.c: of a new bridge, after its turn, and before it ends. */
void attached_cache_start(struct attached *);
bool attached_unflushed(const struct attached *);
void attached_cache_look(struct attached *);
void attached_cache_end(struct attached *);

/* attach_dev.c: bridge and info are there: to the kernel. */
void attached_give(struct attached *);
extern const struct bridge_ops attached_bridge_ops;

/*
 * attach_dev.c: the bytes between the kernel, or a stock client, and the engine:
 * vhci_pipe_ops.
 */
int attached_input(void *attached, const uint8_t *, size_t n);
size_t attached_output(void *attached, const uint8_t **);
void attached_sent(void *attached, size_t n);
/* imports_user of both. */
int attached_reply(void *attached, uint8_t ep, uint64_t tag, const struct import_reply *,
		   const struct session_msg *);
void attached_removed(void *attached, const struct wire_refusal *);
void attached_queued(void *attached, const struct wire_queued *);
void attached_ends(void *attached, const struct wire_ends *);
void attached_forget_conn(struct attacher *, struct ctl_conn *);

/* attach_via.c */
int via_read(struct attacher *, const char *arg); /* --via; an exit code */
int via_start(struct attacher *);                 /* likewise */
void via_offer(struct attached *);
void via_again(struct attached *); /* to the next client */
void via_leave(struct attached *); /* no client has it any more */

/* attach_stock.c */
bool far_is(const char *who);                                     /* "usbip://..." */
int far_read(struct attacher *, const char *uri, const char *as); /* an exit code */
int far_start(struct attached *) MUST_CHECK; /* asks the server; attached_give follows */
void far_leave(struct far *);                /* closes the connection; NULL is fine */
void far_free(struct far *);                 /* after the bridge; not from inside */
/* The server has not acknowledged what was sent for so long. */
bool far_silent(const struct far *, uint64_t us);

/* attach_sleep.c: before the machine sleeps, and after. */
void attach_sleep_start(struct attacher *);
void attach_sleep_check(struct attacher *); /* a device is gone */
void attach_sleep_end(struct attacher *);

/*
 * attach_conf.c: once the line was read, with whom it named (or NULL): whom that means.
 * And on SIGHUP.
 */
const char *attach_settle(struct attacher *, const char *who);
void attach_reread(void *attacher);

/* attach_ctl.c. tell: who detaches it, instead of its end. */
void attached_tell(struct attached *, int err, const char *text);
int attach_ctl_start(struct attacher *) MUST_CHECK;

/*
 * attach_hand.c: another attach has this peer: asks it for the devices and prints
 * its answers. Returns an exit code.
 */
int attach_hand_over(const struct ctx *, const struct target *, const struct want *);

#endif
