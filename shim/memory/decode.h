/*
 * decode: one machine instruction: its length, what it accesses in memory, and which registers hold something else
 * afterwards. Pure: no system call, no global state.
 *
 * It computes no results, apart from steps of the stack pointer, copies of registers and sums with constants: these
 * walk through memory. What else an instruction writes to is unknown afterwards.
 *
 * Sources: Intel SDM volume 2 (instruction format, opcode map, VEX, EVEX); Arm ARM, C4.1.
 */
#ifndef NODEWISE_SHIM_MEMORY_DECODE_H
#define NODEWISE_SHIM_MEMORY_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Registers as perf samples them (asm/perf_regs.h), lowest bit first. OPERAND_REGISTERS selects them; OPERAND_PC is the
 * position of the program counter among them.
 */
#if defined(__x86_64__)
#define OPERAND_REGISTERS UINT64_C(0xff01ff) /* ax bx cx dx si di bp sp ip r8 to r15 */
#define OPERAND_COUNT     17u
#define OPERAND_PC        8u
#elif defined(__aarch64__)
#define OPERAND_REGISTERS UINT64_C(0x1ffffffff) /* x0 to x30, sp, pc */
#define OPERAND_COUNT     33u
#define OPERAND_PC        32u
#else
#define OPERAND_REGISTERS UINT64_C(0)
#define OPERAND_COUNT     1u
#define OPERAND_PC        0u
#endif

#define DECODE_ACCESSES 2u /* addresses of one instruction, at most */

/* What is known of a thread's registers. */
struct machine {
    uint64_t registers[OPERAND_COUNT];
    uint64_t unknown;         /* bits by position: registers whose value is not known any more */
    uintptr_t thread_pointer; /* 0: not known */
};

struct access {
    uintptr_t address;
    uint32_t times; /* 2: read and written */
};

struct decoded {
    uint32_t length;
    uint32_t accesses; /* with those whose address cannot be told, and without prefetches */
    uint32_t count;
    struct access access[DECODE_ACCESSES];
    bool ends; /* the next instruction is elsewhere, or this one repeats itself */
};

/*
 * The instruction at the program counter, whose bytes are `code` as far as they are known. The machine steps behind it.
 * false: the instruction is unknown, or cut. Addresses may be off by some KiB where their encoding depends on more than
 * the operand (EVEX's compressed displacements).
 */
bool decode(const uint8_t *code, size_t length, struct machine *machine, struct decoded *ret_decoded);

#endif
