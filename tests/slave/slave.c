/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/slave/slave.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct slave slave;

enum { EXECUTORS = sizeof slave.executors / sizeof *slave.executors, LEAST_SHARES = 10, LEAST_MB = 128 };

int64_t slave_now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int slave_ms(int real_ms)
{
	const char *full = getenv("BERTH_TEST_FULL_LENGTH");
	return full && *full == '1' ? real_ms : real_ms / 10;
}

static void listen_on_host(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof address;
	slave.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	cr_assert_geq(slave.listener, 0);
	cr_assert_eq(bind(slave.listener, (struct sockaddr *)&address, length), 0, "%s", strerror(errno));
	cr_assert_eq(listen(slave.listener, 128), 0);
	cr_assert_eq(getsockname(slave.listener, (struct sockaddr *)&address, &length), 0);
	slave.port = ntohs(address.sin_port);
}

void slave_init(void)
{
	lx_init();
	slave = (struct slave){.listener = -1};
	cr_assert_eq(geteuid(), 0);
	/* The commands write to the slave's own standard error. */
	cr_assert_geq(dup2(open(lx_path("slave-errors"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644), 2), 0);
	cr_assert_eq(system("lxc-version > /dev/null"), 0); // NOLINT(cert-env33-c): as it does
	snprintf(slave.work, sizeof slave.work, "%s/work", lx.base);
	mkdir(slave.work, 0755);
	listen_on_host();
}

static void executor_free(struct executor *executor)
{
	if (executor->pid > 0) {
		kill(executor->pid, SIGKILL);
		waitpid(executor->pid, NULL, 0);
		slave_stop(executor);
	}
	if (executor->connection >= 0)
		close(executor->connection);
	free(executor);
}

void slave_fini(void)
{
	for (size_t i = 0; i < EXECUTORS; i++)
		if (slave.executors[i])
			executor_free(slave.executors[i]);
	if (slave.listener >= 0)
		close(slave.listener);
	lx_fini();
}

/* ---- The isolation module ---- */

/* Runs a command line as the slave does, and reads what it prints. Its exit status. */
static int shell(const char *line)
{
	char printed[512];
	FILE *pipe = popen(line, "r"); // NOLINT(cert-env33-c): as it does

	cr_assert(pipe != NULL, "popen: %s", strerror(errno));
	while (fgets(printed, sizeof printed, pipe))
		;
	int status = pclose(pipe);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static void environment_set(const struct executor *executor, const char *command)
{
	char pid[64], uri[600];
	snprintf(pid, sizeof pid, "slave(1)@127.0.0.1:%d", slave.port);
	snprintf(uri, sizeof uri, "%s", lx_payload("executor"));
	setenv("LIBPROCESS_PORT", "0", 1);
	setenv("MESOS_DIRECTORY", executor->directory, 1);
	setenv("MESOS_WORK_DIRECTORY", executor->directory, 1);
	setenv("MESOS_SLAVE_PID", pid, 1);
	setenv("MESOS_FRAMEWORK_ID", executor->framework, 1);
	setenv("MESOS_EXECUTOR_ID", executor->id, 1);
	setenv("MESOS_COMMAND", command, 1);
	setenv("MESOS_EXECUTOR_URIS", uri, 1);
	setenv("MESOS_USER", "nobody", 1);
	setenv("MESOS_SWITCH_USER", "1", 1);
	setenv("MESOS_HADOOP_HOME", "", 1);
	setenv("HADOOP_HOME", "", 1);
	setenv("MESOS_REDIRECT_IO", "1", 1);
	setenv("MESOS_CONTAINER", executor->container, 1);
}

static void descriptors_close(void)
{
	for (int fd = 3; fd < 1024; fd++)
		close(fd);
}

static void launch(struct executor *executor, const char *command)
{
	char launcher[1024];
	snprintf(executor->directory, sizeof executor->directory, "%s/slaves/S/frameworks/%s/runs/%d", slave.work,
		 executor->framework, slave.runs);
	snprintf(executor->errors, sizeof executor->errors, "%s/errors-%d", lx.base, slave.runs++);
	snprintf(launcher, sizeof launcher, "%s", lx_payload("launcher"));
	executor->registered = false;
	executor->pid = fork();
	cr_assert_geq(executor->pid, 0);
	if (executor->pid != 0)
		return;
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	dup2(open("/dev/null", O_RDONLY | O_CLOEXEC), 0);
	dup2(open(executor->errors, O_WRONLY | O_CREAT | O_CLOEXEC, 0644), 2);
	descriptors_close();
	environment_set(executor, command);
	/* cpu.shares=10: the release's bug, which the first lxc-cgroup makes good. */
	execlp("lxc-execute", "lxc-execute", "-n", executor->container, "-s", "lxc.cgroup.cpu.shares=10", "-s",
	       "lxc.cgroup.memory.limit_in_bytes=134217728", launcher, NULL);
	_exit(99);
}

struct executor *slave_launch(const char *framework, const char *id, const char *command)
{
	struct executor *executor = calloc(1, sizeof *executor);
	size_t slot = 0;
	while (slot < EXECUTORS && slave.executors[slot])
		slot++;
	cr_assert(executor && slot < EXECUTORS);
	slave.executors[slot] = executor;
	executor->connection = -1;
	snprintf(executor->framework, sizeof executor->framework, "%s", framework);
	snprintf(executor->id, sizeof executor->id, "%s", id);
	snprintf(executor->container, sizeof executor->container, "mesos_executor_%s_framework_%s", id, framework);
	launch(executor, command);
	return executor;
}

void slave_relaunch(struct executor *executor, const char *command)
{
	if (executor->connection >= 0)
		close(executor->connection);
	executor->connection = -1;
	executor->length = 0;
	executor->tasks = 0;
	executor->mb = 0;
	launch(executor, command);
}

bool slave_resize(const struct executor *executor)
{
	char line[512];
	long shares = 1024L * executor->tasks, mb = executor->mb;
	snprintf(line, sizeof line, "lxc-cgroup -n %s cpu.shares %ld", executor->container,
		 shares > LEAST_SHARES ? shares : LEAST_SHARES);
	if (shell(line) != 0)
		return false;
	snprintf(line, sizeof line, "lxc-cgroup -n %s memory.limit_in_bytes %lld", executor->container,
		 (mb > LEAST_MB ? mb : LEAST_MB) * 1024LL * 1024LL);
	return shell(line) == 0;
}

int slave_stop(const struct executor *executor)
{
	char line[512];
	snprintf(line, sizeof line, "lxc-stop -n %s", executor->container);
	return shell(line);
}

/* ---- The rest of the slave ---- */

void slave_task_add(struct executor *executor, long mb)
{
	executor->tasks++;
	executor->mb += mb;
	slave.resizes_failed += !slave_resize(executor);
}

void slave_task_remove(struct executor *executor, long mb)
{
	executor->tasks--;
	executor->mb -= mb;
	slave.resizes_failed += !slave_resize(executor);
}

void slave_tell(const struct executor *executor, const char *text)
{
	cr_assert_eq(send(executor->connection, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text), "%s: %s",
		     text, strerror(errno));
}

/* Whose connection it is, its first line tells. */
static void connection_take(void)
{
	int connection = accept4(slave.listener, NULL, NULL, SOCK_CLOEXEC);
	char name[256];
	size_t length = 0;
	if (connection < 0)
		return;
	/* "registered NAME" */
	while (length + 1 < sizeof name && read(connection, name + length, 1) == 1 && name[length] != '\n')
		length++;
	name[length] = '\0';
	const char *container = strchr(name, ' ');
	for (size_t i = 0; i < EXECUTORS && container; i++) {
		struct executor *executor = slave.executors[i];
		if (!executor || executor->registered || strcmp(executor->container, container + 1) != 0)
			continue;
		executor->connection = connection;
		executor->registered = true;
		return;
	}
	close(connection);
}

static void connection_read(struct executor *executor)
{
	char byte;
	ssize_t n = read(executor->connection, &byte, 1);
	if (n <= 0) {
		close(executor->connection);
		executor->connection = -1;
	} else if (byte == '\n') {
		executor->line[executor->length] = '\0';
		executor->length = 0;
		if (executor->hear)
			executor->hear(executor, executor->line);
	} else if (executor->length + 1 < sizeof executor->line) {
		executor->line[executor->length++] = byte;
	}
}

/* Once a second; and what has ended is stopped, though it is gone. */
static void reap(void)
{
	if (slave_now_ms() - slave.reaped_ms < slave_ms(1000))
		return;
	slave.reaped_ms = slave_now_ms();
	for (size_t i = 0; i < EXECUTORS; i++) {
		struct executor *executor = slave.executors[i];
		if (!executor || executor->pid <= 0 ||
		    waitpid(executor->pid, &executor->status, WNOHANG) != executor->pid)
			continue;
		executor->pid = 0;
		slave_stop(executor);
	}
}

void slave_run(int64_t ms, const bool *until)
{
	int64_t end = slave_now_ms() + ms;
	while (slave_now_ms() < end && !(until && *until)) {
		struct pollfd polls[EXECUTORS + 1] = {{.fd = slave.listener, .events = POLLIN}};
		for (size_t i = 0; i < EXECUTORS; i++)
			polls[i + 1] = (struct pollfd){.fd = slave.executors[i] ? slave.executors[i]->connection : -1,
						       .events = POLLIN};
		poll(polls, EXECUTORS + 1, 5);
		if (polls[0].revents)
			connection_take();
		for (size_t i = 0; i < EXECUTORS; i++)
			if (polls[i + 1].fd >= 0 && polls[i + 1].revents)
				connection_read(slave.executors[i]);
		reap();
	}
}

void slave_await_registered(struct executor *executor)
{
	slave_run(lx_patience(), &executor->registered);
	cr_assert(executor->registered, "it did not register; lxc-execute complained: %s", lx_read(executor->errors));
	/* The first pair sets the launch's shares right. */
	slave.resizes_failed += !slave_resize(executor);
}

void slave_await_reaped(struct executor *executor)
{
	int64_t end = slave_now_ms() + lx_patience();
	while (executor->pid > 0 && slave_now_ms() < end)
		slave_run(5, NULL);
	cr_assert_eq(executor->pid, 0, "it did not end");
}
