/* SPDX-License-Identifier: Apache-2.0 */
/*
 * executor [SHUTDOWN_MS]: connects to $MESOS_SLAVE_PID ("slave(1)@ADDRESS:PORT") by TCP, says "registered NAME", and
 * does what the slave says:
 *
 *     run ID MS MB    a task that allocates MB, keeps writing single bytes at pseudo-random positions for MS, and frees
 *                     it; then "finished ID". The time of all begins anew while one allocates: where
 *                     times are compressed, allocating is not
 *     shutdown        goes on for SHUTDOWN_MS and then kills its process group, itself included
 *     exit STATUS
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "payload.h"

enum { TASKS = 16, WRITES = 4096 };

static int slave;
static atomic_int filling; /* tasks that do not have all their memory yet */
static struct task {
	int id;
	long ms;
	size_t bytes;
} tasks[TASKS];

static long now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void say(const char *text)
{
	if (write(slave, text, strlen(text)) < 0)
		exit(41);
}

static void *task_run(void *data)
{
	const struct task *task = data;
	char *memory = mmap(NULL, task->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char text[64];
	uint32_t x = (uint32_t)task->id;
	if (memory == MAP_FAILED)
		exit(42);
	for (size_t i = 0; i < task->bytes; i += 4096)
		memcpy(memory + i, &i, sizeof i);
	atomic_fetch_sub(&filling, 1);
	long end = now_ms() + task->ms;
	do {
		/* Its time begins when all have what they want. */
		if (atomic_load(&filling))
			end = now_ms() + task->ms;
		for (int i = 0; i < WRITES; i++) {
			x = x * 1664525 + 1013904223;
			((volatile char *)memory)[(uint64_t)x * task->bytes >> 32] = (char)i;
		}
	} while (now_ms() < end);
	munmap(memory, task->bytes);
	snprintf(text, sizeof text, "finished %d\n", task->id);
	say(text);
	return NULL;
}

static int slave_connect(void)
{
	const char *at = getenv("MESOS_SLAVE_PID");
	char address[64];
	if (!at || !(at = strchr(at, '@')))
		exit(43);
	snprintf(address, sizeof address, "%s", at + 1);
	char *port = strrchr(address, ':');
	if (!port)
		exit(43);
	*port++ = '\0';
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)number(port))};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (inet_pton(AF_INET, address, &to.sin_addr) != 1 || connect(fd, (struct sockaddr *)&to, sizeof to) < 0) {
		perror("executor: connect to the slave");
		exit(44);
	}
	return fd;
}

static void obey(char *line, long shutdown_ms)
{
	char *rest = NULL, *verb = strtok_r(line, " \n", &rest);
	pthread_t thread;
	if (!verb)
		return;
	if (strcmp(verb, "run") == 0) {
		int id = (int)number(strtok_r(NULL, " \n", &rest)) % TASKS;
		long ms = number(strtok_r(NULL, " \n", &rest));
		tasks[id] = (struct task){id, ms, (size_t)number(strtok_r(NULL, " \n", &rest)) << 20};
		atomic_fetch_add(&filling, 1);
		if (pthread_create(&thread, NULL, task_run, &tasks[id]) != 0)
			exit(45);
	} else if (strcmp(verb, "exit") == 0) {
		exit((int)number(strtok_r(NULL, " \n", &rest)));
	} else {
		nanosleep(&(struct timespec){shutdown_ms / 1000, shutdown_ms % 1000 * 1000000}, NULL);
		killpg(0, SIGKILL);
	}
}

int main(int argc, char **argv)
{
	char line[512];
	say_line_by_line();
	slave = slave_connect();
	printf("executor of user %d in %s\n", (int)getuid(), getcwd(line, sizeof line));
	snprintf(line, sizeof line, "registered %s\n", getenv("MESOS_CONTAINER"));
	say(line);
	FILE *orders = fdopen(dup(slave), "r");
	while (orders && fgets(line, sizeof line, orders))
		obey(line, argc > 1 ? number(argv[1]) : 0);
	/* The slave is gone. */
	killpg(0, SIGKILL);
	return 46;
}
