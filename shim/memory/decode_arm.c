#include "shim/memory/decode.h"

#if defined(__aarch64__)

#include <string.h>

#define ZERO 31u /* as a target: nowhere; as a base: the stack pointer */

static bool knows(const struct machine *machine, unsigned number)
{
    return !(machine->unknown >> number & 1);
}

static void forget(struct machine *machine, unsigned number)
{
    if (number != ZERO)
        machine->unknown |= UINT64_C(1) << number;
}

static uint64_t extended(uint64_t value, unsigned option)
{
    if (option == 2)
        return (uint32_t)value;
    return option == 6 ? (uint64_t)(int64_t)(int32_t)value : value;
}

/* The size of the operand in bytes, as a power of two. Vectors have one more bit for it. */
static unsigned size_bits(uint32_t word)
{
    bool quad = (word >> 26 & 1) && (word >> 23 & 1) && word >> 30 == 0;
    return quad ? 4 : word >> 30;
}

static bool is_access(uint32_t word)
{
    return (word & 0x0a000000) == 0x08000000;
}

static bool is_literal(uint32_t word)
{
    return (word & 0x3b000000) == 0x18000000;
}

static bool has_index(uint32_t word)
{
    return (word & 0x3b200c00) == 0x38200800;
}

static bool is_pair(uint32_t word)
{
    return (word & 0x3a000000) == 0x28000000;
}

/* Unscaled, pre-indexed and post-indexed forms and pairs are within a KiB of their base. */
static uintptr_t address_of(uint32_t word, const struct machine *machine, bool *ret_known)
{
    unsigned base = word >> 5 & 31, index = word >> 16 & 31;
    if (is_literal(word)) {
        *ret_known = true;
        return machine->registers[OPERAND_PC] + (uintptr_t)(((int64_t)(int32_t)(word << 8) >> 13) * 4);
    }
    uintptr_t address = machine->registers[base];
    *ret_known = knows(machine, base) && (!has_index(word) || (index != ZERO && knows(machine, index)));
    if (has_index(word))
        address += extended(machine->registers[index], word >> 13 & 7) << (word >> 12 & 1 ? size_bits(word) : 0);
    else if ((word & 0x3b000000) == 0x39000000)
        address += (uintptr_t)(word >> 10 & 0xfff) << size_bits(word);
    return address;
}

/* A prefetch is the load of a register of 64 bits with another size code. */
static bool is_prefetch(uint32_t word)
{
    return (word & 0xffc00000) == 0xf9800000 || (word & 0xffe00c00) == 0xf8a00800;
}

static bool is_branch(uint32_t word)
{
    return (word & 0x7c000000) == 0x14000000 || (word & 0xfe000000) == 0x54000000 ||
           (word & 0x7e000000) == 0x34000000 || (word & 0x7e000000) == 0x36000000 ||
           (word & 0xfe000000) == 0xd6000000 || (word & 0xff000000) == 0xd4000000;
}

/*
 * What the instruction writes has its number in one of these places. A base that it steps by less than a KiB counts as
 * unmoved.
 */
static void forget_targets(uint32_t word, struct machine *machine)
{
    forget(machine, word & 31);
    if (is_access(word) && is_pair(word))
        forget(machine, word >> 10 & 31);
}

bool decode(const uint8_t *code, size_t length, struct machine *machine, struct decoded *ret_decoded)
{
    uint32_t word;
    struct decoded decoded = {.length = sizeof(word)};
    if (length < sizeof(word))
        return false;
    memcpy(&word, code, sizeof(word));
    if (is_access(word) && !is_prefetch(word)) {
        bool known;
        uintptr_t address = address_of(word, machine, &known);
        decoded.accesses = 1;
        decoded.count = known;
        decoded.access[0] = (struct access){address, 1};
    }
    decoded.ends = is_branch(word);
    forget_targets(word, machine);
    machine->registers[OPERAND_PC] += sizeof(word);
    *ret_decoded = decoded;
    return true;
}

#elif !defined(__x86_64__)

bool decode(const uint8_t *code, size_t length, struct machine *machine, struct decoded *ret_decoded)
{
    (void)code, (void)length, (void)machine, (void)ret_decoded;
    return false;
}

#endif
