/* What malloc(3), posix_memalign(3) and their kin promise, one check a line; prints what fails and the count. */
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *pointer, size_t size);
void __libc_free(void *pointer);
void *__libc_memalign(size_t alignment, size_t size);

static volatile size_t opaque; /* keeps the compiler from knowing sizes */

static size_t value(size_t number)
{
    opaque = number;
    return opaque;
}

static void fill(unsigned char *block, size_t size, unsigned seed)
{
    for (size_t i = 0; i<size; i += size> 4096 ? 61 : 1)
        block[i] = (unsigned char)(seed + i * 7);
}

static int is_filled(const unsigned char *block, size_t size, unsigned seed)
{
    for (size_t i = 0; i<size; i += size> 4096 ? 61 : 1)
        if (block[i] != (unsigned char)(seed + i * 7))
            return 0;
    return 1;
}

static void every_size_is_aligned_usable_and_apart(void)
{
    enum { COUNT = 700 };
    unsigned char *blocks[COUNT];
    size_t sizes[COUNT];
    for (unsigned i = 0; i < COUNT; i++) {
        sizes[i] = i < 300 ? i : (size_t)(i - 299) * (i - 299) * 7;
        blocks[i] = malloc(value(sizes[i]));
        CHECK(blocks[i] != NULL);
        CHECK((uintptr_t)blocks[i] % _Alignof(max_align_t) == 0);
        CHECK(malloc_usable_size(blocks[i]) >= sizes[i]);
        fill(blocks[i], sizes[i], i);
    }
    for (unsigned i = 0; i < COUNT; i++)
        CHECK(is_filled(blocks[i], sizes[i], i));
    for (unsigned i = 0; i < COUNT; i += 2)
        free(blocks[i]);
    for (unsigned i = 1; i < COUNT; i += 2) {
        CHECK(is_filled(blocks[i], sizes[i], i));
        free(blocks[i]);
    }
}

static void the_usable_size_may_be_used(void)
{
    for (size_t size = 1; size < 300000; size = size * 5 / 4 + 1) {
        unsigned char *block = malloc(value(size));
        size_t usable = malloc_usable_size(block);
        memset(block, 0xab, usable);
        CHECK(block[usable - 1] == 0xab);
        free(block);
    }
    CHECK(malloc_usable_size(NULL) == 0);
}

static void nothing_is_a_block_too(void)
{
    void *one = malloc(value(0)), *other = malloc(value(0));
    CHECK(one && other && one != other);
    free(one);
    free(other);
    free(NULL);
    one = calloc(value(0), 5);
    CHECK(one != NULL);
    free(one);
}

static void realloc_keeps_what_fits(void)
{
    unsigned char *block = NULL;
    size_t old = 0;
    for (size_t size = 1; size < 9000000; size = size * 4 / 3 + 1) {
        block = realloc(block, value(size));
        CHECK(block && is_filled(block, old / 61 * 61, 9));
        for (size_t i = 0; i < size; i++)
            block[i] = (unsigned char)(9 + i * 7);
        old = size;
    }
    for (size_t size = old; size > 1; size = size * 2 / 3) {
        block = realloc(block, value(size));
        CHECK(block && is_filled(block, size, 9));
    }
    CHECK(realloc(block, value(0)) == NULL);
}

static void many_blocks_grow_together(void)
{
    unsigned char *blocks[100] = {0};
    for (size_t size = 100; size < 200000; size = size * 3 / 2)
        for (unsigned i = 0; i < 100; i++) {
            blocks[i] = realloc(blocks[i], value(size));
            CHECK(blocks[i] && (size == 100 || blocks[i][50] == i));
            memset(blocks[i], (int)i, size);
        }
    for (unsigned i = 0; i < 100; i++)
        free(blocks[i]);
}

static void calloc_is_zero_also_in_used_memory(void)
{
    for (size_t size = 1; size < 3000000; size = size * 3 / 2 + 1) {
        unsigned char *block = malloc(value(size));
        size_t sum = 0;
        memset(block, 0xff, size);
        free(block);
        block = calloc(value(size), 1);
        for (size_t i = 0; i < size; i++)
            sum += block[i];
        CHECK(sum == 0);
        memset(block, 0xff, size);
        free(block);
    }
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuse-after-free" /* what failed has freed nothing */
static void too_much_is_enomem(void)
{
    void *block = malloc(100);
    errno = 0;
    CHECK(malloc(value(SIZE_MAX)) == NULL && errno == ENOMEM);
    errno = 0;
    CHECK(malloc(value((size_t)PTRDIFF_MAX + 1)) == NULL && errno == ENOMEM);
    errno = 0;
    CHECK(calloc(value(SIZE_MAX / 2), 3) == NULL && errno == ENOMEM);
    errno = 0;
    CHECK(realloc(block, value(SIZE_MAX - 4096)) == NULL && errno == ENOMEM);
    errno = 0;
    CHECK(reallocarray(block, value(SIZE_MAX / 4), 5) == NULL && errno == ENOMEM);
    errno = 0;
    CHECK(memalign(4096, value(SIZE_MAX - 8192)) == NULL && errno == ENOMEM);
    errno = 0;
    CHECK(aligned_alloc(64, value(SIZE_MAX - 100)) == NULL && errno == ENOMEM);
    errno = 0;
    CHECK(valloc(value(SIZE_MAX - 100)) == NULL && errno == ENOMEM);
    errno = 0;
    CHECK(pvalloc(value(SIZE_MAX - 100)) == NULL && errno == ENOMEM);
    memset(block, 1, 100); /* still ours */
    free(block);
}
#pragma GCC diagnostic pop

static void every_alignment_is_kept(void)
{
    for (size_t alignment = sizeof(void *); alignment <= 8u << 20; alignment *= 2)
        for (size_t size = 1; size < 200000; size = size * 3 + 1) {
            void *block = NULL;
            errno = 77;
            CHECK(posix_memalign(&block, alignment, value(size)) == 0 && errno == 77);
            CHECK((uintptr_t)block % alignment == 0 && malloc_usable_size(block) >= size);
            memset(block, 3, size);
            block = realloc(block, value(size * 2));
            CHECK(block && ((char *)block)[size - 1] == 3);
            free(block);
            block = memalign(alignment, value(size));
            CHECK(block && (uintptr_t)block % alignment == 0);
            free(block);
            block = aligned_alloc(alignment, value(size));
            CHECK(block && (uintptr_t)block % alignment == 0);
            free(block);
        }
    for (size_t alignment = 1; alignment < 100000; alignment = alignment * 3 + 1) { /* rounded up to a power of two */
        void *block = memalign(alignment, value(50));
        size_t power = 1;
        while (power < alignment)
            power *= 2;
        CHECK(block && (uintptr_t)block % power == 0);
        free(block);
    }
}

static void wrong_alignments_are_einval(void)
{
    void *block = &checks;
    CHECK(posix_memalign(&block, value(3), 10) == EINVAL && block == &checks);
    CHECK(posix_memalign(&block, value(0), 10) == EINVAL);
    CHECK(posix_memalign(&block, value(4), 10) == EINVAL);
    errno = 0;
    CHECK(memalign(value(SIZE_MAX / 2 + 2), 10) == NULL && errno == EINVAL);
    CHECK(posix_memalign(&block, 64, value(SIZE_MAX - 10)) == ENOMEM && block == &checks);
    for (unsigned bit = 46; bit < 62; bit++) /* aligned to more than there are addresses */
        CHECK(posix_memalign(&block, value((size_t)1 << bit), 10) == ENOMEM && block == &checks);
}

static void whole_pages(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    void *block = valloc(value(10));
    CHECK(block && (uintptr_t)block % page == 0);
    free(block);
    block = pvalloc(value(10));
    CHECK(block && (uintptr_t)block % page == 0 && malloc_usable_size(block) >= page);
    memset(block, 1, page);
    free(block);
}

static void free_keeps_errno(void)
{
    for (size_t size = 1; size < 50u << 20; size *= 3) {
        void *block = malloc(value(size));
        errno = 88;
        free(block);
        CHECK(errno == 88);
    }
}

static void malloc_keeps_errno_when_it_succeeds(void)
{
    for (size_t size = 1; size < 50u << 20; size *= 3) {
        errno = 89;
        free(malloc(value(size)));
        CHECK(errno == 89);
    }
}

static void libc_gives_what_free_takes(void)
{
    char *text = NULL, *line = NULL;
    size_t size = 0;
    FILE *memory = fmemopen((char[]){"one line\n"}, 9, "r");
    CHECK(asprintf(&text, "%d", 42) == 2 && !strcmp(text, "42"));
    free(text);
    text = strdup("text");
    free(text);
    CHECK(getline(&line, &size, memory) == 9);
    free(line);
    fclose(memory);
    text = realpath("/", NULL);
    CHECK(text && !strcmp(text, "/"));
    text = realloc(text, 5000);
    CHECK(!strcmp(text, "/"));
    free(text);
    text = getcwd(NULL, 0);
    free(text);
}

static void glibcs_own_names_mix(void)
{
    void *block = __libc_malloc(value(100));
    free(block);
    block = malloc(value(100));
    __libc_free(block);
    block = __libc_calloc(10, value(10));
    block = realloc(block, 500);
    block = __libc_realloc(block, value(5000));
    memset(block, 1, 5000);
    __libc_free(block);
    block = __libc_memalign(256, value(100));
    CHECK((uintptr_t)block % 256 == 0);
    free(block);
    __libc_free(NULL);
}

static void newer_names_are_there(void)
{
    void (*free_sized)(void *, size_t) = (void (*)(void *, size_t))dlsym(RTLD_DEFAULT, "free_sized");
    void (*free_aligned_sized)(void *, size_t, size_t) =
        (void (*)(void *, size_t, size_t))dlsym(RTLD_DEFAULT, "free_aligned_sized");
    if (free_sized)
        free_sized(malloc(value(40)), 40);
    if (free_aligned_sized)
        free_aligned_sized(aligned_alloc(64, value(128)), 64, 128);
    void *block = reallocarray(NULL, value(10), 30);
    CHECK(malloc_usable_size(block) >= 300);
    free(block);
}

static void figures_follow_the_program(void)
{
    struct mallinfo2 before = mallinfo2();
    void *blocks[1000];
    for (unsigned i = 0; i < 1000; i++)
        blocks[i] = memset(malloc(value(1000)), 1, 1000);
    struct mallinfo2 during = mallinfo2();
    CHECK(during.uordblks >= before.uordblks + 1000 * 1000 && during.uordblks <= before.uordblks + 1000 * 1400);
    for (unsigned i = 0; i < 1000; i++)
        free(blocks[i]);
    struct mallinfo2 after = mallinfo2();
    CHECK(after.uordblks <= before.uordblks + 20000);
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    CHECK(malloc_info(0, stream) == 0);
    fclose(stream);
    CHECK(text && !strncmp(text, "<malloc", 7) && strstr(text, "</malloc>"));
    free(text);
    CHECK(malloc_trim(0) == 0 || malloc_trim(0) <= 1);
    mallopt(M_MMAP_THRESHOLD, 1 << 20);
}

int main(void)
{
    every_size_is_aligned_usable_and_apart();
    the_usable_size_may_be_used();
    nothing_is_a_block_too();
    realloc_keeps_what_fits();
    many_blocks_grow_together();
    calloc_is_zero_also_in_used_memory();
    too_much_is_enomem();
    every_alignment_is_kept();
    wrong_alignments_are_einval();
    whole_pages();
    free_keeps_errno();
    malloc_keeps_errno_when_it_succeeds();
    libc_gives_what_free_takes();
    glibcs_own_names_mix();
    newer_names_are_there();
    figures_follow_the_program();
    printf("%u checks, %u failures\n", checks, failures);
    return failures != 0;
}
