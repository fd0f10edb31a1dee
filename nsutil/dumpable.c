/* SPDX-License-Identifier: Apache-2.0 */
#include "nsutil/dumpable.h"

#include <pthread.h>
#include <sys/prctl.h>

/* The one thing that is kept for the whole process, because the kernel keeps one flag for the whole process. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t released = PTHREAD_COND_INITIALIZER;
static unsigned int held;
static int before;

void dumpable_hold(void)
{
	pthread_mutex_lock(&lock);
	if (held++ == 0) {
		before = prctl(PR_GET_DUMPABLE);
		/* 2, "by root alone", which can't be asked for, keeps others out too. */
		if (before == 1)
			prctl(PR_SET_DUMPABLE, 0);
	}
	pthread_mutex_unlock(&lock);
}

void dumpable_release(void)
{
	pthread_mutex_lock(&lock);
	if (--held == 0 && before < 2)
		prctl(PR_SET_DUMPABLE, before);
	if (held == 0)
		pthread_cond_broadcast(&released);
	pthread_mutex_unlock(&lock);
}

void dumpable_require(void)
{
	pthread_mutex_lock(&lock);
	while (held > 0)
		pthread_cond_wait(&released, &lock);
}

void dumpable_done(void)
{
	pthread_mutex_unlock(&lock);
}
