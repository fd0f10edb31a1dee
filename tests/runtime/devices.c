/* SPDX-License-Identifier: Apache-2.0 */
/* Devices: what can be made and opened inside by default, and what a container is given. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "cgroup/cgroup.h"
#include "nsutil/base/cleanup.h"
#include "runtime/devices.h"
#include "tests/runtime/fixture.h"

TestSuite(devices, .init = rt_init, .fini = rt_fini);

/* Whether there is a device to give: misc device 10:237, which nobody uses for a test's sake. */
static void require_loop_control(void)
{
	if (access("/dev/loop-control", F_OK) < 0)
		cr_skip_test("there is no /dev/loop-control here");
}

static struct berth_options tries(void)
{
	return RT_OPTIONS("act", "mknod", "/tmp/sda", "b 8 0", "mknod", "/tmp/mem", "c 1 1", "mknod", "/tmp/null",
			  "c 1 3", "mknod", "/tmp/whiteout", "c 0 0", "write", "/tmp/null", "x", "read", "/dev/zero",
			  "write", "/dev/full", "x");
}

Test(devices, only_the_few_can_be_made)
{
	rt_require_controller("devices");
	struct berth_options options = tries();
	const char *text = rt_output(&options);
	rt_expect_line(text, "mknod /tmp/sda=EPERM");
	rt_expect_line(text, "mknod /tmp/mem=EPERM");
	rt_expect_line(text, "mknod /tmp/null=ok");
	/* What overlay file systems hide files behind is no device. */
	rt_expect_line(text, "mknod /tmp/whiteout=ok");
	rt_expect_line(text, "write /tmp/null=ok");
	rt_expect_line(text, "write /dev/full=ENOSPC");
}

/* A node that came from elsewhere, in a layer or a volume, is as dead. */
Test(devices, nodes_that_are_there_open_no_way)
{
	rt_require_controller("devices");
	rt_root();
	cr_assert_eq(mknod(rt_path("root/kmsg"), S_IFCHR | 0666, makedev(1, 11)), 0);
	struct berth_options options = RT_OPTIONS("act", "open", "/kmsg", "w");
	rt_expect_line(rt_output(&options), "open /kmsg=EPERM");
	/* Which shows that it was the rules. */
	options.cgroup_files = (const char *const[]){"devices.allow=c 1:11 w", NULL};
	rt_expect_line(rt_output(&options), "open /kmsg=ok");
}

Test(devices, a_command_that_joins_is_under_the_rules_too)
{
	rt_require_controller("devices");
	struct berth_options options = RT_OPTIONS("act", "hold");
	struct rt_job *job = rt_job(&options);
	const char *const argv[] = {"/bin/act", "mknod", "/tmp/sda", "b 8 0", NULL};
	int out[2];
	cr_assert_eq(pipe(out), 0);
	struct berth_exec_options exec = BERTH_EXEC_OPTIONS_INIT;
	exec.argv = argv;
	exec.stdio = (const int[]){-1, out[1], -1};
	struct berth_process *process;
	rt_ok(berth_container_exec(job->container, &exec, &process, &rt.error));
	close(out[1]);
	char text[256] = "";
	rt_wait_readable(out[0]);
	cr_assert_gt(read(out[0], text, sizeof text - 1), 0);
	cr_expect_str_eq(text, "mknod /tmp/sda=EPERM\n");
	close(out[0]);
	int status;
	rt_ok(berth_process_wait(process, rt_patience(), &status, &rt.error));
	berth_process_close(process);
	rt_job_kill(job);
}

Test(devices, trusted_launches_have_no_rules)
{
	struct berth_options options = tries();
	options.flags |= BERTH_FEW_CGROUPS;
	rt_expect_line(rt_output(&options), "mknod /tmp/sda=ok");
}

Test(devices, given)
{
	rt_require_controller("devices");
	require_loop_control();
	const struct berth_device devices[] = {{"/dev/loop-control", NULL, "r"}, {"/dev/loop-control", "/x/y", NULL}};
	struct berth_options options =
		RT_OPTIONS("act", "open", "/dev/loop-control", "r", "open", "/dev/loop-control", "w", "chmod",
			   "/dev/loop-control", "777", "mknod", "/tmp/n", "c 10 237", "open", "/x/y", "w");
	options.devices = devices;
	options.n_devices = 1;
	const char *text = rt_output(&options);
	rt_expect_line(text, "open /dev/loop-control=ok");
	rt_expect_line(text, "open /dev/loop-control=EPERM");
	/* It is the host's own node. */
	rt_expect_line(text, "chmod /dev/loop-control=EROFS");
	rt_expect_line(text, "mknod /tmp/n=EPERM");
	options.n_devices = 2;
	options.flags |= BERTH_READ_ONLY;
	text = rt_output(&options);
	rt_expect_line(text, "open /x/y=ok");
	cr_expect_eq(rt_count(text, "open /dev/loop-control=ok"), 2);
	cr_expect_eq(access("/x", F_OK), -1);
}

Test(devices, links_are_followed_when_the_options_are_checked)
{
	require_loop_control();
	cr_assert_eq(symlink("/dev/loop-control", rt_path("link")), 0);
	const struct berth_device device = {rt_path("link"), "/dev/given", "rw"};
	struct berth_options options = RT_OPTIONS("act", "stat", "/dev/given");
	options.devices = &device;
	options.n_devices = 1;
	cr_expect(strstr(rt_output(&options), " 10,237\n"));
}

Test(devices, refused)
{
	static const struct {
		struct berth_device device;
		int code;
	} bad[] = {
		{{NULL, NULL, NULL}, EINVAL},          {{"dev/null", NULL, NULL}, EINVAL},
		{{"/dev/null", "x", NULL}, EINVAL},    {{"/dev/null", "/", NULL}, EINVAL},
		{{"/dev/null", NULL, ""}, EINVAL},     {{"/dev/null", NULL, "rx"}, EINVAL},
		{{"/dev/null", NULL, "rr"}, EINVAL},   {{"/dev/none", NULL, NULL}, ENOENT},
		{{"/etc/passwd", NULL, NULL}, ENODEV}, {{"/etc", NULL, NULL}, ENODEV},
	};
	struct berth_options options = RT_OPTIONS("act");
	options.n_devices = 1;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		options.devices = &bad[i].device;
		rt_launch_fails(&options, -bad[i].code, 125);
	}
	options.devices = &(const struct berth_device){"/dev/null", NULL, NULL};
	options.flags = BERTH_BARE_ROOT;
	rt_launch_fails(&options, -EINVAL, 125);
	options = RT_OPTIONS("act");
	options.cgroup_files = (const char *const[]){"devices.allow=everything", NULL};
	rt_launch_fails(&options, -EINVAL, 125);
}

/* berth makes its own /dev from inside the cgroup. */
Test(devices, a_container_may_be_denied_all)
{
	rt_require_controller("devices");
	struct berth_options options = RT_OPTIONS("act", "stat", "/dev/null", "open", "/dev/null", "r", "open",
						  "/dev/zero", "r", "mknod", "/tmp/random", "c 1 8");
	options.cgroup_files = (const char *const[]){"devices.deny=a", "devices.allow=c 1:5 r", NULL};
	const char *text = rt_output(&options);
	rt_expect_line(text, "stat /dev/null=c0666 0:0 1,3");
	rt_expect_line(text, "open /dev/null=EPERM");
	rt_expect_line(text, "open /dev/zero=ok");
}

Test(devices, all_can_be_allowed)
{
	rt_require_controller("devices");
	struct berth_options options = tries();
	options.cgroup_files = (const char *const[]){"devices.allow=a", NULL};
	rt_expect_line(rt_output(&options), "mknod /tmp/sda=ok");
}

static const char *inspected(struct berth_container *container)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	rt_ok(berth_container_inspect(container, out, &rt.error));
	fclose(out);
	static char kept[65536];
	snprintf(kept, sizeof kept, "%s", text);
	free(text);
	return kept;
}

Test(devices, shown)
{
	rt_require_controller("devices");
	require_loop_control();
	struct berth_options options = RT_OPTIONS("act", "hold");
	struct berth_container *container = rt_launch(&options);
	cr_expect(strstr(inspected(container), "\"device_rules\": \"default\""));
	rt_kill(container);
	options.devices = &(const struct berth_device){"/dev/loop-control", "/dev/lc", "rw"};
	options.n_devices = 1;
	container = rt_launch(&options);
	const char *text = inspected(container);
	cr_expect(strstr(text, "\"allow c 10:237 rw\""), "%s", text);
	cr_expect(strstr(text, "\"deny a\""), "%s", text);
	cr_expect(strstr(text, "\"target\": \"/dev/lc\""), "%s", text);
	rt_kill(container);
}

/* A machine on which no hierarchy has the controller. */
Test(devices, without_the_controller)
{
	struct cgroup_layout *none;
	cr_assert_eq(cgroup_layout_open("/dev/null", &none, NULL), 0);
	const uint64_t mknod = UINT64_C(1) << 27 /* CAP_MKNOD */;
	cleanup_spec struct spec spec = {0};
	struct error error = {0};
	struct berth_options options = RT_OPTIONS("act");
	cr_assert_eq(spec_from_options(NULL, &options, &spec, &error), 0, "%s", error.text);
	cr_expect(spec.capabilities & mknod);
	cr_expect_eq(devices_settle(none, &spec, &error), 0);
	cr_expect_not(spec.capabilities & mknod);
	cr_expect(spec.devices_unruled);
	cr_expect_eq(spec.limits.n_devices, 0);
	spec_free(&spec);
	options.cap_add = (const char *const[]){"MKNOD", NULL};
	cr_assert_eq(spec_from_options(NULL, &options, &spec, &error), 0, "%s", error.text);
	cr_expect_eq(devices_settle(none, &spec, &error), 0);
	cr_expect(spec.capabilities & mknod);
	spec_free(&spec);
	/* Rules that were asked for are not left out. */
	options.cgroup_files = (const char *const[]){"devices.deny=a", NULL};
	cr_assert_eq(spec_from_options(NULL, &options, &spec, &error), 0, "%s", error.text);
	cr_expect_eq(devices_settle(none, &spec, &error), -ENOENT);
	cgroup_layout_free(none);
}
