#include "shim/memory/decode.h"

#if defined(__x86_64__)

#include <string.h>

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
};

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

/* --- registers --- */

/* The table translates the number that instructions use into the position in a sample. */
static unsigned place_of(unsigned number)
{
    static const uint8_t places[16] = {0, 2, 3, 1, 7, 6, 4, 5, 9, 10, 11, 12, 13, 14, 15, 16};
    return places[number & 15];
}

static bool knows(const struct machine *machine, unsigned number)
{
    return !(machine->unknown >> place_of(number) & 1);
}

static uint64_t value_of(const struct machine *machine, unsigned number)
{
    return machine->registers[place_of(number)];
}

static void forget(struct machine *machine, unsigned number)
{
    machine->unknown |= UINT64_C(1) << place_of(number);
}

static void set(struct machine *machine, unsigned number, uint64_t value)
{
    machine->registers[place_of(number)] = value;
    machine->unknown &= ~(UINT64_C(1) << place_of(number));
}

static void add(struct machine *machine, unsigned number, int64_t amount)
{
    machine->registers[place_of(number)] += (uint64_t)amount;
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

/* Bytes of a constant that has the operand's size, but never 8. */
static size_t word_bytes(const struct instruction *in)
{
    return in->short_operand ? 2 : 4;
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

/* --- accesses --- */

static void note(struct decoded *decoded, bool known, uintptr_t address, uint32_t times)
{
    decoded->accesses += times;
    if (known && decoded->count < DECODE_ACCESSES)
        decoded->access[decoded->count++] = (struct access){address, times};
}

static void note_register(struct decoded *decoded, const struct machine *machine, unsigned number)
{
    note(decoded, knows(machine, number), value_of(machine, number), 1);
}

/* How often the operand of ModRM is accessed where it is in memory. */
static uint32_t one_byte_times(const struct instruction *in)
{
    uint8_t op = in->opcode, extension = in->reg & 7;
    if (op < 0x40)
        return op < 0x38 && !(op & 2) ? 2 : 1;
    switch (op) {
    case 0x80:
    case 0x81:
    case 0x83:
        return extension == 7 ? 1 : 2; /* cmp only reads */
    case 0x86:
    case 0x87:
    case 0xc0:
    case 0xc1:
    case 0xd0:
    case 0xd1:
    case 0xd2:
    case 0xd3:
        return 2;
    case 0x8d:
        return 0; /* lea only computes */
    case 0xf6:
    case 0xf7:
        return extension == 2 || extension == 3 ? 2 : 1;
    case 0xfe:
    case 0xff:
        return extension < 2 ? 2 : 1;
    default:
        return 1;
    }
}

static uint32_t two_byte_times(const struct instruction *in)
{
    uint8_t op = in->opcode;
    if (in->vector)
        return 1;
    if (op < 0x10 || (op >= 0x18 && op < 0x20))
        return 0; /* prefetch, NOP; others are for the operating system */
    switch (op) {
    case 0xa4:
    case 0xa5:
    case 0xab:
    case 0xac:
    case 0xad:
    case 0xb0:
    case 0xb1:
    case 0xb3:
    case 0xbb:
    case 0xc0:
    case 0xc1:
    case 0xc7:
        return 2;
    case 0xba:
        return (in->reg & 7) == 4 ? 1 : 2;
    default:
        return 1;
    }
}

/* Gathers, scatters and their prefetches, whose index is a vector. */
static bool is_scattered(const struct instruction *in)
{
    uint8_t op = in->opcode;
    return in->vector && in->map == MAP_0F38 &&
           ((op >= 0x90 && op < 0x94) || (op >= 0xa0 && op < 0xa4) || op == 0xc6 || op == 0xc7);
}

static void note_operand(const struct instruction *in, const struct machine *machine, struct decoded *decoded)
{
    uint32_t times = in->map == MAP_ONE_BYTE ? one_byte_times(in) : in->map == MAP_0F ? two_byte_times(in) : 1;
    bool known = in->addressed && !in->elsewhere && !is_scattered(in) && (!in->on_thread || machine->thread_pointer);
    if (times)
        note(decoded, known, in->address + (in->on_thread ? machine->thread_pointer : 0), times);
}

/* movs, cmps, stos, lods and scas use fixed registers. */
static bool is_string(const struct instruction *in)
{
    uint8_t op = in->opcode;
    return in->map == MAP_ONE_BYTE && op >= 0xa4 && op <= 0xaf && op != 0xa8 && op != 0xa9;
}

static void do_string(const struct instruction *in, struct machine *machine, struct decoded *decoded)
{
    bool source = in->opcode < 0xa8 || in->opcode == 0xac || in->opcode == 0xad;
    bool target = in->opcode != 0xac && in->opcode != 0xad;
    if (source)
        note_register(decoded, machine, SI);
    if (target)
        note_register(decoded, machine, DI);
    forget(machine, source ? SI : DI);
    forget(machine, target ? DI : AX);
    forget(machine, CX);
    decoded->ends = in->repeats;
}

static void push(struct machine *machine, struct decoded *decoded)
{
    add(machine, SP, -8);
    note_register(decoded, machine, SP);
}

static void pop(struct machine *machine, struct decoded *decoded)
{
    note_register(decoded, machine, SP);
    add(machine, SP, 8);
}

/* call, ret, push, pop and leave use the stack without an operand. */
static void do_stack(const struct instruction *in, struct machine *machine, struct decoded *decoded)
{
    uint8_t op = in->opcode, extension = in->reg & 7;
    if (in->map != MAP_ONE_BYTE)
        return;
    if ((op >= 0x50 && op < 0x58) || op == 0x68 || op == 0x6a || op == 0x9c || op == 0xe8 ||
        (op == 0xff && (extension == 2 || extension == 6)))
        push(machine, decoded);
    else if ((op >= 0x58 && op < 0x60) || op == 0x8f || op == 0x9d || op == 0xc2 || op == 0xc3)
        pop(machine, decoded);
    if (op != 0xc9)
        return;
    machine->unknown &= ~(UINT64_C(1) << place_of(SP));
    machine->unknown |= knows(machine, BP) ? 0 : UINT64_C(1) << place_of(SP);
    machine->registers[place_of(SP)] = value_of(machine, BP);
    pop(machine, decoded);
    forget(machine, BP);
}

/* --- what registers hold afterwards --- */

static void forget_operand(const struct instruction *in, struct machine *machine)
{
    if (!in->in_memory)
        forget(machine, in->rm);
}

static int64_t constant_of(const struct instruction *in, size_t bytes)
{
    int32_t word = 0;
    if (bytes == 1)
        return (int8_t)in->at[-1];
    memcpy(&word, in->at - sizeof(word), sizeof(word));
    return word;
}

/* Arithmetic with a constant, inc and dec; the last two have no constant. */
static void step_operand(const struct instruction *in, struct machine *machine, size_t constant)
{
    uint8_t extension = in->reg & 7;
    bool whole = in->rex_w && in->opcode != 0x80 && in->opcode != 0xfe && constant != 2;
    bool adds = extension == 0, takes = extension == (constant ? 5 : 1);
    if (in->in_memory || (constant && extension == 7)) /* cmp writes nothing */
        return;
    int64_t amount = whole && constant ? constant_of(in, constant) : 1;
    if (whole && (adds || takes))
        add(machine, in->rm, adds ? amount : -amount);
    else
        forget(machine, in->rm);
}

static void copy(struct machine *machine, unsigned to, unsigned from)
{
    if (knows(machine, from))
        set(machine, to, value_of(machine, from));
    else
        forget(machine, to);
}

static void do_move(const struct instruction *in, struct machine *machine)
{
    bool to_reg = in->opcode & 2, whole = in->rex_w && (in->opcode & 1);
    if (in->in_memory && to_reg)
        forget(machine, in->reg);
    else if (!in->in_memory && !whole)
        forget(machine, to_reg ? in->reg : in->rm);
    else if (!in->in_memory)
        copy(machine, to_reg ? in->reg : in->rm, to_reg ? in->rm : in->reg);
}

static void do_group_f7(const struct instruction *in, struct machine *machine)
{
    uint8_t extension = in->reg & 7;
    if (extension == 2 || extension == 3)
        forget_operand(in, machine);
    if (extension >= 4) {
        forget(machine, AX);
        forget(machine, DX);
    }
}

static void do_lea(const struct instruction *in, struct machine *machine)
{
    if (in->addressed && in->rex_w && !in->short_address)
        set(machine, in->reg, in->address);
    else
        forget(machine, in->reg);
}

static void do_arithmetic(const struct instruction *in, struct machine *machine)
{
    uint8_t form = in->opcode & 7;
    if (in->opcode >= 0x38)
        return; /* cmp */
    if (form >= 4)
        forget(machine, AX);
    else if (form & 2)
        forget(machine, in->reg);
    else
        forget_operand(in, machine);
}

static void one_byte_effect(const struct instruction *in, struct machine *machine, size_t constant)
{
    uint8_t op = in->opcode;
    unsigned named = (op & 7u) | (in->rex_b ? 8u : 0u);
    if (op < 0x40)
        do_arithmetic(in, machine);
    else if ((op >= 0x58 && op < 0x60) || (op >= 0xb0 && op < 0xc0) || (op > 0x90 && op < 0x98))
        forget(machine, named);
    else if (op == 0x63 || op == 0x69 || op == 0x6b)
        forget(machine, in->reg);
    else if (op >= 0x80 && op < 0x84)
        step_operand(in, machine, constant);
    else if (op >= 0x88 && op < 0x8c)
        do_move(in, machine);
    else if (op == 0x8d)
        do_lea(in, machine);
    else if (op == 0xf6 || op == 0xf7)
        do_group_f7(in, machine);
    else if ((op == 0xfe || op == 0xff) && (in->reg & 7) < 2)
        step_operand(in, machine, 0);
    else if (op == 0x8c || op == 0x8f || op == 0xc0 || op == 0xc1 || op == 0xc6 || op == 0xc7 ||
             (op >= 0xd0 && op < 0xd4))
        forget_operand(in, machine);
    if (op == 0x86 || op == 0x87) {
        forget(machine, in->reg);
        forget_operand(in, machine);
    }
    if ((op > 0x90 && op < 0x9a) || op == 0x9f || (op >= 0xa0 && op < 0xa2) || (op >= 0xd8 && op < 0xe0))
        forget(machine, AX);
    if (op == 0x99)
        forget(machine, DX);
}

/* Where the destination is a general register; those of vectors address nothing. */
static void two_byte_effect(const struct instruction *in, struct machine *machine)
{
    uint8_t op = in->opcode;
    if (in->vector) {
        if (op == 0x2c || op == 0x2d || op == 0x50 || op == 0xd7 || op == 0xc5)
            forget(machine, in->reg);
        else if (op == 0x7e || (op >= 0x90 && op < 0x94))
            forget_operand(in, machine);
        return;
    }
    if (op >= 0xc8 && op < 0xd0)
        forget(machine, (op & 7u) | (in->rex_b ? 8u : 0u));
    else if ((op >= 0x40 && op < 0x50) || op == 0x02 || op == 0x03 || op == 0x2c || op == 0x2d || op == 0x50 ||
             op == 0xaf || (op >= 0xb6 && op < 0xba) || (op >= 0xbc && op < 0xc0) || op == 0xc5 || op == 0xd7)
        forget(machine, in->reg);
    else if (op == 0x7e || (op >= 0x90 && op < 0xa0) || (op < 0xc8 && two_byte_times(in) == 2))
        forget_operand(in, machine);
    if (op == 0xc0 || op == 0xc1)
        forget(machine, in->reg);
    if (op == 0x01 || op == 0x31 || op == 0xa2 || op == 0xb0 || op == 0xb1 || op == 0xc7)
        for (unsigned number = AX; number <= BX; number++)
            forget(machine, number);
}

static void apply(const struct instruction *in, struct machine *machine, size_t constant)
{
    uint8_t op = in->opcode;
    if (in->map == MAP_ONE_BYTE)
        one_byte_effect(in, machine, constant);
    else if (in->map == MAP_0F)
        two_byte_effect(in, machine);
    else if (op >= 0xf0) { /* movbe, crc32, bmi */
        forget(machine, in->reg);
        forget(machine, in->third);
    } else if (in->map == MAP_0F3A && op >= 0x14 && op < 0x18)
        forget_operand(in, machine);
    else if (in->map == MAP_0F3A && op >= 0x60 && op < 0x64)
        forget(machine, CX);
}

/* --- where control goes --- */

static bool is_branch(const struct instruction *in)
{
    uint8_t op = in->opcode, extension = in->reg & 7;
    if (in->map == MAP_0F)
        return !in->vector && ((op >= 0x80 && op < 0x90) || op == 0x05 || op == 0x07 || op == 0x0b || op == 0x34);
    return in->map == MAP_ONE_BYTE &&
           ((op >= 0x70 && op < 0x80) || op == 0xc2 || op == 0xc3 || (op >= 0xca && op < 0xd0) ||
            (op >= 0xe0 && op < 0xe4) || (op >= 0xe8 && op < 0xec) || op == 0xf1 || op == 0xf4 ||
            (op == 0xff && extension >= 2 && extension <= 5));
}

/* Absolute addresses of 8 bytes, which compilers do not use, and what does not exist in 64-bit programs. */
static bool is_unknown(const struct instruction *in)
{
    uint8_t op = in->opcode;
    return in->map == MAP_OTHER ||
           (in->map == MAP_ONE_BYTE && ((op >= 0xa0 && op < 0xa4) || op == 0x82 || op == 0xc8 || op == 0xd6));
}

bool decode(const uint8_t *code, size_t length, struct machine *machine, struct decoded *ret_decoded)
{
    struct instruction in = {.start = code, .at = code, .end = code + length, .scale = 1};
    struct decoded decoded = {0};
    if (!read_opcode(&in) || is_unknown(&in))
        return false;
    in.has_modrm = has_modrm(&in);
    if (in.has_modrm && !read_modrm(&in, machine))
        return false;
    size_t constant = constant_bytes(&in);
    if (!skip(&in, constant))
        return false;
    if (in.has_modrm && in.in_memory)
        note_operand(&in, machine, &decoded);
    if (is_string(&in))
        do_string(&in, machine, &decoded);
    do_stack(&in, machine, &decoded);
    apply(&in, machine, constant);
    decoded.ends = decoded.ends || is_branch(&in);
    decoded.length = (uint32_t)(in.at - in.start);
    machine->registers[OPERAND_PC] += decoded.length;
    *ret_decoded = decoded;
    return true;
}

#endif
