/* SPDX-License-Identifier: ISC */
/* link: cmd core */
#include <sys/stat.h>
#include <sys/wait.h>

#include "cmd/privs.h"
#include "test/cmd/place.h"

#define BASE   (1ull << 12 | 1ull << 19 | 1ull << 2)
#define OTHERS (1ull << 1 | 1ull << 0 | 1ull << 3)

static unsigned long long
status(const char *key)
{
	char line[256];
	unsigned long long v = ~0ull;
	FILE *f = fopen("/proc/self/status", "r");

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, key, strlen(key)) == 0)
			v = strtoull(line + strlen(key) + 1, NULL, 16);
	if (f != NULL)
		fclose(f);
	return v;
}

/* In a process of its own: whether just these are left. */
static bool
leaves(const char *dir, unsigned long long mask)
{
	int st = 1;
	pid_t pid = fork();

	if (pid == 0) {
		const unsigned long long had = status("CapEff:"), set = status("CapBnd:");

		privs_drop(dir);
		_exit(!(status("CapEff:") == (had & mask) &&
			status("CapPrm:") == (had & mask) && status("CapInh:") == 0 &&
			status("NoNewPrivs:") == 1 &&
			status("CapBnd:") == (geteuid() == 0 ? set & mask : set)));
	}
	CHECK_EQ(waitpid(pid, &st, 0), pid);
	return st == 0;
}

static void
drops(void)
{
	struct place p;

	place_make(&p);
	CHECK(leaves(p.dir, BASE));
	CHECK(leaves("/nonexistent", BASE));
	if (geteuid() == 0 && chown(p.dir, 1, 1) == 0)
		CHECK(leaves(p.dir, BASE | OTHERS));
	place_end(&p);
}

TEST_MAIN(TEST(drops))
