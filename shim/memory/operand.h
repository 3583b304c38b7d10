/*
 * operand: the address that the instruction at a sample's program counter is about to read or write.
 *
 * A loop that steps an index beside a constant base has no register that moves through the memory it works on (a
 * compiler's usual code for a[i] = b[i] + c[i]). Its operands tell where that memory is. The code decodes only the
 * operand, not the effect of the instruction. Pure: no system call, no global state.
 *
 * Sources: Intel SDM volume 2, chapter 2 (instruction format, VEX, EVEX); Arm ARM, C4.1, loads and stores.
 */
#ifndef NODEWISE_SHIM_MEMORY_OPERAND_H
#define NODEWISE_SHIM_MEMORY_OPERAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OPERAND_CODE_MOST 15u /* bytes of the longest instruction */

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

/*
 * code: the known bytes at the program counter. Returns false when there is no memory operand, when it is relative to a
 * segment or lies at several places (gather), and when the instruction is unknown. The address may be off by some KiB
 * where its encoding depends on more than the operand (EVEX's compressed displacements).
 */
bool operand_address(const uint8_t *code, size_t length, const uint64_t registers[static OPERAND_COUNT],
                     uintptr_t *ret_address);

#endif
