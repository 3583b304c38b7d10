/*
 * instruction_x86: reads an instruction of x86-64 up to its end: prefixes, opcode, the form of its operand with the
 * operand's address, and how long it is. What it does is decode_x86.c's. Pure.
 */
#ifndef NODEWISE_SHIM_MEMORY_INSTRUCTION_X86_H
#define NODEWISE_SHIM_MEMORY_INSTRUCTION_X86_H

#include "shim/memory/decode.h"

enum map { MAP_ONE_BYTE, MAP_0F, MAP_0F38, MAP_0F3A, MAP_OTHER };
enum { AX, CX, DX, BX, SP, BP, SI, DI }; /* numbers of registers in instructions */

struct instruction {
    const uint8_t *start, *at, *end; /* at: the bytes that are not decoded yet */
    enum map map;
    uint8_t opcode;
    bool rex_w, rex_r, rex_x, rex_b;
    bool vector, repeats, short_operand, short_address;
    bool on_thread; /* relative to fs; gs is not used by programs of Linux */
    bool elsewhere; /* relative to gs, or a 32-bit address */
    uint8_t third;  /* register that VEX names besides */
    uint32_t scale; /* scale of an 8-bit displacement */
    bool has_modrm, in_memory;
    uint8_t reg, rm; /* of ModRM, with their REX bits */
    bool addressed;  /* the address is known */
    uintptr_t address;
    size_t constant; /* bytes of the constant, which ends the instruction */
};

/* --- registers --- */

/* The table translates the number that instructions use into the position in a sample. */
static inline unsigned place_of(unsigned number)
{
    static const uint8_t places[16] = {0, 2, 3, 1, 7, 6, 4, 5, 9, 10, 11, 12, 13, 14, 15, 16};
    return places[number & 15];
}

static inline bool knows(const struct machine *machine, unsigned number)
{
    return !(machine->unknown >> place_of(number) & 1);
}

static inline uint64_t value_of(const struct machine *machine, unsigned number)
{
    return machine->registers[place_of(number)];
}

static inline void forget(struct machine *machine, unsigned number)
{
    machine->unknown |= UINT64_C(1) << place_of(number);
}

static inline void set(struct machine *machine, unsigned number, uint64_t value)
{
    machine->registers[place_of(number)] = value;
    machine->unknown &= ~(UINT64_C(1) << place_of(number));
}

static inline void add(struct machine *machine, unsigned number, int64_t amount)
{
    machine->registers[place_of(number)] += (uint64_t)amount;
}

/* --- reading --- */

/* The operand's address counts where `machine` knows its registers. false: no whole instruction that is known. */
bool instruction_read(const uint8_t *code, size_t length, const struct machine *machine, struct instruction *ret);

/* Bytes of a constant that has the operand's size, but never 8. */
static inline size_t word_bytes(const struct instruction *in)
{
    return in->short_operand ? 2 : 4;
}

#endif
