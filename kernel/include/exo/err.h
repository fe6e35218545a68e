/* exo/err.h - every failure the kernel and its libraries report.
 *
 * One list: the enum, the names and the docs table are generated from it, so
 * they cannot drift apart. Functions return a non-negative result or -E_X.
 * Layer: ABI.
 * SPDX-License-Identifier: ISC
 */
#pragma once

#define EXO_ERRORS(X)                                                             \
	X(INVAL, "argument outside its documented range")                         \
	X(FAULT, "user address not mapped with the access needed")                \
	X(PERM, "capability or slot missing, stale, of another type, or too weak") \
	X(NOSPC, "fixed table or buffer is full")                                 \
	X(NOMEM, "no free memory, or the owner's quota is used up")               \
	X(BUSY, "resource is bound or in use by someone else")                    \
	X(OVERLAP, "filter takes packets from an installed one")                  \
	X(LIMIT, "input is valid but beyond a documented limit")                  \
	X(AGAIN, "not now: try again after the next event")                       \
	X(NOSYS, "no such call")                                                  \
	X(DMA, "the device would read or write memory by itself: there is no IOMMU") \
	X(GONE, "the environment at the other end has ended, or closed its end")

enum exo_err {
	E_OK,
#define X(name, text) E_##name,
	EXO_ERRORS(X)
#undef X
	E_COUNT
};
