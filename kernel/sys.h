/* kernel/sys.h - the system calls' prototypes, from the one table.
 *
 * Each handler decodes first (every check, no side effect that outlives it), then
 * commits (cannot fail). The caller is cpu()->env. SPDX-License-Identifier: ISC */
#pragma once
#include <stdint.h>
#include "exo/syscall.h"

#define ARGS0() void
#define ARGS1(ta, a) ta a
#define ARGS2(ta, a, tb, b) ta a, tb b
#define ARGS3(ta, a, tb, b, tc, c) ta a, tb b, tc c
#define ARGS4(ta, a, tb, b, tc, c, td, d) ta a, tb b, tc c, td d
#define ARGS5(ta, a, tb, b, tc, c, td, d, te, e) ta a, tb b, tc c, td d, te e
#define ARGS6(ta, a, tb, b, tc, c, td, d, te, e, tf, f) ta a, tb b, tc c, td d, te e, tf f
#define S(n, name, text, ...) long sys_##name(ARGS##n(__VA_ARGS__));
#include "exo/syscalls.def"
#undef S
