/* SPDX-License-Identifier: Apache-2.0 */
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/bench.h"

const char *const idle_argv[] = {"/idle", NULL};
const char *const waiting_argv[] = {"/idle", "1", NULL};
const int nowhere[3] = {-1, -1, -1};

struct berth *bench_open(void)
{
	struct berth_error error = BERTH_ERROR_INIT;
	struct berth *berth;
	if (berth_open(NULL, &berth, &error) < 0)
		fail("%s", error.text);
	return berth;
}

const char *const all_capabilities[] = {"ALL", NULL};

struct job job_make(enum job_kind kind, struct berth *berth, struct limit *limit, const char *const *argv)
{
	static atomic_int number;
	struct job job = {.berth = berth, .limit = limit, .options = BERTH_OPTIONS_INIT};
	/* Another name than in any other process of this namespace. */
	job.number = getpid() * 64 + atomic_fetch_add(&number, 1);
	job.options.root = ROOT;
	job.options.argv = argv ? argv : idle_argv;
	job.options.cgroup_parent = bench_parent;
	/* Much of it, or other load on the machine is measured: the limit does the same. */
	job.options.resources.cpu_shares = 262144;
	job.options.resources.memory = 256 << 20;
	if (kind != JOB_DEFAULTS)
		job.options.flags = BERTH_NO_INIT | BERTH_FEW_CGROUPS;
	if (kind != JOB_BARE)
		return job;
	job.options.cap_add = all_capabilities;
	job.options.seccomp = "unconfined";
	job.options.flags |= BERTH_HOST_UTS | BERTH_HOST_IPC | BERTH_HOST_CGROUP | BERTH_ENV_CLEAR | BERTH_BARE_ROOT |
			     BERTH_NEW_PRIVILEGES;
	return job;
}

static void finish(struct berth_container *container, enum berth_reason wanted)
{
	struct berth_error error = BERTH_ERROR_INIT;
	struct berth_end end = BERTH_END_INIT;
	if (berth_container_wait(container, -1, &end, &error) < 0)
		fail("%s", error.text);
	if (end.reason != wanted || (wanted == BERTH_EXITED && end.code != 0))
		fail("a container that should have %s: %s", berth_reason_name(wanted), end.text);
	berth_container_close(container);
}

bool job_works(struct job *job, struct berth_error *error)
{
	struct berth_container *container;
	if (berth_launch(job->berth, &job->options, &container, error) < 0)
		return false;
	finish(container, BERTH_EXITED);
	return true;
}

struct berth_container *job_start(struct job *job)
{
	struct berth_error error = BERTH_ERROR_INIT;
	struct berth_container *container;
	/* Named by the library, for a name of ours could be one of another thread's. */
	if (berth_launch(job->berth, &job->options, &container, &error) < 0)
		fail("%s", error.text);
	return container;
}

double job_run(void *data)
{
	double start = now_us();
	finish(job_start(data), BERTH_EXITED);
	return now_us() - start;
}

static void prepare(struct job *job)
{
	struct berth_error error = BERTH_ERROR_INIT;
	if (berth_prepare(job->berth, &job->options, 1, &error) < 0)
		fail("%s", error.text);
}

double job_run_prepared(void *data)
{
	prepare(data);
	return job_run(data);
}

double job_execute(void *data)
{
	double start = now_us();
	struct berth_container *container = job_start(data);
	double taken = now_us() - start;
	finish(container, BERTH_EXITED);
	return taken;
}

double job_execute_prepared(void *data)
{
	prepare(data);
	return job_execute(data);
}

void job_stop(struct berth_container *container)
{
	struct berth_error error = BERTH_ERROR_INIT;
	if (berth_container_kill(container, BERTH_KILLED, &error) < 0)
		fail("%s", error.text);
	finish(container, BERTH_KILLED);
}

double job_run_limit(void *data)
{
	struct job *job = data;
	pid_t pid = -1;
	double start = now_us();
	int code = limit_start(job->limit, job->number, &pid);
	if (code == 0)
		code = limit_end(job->limit, job->number, pid);
	if (code < 0)
		fail("the limit: %s", strerror(-code));
	return now_us() - start;
}
