/* SPDX-License-Identifier: Apache-2.0 */
/* The init program, a part of the library: it needs no file beside it, and nothing to search for at run time. */
	.section .rodata.init_image, "a", @progbits
	.balign 64
	.global init_image_start
	.hidden init_image_start
	.type init_image_start, @object
init_image_start:
	.incbin INIT_IMAGE_PATH
	.size init_image_start, . - init_image_start
	.global init_image_end
	.hidden init_image_end
	.type init_image_end, @object
init_image_end:
	.byte 0
	.size init_image_end, 1

	.section .note.GNU-stack, "", @progbits
