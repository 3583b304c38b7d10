/*
 * text_reader: reads numbers from the kernel's texts. Pure; any thread, signal-safe.
 */
#ifndef NODEWISE_SHIM_BASE_TEXT_READER_H
#define NODEWISE_SHIM_BASE_TEXT_READER_H

#include <stdint.h>

/* Reads the decimal number at *at and moves *at behind it. Returns 0 where there is no number. */
static inline uint64_t read_number(const char **at)
{
    uint64_t number = 0;
    for (; **at >= '0' && **at <= '9'; (*at)++)
        number = number * 10 + (uint64_t)(**at - '0');
    return number;
}

#endif
