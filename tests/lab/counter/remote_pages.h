/*
 * remote_pages: at which virtual pages the accesses to other nodes' memory are, for whoever wants to know what they
 * are.
 */
#ifndef NODEWISE_TESTS_LAB_COUNTER_REMOTE_PAGES_H
#define NODEWISE_TESTS_LAB_COUNTER_REMOTE_PAGES_H

#include <stdint.h>
#include <stdio.h>

struct remote_pages;

/* most: how many pages are printed. NULL: no memory. */
struct remote_pages *remote_pages_open(unsigned cpus, unsigned most);
/* One access; cpu's own thread alone. */
void remote_pages_count(struct remote_pages *pages, unsigned cpu, uint64_t address);
/* [["0x7f…000", accesses], …], the most first. */
void remote_pages_print(FILE *to, struct remote_pages *pages);
void remote_pages_clear(struct remote_pages *pages);
void remote_pages_close(struct remote_pages *pages);

#endif
