# docs/: the reference of system calls is generated. SPDX-License-Identifier: ISC
$(B)/syscalls.md: docs/syscalls.awk kernel/include/exo/syscalls.def $(wildcard kernel/sys*.c) kernel/transfer.S
	@mkdir -p $(@D); awk -f $^ > $@
ALL += $(B)/syscalls.md
