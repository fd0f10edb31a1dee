/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An example of a slave, the program that launches executors; valid as C and as C++, written from berth.h alone.
 *
 *     cc slave.c -o slave $(pkg-config --cflags --libs berth) -pthread
 *
 *     slave launch SANDBOXES COUNT THREADS COMMAND [ARG...]   launches COUNT executors from so many threads at once and
 *                                                             sees each one's end
 *     slave recover                                           takes over what a slave that was killed has left behind,
 *                                                             and sees each one's end
 *
 * Each executor runs COMMAND in the directory SANDBOXES/NUMBER, which it knows as /mnt/sandbox, and writes its output
 * there. What happens is told in lines on standard output. $SLAVE_CGROUP_PARENT: where cgroups are made.
 */
#include <berth.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What the launching threads share; the lock guards all below it. A struct berth needs none. */
struct slave {
	struct berth *berth;
	const char *sandboxes;
	const char *const *argv;
	int count;
	pthread_mutex_t lock;
	int next;
	int failures;
	struct berth_container **containers;
	size_t n_containers;
};

static void complain(const char *what, const struct berth_error *error)
{
	fprintf(stderr, "slave: %s: %s\n", what, error->text);
}

/* An output file in the sandbox; or -1, which berth takes for /dev/null. */
static int open_output(const char *sandbox, const char *name)
{
	char path[4096];
	snprintf(path, sizeof path, "%s/%s", sandbox, name);
	return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
}

/* Launches executor `number`; NULL if it could not be. */
static struct berth_container *launch(struct slave *slave, int number)
{
	char name[64], sandbox[2048], variable[32];
	snprintf(name, sizeof name, "mesos_executor_%d_framework_example", number);
	snprintf(sandbox, sizeof sandbox, "%s/%d", slave->sandboxes, number);
	snprintf(variable, sizeof variable, "EXECUTOR=%d", number);
	if (mkdir(sandbox, 0755) < 0 && errno != EEXIST) {
		perror(sandbox);
		return NULL;
	}
	int stdio[3] = {-1, open_output(sandbox, "stdout"), open_output(sandbox, "stderr")};
	const char *environment[] = {variable, NULL};
	struct berth_volume volume = {sandbox, "/mnt/sandbox", false};

	struct berth_options options = BERTH_OPTIONS_INIT;
	options.name = name;
	options.argv = slave->argv;
	options.env = environment;
	options.workdir = "/mnt/sandbox";
	options.volumes = &volume;
	options.n_volumes = 1;
	options.stdio = stdio;
	options.cgroup_parent = getenv("SLAVE_CGROUP_PARENT");
	options.resources.cpus = 0.1;
	options.resources.memory = 64 << 20;
	options.resources.pids = 100;

	struct berth_error error = BERTH_ERROR_INIT;
	struct berth_container *container = NULL;
	if (berth_launch(slave->berth, &options, &container, &error) < 0)
		complain(name, &error);
	for (int i = 1; i < 3; i++)
		if (stdio[i] >= 0)
			close(stdio[i]);
	return container;
}

/* A thread: launches one after another until all are taken. */
static void *launch_some(void *data)
{
	struct slave *slave = (struct slave *)data;
	pthread_mutex_lock(&slave->lock);
	while (slave->next < slave->count) {
		int number = slave->next++;
		pthread_mutex_unlock(&slave->lock);
		struct berth_container *container = launch(slave, number);
		pthread_mutex_lock(&slave->lock);
		if (!container) {
			slave->failures++;
			continue;
		}
		slave->containers[slave->n_containers++] = container;
		printf("launched %s %d\n", berth_container_name(container), (int)berth_container_pid(container));
	}
	pthread_mutex_unlock(&slave->lock);
	return NULL;
}

/* Launches all; returns how many could not be. */
static int launch_all(struct slave *slave, int n_threads)
{
	pthread_t *threads = (pthread_t *)calloc((size_t)n_threads, sizeof *threads);
	slave->containers = (struct berth_container **)calloc((size_t)slave->count, sizeof *slave->containers);
	if (!threads || !slave->containers) {
		free(threads);
		perror("slave");
		return slave->count;
	}
	int started = 0;
	while (started < n_threads && pthread_create(&threads[started], NULL, launch_some, slave) == 0)
		started++;
	for (int i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
	free(threads);
	/* Those that no thread came to take. */
	return slave->failures + slave->count - slave->next;
}

/* The first thing a slave does: what runs on is its own again, and of what has ended it learns how. */
static int recover_all(struct slave *slave)
{
	struct berth_error error = BERTH_ERROR_INIT;
	ssize_t count = berth_recover(slave->berth, &slave->containers, &error);
	if (count < 0) {
		complain("recover", &error);
		return 1;
	}
	slave->n_containers = (size_t)count;
	for (size_t i = 0; i < slave->n_containers; i++) {
		struct berth_container *container = slave->containers[i];
		printf("recovered %s %d %s\n", berth_container_name(container), (int)berth_container_pid(container),
		       berth_state_name(berth_container_state(container)));
	}
	return 0;
}

/* Reaps and clears up behind one that has ended. 0, -ETIMEDOUT if it runs on, or another error. */
static int see_end(struct berth_container *container)
{
	struct berth_error error = BERTH_ERROR_INIT;
	struct berth_end end = BERTH_END_INIT;
	int code = berth_container_wait(container, 0, &end, &error);
	if (code == 0)
		printf("ended %s %s %d: %s\n", berth_container_name(container), berth_reason_name(end.reason), end.code,
		       end.text);
	else if (code != -ETIMEDOUT)
		complain(berth_container_name(container), &error);
	return code;
}

/* Waits for all of them at once; returns how many ends could not be learned. */
static int see_all_ends(struct slave *slave)
{
	size_t left = slave->n_containers;
	int failures = 0;
	struct pollfd *polled = (struct pollfd *)calloc(left + 1, sizeof *polled);
	if (!polled) {
		perror("slave");
		return (int)left;
	}
	for (size_t i = 0; i < slave->n_containers; i++) {
		polled[i].fd = berth_container_pidfd(slave->containers[i]);
		polled[i].events = POLLIN;
		/* poll passes over -1, the descriptor of one that had ended before it was found. */
		if (polled[i].fd < 0)
			polled[i].revents = POLLIN;
	}
	for (;;) {
		for (size_t i = 0; i < slave->n_containers; i++) {
			if (!polled[i].revents || !slave->containers[i])
				continue;
			int code = see_end(slave->containers[i]);
			if (code == -ETIMEDOUT)
				continue;
			failures += code < 0;
			berth_container_close(slave->containers[i]);
			slave->containers[i] = NULL;
			polled[i].fd = -1;
			left--;
		}
		if (left == 0)
			break;
		if (poll(polled, (nfds_t)slave->n_containers, -1) < 0 && errno != EINTR) {
			perror("slave");
			failures += (int)left;
			break;
		}
	}
	free(polled);
	return failures;
}

int main(int argc, char **argv)
{
	bool launching = argc > 5 && strcmp(argv[1], "launch") == 0;
	if (!launching && !(argc == 2 && strcmp(argv[1], "recover") == 0)) {
		fprintf(stderr, "usage: slave launch SANDBOXES COUNT THREADS COMMAND [ARG...]\n       slave recover\n");
		return 2;
	}
	/* Whoever reads this from a pipe learns each thing as it happens. */
	setvbuf(stdout, NULL, _IOLBF, 0);

	struct slave slave;
	memset(&slave, 0, sizeof slave);
	pthread_mutex_init(&slave.lock, NULL);
	struct berth_error error = BERTH_ERROR_INIT;
	if (berth_open(NULL, &slave.berth, &error) < 0) {
		complain("open", &error);
		return error.exit_status;
	}
	int failures;
	if (launching) {
		slave.sandboxes = argv[2];
		slave.count = atoi(argv[3]);
		slave.argv = (const char *const *)argv + 5;
		failures = launch_all(&slave, atoi(argv[4]));
		printf("launched %zu\n", slave.n_containers);
	} else {
		failures = recover_all(&slave);
		printf("recovered %zu\n", slave.n_containers);
	}
	failures += see_all_ends(&slave);
	printf("all ended\n");
	free(slave.containers);
	berth_close(slave.berth);
	pthread_mutex_destroy(&slave.lock);
	return failures ? 1 : 0;
}
