/* kernel/boot.c - read what the multiboot loader left behind.
 *
 * Source: Multiboot Specification 0.6.96, 3.3. SPDX-License-Identifier: ISC */
#include "exo/layout.h"
#include "kernel/boot.h"
#include "kernel/info.h"
#include "kernel/kmap.h"
#include "kernel/log.h"
#include "kernel/panic.h"
#include "kernel/string.h"

enum { HAS_CMDLINE = 1 << 2, HAS_MODULES = 1 << 3, HAS_MMAP = 1 << 6, MMAP_RAM = 1 };

struct multiboot_info {
	uint32_t flags, mem_lower, mem_upper, boot_device, cmdline;
	uint32_t mods_count, mods_addr, syms[4];
	uint32_t mmap_length, mmap_addr;
};

struct multiboot_module {
	uint32_t start, end, cmdline, zero;
};

struct __attribute__((packed)) multiboot_range {
	uint32_t size; /* of the rest */
	uint64_t start, length;
	uint32_t type;
};

#define MB (1ull << 20)
#define REACH (512ull << 30) /* physical memory the direct map has room for */

extern uint8_t image_start[], image_end[];

static void add_range(struct boot_memory *m, uint64_t start, uint64_t end)
{
	start = start < MB ? MB : (start + 4095) & ~4095ull;
	end = (end > REACH ? REACH : end) & ~4095ull;
	if (start >= end || m->nranges == BOOT_RANGES)
		return;
	m->range[m->nranges].start = start;
	m->range[m->nranges++].end = end;
	if (end > m->end)
		m->end = end;
}

static void read_ranges(const struct multiboot_info *mbi, struct boot_memory *m)
{
	if (!(mbi->flags & HAS_MMAP))
		panic("boot: the loader gave no memory map");
	for (uint32_t at = 0; at < mbi->mmap_length;) {
		const struct multiboot_range *r = kva(mbi->mmap_addr + at);

		if (r->type == MMAP_RAM)
			add_range(m, r->start, r->start + r->length);
		at += r->size + sizeof r->size;
	}
}

/* A module's name: the words after its file name, else the file's base name. */
static void copy_name(char *to, size_t size, const char *from)
{
	const char *name = from;
	size_t n = 0;

	for (const char *c = from; *c && *c != ' '; c++)
		name = *c == '/' ? c + 1 : name;
	for (const char *c = from; *c; c++)
		if (*c == ' ' && c[1] && c[1] != ' ') {
			name = c + 1;
			break;
		}
	for (; n + 1 < size && name[n]; n++)
		to[n] = name[n];
	to[n] = '\0';
}

static void read_modules(const struct multiboot_info *mbi, struct boot_memory *m)
{
	uint32_t n = mbi->flags & HAS_MODULES ? mbi->mods_count : 0;
	const struct multiboot_module *mod = kva(mbi->mods_addr);

	if (n > EXO_MODULE_MAX)
		panic("boot: %u modules, %d is the limit", n, EXO_MODULE_MAX);
	for (uint32_t i = 0; i < n; i++) {
		struct exo_module *out = &info.module[i];
		uint64_t end = (mod[i].end + 4095ull) & ~4095ull;

		if (mod[i].start % EXO_PAGE_SIZE || mod[i].end < mod[i].start)
			panic("boot: module %u lies at %x..%x", i, mod[i].start, mod[i].end);
		out->page = mod[i].start >> EXO_PAGE_SHIFT;
		out->size = mod[i].end - mod[i].start;
		copy_name(out->name, sizeof out->name, kva(mod[i].cmdline));
		if (end > m->reserved_end)
			m->reserved_end = end;
	}
	info.modules = n;
}

void boot_read(uint32_t information, struct boot_memory *m)
{
	const struct multiboot_info *mbi = kva(information);

	m->kernel_start = (uint64_t)image_start - KVMA;
	m->reserved_end = (uint64_t)image_end - KVMA;
	if (mbi->flags & HAS_CMDLINE) {
		const char *text = kva(mbi->cmdline);

		for (size_t i = 0; i + 1 < sizeof info.cmdline && text[i]; i++)
			info.cmdline[i] = text[i];
	}
	read_ranges(mbi, m);
	read_modules(mbi, m);
}
