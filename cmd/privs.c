/* SPDX-License-Identifier: ISC */
/*
 * Capabilities by the kernel's own calls (capabilities(7)).
 */
#include <errno.h>
#include <linux/capability.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cmd/privs.h"
#include "core/log.h"

#define BIT(cap) (UINT64_C(1) << (cap))
#define ALWAYS   (BIT(CAP_NET_ADMIN) | BIT(CAP_SYS_PTRACE) | BIT(CAP_DAC_READ_SEARCH))
#define OTHERS   (BIT(CAP_DAC_OVERRIDE) | BIT(CAP_CHOWN) | BIT(CAP_FOWNER))

static uint64_t
wanted(const char *dir)
{
	struct stat st;

	return stat(dir, &st) == 0 && st.st_uid != geteuid() ? ALWAYS | OTHERS : ALWAYS;
}

void
privs_drop(const char *dir)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct cap[2], had[2];
	uint64_t keep = wanted(dir);

	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (syscall(SYS_capget, &head, cap) != 0)
		return;
	for (int i = 0; i <= CAP_LAST_CAP; i++) /* fails for those without the right */
		if ((keep & BIT(i)) == 0)
			(void)prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
	memcpy(had, cap, sizeof(had));
	for (int i = 0; i < 2; i++) {
		cap[i].permitted &= (uint32_t)(keep >> 32 * i);
		cap[i].effective &= cap[i].permitted;
		cap[i].inheritable = 0;
	}
	/* a sandbox that leaves none may kill who asks */
	if (memcmp(had, cap, sizeof(had)) != 0 && syscall(SYS_capset, &head, cap) != 0)
		log_warn("capabilities kept reason=\"%s\"", strerror(errno));
}
