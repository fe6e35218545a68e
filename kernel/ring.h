/* kernel/ring.h - packet rings over their owners' pages (exo/ring.h).
 * SPDX-License-Identifier: ISC */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "exo/info.h"
#include "exo/ring.h"

struct env;
struct nic_sender;
struct ring;

enum { RING_MAX = 256, DROP_NONE = DROP_COUNT };

void ring_init(void);

uint32_t ring_generation(uint32_t index);

/* Bind a ring over n pages (page numbers; vetted: owned, writable, not executable).
 * Returns its index, or with nothing changed
 *   -E_INVAL  the header's rx_base and rx_buffers do not fit the region
 *   -E_NOSPC  RING_MAX rings exist
 *   -E_NOMEM  no page for the list of pages, or env's table_limit is reached */
long ring_create(struct env *env, const uint32_t *page, uint32_t n);

/* Append n pages, read by the device only. Returns the region offset of the first, or
 * -E_LIMIT beyond EXO_RING_PAGES. */
long ring_extend(uint32_t index, const uint32_t *page, uint32_t n);

void ring_destroy(uint32_t index);

/* Is it env's? */
bool ring_is(uint32_t index, const struct env *env);

/* The index of one of env's rings. REQUIRES that it has one. */
uint32_t ring_first(const struct env *env);

/* Destroy all of env's. */
void ring_release(struct env *env);

/* Copy a received frame into the ring's next free buffer. Returns DROP_NONE, or the
 * reason (enum exo_drop) why not. */
int ring_deliver(uint32_t index, const uint8_t *frame, uint32_t length, uint32_t filter);

/* The same in steps, for a handler in between. ring_take counts a loss as ring_deliver does;
 * it returns a buffer, or the negative reason. A buffer taken is published or returned. */
struct ring *ring_of(uint32_t index);
int ring_take(struct ring *r);
uint8_t *ring_buffer(const struct ring *r, uint32_t buffer);
uint32_t ring_offset(const struct ring *r, uint32_t buffer); /* in the region */
void ring_publish(struct ring *r, uint32_t buffer, uint32_t length, uint16_t sum,
                  uint32_t filter);
void ring_return(struct ring *r, uint32_t buffer);

/* Send `length` bytes, REQUIRES that they lie in `buffer`, which was taken (`frame` may be another
 * mapping of it), in the name of the ring's owner; the buffer is returned when they have been sent.
 * The caller flushes the interface. False: the frame was refused (counted) or there is no room. */
bool ring_reply(struct ring *r, uint32_t buffer, const uint8_t *frame, uint32_t length);

/* Buffers the kernel has, of all there are. */
uint32_t ring_posted(const struct ring *r);
uint32_t ring_buffers(const struct ring *r);

/* The region's pages: page numbers, and how many; the first *writable may be written. */
const uint32_t *ring_pages(uint32_t index, uint32_t *n, uint32_t *writable);

/* Transmit on a queue pair what the ring describes, until it is empty or the device is full. `any`:
 * the sender may send any frame. Returns the entries left. */
long ring_send(uint32_t index, uint32_t pair, bool any);

/* Did the pair's device have no room for some ring's frames? ring_room tells their owners that it
 * has again. */
bool ring_wants_room(uint32_t pair);
void ring_room(uint32_t pair);

/* The device is done with a frame that had pieces. */
void ring_sent(const struct nic_sender *sender);
