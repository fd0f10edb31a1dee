/* SPDX-License-Identifier: Apache-2.0 */
/* Which framework a container belongs to, read from its name. */
#ifndef RUNTIME_LXC_NAMES_H
#define RUNTIME_LXC_NAMES_H

/*
 * The framework's ID in a name as slaves have given them:
 *
 *     nexus.slave-S.framework-F   mesos.slave-S.framework-F   mesos.executor-E.framework-F
 *     mesos_executor_E_framework_F
 *
 * E is chosen by users and may hold anything, "_framework_" too; F never does, so the last one counts. Any other name
 * is a framework of its own. Points into the name.
 */
const char *lxc_name_framework(const char *name);

#endif
