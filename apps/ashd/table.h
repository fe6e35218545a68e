/* apps/ashd/table.h - the handlers that were loaded over the network. Layer: apps.
 * SPDX-License-Identifier: ISC */
#pragma once
#include "ash/load.h"

/* Do what r asks, and fill in all of *reply but its code; r->name and r->program end with NUL.
 *   body  the filter and the object, r->filter and r->object bytes
 * After an error nothing has changed:
 *   E_INVAL   no such command; no name; a filter or an object that is none
 *   E_BUSY    a new handler of a name that is taken
 *   E_NOSYS   a name that nobody has
 *   E_NOSPC   LOAD_HANDLERS are loaded
 *   others as sys_filter_insert and handler_load */
void table_do(const struct load_request *r, const uint8_t *body, struct load_reply *reply);
