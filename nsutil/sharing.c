/* SPDX-License-Identifier: Apache-2.0 */
#include "nsutil/sharing.h"

#include <pthread.h>

#include "nsutil/dumpable.h"

void sharing_begin(struct sharing *sharing)
{
	sigset_t all;
	sigfillset(&all);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &sharing->cancel_state);
	pthread_sigmask(SIG_BLOCK, &all, &sharing->signals);
	dumpable_hold();
}

void sharing_end(const struct sharing *sharing)
{
	dumpable_release();
	pthread_sigmask(SIG_SETMASK, &sharing->signals, NULL);
	pthread_setcancelstate(sharing->cancel_state, NULL);
}
