/* kernel/boot.h - what the boot loader tells: memory, modules, command line.
 * SPDX-License-Identifier: ISC */
#pragma once
#include <stdint.h>

enum { BOOT_RANGES = 16 };

struct boot_memory {
	struct {
		uint64_t start, end; /* usable RAM from 1 MB on, whole pages */
	} range[BOOT_RANGES];
	uint32_t nranges;
	uint64_t end;          /* of the highest usable page */
	uint64_t kernel_start; /* image, then modules: in use up to reserved_end */
	uint64_t reserved_end;
};

/* Read the multiboot information at this physical address into *memory and into info
 * (module, cmdline). Everything that is needed is copied. */
void boot_read(uint32_t information, struct boot_memory *memory);

/* Create the first environment from the first module and give it what it starts with
 * (exo/image.h). Panics when the module is none. */
void boot_first(void);
