/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Takes memory as tasks do.
 *
 * hog hold MB [PAUSE]       writes all over MB megabytes until its input ends, every PAUSE microseconds (0: at once)
 * hog grow MB STEP MS       the same, but takes them STEP by STEP, one each MS milliseconds
 * hog ask                   as its input says: "take MB", "free", each answered; ends with it
 * hog cache MB PATH         reads so much below PATH into the page cache, and waits for its input to end
 * hog schedule ROWS         an executor whose tasks run by a schedule, in one process. A row is four numbers: when it
 * is launched (ms), for how long (ms), MB requested, MB used. Says "launch N MB", and waits for a line from the slave,
 * who has set the limits by then; says "finished N MB" after it. Ends when the last task has.
 */
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "payload.h"

enum { TASKS = 16, WRITES = 4096 };

static long now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void sleep_us(long us)
{
	nanosleep(&(struct timespec){.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000}, NULL);
}

/* ---- Memory ---- */

static char *take(size_t size)
{
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED) {
		fprintf(stderr, "hog: no memory\n");
		exit(98);
	}
	/* Not zeroes, and not all the same: nothing may fold or drop the pages. */
	for (size_t i = 0; i < size; i += 4096)
		memcpy(memory + i, &i, sizeof i);
	return memory;
}

/* Single bytes at pseudo-random positions. */
static void scribble(char *memory, size_t size, uint32_t *x, int writes)
{
	for (int i = 0; i < writes; i++) {
		*x = *x * 1664525 + 1013904223;
		((volatile char *)memory)[(uint64_t)*x * size >> 32] = (char)i;
	}
}

static int input_ended(void)
{
	struct pollfd input = {.fd = 0, .events = POLLIN};
	char byte;
	return poll(&input, 1, 0) > 0 && read(0, &byte, 1) <= 0;
}

static int hold(long mb, long pause_us)
{
	size_t size = (size_t)mb << 20;
	char *memory = take(size);
	uint32_t x = 1;
	printf("holding\n");
	while (!input_ended()) {
		scribble(memory, size, &x, pause_us ? 1 : WRITES);
		if (pause_us)
			sleep_us(pause_us);
	}
	munmap(memory, size);
	return 0;
}

static int grow(long mb, long step, long ms)
{
	for (long taken = 0; taken < mb; taken += step) {
		take((size_t)step << 20);
		printf("taken %ld\n", taken + step);
		sleep_us(ms * 1000);
	}
	printf("grown\n");
	while (!input_ended())
		sleep_us(1000);
	return 0;
}

static int ask(void)
{
	char line[64], *memory = NULL;
	size_t size = 0;
	printf("ready\n");
	while (fgets(line, sizeof line, stdin)) {
		line[strcspn(line, "\n")] = '\0';
		if (memory)
			munmap(memory, size);
		memory = NULL;
		if (strncmp(line, "take ", 5) == 0) {
			size = (size_t)number(line + 5) << 20;
			memory = take(size);
			printf("taken\n");
		} else {
			printf("freed\n");
		}
	}
	return 0;
}

/* ---- Page cache ---- */

static long cache_left;

static int cache_file(const char *path, const struct stat *status, int type, struct FTW *where)
{
	(void)where;
	static char block[1 << 16];
	int fd = type == FTW_F && S_ISREG(status->st_mode) ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (fd < 0)
		return 0;
	/* What others have read already would stay theirs. */
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	ssize_t length = 1;
	for (; cache_left > 0 && length > 0; cache_left -= length)
		if ((length = read(fd, block, sizeof block)) <= 0)
			break;
	close(fd);
	return cache_left <= 0;
}

static int cache(long mb, const char *path)
{
	cache_left = mb << 20;
	nftw(path, cache_file, 16, FTW_PHYS);
	printf("%s\n", cache_left > 0 ? "too little to read" : "cached");
	while (!input_ended())
		sleep_us(1000);
	return 0;
}

/* ---- A schedule ---- */

struct task {
	long number, at_ms, for_ms, requested, used;
	pthread_barrier_t *together;
};

static void *task_run(void *data)
{
	const struct task *task = data;
	size_t size = (size_t)task->used << 20;
	char *memory = take(size);
	uint32_t x = (uint32_t)task->number;
	pthread_barrier_wait(task->together);
	long end = now_ms() + task->for_ms;
	do
		scribble(memory, size, &x, WRITES);
	while (now_ms() < end);
	munmap(memory, size);
	printf("finished %ld %ld\n", task->number, task->requested);
	return NULL;
}

static int schedule(char **rows, int count)
{
	static struct task tasks[TASKS];
	static pthread_t threads[TASKS];
	static pthread_barrier_t together[TASKS];
	char line[64];
	int n = count / 4;
	if (n < 1 || n > TASKS)
		return 99;
	for (int i = 0; i < n; i++) {
		char **row = rows + 4 * (size_t)i;
		tasks[i] = (struct task){.number = i + 1,
					 .at_ms = number(row[0]),
					 .for_ms = number(row[1]),
					 .requested = number(row[2]),
					 .used = number(row[3])};
	}
	/* Each waits at the barrier of the first task that is launched when it is; and so does the schedule. */
	for (int i = 0; i < n; i++) {
		unsigned int alike = 0;
		for (int j = n - 1; j >= 0; j--)
			if (tasks[j].at_ms == tasks[i].at_ms)
				tasks[i].together = &together[j], alike++;
		if (tasks[i].together == &together[i])
			pthread_barrier_init(&together[i], NULL, alike + 1);
	}
	long start = now_ms();
	for (int i = 0; i < n; i++) {
		long early = start + tasks[i].at_ms - now_ms();
		if (early > 0)
			sleep_us(early * 1000);
		printf("launch %ld %ld\n", tasks[i].number, tasks[i].requested);
		if (!fgets(line, sizeof line, stdin) || pthread_create(&threads[i], NULL, task_run, &tasks[i]) != 0)
			return 97;
		if (i + 1 < n && tasks[i + 1].at_ms == tasks[i].at_ms)
			continue;
		/* The time that the taking takes, which a busy machine may draw out, is no time of the schedule. */
		pthread_barrier_wait(tasks[i].together);
		start = now_ms() - tasks[i].at_ms;
	}
	for (int i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	printf("all finished\n");
	return 0;
}

int main(int argc, char **argv)
{
	say_line_by_line();
	const char *verb = argc > 1 ? argv[1] : "";
	if (strcmp(verb, "hold") == 0 && argc > 2)
		return hold(number(argv[2]), argc > 3 ? number(argv[3]) : 0);
	if (strcmp(verb, "grow") == 0 && argc > 4)
		return grow(number(argv[2]), number(argv[3]), number(argv[4]));
	if (strcmp(verb, "ask") == 0)
		return ask();
	if (strcmp(verb, "cache") == 0 && argc > 3)
		return cache(number(argv[2]), argv[3]);
	if (strcmp(verb, "schedule") == 0)
		return schedule(argv + 2, argc - 2);
	fprintf(stderr, "hog: what shall I do?\n");
	return 99;
}
