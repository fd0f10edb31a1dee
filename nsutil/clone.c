/* SPDX-License-Identifier: Apache-2.0 */
#include "nsutil/clone.h"

#include <errno.h>
#include <sys/syscall.h>

/*
 * The child wakes up on an empty stack, behind the same instruction as the parent: only assembly can tell the two apart
 * before anything is read from the stack.
 */
long clone3_call(struct clone_args *args, size_t size, int (*run)(void *argument), void *argument)
{
#if defined(__x86_64__)
	register long result __asm__("rax") = SYS_clone3;
	register int (*function)(void *) __asm__("r12") = run;
	register void *data __asm__("r13") = argument;
	__asm__ volatile("syscall\n\t"
			 "testq %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "xorl %%ebp, %%ebp\n\t"
			 "movq %%r13, %%rdi\n\t"
			 "callq *%%r12\n\t"
			 "movl %%eax, %%edi\n\t"
			 "movl %[exit], %%eax\n\t"
			 "syscall\n\t"
			 "hlt\n"
			 "1:"
			 : "+r"(result)
			 : "D"(args), "S"(size), "r"(function), "r"(data), [exit] "i"(SYS_exit)
			 : "rcx", "r11", "memory");
	return result;
#elif defined(__aarch64__)
	register long result __asm__("x0") = (long)args;
	register long length __asm__("x1") = (long)size;
	register long number __asm__("x8") = SYS_clone3;
	register int (*function)(void *) __asm__("x19") = run;
	register void *data __asm__("x20") = argument;
	__asm__ volatile("svc #0\n\t"
			 "cbnz x0, 1f\n\t"
			 "mov x29, xzr\n\t"
			 "mov x0, x20\n\t"
			 "blr x19\n\t"
			 "mov x8, %[exit]\n\t"
			 "svc #0\n"
			 "1:"
			 : "+r"(result)
			 : "r"(length), "r"(number), "r"(function), "r"(data), [exit] "i"(SYS_exit)
			 : "memory");
	return result;
#else
	(void)args, (void)size, (void)run, (void)argument;
	return -ENOSYS;
#endif
}
