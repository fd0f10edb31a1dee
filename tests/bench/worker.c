/* SPDX-License-Identifier: Apache-2.0 */
/* Processes of their own that measure on request: so that slaves of different sizes can be measured in turn. */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/bench.h"

/* Told rather than closed, for workers made later hold the pipes of those before too. */
enum { STOP = INT_MIN };

void worker_start(struct worker *worker, void (*prepare)(double size), double (*serve)(int what), double size)
{
	int requests[2], answers[2];
	if (pipe(requests) < 0 || pipe(answers) < 0)
		fail("pipe: %m");
	fflush(NULL);
	worker->pid = fork();
	if (worker->pid < 0)
		fail("fork: %m");
	if (worker->pid > 0) {
		close(requests[0]);
		close(answers[1]);
		worker->to = requests[1];
		worker->from = answers[0];
		return;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close(requests[1]);
	close(answers[0]);
	prepare(size);
	for (int what; read(requests[0], &what, sizeof what) == sizeof what && what != STOP;) {
		double answer = serve(what);
		if (write(answers[1], &answer, sizeof answer) != sizeof answer)
			break;
	}
	_exit(0);
}

double worker_ask(struct worker *worker, int what)
{
	double answer;
	if (write(worker->to, &what, sizeof what) != sizeof what ||
	    read(worker->from, &answer, sizeof answer) != sizeof answer)
		fail("a measuring process has ended");
	return answer;
}

void worker_stop(struct worker *worker)
{
	int stop = STOP;
	if (write(worker->to, &stop, sizeof stop) != sizeof stop)
		fail("a measuring process has ended");
	close(worker->to);
	close(worker->from);
	while (waitpid(worker->pid, NULL, 0) < 0 && errno == EINTR)
		;
}
