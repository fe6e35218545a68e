/* kernel/main.c - boot, in the order in which things become possible.
 * SPDX-License-Identifier: ISC */
#include "exo/layout.h"
#include "kernel/boot.h"
#include "kernel/cap.h"
#include "kernel/cpu.h"
#include "kernel/device.h"
#include "kernel/env.h"
#include "kernel/filter.h"
#include "kernel/fragment.h"
#include "kernel/info.h"
#include "kernel/kmap.h"
#include "kernel/log.h"
#include "kernel/nic.h"
#include "kernel/page.h"
#include "kernel/pair.h"
#include "kernel/ring.h"
#include "kernel/sched.h"
#include "kernel/stlb.h"
#include "kernel/timer.h"

_Noreturn void kernel_main(uint32_t information);
extern uint64_t boot_tsc;

static void expose(void)
{
	uint64_t npages = page_count();

	info_expose(EXO_INFO, &info, sizeof info);
	info_expose(EXO_PAGES, pages, npages * sizeof *pages);
	info_expose(EXO_ENVS, env_public, EXO_ENV_MAX * sizeof *env_public);
	info_expose(EXO_SLICES, slices, EXO_SLICE_MAX * sizeof *slices);
	info_expose(EXO_FILTERS, filter_info, EXO_FILTER_MAX * sizeof *filter_info);
	info_expose(EXO_LOG, log_exposed(), sizeof(struct exo_log));
}

_Noreturn void kernel_main(uint32_t information)
{
	struct boot_memory memory = { 0 };

	info.abi = EXO_ABI_VERSION;
	info.boot_tsc = boot_tsc;
	log_init();
	boot_read(information, &memory);
	page_init(&memory);
	cpu_init();
	kmap_init(page_count());
	cpu()->cr3 = kmap_top();
	stlb_init();
	timer_init();
	cap_init();
	env_init();
	sched_init();
	device_init();
	ring_init();
	pair_init();
	filter_init();
	fragment_init();
	nic_init();
	expose();
	timer_route(CONSOLE_IRQ, VEC_CONSOLE, 0, false);
	log_printf("exonet: %u of %u pages free, %lu MHz, %u modules, network %s, after %lu us\n",
	           info.free_pages, info.npages, info.tsc_hz / 1000000, info.modules,
	           info.nic.present ? "up" : "absent",
	           (rdtsc() - boot_tsc) / (info.tsc_hz / 1000000));
	boot_first();
	sched_run();
}
