/* SPDX-License-Identifier: ISC */
/*
 * Reads what vhci_hcd says of its ports (USBIP.md 1.1). Columns are told apart
 * by white space: their widths differ between controllers that are ready and
 * those that are not. Knows nothing of attaching.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/text.h"
#include "vhci/status.h"

#define CONTROLLERS 1024  /* CONFIG_USBIP_VHCI_NR_HCS goes to 128 */
#define FILE_MAX    65536 /* a page is the most that sysfs gives */

bool
status_parse(const char *row, struct vhci_port *p)
{
	char hub[3];
	int at = 0;

	memset(p, 0, sizeof(*p));
	/* hub port sta spd dev sockfd local_busid; sockfd says nothing to us */
	if (sscanf(row, "%2s %9u %9u %9u %8x %*s%n", hub, &p->port, &p->status, &p->speed,
		   &p->devid, &at) != 5 ||
	    at == 0 || (strcmp(hub, "hs") != 0 && strcmp(hub, "ss") != 0))
		return false;
	p->super = hub[0] == 's';
	if (sscanf(row + at, " %31[0-9.-]", p->busid) != 1 || p->busid[0] == '.' ||
	    strcmp(p->busid, "0-0") == 0) /* nothing, or no name of a device */
		p->busid[0] = '\0';
	return true;
}

long
status_read(const char *path, char *buf, size_t cap)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), e;
	size_t have = 0;
	ssize_t n = -1;

	if (fd < 0)
		return -1;
	while (have < cap - 1 && (n = read(fd, buf + have, cap - 1 - have)) > 0)
		have += (size_t)n;
	e = errno;
	close(fd);
	errno = e;
	buf[have] = '\0';
	return n < 0 ? -1 : (long)have;
}

/* Visits the rows of one file; false when visit has seen enough. */
static bool
each_row(char *text, bool (*visit)(void *, const struct vhci_port *), void *arg)
{
	struct vhci_port p;
	char *save = NULL;

	for (char *row = strtok_r(text, "\n", &save); row != NULL;
	     row = strtok_r(NULL, "\n", &save))
		if (status_parse(row, &p) && !visit(arg, &p))
			return false;
	return true;
}

static int
lacking(const char *path, char *why, size_t cap)
{
	if (errno == ENOENT || errno == ENOTDIR)
		snprintf(why, cap,
			 "the kernel's vhci_hcd is not there: run `modprobe vhci_hcd` "
			 "(some cloud and vendor kernels lack it)");
	else
		snprintf(why, cap, "%s: %s", path, strerror(errno));
	return ERR_LACKING;
}

int
status_each(const struct vhci_paths *paths,
	    bool (*visit)(void *, const struct vhci_port *), void *arg, char *why,
	    size_t cap)
{
	char path[PATH_MAX], text[FILE_MAX], suffix[16] = "";

	for (unsigned i = 0; i < CONTROLLERS; i++) {
		if (i > 0)
			snprintf(suffix, sizeof(suffix), ".%u", i);
		snprintf(path, sizeof(path), "%s/" STATUS_DIR "/status%s", paths->sysfs,
			 suffix);
		if (status_read(path, text, sizeof(text)) < 0)
			return i > 0 && errno == ENOENT ? ERR_OK
							: lacking(path, why, cap);
		if (!each_row(text, visit, arg))
			break;
	}
	return ERR_OK;
}
