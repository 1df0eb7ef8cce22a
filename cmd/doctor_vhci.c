/* SPDX-License-Identifier: ISC */
/*
 * What attach needs of this machine: the kernel's virtual host controller, loaded, at
 * boot too, ours to write, and with a free port.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/doctor_look.h"
#include "core/mem.h"
#include "vhci/vhci.h"

#define PORTS_FEW 8

static struct vhci_paths
paths_of(const struct doctor *d, char sysfs[PATH_MAX], char run[PATH_MAX])
{
	doctor_place(d, sysfs, "%s", vhci_paths.sysfs);
	doctor_place(d, run, "/run/vhci_hcd");
	return (struct vhci_paths){.sysfs = sysfs, .run = run};
}

static bool
has_vhci(const struct doctor *d)
{
	return doctor_there(d, "/sys/devices/platform/vhci_hcd.0/attach");
}

static void
no_such_module(struct doctor *d, const char *check)
{
	doctor_say(d, check, DOCTOR_MISSING, "the kernel %s has no vhci_hcd",
		   d->w->release);
	if (doctor_has(d, "/etc/os-release", "ID=ubuntu"))
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
	if (!doctor_has(d, dep, "/vhci-hcd.ko") &&
	    !doctor_has(d, builtin, "/vhci-hcd.ko")) {
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
	if ((text = doctor_text(d, name)) == NULL) {
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

	if (doctor_any_says(d, folder, ".conf", "\nvhci_hcd") ||
	    doctor_any_says(d, folder, ".conf", "\nvhci-hcd") ||
	    doctor_has(d, "/etc/modules", "vhci")) {
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
		doctor_place(d, path, "/sys/devices/platform/vhci_hcd.0/%s", file[i]);
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

const struct doctor_check doctor_vhci[] = {
    {"vhci", vhci_module},      {"vhci.config", vhci_config}, {"vhci.boot", vhci_boot},
    {"vhci.right", vhci_right}, {"vhci.ports", vhci_free},    {NULL, NULL}};
