/* text_reader: numbers in what the kernel writes. */
#ifndef NODEWISE_SHIM_BASE_TEXT_READER_H
#define NODEWISE_SHIM_BASE_TEXT_READER_H

#include <stdint.h>

/* The decimal number that begins at *at, which then is behind it; 0 where there is none. */
static inline uint64_t read_number(const char **at)
{
    uint64_t number = 0;
    for (; **at >= '0' && **at <= '9'; (*at)++)
        number = number * 10 + (uint64_t)(**at - '0');
    return number;
}

#endif
