/* SPDX-License-Identifier: ISC */
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/background.h"
#include "cmd/cmd.h"
#include "core/log.h"

static void
let_go_of_terminal(void)
{
	int null = open("/dev/null", O_RDWR);

	if (null < 0)
		return;
	dup2(null, 0);
	dup2(null, 1);
	dup2(null, 2);
	if (null > 2)
		close(null);
}

void
background_report(int *report, int code)
{
	unsigned char c = (unsigned char)code;

	if (*report < 0)
		return;
	if (write(*report, &c, 1) != 1)
		log_warn("nobody waits for this attach any more");
	close(*report);
	*report = -1;
	let_go_of_terminal();
}

/* What the child says, or how it ends without a word. */
static int
wait_for(pid_t pid, int fd)
{
	unsigned char c;
	int status = 0;

	if (read(fd, &c, 1) == 1)
		return c;
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int
background_start(int *report, int *code)
{
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) != 0 || (pid = fork()) < 0) {
		*code = cmd_fail(ERR_FAIL, "cannot start a process for the background");
		return -1;
	}
	if (pid == 0) {
		close(fds[0]);
		*report = fds[1];
		setsid();
		return 0;
	}
	close(fds[1]);
	*code = wait_for(pid, fds[0]);
	close(fds[0]);
	return 1;
}
