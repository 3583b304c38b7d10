/*
 * harden: what is noticed of a program's own mistakes.
 *
 * Always, on the slow paths: pointers that are no block's beginning, and memory that is free already. With
 * NODEWISE_HARDEN=1 every free comes that way and is looked for among the free blocks of its page. Either ends the
 * program with one line and SIGABRT, as glibc does.
 */
#ifndef NODEWISE_SHIM_ARENA_HARDEN_H
#define NODEWISE_SHIM_ARENA_HARDEN_H

#include <stdbool.h>
#include <stdint.h>

#include "shim/arena/page.h"

extern bool harden_on __attribute__((visibility("hidden"))); /* constant after harden_read() */

void harden_read(void);
/* Others have freed `count` blocks of the page; a block that was freed twice makes it more than it gave out. */
void harden_check_count(const struct page *page, uint32_t count);
_Noreturn void harden_die_double_free(void);
/* Returns when the pointer is a block or large object in use, as far as can be seen. */
void harden_check_free(const struct page *page, const void *pointer);

#endif
