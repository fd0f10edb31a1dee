/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench [-c] [-q] [-o FILE] [-p PAYLOAD] [GROUP...]   measures, prints a table, writes FILE; -c: fails on a miss
 * bench compare OLD NEW                               says what got worse, and fails if something did
 * bench loop KIND COUNT                               COUNT launches that are the limit, bare, no-init or defaults
 */
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "tests/bench/bench.h"

static const struct group {
	const char *name;
	void (*run)(void);
} groups[] = {
	{"launch", bench_launch},   {"layers", bench_layers},     {"programs", bench_programs},
	{"parts", bench_parts},     {"resident", bench_resident}, {"mounts", bench_mounts},
	{"threads", bench_threads}, {"update", bench_update},     {"lxc-cgroup", bench_lxc_cgroup},
	{"kill", bench_kill},       {"memory", bench_memory},     {"crowd", bench_crowd},
};

struct request {
	const char *file;
	char **groups;
	int n_groups;
	bool check;
};

static bool wanted(const struct request *request, const char *name)
{
	for (int i = 0; i < request->n_groups; i++)
		if (strcmp(request->groups[i], name) == 0)
			return true;
	return request->n_groups == 0;
}

static double load_now(void)
{
	double load = 0;
	getloadavg(&load, 1);
	return load;
}

struct processor {
	char model[128];
	bool virtual;
};

static struct processor processor_describe(void)
{
	struct processor processor = {0};
	char *line = NULL;
	size_t room = 0;
	FILE *file = fopen("/proc/cpuinfo", "re");
	while (file && getline(&line, &room, file) > 0) {
		if (!*processor.model)
			sscanf(line, "model name : %127[^\n]", processor.model);
		processor.virtual |= strncmp(line, "flags", 5) == 0 && strstr(line, " hypervisor");
	}
	if (file)
		fclose(file);
	free(line);
	return processor;
}

/* JSON. A figure of a busy machine is worth less than its digits say: hence the load. */
static char *machine_describe(double load_before)
{
	struct processor processor = processor_describe();
	struct utsname name;
	uname(&name);
	name.release[strcspn(name.release, "-")] = '\0'; /* who built it does not matter */
	struct berth *berth = bench_open();
	json_t *machine = json_pack("{s:s, s:s, s:s, s:i, s:b, s:I, s:[f, f], s:s}", "kernel", name.release,
				    "architecture", name.machine, "processor", processor.model, "processors",
				    (int)sysconf(_SC_NPROCESSORS_ONLN), "virtual", processor.virtual, "memory_mib",
				    (json_int_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE) >> 20, "load",
				    load_before, load_now(), "cgroups", berth_cgroup_layout(berth));
	berth_close(berth);
	char *text = machine ? json_dumps(machine, 0) : NULL;
	json_decref(machine);
	if (!text)
		fail("out of memory");
	return text;
}

static int measure(void *data)
{
	const struct request *request = data;
	double load = load_now();
	for (size_t i = 0; i < sizeof groups / sizeof *groups; i++)
		if (wanted(request, groups[i].name))
			groups[i].run();
	size_t missed = targets_print();
	if (request->file) {
		char *machine = machine_describe(load);
		figures_write(request->file, machine, quick);
		free(machine);
	}
	return request->check && missed > 0;
}

/* For tracing: launches, and nothing else. */
static int loop(void *data)
{
	static const char *const kinds[] = {"limit", "bare", "no-init", "defaults"};
	char **argv = data;
	struct limit limit;
	size_t kind = 0;
	while (kind < 4 && strcmp(kinds[kind], argv[0]) != 0)
		kind++;
	if (kind == 4 || limit_open(&limit, bench_parent, ROOT, idle_argv) < 0)
		fail("there is no kind '%s', or no cgroups", argv[0]);
	struct berth *berth = bench_open();
	struct job job = job_make(kind < 2 ? JOB_BARE : kind == 2 ? JOB_NO_INIT : JOB_DEFAULTS, berth, &limit, NULL);
	struct samples samples = {0};
	for (int left = atoi(argv[1]); left > 0; left--)
		samples_add(&samples, kind ? job_run(&job) : job_run_limit(&job));
	printf("%s: p50 %.0f us\n", argv[0], samples_quantile(&samples, 0.5));
	samples_free(&samples);
	return 0;
}

int main(int argc, char **argv)
{
	static const char idle[] = "build/tests/payload/idle";
	if (argc == 4 && strcmp(argv[1], "compare") == 0)
		return figures_compare(argv[2], argv[3], stdout) > 0;
	if (argc == 4 && strcmp(argv[1], "loop") == 0)
		return place_run(loop, argv + 2, idle);
	struct request request = {0};
	const char *payload = idle;
	for (int option; (option = getopt(argc, argv, "cqo:p:")) != -1;) {
		if (option == 'c')
			request.check = true;
		else if (option == 'q')
			quick = true;
		else if (option == 'o')
			request.file = optarg;
		else if (option == 'p')
			payload = optarg;
		else
			return 2;
	}
	request.groups = argv + optind;
	request.n_groups = argc - optind;
	for (int i = optind; i < argc; i++) {
		bool known = false;
		for (size_t g = 0; g < sizeof groups / sizeof *groups; g++)
			known |= strcmp(argv[i], groups[g].name) == 0;
		if (!known)
			fail("there is no group '%s'", argv[i]);
	}
	return place_run(measure, &request, payload);
}
