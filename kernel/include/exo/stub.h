/* exo/stub.h - ring-3 stubs of the system calls: sys_NAME(arguments) -> long.
 *
 * Generated from exo/syscalls.def by the preprocessor. For programs that run on the
 * kernel; the kernel itself never includes this.
 * Layer: ABI. SPDX-License-Identifier: ISC
 */
#pragma once
#include <stdint.h>
#include "exo/call.h"
#include "exo/syscall.h"

#define STUB0(name)                                    \
	static inline long sys_##name(void)            \
	{                                              \
		return exo_syscall(SYS_##name, 0, 0, 0, 0, 0, 0); \
	}
#define STUB1(name, ta, a)                             \
	static inline long sys_##name(ta a)            \
	{                                              \
		return exo_syscall(SYS_##name, a, 0, 0, 0, 0, 0); \
	}
#define STUB2(name, ta, a, tb, b)                      \
	static inline long sys_##name(ta a, tb b)      \
	{                                              \
		return exo_syscall(SYS_##name, a, b, 0, 0, 0, 0); \
	}
#define STUB3(name, ta, a, tb, b, tc, c)               \
	static inline long sys_##name(ta a, tb b, tc c) \
	{                                              \
		return exo_syscall(SYS_##name, a, b, c, 0, 0, 0); \
	}
#define STUB4(name, ta, a, tb, b, tc, c, td, d)        \
	static inline long sys_##name(ta a, tb b, tc c, td d) \
	{                                              \
		return exo_syscall(SYS_##name, a, b, c, d, 0, 0); \
	}
#define STUB5(name, ta, a, tb, b, tc, c, td, d, te, e) \
	static inline long sys_##name(ta a, tb b, tc c, td d, te e) \
	{                                              \
		return exo_syscall(SYS_##name, a, b, c, d, e, 0); \
	}
#define STUB6(name, ta, a, tb, b, tc, c, td, d, te, e, tf, f) \
	static inline long sys_##name(ta a, tb b, tc c, td d, te e, tf f) \
	{                                              \
		return exo_syscall(SYS_##name, a, b, c, d, e, f); \
	}
#define S(n, name, text, ...) STUB##n(name __VA_OPT__(,) __VA_ARGS__)
#include "exo/syscalls.def"
#undef S
