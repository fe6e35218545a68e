/* exo/image.h - the first program: the one thing the kernel itself loads.
 *
 * The first boot module is a flat image. The kernel maps its pages, read-only and
 * executable, from EXO_FIRST_VA on, and starts the first environment at EXO_FIRST_VA +
 * 8 with rdi = 0. Everything else (its data, its stack, other programs) is for that
 * environment to arrange: the kernel knows no executable format.
 *
 *   offset 0  8 bytes  EXO_FIRST_MAGIC
 *   offset 8           the first instruction
 *
 * It holds SLOT_NIC, SLOT_MACHINE, the pages of every boot module from SLOT_MODULES on
 * (its own image first), and one time slice.
 * Layer: ABI; also for assembly. SPDX-License-Identifier: ISC
 */
#pragma once

#define EXO_FIRST_VA    0x400000
#define EXO_FIRST_MAGIC "EXOFIRST"
