/* kernel/user.h - user memory, reached only through the direct map.
 *
 * A user address is a struct uptr, so that it cannot be dereferenced by mistake.
 * SPDX-License-Identifier: ISC */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct env;

struct uptr {
	uint64_t va;
};
static inline struct uptr uptr(uint64_t va) { return (struct uptr){ va }; }

/* Kernel address of n readable bytes of env's, if they lie in one page that it maps; NULL
 * otherwise. For now: until it runs again. */
const void *user_reach(struct env *env, uint64_t va, uint32_t n);

/* Copy n bytes from or to env's memory. False, if a page of it is not mapped with the
 * access needed; then part of the bytes may have been copied. */
bool copyin(struct env *env, void *to, struct uptr from, size_t n)
        __attribute__((warn_unused_result));
bool copyout(struct env *env, struct uptr to, const void *from, size_t n)
        __attribute__((warn_unused_result));
