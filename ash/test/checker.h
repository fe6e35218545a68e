/* An independent check of emitted code. SPDX-License-Identifier: ISC */
#pragma once
#include "ash/tool/host.h"

/* Decode the loaded program's body again, by capstone. Returns null, or the rule that an
 * instruction breaks. Rules: only listed instructions; jumps inside the body lead to starts
 * of BPF instructions or stay inside one's code; memory only as window + reduced pointer,
 * window + rbp, or the slot; nothing writes the window or rbp, and the budget only falls. */
const char *check_output(const struct host *h);
