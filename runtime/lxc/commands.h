/* SPDX-License-Identifier: Apache-2.0 */
/* The commands. Each takes its arguments, argv[0] being its name, and returns its exit status. */
#ifndef RUNTIME_LXC_COMMANDS_H
#define RUNTIME_LXC_COMMANDS_H

int lxc_attach(int argc, char **argv);
int lxc_cgroup(int argc, char **argv);
int lxc_checkconfig(int argc, char **argv);
int lxc_execute(int argc, char **argv);
int lxc_freeze(int argc, char **argv);
int lxc_info(int argc, char **argv);
int lxc_kill(int argc, char **argv);
int lxc_ls(int argc, char **argv);
int lxc_monitor(int argc, char **argv);
int lxc_ps(int argc, char **argv);
int lxc_stop(int argc, char **argv);
int lxc_unfreeze(int argc, char **argv);
int lxc_version(int argc, char **argv);
int lxc_wait(int argc, char **argv);

#endif
