/* SPDX-License-Identifier: Apache-2.0 */
/* Who owns a record, when an owner dies while a process it was about to start has copies of its locks. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/container.h"
#include "runtime/state.h"

static char path[] = "/tmp/berth-test-lock-XXXXXX";
static int file = -1;

static void enter(void)
{
	file = mkostemp(path, O_CLOEXEC);
	cr_assert_geq(file, 0);
}

static void leave(void)
{
	close(file);
	unlink(path);
}

/*
 * Starts an owner, which takes the lock and starts a heir, which has a copy of it. Both end when their pipe is closed,
 * the heir not before `heir_ms` have passed. Returns the owner's pid when the lock is held.
 */
static pid_t start_owner(int *stop, int heir_ms)
{
	int stopping[2], ready[2];
	cr_assert(pipe2(stopping, O_CLOEXEC) == 0 && pipe2(ready, O_CLOEXEC) == 0);
	pid_t owner = fork();
	cr_assert_geq(owner, 0);
	if (owner == 0) {
		close(stopping[1]);
		int own = open(path, O_RDWR | O_CLOEXEC);
		if (state_lock(own) < 0)
			_exit(1);
		char byte;
		if (heir_ms >= 0 && fork() == 0) {
			close(ready[1]);
			if (read(stopping[0], &byte, 1) == 0)
				poll(NULL, 0, heir_ms);
			_exit(0);
		}
		close(ready[1]);
		if (read(stopping[0], &byte, 1) < 0)
			_exit(1);
		_exit(0);
	}
	close(stopping[0]);
	close(ready[1]);
	char byte;
	cr_assert_eq(read(ready[0], &byte, 1), 0);
	close(ready[0]);
	*stop = stopping[1];
	return owner;
}

Test(state_lock, a_living_owner_keeps_it, .init = enter, .fini = leave)
{
	int stop;
	pid_t owner = start_owner(&stop, -1);
	uint64_t start = monotonic_ms();
	cr_expect_eq(state_lock(file), -EBUSY);
	cr_expect_eq(state_lock_of_dead(file), -EBUSY);
	cr_expect(state_is_owned(file));
	/* At once, or a slave that starts beside 200 others would wait for each. */
	cr_expect_lt(monotonic_ms() - start, 5000u);
	close(stop);
	cr_assert_eq(waitpid(owner, NULL, 0), owner);
	cr_expect_not(state_is_owned(file));
	cr_expect_eq(state_lock_of_dead(file), 0);
}

Test(state_lock, a_dead_owners_is_waited_for, .init = enter, .fini = leave)
{
	int stop;
	pid_t owner = start_owner(&stop, 300);
	cr_assert_eq(kill(owner, SIGKILL), 0);
	siginfo_t info;
	/* Dead, reaped or not. */
	cr_assert_eq(waitid(P_PID, (id_t)owner, &info, WEXITED | WNOWAIT), 0);
	cr_expect_eq(state_lock(file), -EBUSY, "the heir does not hold the lock: this shows nothing");
	close(stop);
	cr_expect_eq(state_lock_of_dead(file), 0);
	cr_assert_eq(waitpid(owner, NULL, 0), owner);
}
