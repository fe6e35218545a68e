/* libnet/exos/crt0.S - the first instructions of a program that spawn.c has started: all
 * registers are 0. SPDX-License-Identifier: ISC */
#include "libnet/exos/memory.h"

	.text
	.globl _start
_start:
	mov $EXOS_STACK_TOP, %esp
	call exos_start
	ud2

	.section .note.GNU-stack, "", @progbits
