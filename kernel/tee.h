/* kernel/tee.h - which frames a subscriber (FILTER_SHARED) may have copies of.
 *
 * One whose owner holds the interface's capture right copies whatever it accepts. Any
 * other copies frames that go to filters it was given to read, and no others, whoever
 * inserts what afterwards; nor frames that nobody claims. SPDX-License-Identifier: ISC */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum {
	TEE_MAX = 64,      /* subscribers without the capture right */
	TEE_FILTERS = 16,  /* filters that one of them may read */
};

bool tee_room(void);

/* Subscriber `tee` copies frames of these n <= TEE_FILTERS filters only. REQUIRES tee_room. */
void tee_limit(uint32_t tee, const uint32_t filters[], uint32_t n);

/* The filter is gone; nothing happens if it was no tee, or one without a limit. */
void tee_forget(uint32_t tee);

/* May it copy a frame that `winner` takes (0: nobody does)? */
bool tee_may(uint32_t tee, uint32_t winner);
