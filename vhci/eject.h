/* SPDX-License-Identifier: ISC */
/*
 * Takes the kernel's drivers off an attached device before it is unplugged, so
 * that they end in order: a disk's cache is flushed, a port is closed. Unbinding
 * waits for urbs that this very process carries, so a child does it.
 */
#ifndef VHCI_EJECT_H
#define VHCI_EJECT_H

struct event_base;
struct vhci_eject;

/*
 * busid: the kernel's name for the device ("3-1"); sysfs_bus: as in
 * vhci_configured. done is called once, from the loop: when all drivers are off
 * or limit_ms is over (the child is left to end by itself). NULL: no process to be had.
 */
struct vhci_eject *
vhci_eject_start(struct event_base *, const char *sysfs_bus, const char *busid,
		 unsigned limit_ms, void (*done)(void *arg), void *arg);

/* Without done. May be called from inside it. */
void vhci_eject_free(struct vhci_eject *);

#endif
