/* SPDX-License-Identifier: Apache-2.0 */
/* Uses all the CPU it gets, until it is killed. */
#include "payload.h"

int main(void)
{
	say_line_by_line();
	printf("spinning\n");
	for (volatile unsigned long i = 0;; i++)
		;
}
