/* SPDX-License-Identifier: ISC */
/*
 * What a process that talks to peers gives up of root's power once it has begun.
 */
#ifndef CMD_PRIVS_H
#define CMD_PRIVS_H

/*
 * Keeps root's own files and devices (user 0), and of the capabilities those for large
 * socket buffers and for seeing who uses a device; those for other users' files only
 * where dir, the state directory, is another user's. For good, and children's too: no
 * setuid program gives any back. A user without capabilities loses nothing but that.
 */
void privs_drop(const char *dir);

#endif
