/* SPDX-License-Identifier: ISC */
/*
 * What sysfs says of a USB device, without opening it and without rights: its
 * description, its descriptors, its drivers, and whether a file system on it is
 * mounted. Takes every attribute as a stranger's: the device wrote many of them.
 */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "core/text.h"
#include "usb/host.h"

#define DEVICES   "bus/usb/devices"
#define ATTR      256 /* longer attributes are cut */
#define DM_LEVELS 4   /* LUKS on LVM on a partition is two */

/* Up to cap bytes of a file; negative if it cannot be read. */
static ssize_t
slurp(const char *path, void *buf, size_t cap)
{
	size_t n = 0;
	ssize_t r = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	while (n < cap && (r = read(fd, (char *)buf + n, cap - n)) > 0)
		n += (size_t)r;
	close(fd);
	return r < 0 ? -1 : (ssize_t)n;
}

/* One attribute of the device without its newline; "" when there is none. */
static void
attr(const char *sysfs, const char *busid, const char *name, char *buf, size_t cap)
{
	char path[PATH_MAX];
	ssize_t n;

	snprintf(path, sizeof(path), "%s/" DEVICES "/%s/%s", sysfs, busid, name);
	n = slurp(path, buf, cap - 1);
	buf[n < 0 ? 0 : n] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
}

bool
host_scan_has(const char *sysfs, const char *busid, const char *attribute)
{
	char buf[ATTR];

	attr(sysfs, busid, attribute, buf, sizeof(buf));
	return buf[0] != '\0';
}

static uint64_t
number(const char *sysfs, const char *busid, const char *name, uint64_t max)
{
	char buf[ATTR];
	uint64_t v;

	attr(sysfs, busid, name, buf, sizeof(buf));
	return text_to_u64(buf, max, &v) ? v : 0;
}

static void
string(const char *sysfs, const char *busid, const char *name, char *to)
{
	char buf[ATTR];

	attr(sysfs, busid, name, buf, sizeof(buf));
	text_copy(to, DEVINFO_STRING, buf);
	text_clean(to);
}

static uint8_t
speed(const char *sysfs, const char *busid)
{
	static const struct {
		const char *mbit;
		enum devinfo_speed speed;
	} speeds[] = {
	    {"1.5", DEVINFO_LOW},          {"12", DEVINFO_FULL},
	    {"480", DEVINFO_HIGH},         {"5000", DEVINFO_SUPER},
	    {"10000", DEVINFO_SUPER_PLUS}, {"20000", DEVINFO_SUPER_PLUS},
	};
	char buf[ATTR];

	attr(sysfs, busid, "speed", buf, sizeof(buf));
	for (size_t i = 0; i < ARRAY_LEN(speeds); i++)
		if (strcmp(buf, speeds[i].mbit) == 0)
			return (uint8_t)speeds[i].speed;
	return DEVINFO_FULL; /* "unknown": still being found out */
}

/* USB 2.0 table 9-10: from the configuration with this value, alternate 0. */
static void
interfaces(struct devinfo *in, const uint8_t *p, const uint8_t *end)
{
	for (; end - p >= 2 && p[0] >= 2 && p[0] <= end - p; p += p[0]) {
		if (p[1] != 4 || p[0] < 9 || p[3] != 0 || in->ifs == DEVINFO_IFS)
			continue;
		in->iface[in->ifs].cls = p[5];
		in->iface[in->ifs].sub = p[6];
		in->iface[in->ifs].proto = p[7];
		in->ifs++;
	}
}

static uint16_t
le16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

/* USB 2.0 table 9-8 and 9-10; sysfs gives them in the order of the bus. */
int
host_scan_descriptors(struct devinfo *in, const uint8_t *raw, size_t n)
{
	const uint8_t *p = raw + 18, *end = raw + n;
	unsigned total;

	if (n < 18 || raw[0] != 18 || raw[1] != 1)
		return ERR_PROTO;
	in->cls = raw[4];
	in->sub = raw[5];
	in->proto = raw[6];
	in->vid = le16(raw + 8);
	in->pid = le16(raw + 10);
	in->bcd = le16(raw + 12);
	in->configs = raw[17];
	in->ifs = 0;
	for (; p < end; p += total) {
		if (end - p < 9 || p[1] != 2 || (total = le16(p + 2)) < 9 ||
		    total > (size_t)(end - p))
			return ERR_PROTO;
		if (p[5] == in->config && in->config != 0)
			interfaces(in, p, p + total);
	}
	return ERR_OK;
}

static int
read_raw(const char *sysfs, const char *busid, uint8_t **raw, size_t *len)
{
	char path[PATH_MAX];
	ssize_t n;

	if ((*raw = malloc(DEVINFO_RAW + 1)) == NULL)
		return ERR_NOMEM;
	snprintf(path, sizeof(path), "%s/" DEVICES "/%s/descriptors", sysfs, busid);
	n = slurp(path, *raw, DEVINFO_RAW + 1);
	*len = n < 0 ? 0 : (size_t)n;
	return n <= 0 ? ERR_GONE : n > DEVINFO_RAW ? ERR_TOOBIG : ERR_OK;
}

int
host_scan(const char *sysfs, const char *busid, struct devinfo *in, uint8_t **raw,
	  size_t *raw_len)
{
	uint8_t *fits;
	int r;

	memset(in, 0, sizeof(*in));
	*raw = NULL;
	if (!text_copy(in->busid, sizeof(in->busid), busid))
		return ERR_TOOBIG;
	in->busnum = (uint32_t)number(sysfs, busid, "busnum", UINT16_MAX);
	in->devnum = (uint32_t)number(sysfs, busid, "devnum", UINT16_MAX);
	in->config = (uint8_t)number(sysfs, busid, "bConfigurationValue", UINT8_MAX);
	in->speed = speed(sysfs, busid);
	string(sysfs, busid, "manufacturer", in->manufacturer);
	string(sysfs, busid, "product", in->product);
	string(sysfs, busid, "serial", in->serial);
	if ((r = read_raw(sysfs, busid, raw, raw_len)) != ERR_OK ||
	    (r = host_scan_descriptors(in, *raw, *raw_len)) != ERR_OK) {
		free(*raw);
		*raw = NULL;
	} else if ((fits = realloc(*raw, *raw_len)) != NULL) {
		*raw = fits; /* most have a hundredth of our limit */
	}
	return r;
}

/* The real path of a file or directory below sysfs; false if it is not there. */
static bool
resolve(char *real, const char *sysfs, const char *dir, const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s/%s", sysfs, dir, name);
	return realpath(path, real) != NULL;
}

bool
host_scan_vhci(const char *sysfs, const char *busid)
{
	char real[PATH_MAX];

	return resolve(real, sysfs, DEVICES, busid) && strstr(real, "/vhci_hcd") != NULL;
}

void
host_scan_driver(const char *sysfs, const char *busid, char *name, size_t cap)
{
	char at[DEVINFO_BUSID + 16], real[PATH_MAX];

	snprintf(at, sizeof(at), "%s/driver", busid);
	name[0] = '\0';
	if (resolve(real, sysfs, DEVICES, at))
		text_copy(name, cap, strrchr(real, '/') + 1);
}

void
host_scan_if_driver(const char *sysfs, const char *busid, unsigned config, unsigned iface,
		    char *name, size_t cap)
{
	char at[DEVINFO_BUSID + 24];

	snprintf(at, sizeof(at), "%s:%u.%u", busid, config, iface);
	host_scan_driver(sysfs, at, name, cap);
}

/* Whether a block device, by its real path in sysfs, lies on the USB device. */
static bool
lies_on(const char *real, const char *busid, int levels)
{
	char part[DEVINFO_BUSID + 2], below[PATH_MAX];
	const struct dirent *e;
	bool found;
	DIR *d;

	snprintf(part, sizeof(part), "/%s/", busid);
	found = strstr(real, part) != NULL;
	if (found || levels == 0 || !resolve(below, real, ".", "slaves") ||
	    (d = opendir(below)) == NULL)
		return found;
	while (!found && (e = readdir(d)) != NULL)
		found = e->d_name[0] != '.' &&
			resolve(below, real, "slaves", e->d_name) &&
			lies_on(below, busid, levels - 1);
	closedir(d);
	return found;
}

/* proc_pid_mountinfo(5): space, tab, newline and backslash are octal. In place. */
static void
unescape(char *s)
{
	char *to = s;

	for (; *s != '\0'; s++)
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' &&
		    s[2] <= '7' && s[3] >= '0' && s[3] <= '7') {
			*to++ =
			    (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 3;
		} else {
			*to++ = *s;
		}
	*to = '\0';
}

/*
 * One line: "36 35 98:0 /root /where options [tags] - type source options". A
 * file system over several devices (btrfs) has number 0:N of its own; then the
 * source is all there is to go by.
 */
static bool
mount_line(char *line, char *dev, size_t cap, char **where)
{
	char *rest, *source;
	struct stat st;
	unsigned first;
	int at = 0, to = 0;

	if (sscanf(line, "%*s %*s %31s %*s %n%*s%n", dev, &at, &to) != 1 || to == 0 ||
	    (rest = strstr(line + to, " - ")) == NULL)
		return false;
	line[to] = '\0';
	*where = line + at;
	unescape(*where);
	if (sscanf(dev, "%u:", &first) != 1 || first != 0)
		return true;
	strtok_r(rest + 3, " \n", &rest); /* the type */
	if ((source = strtok_r(NULL, " \n", &rest)) == NULL)
		return false;
	unescape(source);
	if (source[0] != '/' || stat(source, &st) != 0 || !S_ISBLK(st.st_mode))
		return false;
	snprintf(dev, cap, "%u:%u", major(st.st_rdev), minor(st.st_rdev));
	return true;
}

bool
host_scan_mounted(const char *sysfs, const char *mountinfo, const char *busid,
		  char *where, size_t cap)
{
	char dev[32], real[PATH_MAX], *line = NULL, *at;
	FILE *f = fopen(mountinfo, "re");
	size_t size = 0;
	bool found = false;

	while (f != NULL && !found && getline(&line, &size, f) > 0)
		found = mount_line(line, dev, sizeof(dev), &at) &&
			resolve(real, sysfs, "dev/block", dev) &&
			lies_on(real, busid, DM_LEVELS);
	if (found) {
		text_copy(where, cap, at);
		text_clean(where);
	}
	free(line);
	if (f != NULL)
		fclose(f);
	return found;
}

/* Whether one of the process's descriptors is the node. */
static bool
has_open(const char *proc, const char *pid, const char *node)
{
	char path[PATH_MAX], to[64];
	const struct dirent *e;
	bool found = false;
	ssize_t n;
	DIR *d;

	snprintf(path, sizeof(path), "%s/%s/fd", proc, pid);
	if ((d = opendir(path)) == NULL)
		return false;
	while (!found && (e = readdir(d)) != NULL) {
		n = readlinkat(dirfd(d), e->d_name, to, sizeof(to) - 1);
		to[n < 0 ? 0 : n] = '\0';
		found = strcmp(to, node) == 0;
	}
	closedir(d);
	return found;
}

bool
host_scan_user(const char *proc, unsigned busnum, unsigned devnum, char *who, size_t cap)
{
	char node[64], path[PATH_MAX], name[32];
	const struct dirent *e;
	bool found = false;
	uint64_t pid;
	ssize_t n;
	DIR *d = opendir(proc);

	snprintf(node, sizeof(node), "/dev/bus/usb/%03u/%03u", busnum, devnum);
	while (d != NULL && !found && (e = readdir(d)) != NULL) {
		if (!text_to_u64(e->d_name, INT_MAX, &pid) || (pid_t)pid == getpid() ||
		    !has_open(proc, e->d_name, node))
			continue;
		snprintf(path, sizeof(path), "%s/%s/comm", proc, e->d_name);
		n = slurp(path, name, sizeof(name) - 1);
		name[n < 0 ? 0 : n] = '\0';
		name[strcspn(name, "\n")] = '\0';
		text_clean(name);
		snprintf(who, cap, "%s, process %s", name, e->d_name);
		found = true;
	}
	if (d != NULL)
		closedir(d);
	return found;
}
