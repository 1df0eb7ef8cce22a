/* SPDX-License-Identifier: ISC */
/*
 * What this machine has: a table of checks of files, most of them of /sys and /proc.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/doctor.h"
#include "cmd/loop.h"
#include "core/mem.h"
#include "core/text.h"
#include "vhci/vhci.h"

#define TEXT_MAX     (4 << 20) /* modules.dep is half a megabyte */
#define PORTS_FEW    8
#define BUFFER_BYTES (4u << 20) /* net/twin asks for so much */

#define UDEV_RULE                                                                    \
	"groupadd -f usbp2p && echo 'SUBSYSTEM==\"usb\", "                           \
	"ENV{DEVTYPE}==\"usb_device\", GROUP=\"usbp2p\"' "                           \
	">/etc/udev/rules.d/49-usbp2p.rules && udevadm control --reload && udevadm " \
	"trigger -s usb && usermod -aG usbp2p %s"

/* --- looking --- */

static void __attribute__((format(printf, 3, 4)))
place(const struct doctor *d, char path[PATH_MAX], const char *fmt, ...)
{
	int n = snprintf(path, PATH_MAX, "%s", d->w->root);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(path + n, PATH_MAX - (size_t)n, fmt, ap);
	va_end(ap);
}

static bool
there(const struct doctor *d, const char *name)
{
	char path[PATH_MAX];

	place(d, path, "%s", name);
	return access(path, F_OK) == 0;
}

/* The whole text from malloc; NULL: it cannot be read. */
static char *
text_of(const struct doctor *d, const char *name)
{
	char path[PATH_MAX], *text = malloc(TEXT_MAX);
	size_t n;
	FILE *f;

	place(d, path, "%s", name);
	if ((f = fopen(path, "re")) == NULL || text == NULL) {
		free(text);
		text = NULL;
	} else {
		n = fread(text, 1, TEXT_MAX - 1, f);
		text[n] = '\0';
	}
	if (f != NULL)
		fclose(f);
	return text;
}

/* A number that is the whole file, or less if there is none. */
static bool
number_of(const struct doctor *d, const char *name, uint64_t *v)
{
	char *text = text_of(d, name);
	bool ok = text != NULL;

	if (ok) {
		text[strcspn(text, "\n")] = '\0';
		ok = text_to_u64(text, UINT64_MAX, v);
	}
	free(text);
	return ok;
}

static bool
has_word(const struct doctor *d, const char *name, const char *word)
{
	char *text = text_of(d, name);
	bool found = text != NULL && strstr(text, word) != NULL;

	free(text);
	return found;
}

/* Whether a file whose name has this in it lies in one of the folders and says so. */
static bool
any_says(const struct doctor *d, const char *const *folder, const char *part,
	 const char *word)
{
	char path[PATH_MAX], name[PATH_MAX];
	bool found = false;
	struct dirent *e;
	DIR *dir;

	for (; *folder != NULL && !found; folder++) {
		place(d, path, "%s", *folder);
		if ((dir = opendir(path)) == NULL)
			continue;
		while (!found && (e = readdir(dir)) != NULL) {
			if (strstr(e->d_name, part) == NULL)
				continue;
			snprintf(name, sizeof(name), "%s/%s", *folder, e->d_name);
			found = has_word(d, name, word);
		}
		closedir(dir);
	}
	return found;
}

static struct vhci_paths
paths_of(const struct doctor *d, char sysfs[PATH_MAX], char run[PATH_MAX])
{
	place(d, sysfs, "%s", vhci_paths.sysfs);
	place(d, run, "/run/vhci_hcd");
	return (struct vhci_paths){.sysfs = sysfs, .run = run};
}

/* --- the kernel's side of attach --- */

static bool
has_vhci(const struct doctor *d)
{
	return there(d, "/sys/devices/platform/vhci_hcd.0/attach");
}

static void
no_such_module(struct doctor *d, const char *check)
{
	doctor_say(d, check, DOCTOR_MISSING, "the kernel %s has no vhci_hcd",
		   d->w->release);
	if (has_word(d, "/etc/os-release", "ID=ubuntu"))
		doctor_fix(d, "apt-get install linux-modules-extra-%s", d->w->release);
	else
		doctor_fix(d, "apt-get install linux-image-$(dpkg "
			      "--print-architecture) && reboot");
}

static void
vhci_module(struct doctor *d, const char *check)
{
	char dep[PATH_MAX], builtin[PATH_MAX];

	if (has_vhci(d)) {
		doctor_say(d, check, DOCTOR_OK, "vhci_hcd is loaded");
		return;
	}
	snprintf(dep, sizeof(dep), "/lib/modules/%s/modules.dep", d->w->release);
	snprintf(builtin, sizeof(builtin), "/lib/modules/%s/modules.builtin",
		 d->w->release);
	if (!has_word(d, dep, "/vhci-hcd.ko") && !has_word(d, builtin, "/vhci-hcd.ko")) {
		no_such_module(d, check);
		return;
	}
	doctor_say(d, check, DOCTOR_MISSING, "vhci_hcd is not loaded");
	doctor_fix(d, "modprobe vhci_hcd");
}

static uint64_t
config_number(const char *text, const char *key)
{
	const char *at = strstr(text, key);

	return at == NULL ? 0 : strtoull(at + strlen(key), NULL, 10);
}

static void
vhci_config(struct doctor *d, const char *check)
{
	char name[PATH_MAX], *text;
	uint64_t ports;

	snprintf(name, sizeof(name), "/boot/config-%s", d->w->release);
	if ((text = text_of(d, name)) == NULL) {
		doctor_say(d, check, DOCTOR_UNKNOWN, "%s is not there", name);
		return;
	}
	ports = config_number(text, "\nCONFIG_USBIP_VHCI_HC_PORTS=") *
		config_number(text, "\nCONFIG_USBIP_VHCI_NR_HCS=");
	if (strstr(text, "\nCONFIG_USBIP_VHCI_HCD=") == NULL)
		no_such_module(d, check);
	else if (ports < PORTS_FEW)
		doctor_say(d, check, DOCTOR_WARN,
			   "vhci_hcd has %llu ports of each speed only "
			   "(CONFIG_USBIP_VHCI_HC_PORTS, CONFIG_USBIP_VHCI_NR_HCS)",
			   (unsigned long long)ports);
	else
		doctor_say(d, check, DOCTOR_OK, "vhci_hcd has %llu ports of each speed",
			   (unsigned long long)ports);
	free(text);
}

static void
vhci_boot(struct doctor *d, const char *check)
{
	static const char *const folder[] = {
	    "/etc/modules-load.d",           "/run/modules-load.d",
	    "/usr/local/lib/modules-load.d", "/usr/lib/modules-load.d",
	    "/lib/modules-load.d",           NULL};

	if (any_says(d, folder, ".conf", "\nvhci_hcd") ||
	    any_says(d, folder, ".conf", "\nvhci-hcd") ||
	    has_word(d, "/etc/modules", "vhci")) {
		doctor_say(d, check, DOCTOR_OK, "vhci_hcd is loaded at boot");
		return;
	}
	doctor_say(d, check, DOCTOR_WARN, "vhci_hcd is not loaded at boot");
	doctor_fix(d, "printf '# usbp2p attach\\nvhci_hcd\\n' "
		      ">/etc/modules-load.d/usbp2p.conf");
}

static void
vhci_right(struct doctor *d, const char *check)
{
	char path[PATH_MAX], sysfs[PATH_MAX], run[PATH_MAX], mend[400];
	const char *const file[] = {"attach", "detach"};
	struct vhci_paths paths = paths_of(d, sysfs, run);

	if (!has_vhci(d))
		return;
	for (unsigned i = 0; i < ARRAY_LEN(file); i++) {
		place(d, path, "/sys/devices/platform/vhci_hcd.0/%s", file[i]);
		if (d->w->may(path, W_OK))
			continue;
		doctor_say(d, check, DOCTOR_MISSING, "%s may not write %s", d->w->user,
			   path);
		vhci_mend(&paths, d->w->user, mend, sizeof(mend));
		doctor_fix(d, "%s", mend);
		return;
	}
	doctor_say(d, check, DOCTOR_OK, "%s may attach devices", d->w->user);
}

static void
vhci_free(struct doctor *d, const char *check)
{
	char sysfs[PATH_MAX], run[PATH_MAX], why[256];
	struct vhci_paths paths = paths_of(d, sysfs, run);
	struct vhci_port *p = calloc(VHCI_PORTS_MAX, sizeof(*p));
	unsigned n = 0, used[2] = {0}, all[2] = {0};

	if (p == NULL || !has_vhci(d) ||
	    vhci_ports(&paths, p, VHCI_PORTS_MAX, &n, why, sizeof(why)) != ERR_OK)
		n = 0;
	for (unsigned i = 0; i < n; i++) {
		all[p[i].super]++;
		used[p[i].super] += p[i].status != VHCI_FREE;
	}
	free(p);
	if (n == 0)
		return;
	if (used[0] < all[0] && used[1] < all[1]) {
		doctor_say(d, check, DOCTOR_OK, "%u of %u ports are in use",
			   used[0] + used[1], n);
		return;
	}
	doctor_say(d, check, DOCTOR_WARN, "all %s ports are in use",
		   used[0] == all[0] ? "USB 2" : "SuperSpeed");
	doctor_fix(d, "usbp2p detach port:N");
}

/* --- usbfs, for serve --- */

static void
usb_core(struct doctor *d, const char *check)
{
	if (there(d, "/sys/bus/usb") && there(d, "/dev/bus/usb")) {
		doctor_say(d, check, DOCTOR_OK, "the kernel lends USB devices (usbfs)");
		return;
	}
	doctor_say(d, check, DOCTOR_MISSING,
		   "no USB devices: /sys/bus/usb or /dev/bus/usb is not there");
	doctor_fix(d, "modprobe usbcore");
}

/* A device that could be shared: no interface, hub, root hub, none that is attached. */
static bool
is_shareable(const struct doctor *d, const char *name)
{
	char path[PATH_MAX], real[PATH_MAX], folder[PATH_MAX];

	if (name[0] == '.' || strncmp(name, "usb", 3) == 0 || strchr(name, ':') != NULL)
		return false;
	snprintf(folder, sizeof(folder), "/sys/bus/usb/devices/%s/bDeviceClass", name);
	if (has_word(d, folder, "09"))
		return false;
	place(d, path, "/sys/bus/usb/devices/%s", name);
	return realpath(path, real) != NULL && strstr(real, "/vhci_hcd.") == NULL;
}

/* Whether we may use its node; false when that cannot be said. */
static bool
is_denied(const struct doctor *d, const char *name, char node[PATH_MAX])
{
	char file[PATH_MAX];
	uint64_t bus, dev;

	snprintf(file, sizeof(file), "/sys/bus/usb/devices/%s/busnum", name);
	if (!number_of(d, file, &bus))
		return false;
	snprintf(file, sizeof(file), "/sys/bus/usb/devices/%s/devnum", name);
	if (!number_of(d, file, &dev))
		return false;
	place(d, node, "/dev/bus/usb/%03u/%03u", (unsigned)bus, (unsigned)dev);
	return !d->w->may(node, R_OK | W_OK);
}

static bool
has_rule(const struct doctor *d)
{
	static const char *const folder[] = {
	    "/etc/udev/rules.d",           "/run/udev/rules.d", "/usr/lib/udev/rules.d",
	    "/usr/local/lib/udev/rules.d", "/lib/udev/rules.d", NULL};

	return any_says(d, folder, "usbp2p", "GROUP=\"usbp2p\"");
}

static void
usb_right(struct doctor *d, const char *check)
{
	char path[PATH_MAX], node[PATH_MAX], first[PATH_MAX] = "";
	unsigned n = 0, denied = 0;
	struct dirent *e;
	DIR *dir;

	place(d, path, "/sys/bus/usb/devices");
	if ((dir = opendir(path)) == NULL)
		return;
	while ((e = readdir(dir)) != NULL) {
		if (!is_shareable(d, e->d_name))
			continue;
		n++;
		if (is_denied(d, e->d_name, node) && denied++ == 0)
			text_copy(first, sizeof(first), node);
	}
	closedir(dir);
	if (denied == 0) {
		doctor_say(d, check, DOCTOR_OK, "%s may share %u devices", d->w->user, n);
		return;
	}
	doctor_say(d, check, denied == n ? DOCTOR_MISSING : DOCTOR_WARN,
		   "%s may not share %u of %u devices, as %.100s", d->w->user, denied, n,
		   first);
	if (has_rule(d))
		doctor_fix(d, "usermod -aG usbp2p %s", d->w->user);
	else
		doctor_fix(d, UDEV_RULE, d->w->user);
}

static void
usb_rule(struct doctor *d, const char *check)
{
	if (d->w->is_root || has_rule(d)) {
		doctor_say(d, check, DOCTOR_OK, "%s",
			   d->w->is_root ? "root needs no udev rule"
					 : "there is a udev rule for usbp2p");
		return;
	}
	doctor_say(d, check, DOCTOR_WARN,
		   "no udev rule gives devices that come to the group usbp2p");
	doctor_fix(d, UDEV_RULE, d->w->user);
}

/* libusb's hot-plug hears only udevd. */
static void
usb_udevd(struct doctor *d, const char *check)
{
	if (there(d, "/run/udev/control")) {
		doctor_say(d, check, DOCTOR_OK, "udevd runs");
		return;
	}
	doctor_say(d, check, DOCTOR_WARN,
		   "udevd does not run: devices that come and go are not noticed");
	doctor_fix(d, "systemctl start systemd-udevd");
}

static void
usb_memory(struct doctor *d, const char *check)
{
	const unsigned want = LOOP_URBS >> 20;
	uint64_t mb;

	if (!number_of(d, "/sys/module/usbcore/parameters/usbfs_memory_mb", &mb)) {
		doctor_say(d, check, DOCTOR_UNKNOWN, "usbfs_memory_mb cannot be read");
	} else if (mb == 0 || mb >= want) {
		doctor_say(d, check, DOCTOR_OK, "usbfs has %llu MB for requests",
			   (unsigned long long)mb);
	} else {
		doctor_say(d, check, DOCTOR_WARN,
			   "usbfs has %llu MB for the requests of all devices, one peer "
			   "may use %u",
			   (unsigned long long)mb, want);
		doctor_fix(d, "echo 128 >/sys/module/usbcore/parameters/usbfs_memory_mb");
	}
}

/* --- both --- */

/* Directories that do not exist yet are made in the one above. */
static void
state_dir_right(struct doctor *d, const char *check)
{
	char path[PATH_MAX], key[PATH_MAX + 16], *slash;
	struct stat st;

	place(d, path, "%s", d->ctx->dir);
	snprintf(key, sizeof(key), "%s/key.pem", path);
	if (stat(key, &st) == 0 && (st.st_mode & 077) != 0) {
		doctor_say(d, check, DOCTOR_WARN, "others may read the key %s", key);
		doctor_fix(d, "chmod 600 %s", key);
		return;
	}
	while (access(path, F_OK) != 0 && errno == ENOENT &&
	       (slash = strrchr(path, '/')) != NULL && slash != path)
		*slash = '\0';
	if (d->w->may(path, R_OK | W_OK | X_OK)) {
		doctor_say(d, check, DOCTOR_OK, "%s may keep its state in %s", d->w->user,
			   d->ctx->dir);
		return;
	}
	doctor_say(d, check, DOCTOR_MISSING, "%s may not write %s, for its state in %s",
		   d->w->user, path, d->ctx->dir);
	doctor_fix(d, "install -d -m 700 -o %s %s", d->w->user, d->ctx->dir);
}

/* Tickets expire, and so do credentials for relays. */
static void
clock_right(struct doctor *d, const char *check)
{
	if (d->w->now < DOCTOR_CLOCK)
		doctor_say(d, check, DOCTOR_MISSING,
			   "the clock is wrong: it is not before 2026");
	else if (!d->w->synced)
		doctor_say(d, check, DOCTOR_WARN, "nobody keeps the clock right");
	else
		doctor_say(d, check, DOCTOR_OK, "the clock is kept right");
	if (d->w->now < DOCTOR_CLOCK || !d->w->synced)
		doctor_fix(d, "timedatectl set-ntp true");
}

/* Who may not exceed the limits has what they allow. */
static void
buffers(struct doctor *d, const char *check)
{
	uint64_t in, out;

	if (!number_of(d, "/proc/sys/net/core/rmem_max", &in) ||
	    !number_of(d, "/proc/sys/net/core/wmem_max", &out)) {
		doctor_say(d, check, DOCTOR_UNKNOWN,
			   "the limits of sockets cannot be read");
	} else if (d->w->is_root || (in >= BUFFER_BYTES && out >= BUFFER_BYTES)) {
		doctor_say(d, check, DOCTOR_OK, "sockets may have large buffers");
	} else {
		doctor_say(d, check, DOCTOR_WARN,
			   "sockets may have %llu bytes of buffers only: bursts get lost",
			   (unsigned long long)(in < out ? in : out));
		doctor_fix(d, "sysctl -w net.core.rmem_max=%u net.core.wmem_max=%u",
			   BUFFER_BYTES, BUFFER_BYTES);
	}
}

static const struct {
	const char *check;
	unsigned side;
	void (*run)(struct doctor *, const char *check);
} checks[] = {
    {"state", DOCTOR_BOTH, state_dir_right},  {"clock", DOCTOR_BOTH, clock_right},
    {"buffers", DOCTOR_BOTH, buffers},        {"usbfs", DOCTOR_SERVE, usb_core},
    {"usbfs.right", DOCTOR_SERVE, usb_right}, {"usbfs.rule", DOCTOR_SERVE, usb_rule},
    {"usbfs.udevd", DOCTOR_SERVE, usb_udevd}, {"usbfs.memory", DOCTOR_SERVE, usb_memory},
    {"vhci", DOCTOR_ATTACH, vhci_module},     {"vhci.config", DOCTOR_ATTACH, vhci_config},
    {"vhci.boot", DOCTOR_ATTACH, vhci_boot},  {"vhci.right", DOCTOR_ATTACH, vhci_right},
    {"vhci.ports", DOCTOR_ATTACH, vhci_free},
};

void
doctor_here(struct doctor *d)
{
	for (size_t i = 0; i < ARRAY_LEN(checks); i++)
		if ((checks[i].side & d->side) != 0)
			checks[i].run(d, checks[i].check);
}
