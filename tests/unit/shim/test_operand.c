/* Operands of real instructions, as binutils assembles them, and whatever bytes come. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shim/memory/operand.h"

struct example {
    const char *what, *code;
    size_t length;
    uintptr_t address; /* 0: no operand that can be told */
};

#define CODE(bytes) bytes, sizeof(bytes) - 1

#if defined(__x86_64__)

/* By the numbers that instructions have for them. */
enum { AX, CX, DX, BX, SP, BP, SI, DI, R8, R9, R10, R11, R12, R13, R14, R15 };
static const uint8_t places[16] = {0, 2, 3, 1, 7, 6, 4, 5, 9, 10, 11, 12, 13, 14, 15, 16};

#define VALUE(number) ((uintptr_t)0x1000000 * ((number) + 1))
#define PC            ((uintptr_t)0x400000)

static void fill(uint64_t *registers)
{
    for (unsigned i = 0; i < 16; i++)
        registers[places[i]] = VALUE(i);
    registers[OPERAND_PC] = PC;
}

static const struct example examples[] = {
    {"inc dword [rax+rcx*4]", CODE("\xff\x04\x88"), VALUE(AX) + 4 * VALUE(CX)},
    {"mov rax, [rbx]", CODE("\x48\x8b\x03"), VALUE(BX)},
    {"mov [rdi+8], rax", CODE("\x48\x89\x47\x08"), VALUE(DI) + 8},
    {"movupd xmm0, [rdx+rax]", CODE("\x66\x0f\x10\x04\x02"), VALUE(DX) + VALUE(AX)},
    {"addpd xmm0, [rsi+rax*8-16]", CODE("\x66\x0f\x58\x44\xc6\xf0"), VALUE(SI) + 8 * VALUE(AX) - 16},
    {"mov r8d, [r9+r10*2+0x12345]", CODE("\x47\x8b\x84\x51\x45\x23\x01\x00"), VALUE(R9) + 2 * VALUE(R10) + 0x12345},
    {"mov eax, [r13]", CODE("\x41\x8b\x45\x00"), VALUE(R13)},
    {"mov eax, [r12]", CODE("\x41\x8b\x04\x24"), VALUE(R12)},
    {"mov eax, [rsp+24]", CODE("\x8b\x44\x24\x18"), VALUE(SP) + 24},
    {"mov eax, [rbp]", CODE("\x8b\x45\x00"), VALUE(BP)},
    {"mov eax, [rip+0x100]", CODE("\x8b\x05\x00\x01\x00\x00"), PC + 0x100},
    {"mov eax, [rcx*8+0x1000]", CODE("\x8b\x04\xcd\x00\x10\x00\x00"), 8 * VALUE(CX) + 0x1000},
    {"vmovupd ymm0, [rdx+rax]", CODE("\xc5\xfd\x10\x04\x02"), VALUE(DX) + VALUE(AX)},
    {"vaddpd ymm0, ymm1, [r8+r15*8]", CODE("\xc4\x81\x75\x58\x04\xf8"), VALUE(R8) + 8 * VALUE(R15)},
    {"vfmadd231pd ymm0, ymm1, [rsi+rax]", CODE("\xc4\xe2\xf5\xb8\x04\x06"), VALUE(SI) + VALUE(AX)},
    {"vmovupd zmm0, [rdx+rax+64]", CODE("\x62\xf1\xfd\x48\x10\x44\x02\x01"), VALUE(DX) + VALUE(AX) + 64},
    {"vaddpd zmm17, zmm1, [r8+r15*8]", CODE("\x62\x81\xf5\x48\x58\x0c\xf8"), VALUE(R8) + 8 * VALUE(R15)},
    {"movzx eax, byte [rdi+rdx]", CODE("\x0f\xb6\x04\x17"), VALUE(DI) + VALUE(DX)},
    {"lock xadd [rdi], eax", CODE("\xf0\x0f\xc1\x07"), VALUE(DI)},
    {"cmpxchg [rsi+8], ecx", CODE("\x0f\xb1\x4e\x08"), VALUE(SI) + 8},
    {"imul eax, [rdi+4], 7", CODE("\x6b\x47\x04\x07"), VALUE(DI) + 4},
    {"rep stosb", CODE("\xf3\xaa"), VALUE(DI)},
    {"rep movsb", CODE("\xf3\xa4"), VALUE(DI)},
    {"lodsq", CODE("\x48\xad"), VALUE(SI)},
    {"pshufb xmm0, [rdi]", CODE("\x66\x0f\x38\x00\x07"), VALUE(DI)},
    {"pcmpestri xmm0, [rsi+16], 3", CODE("\x66\x0f\x3a\x61\x46\x10\x03"), VALUE(SI) + 16},
    {"prefetcht0 [rdi+256]", CODE("\x0f\x18\x8f\x00\x01\x00\x00"), VALUE(DI) + 256},
    {"fld qword [rax+8]", CODE("\xdd\x40\x08"), VALUE(AX) + 8},
    {"neg qword [r11]", CODE("\x49\xf7\x1b"), VALUE(R11)},
    {"bts [rdi], eax", CODE("\x0f\xab\x07"), VALUE(DI)},
    {"lea rax, [rbx+rcx]", CODE("\x48\x8d\x04\x0b"), 0},
    {"add rax, rbx", CODE("\x48\x01\xd8"), 0},
    {"mov rax, fs:[0]", CODE("\x64\x48\x8b\x04\x25\x00\x00\x00\x00"), 0},
    {"mov eax, [eax]", CODE("\x67\x8b\x00"), 0},
    {"nop dword [rax+rax]", CODE("\x0f\x1f\x04\x00"), 0},
    {"jne", CODE("\x75\xfe"), 0},
    {"call", CODE("\xe8\xfb\xff\xff\xff"), 0},
    {"push rax", CODE("\x50"), 0},
    {"vgatherdpd ymm0, [rax+xmm1*8], ymm2", CODE("\xc4\xe2\xed\x92\x04\xc8"), 0},
    {"vzeroupper", CODE("\xc5\xf8\x77"), 0},
    {"ret", CODE("\xc3"), 0},
    {"cpuid", CODE("\x0f\xa2"), 0},
    {"setne al", CODE("\x0f\x95\xc0"), 0},
    {"half of mov [rdi+8], rax", CODE("\x48\x89\x47"), 0},
    {"prefixes and no end", CODE("\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66"), 0},
};

#elif defined(__aarch64__)

#define VALUE(number) ((uintptr_t)0x1000000 * ((number) + 1))
#define PC            ((uintptr_t)0x400000)

static void fill(uint64_t *registers)
{
    for (unsigned i = 0; i < 32; i++)
        registers[i] = VALUE(i);
    registers[OPERAND_PC] = PC;
}

static const struct example examples[] = {
    {"ldr x0, [x1, x2, lsl #3]", CODE("\x20\x78\x62\xf8"), VALUE(1) + 8 * VALUE(2)},
    {"ldr q0, [x1, #16]", CODE("\x20\x04\xc0\x3d"), VALUE(1) + 16},
    {"str x3, [x4, #8]", CODE("\x83\x04\x00\xf9"), VALUE(4) + 8},
    {"ldp x0, x1, [x2], #16", CODE("\x40\x04\xc1\xa8"), VALUE(2)},
    {"ldr x0, pc-4", CODE("\xe0\xff\xff\x58"), PC - 4},
    {"add x0, x1, x2", CODE("\x20\x00\x02\x8b"), 0},
    {"ret", CODE("\xc0\x03\x5f\xd6"), 0},
    {"half of one", CODE("\x20\x78"), 0},
};

#else

static void fill(uint64_t *registers)
{
    registers[0] = 0;
}

static const struct example examples[] = {{"nothing", CODE(""), 0}};

#endif

static void test_examples(void **state)
{
    uint64_t registers[OPERAND_COUNT];
    (void)state;
    fill(registers);
    for (size_t i = 0; i < sizeof(examples) / sizeof(*examples); i++) {
        const struct example *example = &examples[i];
        uintptr_t address = 0;
        bool any = operand_address((const uint8_t *)example->code, example->length, registers, &address);
        if (any != (example->address != 0) || (any && address != example->address))
            fail_msg("%s: %s %#zx, should be %#zx", example->what, any ? "is" : "none, not", (size_t)address,
                     (size_t)example->address);
    }
}

/* In a block of their own, so that the address sanitizer sees a byte too many. */
static void test_any_bytes(void **state)
{
    uint64_t registers[OPERAND_COUNT], random = 1;
    uintptr_t address;
    (void)state;
    fill(registers);
    for (unsigned i = 0; i < 200000; i++) {
        size_t length = i % (OPERAND_CODE_MOST + 1);
        uint8_t *code = malloc(length ? length : 1);
        for (size_t k = 0; k < length; k++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            code[k] = (uint8_t)(random >> 56);
        }
        operand_address(code, length, registers, &address);
        free(code);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_examples), cmocka_unit_test(test_any_bytes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
