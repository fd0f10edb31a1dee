/* SPDX-License-Identifier: Apache-2.0 */
/* The default seccomp filter, compiled by the build (seccomp/generate.c): a launch only copies it. */
	.section .rodata.seccomp_image, "a", @progbits
	.balign 64
	.global seccomp_image_start
	.hidden seccomp_image_start
	.type seccomp_image_start, @object
seccomp_image_start:
	.incbin SECCOMP_IMAGE_PATH
	.size seccomp_image_start, . - seccomp_image_start
	.global seccomp_image_end
	.hidden seccomp_image_end
	.type seccomp_image_end, @object
seccomp_image_end:
	.byte 0
	.size seccomp_image_end, 1

	.section .note.GNU-stack, "", @progbits
