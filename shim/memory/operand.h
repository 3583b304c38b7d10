/*
 * operand: what a thread is about to access, from the code at its program counter and its registers: the operands of all
 * instructions up to the next branch. Pure: no system call, no global state.
 *
 * One instruction would not do. An emulator, and a processor that waits, stop at few instructions of a loop, always the
 * same ones, and what the others access would never be seen.
 */
#ifndef NODEWISE_SHIM_MEMORY_OPERAND_H
#define NODEWISE_SHIM_MEMORY_OPERAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shim/memory/decode.h"

#define OPERAND_CODE_MOST 96u /* bytes of code that are looked at */
#define OPERAND_PAGES     8u  /* pages of one look; accesses to further ones are left out */

struct operand {
    uintptr_t address; /* of the first access to its page */
    uint32_t times;    /* accesses to that page */
};

struct operands {
    uint32_t count;
    struct operand operand[OPERAND_PAGES];
    uint32_t instructions;
    uint32_t accesses; /* of these instructions, with those whose address cannot be told */
};

/*
 * code: the known bytes at the program counter. thread_pointer: address of the thread block, or 0; without it accesses
 * to thread-local data are not told. Addresses that depend on what the code itself loads or computes are not told either.
 */
void operands_ahead(const uint8_t *code, size_t length, const uint64_t registers[static OPERAND_COUNT],
                    uintptr_t thread_pointer, struct operands *ret_operands);

/*
 * What one access of the look stands for: the same for all of them, the less the more instructions and accesses there
 * are. A block of code is met as often as it takes time, so that its accesses would count for the more the longer it is.
 */
uint32_t operands_weight(const struct operands *operands);

#endif
