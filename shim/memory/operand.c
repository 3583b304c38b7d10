#include "shim/memory/operand.h"

#include <string.h>

#define PAGE_BITS   12
#define WEIGHT      4096u
#define ACCESS_TIME 8u /* of an access, in instructions without one: a cache's latency, and what emulators take */

static void add(struct operands *operands, const struct access *access)
{
    for (uint32_t i = 0; i < operands->count; i++) {
        struct operand *operand = &operands->operand[i];
        if (operand->address >> PAGE_BITS == access->address >> PAGE_BITS) {
            operand->times += access->times;
            return;
        }
    }
    if (operands->count < OPERAND_PAGES)
        operands->operand[operands->count++] = (struct operand){access->address, access->times};
}

void operands_ahead(const uint8_t *code, size_t length, const uint64_t registers[static OPERAND_COUNT],
                    uintptr_t thread_pointer, struct operands *ret_operands)
{
    struct machine machine = {.thread_pointer = thread_pointer};
    struct decoded decoded = {0};
    *ret_operands = (struct operands){0};
    memcpy(machine.registers, registers, sizeof(machine.registers));
    for (size_t at = 0; at < length && !decoded.ends; at += decoded.length) {
        if (!decode(code + at, length - at, &machine, &decoded))
            return;
        ret_operands->instructions++;
        ret_operands->accesses += decoded.accesses;
        for (uint32_t i = 0; i < decoded.count; i++)
            add(ret_operands, &decoded.access[i]);
    }
}

uint32_t operands_weight(const struct operands *operands)
{
    return WEIGHT / (operands->instructions + ACCESS_TIME * operands->accesses + 1);
}
