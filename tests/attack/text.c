/* SPDX-License-Identifier: Apache-2.0 */
/* Text from outside that holds every byte there is, and a state directory that others could have made. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "tests/attack/attack.h"

TestSuite(attack_text, .init = attack_init, .fini = rt_fini);

/* Every byte but NUL, and but a slash if it is to be a file's name. */
static const char *every_byte(bool is_file_name)
{
	static char of_all[256], of_file_name[256];
	char *text = is_file_name ? of_file_name : of_all, *end = text;
	for (int byte = 1; byte < 256; byte++)
		if (!is_file_name || byte != '/')
			*end++ = (char)byte;
	*end = '\0';
	return text;
}

/* What is told of the container is JSON, whatever it was given. */
static void expect_json(struct berth_container *container)
{
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);
	rt_ok(berth_container_inspect(container, stream, &rt.error));
	fclose(stream);
	json_t *json = json_loads(text, 0, NULL);
	cr_expect(json, "inspect is no JSON: %s", text);
	/* Nor does it speak to a terminal, by C1 controls for one. */
	for (const char *p = text; *p; p++)
		cr_expect(*p == '\n' || (*p >= ' ' && *p < 0x7f), "inspect has byte %#x", (unsigned char)*p);
	json_decref(json);
	free(text);
}

Test(attack_text, every_byte_in_name_argv_and_environment)
{
	const char *bytes = every_byte(false);
	char variable[600];
	snprintf(variable, sizeof variable, "EVERY=%s", bytes);
	struct berth_options options = RT_OPTIONS("look", bytes);
	options.name = bytes;
	options.env = (const char *const[]){variable, NULL};
	options.flags = BERTH_KEEP_RECORD;
	struct rt_job *job = rt_job(&options);
	struct berth_container *found = NULL;
	rt_ok(berth_container_find(rt.berth, bytes, &found, &rt.error));
	cr_expect_str_eq(berth_container_name(found), bytes);
	expect_json(found);
	berth_container_close(found);
	rt_expect_end(rt_job_end(job), BERTH_EXITED, 0);
	char line[600];
	snprintf(line, sizeof line, "arg=%s\n", bytes);
	cr_expect(strstr(job->text, line), "its arguments are others");
	snprintf(line, sizeof line, "env=EVERY=%s\n", bytes);
	cr_expect(strstr(job->text, line), "its environment is another");
	rt_ok(berth_container_find(rt.berth, bytes, &found, &rt.error));
	rt_ok(berth_container_remove(found, &rt.error));
	berth_container_close(found);
	/* Nothing has come to lie beside the state root. */
	cr_expect_eq(rt_state_entries(), 0u);
}

/* What is UTF-8 stays as it is, and comes back so. */
Test(attack_text, every_character_to_speak_to_a_terminal)
{
	static const char name[] = "caf\xc3\xa9 \xc2\x9b"
				   "31m \xe2\x80\xae";
	struct berth_options options = RT_OPTIONS("act", "hold");
	options.name = name;
	struct rt_job *job = rt_job(&options);
	expect_json(job->container);
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);
	rt_ok(berth_container_inspect(job->container, stream, &rt.error));
	fclose(stream);
	json_t *json = json_loads(text, 0, NULL);
	cr_expect_str_eq(json_string_value(json_object_get(json, "name")), name);
	json_decref(json);
	free(text);
	rt_expect_end(rt_job_end(job), BERTH_EXITED, 0);
}

Test(attack_text, every_byte_in_volume_workdir_and_root)
{
	const char *bytes = every_byte(true);
	char source[400], target[400], file[500], inside[500];
	snprintf(source, sizeof source, "%s/%s", rt.base, bytes);
	snprintf(target, sizeof target, "/volumes/%s", bytes);
	snprintf(file, sizeof file, "%s/file", source);
	snprintf(inside, sizeof inside, "%s/file", target);
	cr_assert_eq(mkdir(source, 0755), 0, "%s", strerror(errno));
	int fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	cr_assert(fd >= 0 && write(fd, "found\n", 6) == 6);
	close(fd);
	const struct berth_volume volumes[] = {{source, target, true}};
	struct berth_options options = RT_OPTIONS("escape", "mark", "file", "mark", inside, "hold");
	options.volumes = volumes;
	options.n_volumes = 1;
	options.workdir = target;
	struct rt_job *job = rt_job(&options);
	rt_job_expect(job, "mark=found");
	rt_job_expect(job, "mark=found");
	expect_json(job->container);
	rt_expect_end(rt_job_end(job), BERTH_EXITED, 0);

	/* As a layer's lower side, where overlayfs has separators of its own. */
	char overlay[500];
	snprintf(overlay, sizeof overlay, "overlay:%s", source);
	options = RT_OPTIONS("escape", "mark", "/file");
	options.root = overlay;
	const struct berth_volume program = {rt_path("root/bin"), "/bin", true};
	options.volumes = &program;
	options.n_volumes = 1;
	rt_expect_line(rt_output(&options), "mark=found");
}

/* One at a time: the kernel takes 64 bytes. What is refused is refused before anything is touched. */
Test(attack_text, every_byte_in_hostname)
{
	for (int byte = 1; byte < 256; byte++) {
		const char name[] = {'a', (char)byte, 'b', '\0'};
		struct berth_options options = RT_OPTIONS("escape", "mark", "/proc/sys/kernel/hostname");
		options.hostname = name;
		options.stdio = (const int[]){-1, -1, 2};
		struct berth_container *container = NULL;
		int code = berth_launch(rt.berth, &options, &container, &rt.error);
		if (code == 0)
			rt_end(rt_adopt(container));
		else
			cr_expect_eq(code, -EINVAL, "byte %d: %s", byte, rt.error.text);
	}
	cr_expect_eq(rt_state_entries(), 0u);
}

/* ---- The state directory ---- */

/* What the state root has of one container: its record, and init's file beside it. */
static char files[16][64];
static size_t n_files;

static void files_list(const char *path)
{
	cleanup_dir DIR *directory = opendir(path);
	cr_assert(directory, "%s: %s", path, strerror(errno));
	n_files = 0;
	for (const struct dirent *entry; (entry = readdir(directory)) && n_files < 16;)
		if (entry->d_type != DT_DIR)
			snprintf(files[n_files++], sizeof *files, "%.60s", entry->d_name);
	cr_assert_eq(n_files, 2);
}

static int as_somebody_else(void *data)
{
	const char *directory = data;
	if (setgid(1234) < 0 || setuid(1234) < 0)
		return 97;
	char path[512];
	int found = 0;
	for (size_t i = 0; i < n_files; i++) {
		snprintf(path, sizeof path, "%s/%s", directory, files[i]);
		found += open(path, O_RDONLY | O_CLOEXEC) >= 0 || errno != EACCES;
		found += open(path, O_WRONLY | O_CLOEXEC) >= 0 || errno != EACCES;
	}
	snprintf(path, sizeof path, "%s/new", directory);
	found += open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) >= 0;
	return found;
}

Test(attack_text, state_is_for_its_owner_alone)
{
	umask(0);
	struct berth_options options = RT_OPTIONS("act", "hold");
	options.name = "kept";
	struct rt_job *job = rt_job(&options);
	files_list(rt.state);
	struct stat status;
	cr_assert_eq(stat(rt.state, &status), 0);
	cr_expect_eq(status.st_mode & 07777, 0700u, "the state root has mode %04o", status.st_mode & 07777);
	for (size_t i = 0; i < n_files; i++) {
		char path[1200];
		snprintf(path, sizeof path, "%s/%s", rt.state, files[i]);
		cr_assert_eq(stat(path, &status), 0, "%s: %s", path, strerror(errno));
		cr_expect_eq(status.st_mode & 07777, 0600u, "%s has mode %04o", path, status.st_mode & 07777);
	}
	int found = rt_wait_child(rt_fork(as_somebody_else, rt.state));
	cr_expect(WIFEXITED(found) && WEXITSTATUS(found) == 0, "somebody else got at %d things", WEXITSTATUS(found));
	/* Where the root is open to look at, as an administrator may have made it. */
	cr_assert_eq(chmod(rt.state, 0755), 0);
	found = rt_wait_child(rt_fork(as_somebody_else, rt.state));
	cr_expect(WIFEXITED(found) && WEXITSTATUS(found) == 0, "somebody else got at %d things", WEXITSTATUS(found));
	rt_expect_end(rt_job_end(job), BERTH_EXITED, 0);
}

/* Nor is it shown in a root that is a directory it lies in. The names of its own containers would be there. */
Test(attack_text, state_is_not_shown_in_a_root_around_it)
{
	char roots[3][160];
	snprintf(roots[0], sizeof roots[0], "%s", rt.base);
	snprintf(roots[1], sizeof roots[1], "overlay:%s", rt.base);
	snprintf(roots[2], sizeof roots[2], "framework:F:%s", rt.base);
	rt_write("beside/file", "x");
	cr_assert_eq(mkdir(rt.data, 0700), 0);
	for (size_t i = 0; i < 3; i++) {
		struct berth_options options = RT_OPTIONS("act");
		options.root = roots[i];
		options.argv = (const char *const[]){"/root/bin/act", "list", "/state",  "list",
						     "/data",         "list", "/beside", NULL};
		const char *text = rt_output(&options);
		rt_expect_line(text, "list /state=");
		rt_expect_line(text, "list /data=");
		rt_expect_line(text, "list /beside=file");
	}
	rt_ok(berth_root_remove(rt.berth, "F", &rt.error));
}

static void expect_refused(const char *state, const char *data, int code)
{
	struct berth_config config = {.size = sizeof config, .state_root = state, .data_root = data};
	struct berth *berth = NULL;
	int got = berth_open(&config, &berth, &rt.error);
	cr_expect_eq(got, -code, "%s and %s gave %d: %s", state, data, got, rt.error.text);
	if (got == 0)
		berth_close(berth);
}

/* Neither root is taken from others, nor one that others can write to, nor through a link. */
Test(attack_text, roots_of_others)
{
	static const mode_t modes[] = {0777, 01777, 0720, 0702};
	char path[256];
	strcpy(path, rt_path("theirs"));
	cr_assert_eq(mkdir(path, 0700), 0);
	expect_refused(path, rt.data, 0);
	expect_refused(rt.state, path, 0);
	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
		cr_assert_eq(chmod(path, modes[i]), 0);
		expect_refused(path, rt.data, EPERM);
		expect_refused(rt.state, path, EPERM);
	}
	cr_assert_eq(chmod(path, 0700), 0);
	cr_assert_eq(chown(path, 1234, 0), 0);
	expect_refused(path, rt.data, EPERM);
	expect_refused(rt.state, path, EPERM);
	cr_assert_eq(chown(path, 0, 0), 0);
	cr_assert_eq(symlink(path, rt_path("link")), 0);
	expect_refused(rt_path("link"), rt.data, ENOTDIR);
}
