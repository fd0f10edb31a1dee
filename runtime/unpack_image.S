/* SPDX-License-Identifier: Apache-2.0 */
/* The program that unpacks archives, a part of the library as init is. */
	.section .rodata.unpack_image, "a", @progbits
	.balign 64
	.global unpack_image_start
	.hidden unpack_image_start
	.type unpack_image_start, @object
unpack_image_start:
	.incbin UNPACK_IMAGE_PATH
	.size unpack_image_start, . - unpack_image_start
	.global unpack_image_end
	.hidden unpack_image_end
	.type unpack_image_end, @object
unpack_image_end:
	.byte 0
	.size unpack_image_end, 1

	.section .note.GNU-stack, "", @progbits
