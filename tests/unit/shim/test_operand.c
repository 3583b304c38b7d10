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

/* Instructions one after the other, and the pages that they access. */
struct block {
    const char *what, *code;
    size_t length;
    uint32_t instructions, accesses, count;
    struct operand operand[4];
};

#define CODE(bytes) bytes, sizeof(bytes) - 1

#if defined(__x86_64__)

/* By the numbers that instructions have for them. */
enum { AX, CX, DX, BX, SP, BP, SI, DI, R8, R9, R10, R11, R12, R13, R14, R15 };
static const uint8_t places[16] = {0, 2, 3, 1, 7, 6, 4, 5, 9, 10, 11, 12, 13, 14, 15, 16};

#define VALUE(number) ((uintptr_t)0x1000000 * ((number) + 1))
#define PC            ((uintptr_t)0x400000)
#define THREAD        ((uintptr_t)0x7f0000000000)

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
    {"rep movsb", CODE("\xf3\xa4"), VALUE(SI)},
    {"lodsq", CODE("\x48\xad"), VALUE(SI)},
    {"pshufb xmm0, [rdi]", CODE("\x66\x0f\x38\x00\x07"), VALUE(DI)},
    {"pcmpestri xmm0, [rsi+16], 3", CODE("\x66\x0f\x3a\x61\x46\x10\x03"), VALUE(SI) + 16},
    {"prefetcht0 [rdi+256]", CODE("\x0f\x18\x8f\x00\x01\x00\x00"), 0},
    {"fld qword [rax+8]", CODE("\xdd\x40\x08"), VALUE(AX) + 8},
    {"neg qword [r11]", CODE("\x49\xf7\x1b"), VALUE(R11)},
    {"bts [rdi], eax", CODE("\x0f\xab\x07"), VALUE(DI)},
    {"lea rax, [rbx+rcx]", CODE("\x48\x8d\x04\x0b"), 0},
    {"add rax, rbx", CODE("\x48\x01\xd8"), 0},
    {"mov rax, fs:[0x28]", CODE("\x64\x48\x8b\x04\x25\x28\x00\x00\x00"), THREAD + 0x28},
    {"mov rax, gs:[0x28]", CODE("\x65\x48\x8b\x04\x25\x28\x00\x00\x00"), 0},
    {"mov eax, [eax]", CODE("\x67\x8b\x00"), 0},
    {"nop dword [rax+rax]", CODE("\x0f\x1f\x04\x00"), 0},
    {"jne", CODE("\x75\xfe"), 0},
    {"call", CODE("\xe8\xfb\xff\xff\xff"), VALUE(SP) - 8},
    {"push rax", CODE("\x50"), VALUE(SP) - 8},
    {"pop r12", CODE("\x41\x5c"), VALUE(SP)},
    {"leave", CODE("\xc9"), VALUE(BP)},
    {"vgatherdpd ymm0, [rax+xmm1*8], ymm2", CODE("\xc4\xe2\xed\x92\x04\xc8"), 0},
    {"vzeroupper", CODE("\xc5\xf8\x77"), 0},
    {"ret", CODE("\xc3"), VALUE(SP)},
    {"cpuid", CODE("\x0f\xa2"), 0},
    {"setne al", CODE("\x0f\x95\xc0"), 0},
    {"half of mov [rdi+8], rax", CODE("\x48\x89\x47"), 0},
    {"prefixes and no end", CODE("\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66"), 0},
};

static const struct block blocks[] = {
    {"a[i] = b[i] + s * c[i], unrolled by nothing, and what follows the loop",
     CODE("\xf2\x0f\x10\x04\xc6" /* movsd xmm0, [rsi+rax*8] */
          "\xf2\x0f\x59\xc1"     /* mulsd xmm0, xmm1 */
          "\xf2\x0f\x58\x04\xc2" /* addsd xmm0, [rdx+rax*8] */
          "\xf2\x0f\x11\x04\xc7" /* movsd [rdi+rax*8], xmm0 */
          "\x48\x83\xc0\x01"     /* add rax, 1 */
          "\x48\x39\xc8"         /* cmp rax, rcx */
          "\x75\xe5"             /* jne */
          "\x48\x8b\x03"),       /* mov rax, [rbx]: not on this way */
     7,
     3,
     3,
     {{VALUE(SI) + 8 * VALUE(AX), 1}, {VALUE(DX) + 8 * VALUE(AX), 1}, {VALUE(DI) + 8 * VALUE(AX), 1}}},
    {"a pointer steps, and another is its copy",
     CODE("\x48\x8b\x03"                 /* mov rax, [rbx] */
          "\x48\x81\xc3\x00\x10\x00\x00" /* add rbx, 4096 */
          "\x48\x8b\x0b"                 /* mov rcx, [rbx] */
          "\x49\x89\xd8"                 /* mov r8, rbx */
          "\x49\x83\x00\x05"             /* add qword [r8], 5 */
          "\x48\x8d\x7b\x10"             /* lea rdi, [rbx+16] */
          "\xaa"),                       /* stosb */
     7,
     5,
     2,
     {{VALUE(BX), 1}, {VALUE(BX) + 4096, 4}}},
    {"what was loaded is not known, as an address",
     CODE("\x48\x8b\x03"     /* mov rax, [rbx] */
          "\x48\x8b\x10"     /* mov rdx, [rax] */
          "\x8b\x0c\x16"     /* mov ecx, [rsi+rdx] */
          "\x48\x85\xc0"     /* test rax, rax */
          "\xc5\xfd\x6f\x06" /* vmovdqa ymm0, [rsi] */
          "\xc5\xf8\x77"     /* vzeroupper */
          "\xeb\xfe"),       /* jmp */
     7,
     4,
     2,
     {{VALUE(BX), 1}, {VALUE(SI), 1}}},
    {"the beginning and the end of a function",
     CODE("\xf3\x0f\x1e\xfa"                     /* endbr64 */
          "\x55"                                 /* push rbp */
          "\x48\x89\xe5"                         /* mov rbp, rsp */
          "\x41\x54"                             /* push r12 */
          "\x48\x81\xec\x00\x20\x00\x00"         /* sub rsp, 8192 */
          "\x64\x48\x8b\x04\x25\x28\x00\x00\x00" /* mov rax, fs:[0x28] */
          "\x48\x89\x44\x24\x08"                 /* mov [rsp+8], rax */
          "\xb8\x01\x00\x00\x00"                 /* mov eax, 1 */
          "\xc9"                                 /* leave */
          "\xc3"),                               /* ret */
     10,
     6,
     4,
     {{VALUE(SP) - 8, 3}, {THREAD + 0x28, 1}, {VALUE(SP) - 16 - 8192 + 8, 1}, {VALUE(SP), 1}}},
    {"constants of all sizes do not hide what follows",
     CODE("\x48\xb8\x01\x02\x03\x04\x05\x06\x07\x08" /* movabs rax, … */
          "\x66\xb8\x01\x02"                         /* mov ax, … */
          "\x69\xc1\x01\x02\x03\x04"                 /* imul eax, ecx, … */
          "\x66\x81\xc1\x01\x02"                     /* add cx, … */
          "\xf7\xc2\x01\x02\x03\x04"                 /* test edx, … */
          "\xf6\xc2\x01"                             /* test dl, 1 */
          "\xf7\xe2"                                 /* mul edx */
          "\xc1\xe0\x04"                             /* shl eax, 4 */
          "\x66\x0f\x70\xc1\x1b"                     /* pshufd xmm0, xmm1, … */
          "\x66\x0f\x3a\x0f\xc1\x08"                 /* palignr xmm0, xmm1, 8 */
          "\x0f\xba\xe1\x03"                         /* bt ecx, 3 */
          "\xc4\xe3\x7d\x39\xc1\x01"                 /* vextracti128 xmm1, ymm0, 1 */
          "\x48\xc7\x03\x01\x00\x00\x00"             /* mov qword [rbx], 1 */
          "\x66\xc7\x43\x08\x01\x00"                 /* mov word [rbx+8], 1 */
          "\x0f\x84\x01\x02\x03\x04"),               /* je */
     15,
     2,
     1,
     {{VALUE(BX), 2}}},
    {"a string instruction that repeats is met again",
     CODE("\xf3\x48\xa5\x48\x8b\x03"),
     1,
     2,
     2,
     {{VALUE(SI), 1}, {VALUE(DI), 1}}},
    {"an unknown instruction ends the look", CODE("\x48\x8b\x03\x82\x48\x8b\x06"), 1, 1, 1, {{VALUE(BX), 1}}},
};

#elif defined(__aarch64__)

#define VALUE(number) ((uintptr_t)0x1000000 * ((number) + 1))
#define PC            ((uintptr_t)0x400000)
#define THREAD        ((uintptr_t)0x7f0000000000)

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

static const struct block blocks[] = {
    {"up to a branch",
     CODE("\x20\x78\x62\xf8\x83\x04\x00\xf9\x40\x00\x40\xf9\xc0\x03\x5f\xd6\x20\x78\x62\xf8"),
     4,
     3,
     3,
     {{VALUE(1) + 8 * VALUE(2), 1}, {VALUE(4) + 8, 1}, {VALUE(2), 1}}},
};

#else

static void fill(uint64_t *registers)
{
    registers[0] = 0;
}

#define THREAD 0
static const struct example examples[] = {{"nothing", CODE(""), 0}};
static const struct block blocks[] = {{"nothing", CODE(""), 0, 0, 0, {{0, 0}}}};

#endif

static uintptr_t first_of(const uint8_t *code, size_t length, const uint64_t *registers)
{
    struct operands operands;
    operands_ahead(code, length, registers, THREAD, &operands);
    return operands.count ? operands.operand[0].address : 0;
}

static void an_instruction_accesses_its_operand(void **state)
{
    uint64_t registers[OPERAND_COUNT];
    (void)state;
    fill(registers);
    for (size_t i = 0; i < sizeof(examples) / sizeof(*examples); i++) {
        const struct example *example = &examples[i];
        uintptr_t address = first_of((const uint8_t *)example->code, example->length, registers);
        if (address != example->address)
            fail_msg("%s: is %#zx, should be %#zx", example->what, (size_t)address, (size_t)example->address);
    }
}

/* Each instruction ends where the next begins, so that a wrong length shows in all that follow. */
static void all_instructions_up_to_a_branch_are_seen(void **state)
{
    uint64_t registers[OPERAND_COUNT];
    (void)state;
    fill(registers);
    for (size_t i = 0; i < sizeof(blocks) / sizeof(*blocks); i++) {
        const struct block *block = &blocks[i];
        struct operands is;
        operands_ahead((const uint8_t *)block->code, block->length, registers, THREAD, &is);
        if (is.instructions != block->instructions || is.accesses != block->accesses || is.count != block->count)
            fail_msg("%s: %u instructions, %u accesses, %u pages", block->what, is.instructions, is.accesses, is.count);
        for (uint32_t k = 0; k < is.count; k++)
            if (is.operand[k].address != block->operand[k].address || is.operand[k].times != block->operand[k].times)
                fail_msg("%s: page %u is %#zx, %u times", block->what, k, (size_t)is.operand[k].address,
                         is.operand[k].times);
    }
}

static void an_access_of_a_longer_block_stands_for_less(void **state)
{
    (void)state;
    struct operands alone = {.instructions = 1, .accesses = 1}, idle = {.instructions = 21, .accesses = 1},
                    most = {.instructions = OPERAND_CODE_MOST, .accesses = OPERAND_CODE_MOST * 2};
    assert_true(operands_weight(&alone) > operands_weight(&idle));
    assert_true(operands_weight(&idle) > operands_weight(&most));
    assert_true(operands_weight(&most) >= 1);
}

/* In a block of their own, so that the address sanitizer sees a byte too many. */
static void any_bytes_are_read_no_further_than_they_go(void **state)
{
    uint64_t registers[OPERAND_COUNT], random = 1;
    struct operands operands;
    (void)state;
    fill(registers);
    for (unsigned i = 0; i < 200000; i++) {
        size_t length = i % (OPERAND_CODE_MOST + 1);
        uint8_t *code = malloc(length ? length : 1);
        for (size_t k = 0; k < length; k++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            code[k] = (uint8_t)(random >> 56);
        }
        operands_ahead(code, length, registers, 0, &operands);
        assert_true(operands.count <= OPERAND_PAGES && operands.instructions <= OPERAND_CODE_MOST);
        free(code);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_instruction_accesses_its_operand),
        cmocka_unit_test(all_instructions_up_to_a_branch_are_seen),
        cmocka_unit_test(an_access_of_a_longer_block_stands_for_less),
        cmocka_unit_test(any_bytes_are_read_no_further_than_they_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
