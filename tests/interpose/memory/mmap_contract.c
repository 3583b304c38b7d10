/* What mmap(2), munmap(2), mremap(2), mprotect(2) and madvise(2) promise; prints what fails and the count. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

#define PAGE ((size_t)sysconf(_SC_PAGESIZE))
#define BIG  ((size_t)4 << 20)

static sigjmp_buf fault;

#define CHECK_FAILS(call, failed, number)                                                                              \
    do {                                                                                                               \
        errno = 0;                                                                                                     \
        CHECK((call) == (failed));                                                                                     \
        CHECK(errno == (number));                                                                                      \
    } while (0)

static void on_fault(int signal)
{
    siglongjmp(fault, signal);
}

/* Does a store there raise SIGSEGV? */
static int store_faults(volatile char *at)
{
    struct sigaction before, action = {.sa_handler = on_fault};
    sigaction(SIGSEGV, &action, &before);
    int signal = sigsetjmp(fault, 1);
    if (!signal)
        *at = 1;
    sigaction(SIGSEGV, &before, NULL);
    return signal;
}

static char *map(size_t size, int protection, int flags)
{
    return mmap(NULL, size, protection, flags | MAP_ANONYMOUS, -1, 0);
}

static int is_zero(const char *memory, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (memory[i])
            return 0;
    return 1;
}

static void anonymous_memory(void)
{
    for (size_t size = 1; size <= BIG; size = size * 3 + 1) {
        errno = 77;
        char *memory = map(size, PROT_READ | PROT_WRITE, MAP_PRIVATE);
        CHECK(errno == 77);
        CHECK(memory != MAP_FAILED && (uintptr_t)memory % PAGE == 0);
        CHECK(is_zero(memory, size));
        memset(memory, 1, size);
        CHECK(munmap(memory, size) == 0);
        CHECK(store_faults(memory));
    }
}

static void mistakes(void)
{
    char *memory = map(PAGE, PROT_READ, MAP_PRIVATE);
    CHECK_FAILS(map(0, PROT_READ, MAP_PRIVATE), (char *)MAP_FAILED, EINVAL);
    CHECK_FAILS(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, -1, 0), MAP_FAILED, EBADF);
    CHECK_FAILS(mmap(NULL, PAGE, PROT_READ, MAP_ANONYMOUS, -1, 0), MAP_FAILED, EINVAL);
    CHECK_FAILS(mmap(NULL, SIZE_MAX - PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), MAP_FAILED, ENOMEM);
    CHECK_FAILS(mmap(memory, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0), MAP_FAILED,
                EEXIST);
    CHECK_FAILS(munmap(memory + 1, PAGE), -1, EINVAL);
    CHECK_FAILS(mremap(memory, PAGE, 0, 0), MAP_FAILED, EINVAL);
    CHECK(store_faults(memory)); /* read only */
    munmap(memory, PAGE);
}

static void parts(void)
{
    char *memory = map(BIG, PROT_READ | PROT_WRITE, MAP_PRIVATE);
    memset(memory, 3, BIG);
    CHECK(munmap(memory + BIG / 2, PAGE) == 0);
    CHECK(store_faults(memory + BIG / 2));
    char *again = mmap(memory + BIG / 2, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    CHECK(again == memory + BIG / 2 && is_zero(again, PAGE));
    CHECK(memory[BIG / 2 - 1] == 3 && memory[BIG / 2 + PAGE] == 3);
    CHECK(mprotect(memory, PAGE, PROT_READ) == 0 && store_faults(memory) && !store_faults(memory + PAGE));
    CHECK(mprotect(memory, BIG, PROT_READ | PROT_WRITE) == 0 && !store_faults(memory));
    CHECK(madvise(memory, BIG, MADV_DONTNEED) == 0 && is_zero(memory, BIG));
    CHECK(munmap(memory, BIG) == 0);
}

static void growing(void)
{
    char *memory = map(BIG, PROT_READ | PROT_WRITE, MAP_PRIVATE), *fixed = map(4 * BIG, PROT_NONE, MAP_PRIVATE);
    memset(memory, 5, BIG);
    memory = mremap(memory, BIG, 2 * BIG, MREMAP_MAYMOVE);
    CHECK(memory != MAP_FAILED && memory[0] == 5 && memory[BIG - 1] == 5 && is_zero(memory + BIG, BIG));
    memset(memory + BIG, 6, BIG);
    memory = mremap(memory, 2 * BIG, 2 * BIG, MREMAP_MAYMOVE | MREMAP_FIXED, fixed);
    CHECK(memory == fixed && memory[BIG - 1] == 5 && memory[2 * BIG - 1] == 6);
    memory = mremap(memory, 2 * BIG, PAGE, 0);
    CHECK(memory == fixed && memory[PAGE - 1] == 5 && store_faults(memory + PAGE));
    munmap(memory, PAGE);
    munmap(fixed + 2 * BIG, 2 * BIG);
}

static void shared_with_a_child(void)
{
    char *shared = map(BIG, PROT_READ | PROT_WRITE, MAP_SHARED), *own = map(BIG, PROT_READ | PROT_WRITE, MAP_PRIVATE);
    pid_t child = fork();
    int status = 1;
    if (child == 0) {
        shared[BIG - 1] = own[BIG - 1] = 9;
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    CHECK(shared[BIG - 1] == 9 && own[BIG - 1] == 0);
    munmap(shared, BIG);
    munmap(own, BIG);
}

static void files(void)
{
    char name[] = "/tmp/mmap-contract-XXXXXX", read_back[2] = "";
    int fd = mkstemp(name);
    CHECK(fd >= 0 && unlink(name) == 0 && ftruncate(fd, (off_t)BIG) == 0);
    char *shared = mmap(NULL, BIG, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    char *own = mmap64(NULL, BIG, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    CHECK(shared != MAP_FAILED && own != MAP_FAILED);
    shared[PAGE] = 'a';
    own[PAGE + 1] = 'b';
    CHECK(pread(fd, read_back, 2, (off_t)PAGE) == 2 && read_back[0] == 'a' && read_back[1] == 0);
    CHECK(own[PAGE + 1] == 'b' && shared[PAGE + 1] == 0);
    CHECK_FAILS(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 1), MAP_FAILED, EINVAL);
    munmap(shared, BIG);
    munmap(own, BIG);
    close(fd);
}

int main(void)
{
    anonymous_memory();
    mistakes();
    parts();
    growing();
    shared_with_a_child();
    files();
    printf("%u checks, %u failures\n", checks, failures);
    return failures != 0;
}
