#include "shim/memory/operand.h"

#include <string.h>

#if defined(__x86_64__)

enum map { MAP_ONE_BYTE, MAP_0F, MAP_0F38, MAP_0F3A, MAP_OTHER };

struct instruction {
    const uint8_t *at, *end; /* the bytes that are not decoded yet */
    enum map map;
    uint8_t opcode;
    bool rex_x, rex_b, vector, elsewhere; /* elsewhere: relative to a segment, or a 32-bit address */
    uint32_t scale;                       /* scale of an 8-bit displacement */
};

static bool next_byte(struct instruction *instruction, uint8_t *ret_byte)
{
    if (instruction->at == instruction->end)
        return false;
    *ret_byte = *instruction->at++;
    return true;
}

/* --- up to the opcode --- */

static bool is_prefix(uint8_t byte, bool *ret_elsewhere)
{
    switch (byte) {
    case 0x64: /* fs */
    case 0x65: /* gs */
    case 0x67: /* 32-bit addresses */
        *ret_elsewhere = true;
        return true;
    case 0x26:
    case 0x2e:
    case 0x36:
    case 0x3e:
    case 0x66:
    case 0xf0:
    case 0xf2:
    case 0xf3:
        return true;
    default:
        return false;
    }
}

static enum map vector_map(unsigned number)
{
    return number >= 1 && number <= 3 ? (enum map)number : MAP_OTHER;
}

static bool read_vex2(struct instruction *instruction)
{
    uint8_t unused;
    instruction->vector = true;
    instruction->map = MAP_0F;
    return next_byte(instruction, &unused) && next_byte(instruction, &instruction->opcode);
}

/* The bits of index and base are stored inverted. */
static bool read_vex3(struct instruction *instruction)
{
    uint8_t first, second;
    if (!next_byte(instruction, &first) || !next_byte(instruction, &second))
        return false;
    instruction->vector = true;
    instruction->rex_x = !(first & 0x40);
    instruction->rex_b = !(first & 0x20);
    instruction->map = vector_map(first & 0x1f);
    return next_byte(instruction, &instruction->opcode);
}

static bool read_evex(struct instruction *instruction)
{
    uint8_t first, second, third;
    if (!next_byte(instruction, &first) || !next_byte(instruction, &second) || !next_byte(instruction, &third))
        return false;
    instruction->vector = true;
    instruction->rex_x = !(first & 0x40);
    instruction->rex_b = !(first & 0x20);
    instruction->map = vector_map(first & 0x07);
    instruction->scale = 16u << (third >> 5 & 3); /* the whole vector; smaller operands have smaller scales */
    return next_byte(instruction, &instruction->opcode);
}

static bool read_0f(struct instruction *instruction)
{
    uint8_t byte;
    if (!next_byte(instruction, &byte))
        return false;
    instruction->map = byte == 0x38 ? MAP_0F38 : byte == 0x3a ? MAP_0F3A : MAP_0F;
    instruction->opcode = byte;
    return instruction->map == MAP_0F || next_byte(instruction, &instruction->opcode);
}

static bool read_opcode(struct instruction *instruction)
{
    uint8_t byte;
    do
        if (!next_byte(instruction, &byte))
            return false;
    while (is_prefix(byte, &instruction->elsewhere));
    if (byte >> 4 == 4) { /* REX */
        instruction->rex_x = byte & 2;
        instruction->rex_b = byte & 1;
        if (!next_byte(instruction, &byte))
            return false;
    }
    if (byte == 0xc5)
        return read_vex2(instruction);
    if (byte == 0xc4)
        return read_vex3(instruction);
    if (byte == 0x62)
        return read_evex(instruction);
    if (byte == 0x0f)
        return read_0f(instruction);
    instruction->opcode = byte;
    return true;
}

/* --- does it have an operand in memory? --- */

static bool one_byte_has_operand(uint8_t opcode)
{
    if (opcode < 0x40)
        return (opcode & 7) < 4;
    if (opcode >= 0x80 && opcode < 0x90)
        return opcode != 0x8d; /* lea only computes */
    return opcode == 0x63 || opcode == 0x69 || opcode == 0x6b || opcode == 0xc0 || opcode == 0xc1 || opcode == 0xc6 ||
           opcode == 0xc7 || (opcode >= 0xd0 && opcode < 0xd4) || (opcode >= 0xd8 && opcode < 0xe0) || opcode == 0xf6 ||
           opcode == 0xf7 || opcode == 0xfe || opcode == 0xff;
}

static bool two_byte_has_operand(uint8_t opcode)
{
    if (opcode < 0x10)
        return opcode == 0x0d; /* prefetch; the other opcodes are for the operating system */
    if (opcode >= 0x19 && opcode < 0x20)
        return false; /* NOP */
    return !((opcode >= 0x20 && opcode < 0x28) || (opcode >= 0x30 && opcode < 0x38) || opcode == 0x77 ||
             (opcode >= 0x80 && opcode < 0x90) || (opcode >= 0xa0 && opcode < 0xa3) ||
             (opcode >= 0xa8 && opcode < 0xab) || (opcode >= 0xc8 && opcode < 0xd0));
}

/* Gathers, scatters and their prefetches, whose index is a vector. */
static bool is_scattered(const struct instruction *instruction)
{
    uint8_t opcode = instruction->opcode;
    return instruction->vector && instruction->map == MAP_0F38 &&
           ((opcode >= 0x90 && opcode < 0x94) || (opcode >= 0xa0 && opcode < 0xa4) || opcode == 0xc6 || opcode == 0xc7);
}

static bool has_operand(const struct instruction *instruction)
{
    switch (instruction->map) {
    case MAP_ONE_BYTE:
        return one_byte_has_operand(instruction->opcode);
    case MAP_0F:
        return instruction->vector ? instruction->opcode != 0x77 : two_byte_has_operand(instruction->opcode);
    case MAP_0F38:
        return !is_scattered(instruction);
    case MAP_0F3A:
        return true;
    default:
        return false;
    }
}

/* --- the operand's address --- */

/* The value of a register. The table translates the number that instructions use into the position in a sample. */
static uint64_t value_of(const uint64_t *registers, unsigned number)
{
    static const uint8_t places[16] = {0, 2, 3, 1, 7, 6, 4, 5, 9, 10, 11, 12, 13, 14, 15, 16};
    return registers[places[number]];
}

/* movs, cmps, stos, lods and scas use fixed registers. */
static bool string_address(const struct instruction *instruction, const uint64_t *registers, uintptr_t *ret_address)
{
    uint8_t opcode = instruction->opcode;
    if (instruction->map != MAP_ONE_BYTE || opcode < 0xa4 || opcode > 0xaf || opcode == 0xa8 || opcode == 0xa9)
        return false;
    *ret_address = value_of(registers, opcode == 0xac || opcode == 0xad ? 6 : 7);
    return true;
}

static bool add_displacement(struct instruction *instruction, uint8_t mod, bool always, uintptr_t *address)
{
    uint8_t byte;
    int32_t word;
    if (mod == 1) {
        if (!next_byte(instruction, &byte))
            return false;
        *address += (uintptr_t)((int64_t)(int8_t)byte * instruction->scale);
    } else if (mod == 2 || always) {
        if (instruction->end - instruction->at < (ptrdiff_t)sizeof(word))
            return false;
        memcpy(&word, instruction->at, sizeof(word));
        *address += (uintptr_t)(int64_t)word;
    }
    return true;
}

static bool sib_address(struct instruction *instruction, const uint64_t *registers, uint8_t mod, uintptr_t *ret_address)
{
    uint8_t sib;
    if (!next_byte(instruction, &sib))
        return false;
    unsigned base = sib & 7u;
    unsigned index = (sib >> 3 & 7u) | (instruction->rex_x ? 8u : 0u);
    *ret_address = base == 5 && mod == 0 ? 0 : value_of(registers, base | (instruction->rex_b ? 8u : 0u));
    if (index != 4) /* index 4 (sp) means no index */
        *ret_address += value_of(registers, index) << (sib >> 6);
    return add_displacement(instruction, mod, base == 5, ret_address);
}

static bool modrm_address(struct instruction *instruction, const uint64_t *registers, uintptr_t *ret_address)
{
    uint8_t modrm;
    if (!next_byte(instruction, &modrm))
        return false;
    uint8_t mod = modrm >> 6;
    unsigned base = modrm & 7u;
    if (mod == 3)
        return false; /* the operand is a register */
    if (base == 4)
        return sib_address(instruction, registers, mod, ret_address);
    /* relative to the end of the instruction; the few bytes of its length are neglected */
    *ret_address =
        base == 5 && mod == 0 ? registers[OPERAND_PC] : value_of(registers, base | (instruction->rex_b ? 8u : 0u));
    return add_displacement(instruction, mod, base == 5 && mod == 0, ret_address);
}

bool operand_address(const uint8_t *code, size_t length, const uint64_t registers[static OPERAND_COUNT],
                     uintptr_t *ret_address)
{
    struct instruction instruction = {.at = code, .end = code + length, .scale = 1};
    if (!read_opcode(&instruction) || instruction.elsewhere)
        return false;
    if (string_address(&instruction, registers, ret_address))
        return true;
    return has_operand(&instruction) && modrm_address(&instruction, registers, ret_address);
}

#elif defined(__aarch64__)

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

/* Unscaled, pre-indexed and post-indexed forms and pairs are within a KiB of their base. */
bool operand_address(const uint8_t *code, size_t length, const uint64_t registers[static OPERAND_COUNT],
                     uintptr_t *ret_address)
{
    uint32_t word;
    if (length < sizeof(word))
        return false;
    memcpy(&word, code, sizeof(word));
    if ((word & 0x0a000000) != 0x08000000)
        return false;                        /* neither a load nor a store */
    if ((word & 0x3b000000) == 0x18000000) { /* relative to the program counter */
        *ret_address = registers[OPERAND_PC] + (uintptr_t)(((int64_t)(int32_t)(word << 8) >> 13) * 4);
        return true;
    }
    *ret_address = registers[word >> 5 & 31];
    if ((word & 0x3b200c00) == 0x38200800)
        *ret_address += extended(registers[word >> 16 & 31], word >> 13 & 7) << (word >> 12 & 1 ? size_bits(word) : 0);
    else if ((word & 0x3b000000) == 0x39000000)
        *ret_address += (uintptr_t)(word >> 10 & 0xfff) << size_bits(word);
    return true;
}

#else

bool operand_address(const uint8_t *code, size_t length, const uint64_t registers[static OPERAND_COUNT],
                     uintptr_t *ret_address)
{
    (void)code, (void)length, (void)registers, (void)ret_address;
    return false;
}

#endif
