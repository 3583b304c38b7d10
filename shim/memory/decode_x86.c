#include "shim/memory/decode.h"

#if defined(__x86_64__)

#include <string.h>

#include "shim/memory/instruction_x86.h"

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

bool decode(const uint8_t *code, size_t length, struct machine *machine, struct decoded *ret_decoded)
{
    struct instruction in;
    struct decoded decoded = {0};
    if (!instruction_read(code, length, machine, &in))
        return false;
    if (in.has_modrm && in.in_memory)
        note_operand(&in, machine, &decoded);
    if (is_string(&in))
        do_string(&in, machine, &decoded);
    do_stack(&in, machine, &decoded);
    apply(&in, machine, in.constant);
    decoded.ends = decoded.ends || is_branch(&in);
    decoded.length = (uint32_t)(in.at - in.start);
    machine->registers[OPERAND_PC] += decoded.length;
    *ret_decoded = decoded;
    return true;
}

#endif
