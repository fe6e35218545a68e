/* dpf/tool/steps.h - instructions counted by stepping through them (ptrace(2)): exact, whatever
 * else the machine does. Layer: hosted tools. SPDX-License-Identifier: ISC
 */
#pragma once
#include <stdint.h>

/* User instructions that run(arg) takes, in a child process, the second time that it is called
 * there (so that what is bound at the first call is bound), and a constant few that are not its
 * own: subtract another count. 0: it ended early, may not be traced, or takes too many. */
uint64_t steps_of(void (*run)(void *arg), void *arg);
