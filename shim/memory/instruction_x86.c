#include "shim/memory/instruction_x86.h"

#if defined(__x86_64__)

#include <string.h>

static bool next_byte(struct instruction *in, uint8_t *ret_byte)
{
    if (in->at == in->end)
        return false;
    *ret_byte = *in->at++;
    return true;
}

static bool skip(struct instruction *in, size_t bytes)
{
    if ((size_t)(in->end - in->at) < bytes)
        return false;
    in->at += bytes;
    return true;
}

/* --- up to the opcode --- */

static bool is_prefix(struct instruction *in, uint8_t byte)
{
    switch (byte) {
    case 0x64:
        in->on_thread = true;
        return true;
    case 0x65:
        in->elsewhere = true;
        return true;
    case 0x67:
        in->elsewhere = in->short_address = true;
        return true;
    case 0x66:
        in->short_operand = true;
        return true;
    case 0xf2:
    case 0xf3:
        in->repeats = true;
        return true;
    case 0x26:
    case 0x2e:
    case 0x36:
    case 0x3e:
    case 0xf0:
        return true;
    default:
        return false;
    }
}

static enum map vector_map(unsigned number)
{
    return number >= 1 && number <= 3 ? (enum map)number : MAP_OTHER;
}

/* The bits of registers are stored inverted. */
static bool read_vex2(struct instruction *in)
{
    uint8_t first;
    if (!next_byte(in, &first))
        return false;
    in->vector = true;
    in->map = MAP_0F;
    in->rex_r = !(first & 0x80);
    in->third = ~first >> 3 & 15;
    return next_byte(in, &in->opcode);
}

static bool read_vex3(struct instruction *in)
{
    uint8_t first, second;
    if (!next_byte(in, &first) || !next_byte(in, &second))
        return false;
    in->vector = true;
    in->rex_r = !(first & 0x80);
    in->rex_x = !(first & 0x40);
    in->rex_b = !(first & 0x20);
    in->third = ~second >> 3 & 15;
    in->map = vector_map(first & 0x1f);
    return next_byte(in, &in->opcode);
}

static bool read_evex(struct instruction *in)
{
    uint8_t first, second, third;
    if (!next_byte(in, &first) || !next_byte(in, &second) || !next_byte(in, &third))
        return false;
    in->vector = true;
    in->rex_r = !(first & 0x80);
    in->rex_x = !(first & 0x40);
    in->rex_b = !(first & 0x20);
    in->map = vector_map(first & 0x07);
    in->scale = 16u << (third >> 5 & 3); /* the whole vector; smaller operands have smaller scales */
    return next_byte(in, &in->opcode);
}

static bool read_0f(struct instruction *in)
{
    uint8_t byte;
    if (!next_byte(in, &byte))
        return false;
    in->map = byte == 0x38 ? MAP_0F38 : byte == 0x3a ? MAP_0F3A : MAP_0F;
    in->opcode = byte;
    return in->map == MAP_0F || next_byte(in, &in->opcode);
}

static bool read_opcode(struct instruction *in)
{
    uint8_t byte;
    do
        if (!next_byte(in, &byte))
            return false;
    while (is_prefix(in, byte));
    if (byte >> 4 == 4) { /* REX */
        in->rex_w = byte & 8;
        in->rex_r = byte & 4;
        in->rex_x = byte & 2;
        in->rex_b = byte & 1;
        if (!next_byte(in, &byte))
            return false;
    }
    if (byte == 0xc5)
        return read_vex2(in);
    if (byte == 0xc4)
        return read_vex3(in);
    if (byte == 0x62)
        return read_evex(in);
    if (byte == 0x0f)
        return read_0f(in);
    in->opcode = byte;
    return true;
}

/* --- the form of the rest --- */

static bool one_byte_has_modrm(uint8_t op)
{
    if (op < 0x40)
        return (op & 7) < 4;
    return (op >= 0x80 && op < 0x90) || op == 0x63 || op == 0x69 || op == 0x6b || op == 0xc0 || op == 0xc1 ||
           op == 0xc6 || op == 0xc7 || (op >= 0xd0 && op < 0xd4) || (op >= 0xd8 && op < 0xe0) || op == 0xf6 ||
           op == 0xf7 || op == 0xfe || op == 0xff;
}

static bool two_byte_has_modrm(uint8_t op)
{
    return !((op >= 0x04 && op < 0x0d) || op == 0x0e || (op >= 0x30 && op < 0x38) || op == 0x77 ||
             (op >= 0x80 && op < 0x90) || (op >= 0xa0 && op < 0xa3) || (op >= 0xa8 && op < 0xab) ||
             (op >= 0xc8 && op < 0xd0));
}

static bool has_modrm(const struct instruction *in)
{
    if (in->map == MAP_ONE_BYTE)
        return one_byte_has_modrm(in->opcode);
    return in->map != MAP_0F || (in->vector ? in->opcode != 0x77 : two_byte_has_modrm(in->opcode));
}

static size_t one_byte_constant(const struct instruction *in)
{
    uint8_t op = in->opcode;
    if (op < 0x40)
        return (op & 7) == 4 ? 1 : (op & 7) == 5 ? word_bytes(in) : 0;
    if ((op >= 0x70 && op < 0x80) || (op >= 0xb0 && op < 0xb8) || (op >= 0xe0 && op < 0xe8) || op == 0xeb)
        return 1;
    if (op >= 0xb8 && op < 0xc0)
        return in->rex_w ? 8 : word_bytes(in);
    switch (op) {
    case 0x6a:
    case 0x6b:
    case 0x80:
    case 0x83:
    case 0xa8:
    case 0xc0:
    case 0xc1:
    case 0xc6:
    case 0xcd:
        return 1;
    case 0x68:
    case 0x69:
    case 0x81:
    case 0xa9:
    case 0xc7:
        return word_bytes(in);
    case 0xe8:
    case 0xe9:
        return 4;
    case 0xc2:
    case 0xca:
        return 2;
    case 0xc8:
        return 3;
    case 0xf6:
        return (in->reg & 7) < 2 ? 1 : 0;
    case 0xf7:
        return (in->reg & 7) < 2 ? word_bytes(in) : 0;
    default:
        return 0;
    }
}

static size_t constant_bytes(const struct instruction *in)
{
    uint8_t op = in->opcode;
    if (in->map == MAP_ONE_BYTE)
        return one_byte_constant(in);
    if (in->map == MAP_0F3A)
        return 1;
    if (in->map == MAP_0F38)
        return 0;
    if (!in->vector && op >= 0x80 && op < 0x90)
        return 4;
    return (op >= 0x70 && op < 0x74) || op == 0xc2 || (op >= 0xc4 && op < 0xc7) ||
                   (!in->vector && (op == 0xa4 || op == 0xac || op == 0xba))
               ? 1
               : 0;
}

/* --- the operand's address --- */

static bool add_displacement(struct instruction *in, uint8_t mod, bool always, uintptr_t *address)
{
    uint8_t byte;
    int32_t word;
    if (mod == 1) {
        if (!next_byte(in, &byte))
            return false;
        *address += (uintptr_t)((int64_t)(int8_t)byte * in->scale);
    } else if (mod == 2 || always) {
        if (in->end - in->at < (ptrdiff_t)sizeof(word))
            return false;
        memcpy(&word, in->at, sizeof(word));
        in->at += sizeof(word);
        *address += (uintptr_t)(int64_t)word;
    }
    return true;
}

static bool read_sib(struct instruction *in, const struct machine *machine, uint8_t mod)
{
    uint8_t sib;
    if (!next_byte(in, &sib))
        return false;
    unsigned base = sib & 7u, index = (sib >> 3 & 7u) | (in->rex_x ? 8u : 0u);
    bool has_base = base != 5 || mod != 0;
    base |= in->rex_b ? 8u : 0u;
    in->addressed = (!has_base || knows(machine, base)) && (index == 4 || knows(machine, index));
    in->address = has_base ? value_of(machine, base) : 0;
    if (index != 4) /* index 4 (sp) means no index */
        in->address += value_of(machine, index) << (sib >> 6);
    return add_displacement(in, mod, !has_base, &in->address);
}

static bool read_modrm(struct instruction *in, const struct machine *machine)
{
    uint8_t modrm;
    if (!next_byte(in, &modrm))
        return false;
    uint8_t mod = modrm >> 6;
    bool by_pc = mod == 0 && (modrm & 7) == 5;
    in->reg = (uint8_t)((modrm >> 3 & 7u) | (in->rex_r ? 8u : 0u));
    in->rm = (uint8_t)((modrm & 7u) | (in->rex_b ? 8u : 0u));
    in->in_memory = mod != 3;
    if (mod == 3)
        return true;
    if ((modrm & 7) == 4)
        return read_sib(in, machine, mod);
    /* relative to the end of the instruction; the few bytes of its length are neglected */
    in->address = by_pc ? machine->registers[OPERAND_PC] : value_of(machine, in->rm);
    in->addressed = by_pc || knows(machine, in->rm);
    return add_displacement(in, mod, by_pc, &in->address);
}

/* --- all of it --- */

/* Absolute addresses of 8 bytes, which compilers do not use, and what does not exist in 64-bit programs. */
static bool is_unknown(const struct instruction *in)
{
    uint8_t op = in->opcode;
    return in->map == MAP_OTHER ||
           (in->map == MAP_ONE_BYTE && ((op >= 0xa0 && op < 0xa4) || op == 0x82 || op == 0xc8 || op == 0xd6));
}

bool instruction_read(const uint8_t *code, size_t length, const struct machine *machine, struct instruction *ret)
{
    struct instruction in = {.start = code, .at = code, .end = code + length, .scale = 1};
    if (!read_opcode(&in) || is_unknown(&in))
        return false;
    in.has_modrm = has_modrm(&in);
    if (in.has_modrm && !read_modrm(&in, machine))
        return false;
    in.constant = constant_bytes(&in);
    if (!skip(&in, in.constant))
        return false;
    *ret = in;
    return true;
}

#endif
