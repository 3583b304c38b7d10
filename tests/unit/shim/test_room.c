#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "shim/base/page_size.h"
#include "shim/telemetry/room.h"

#define KIB ((size_t)1024)

static char *map(int *ret_fd, size_t size)
{
    *ret_fd = memfd_create("room", 0);
    assert_true(*ret_fd >= 0);
    assert_int_equal(ftruncate(*ret_fd, (off_t)size), 0);
    char *start = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, *ret_fd, 0);
    assert_ptr_not_equal(start, MAP_FAILED);
    return start;
}

static size_t resident(char *start, size_t size)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    unsigned char pages[4096];
    size_t count = 0;
    assert_in_range(size / page, 1, sizeof(pages));
    assert_int_equal(mincore(start, size, pages), 0);
    for (size_t i = 0; i < size / page; i++)
        count += pages[i] & 1;
    return count * page / page_size();
}

static void only_what_is_asked_for_becomes_present(void **state)
{
    int fd;
    char *start = map(&fd, 512 * KIB);
    (void)state;
    assert_int_equal(room_open(fd, start, 512 * KIB, 100), 0);
    size_t first = resident(start, 512 * KIB);
    assert_in_range(first, 1, 4);
    assert_true(room_has(start, 100));
    assert_int_equal(resident(start, 512 * KIB), first);
    assert_true(room_has(start + 320 * KIB - 1, 2)); /* across two pages */
    assert_in_range(resident(start, 512 * KIB), first + 2, first + 4);
    munmap(start, 512 * KIB);
    close(fd);
}

static void the_last_byte_of_a_large_segment_is_within(void **state)
{
    const size_t size = 10000 * KIB;
    int fd;
    char *start = map(&fd, size);
    (void)state;
    assert_int_equal(room_open(fd, start, size, 1), 0);
    assert_true(room_has(start + size - 1, 1));
    assert_false(room_has(start + size - 1, 2));
    assert_false(room_has(start - 1, 1));
    munmap(start, size);
    close(fd);
}

/* A file that ends before its mapping stands for one without room: both are SIGBUS for a write. */
static void what_has_no_room_is_refused_and_errno_stays(void **state)
{
    int fd;
    char *start = map(&fd, 512 * KIB);
    (void)state;
    assert_int_equal(ftruncate(fd, (off_t)(64 * KIB)), 0);
    assert_int_equal(room_open(fd, start, 512 * KIB, 1), 0);
    errno = 77;
    assert_false(room_has(start + 100 * KIB, 8));
    assert_int_equal(errno, 77);
    assert_true(room_has(start + 40 * KIB, 8));
    assert_int_equal(ftruncate(fd, 0), 0);
    assert_true(room_open(fd, start, 512 * KIB, 1) < 0);
    munmap(start, 512 * KIB);
    close(fd);
}

static void private_memory_has_room_for_all(void **state)
{
    static char memory[64 * 1024];
    (void)state;
    room_private(memory, sizeof(memory));
    assert_true(room_has(memory, sizeof(memory)));
    assert_false(room_has(memory + 1, sizeof(memory)));
}

/* Comes last: it is for good. */
static void frozen_it_makes_nothing_present(void **state)
{
    int fd;
    char *start = map(&fd, 512 * KIB);
    (void)state;
    assert_int_equal(room_open(fd, start, 512 * KIB, 100), 0);
    room_freeze();
    assert_true(room_has(start, 100));
    assert_false(room_has(start + 300 * KIB, 8));
    munmap(start, 512 * KIB);
    close(fd);
}

/* A start pays for each page, 9 us on a slow machine. */
static void a_page_is_made_present_for_what_fits_into_it(void **state)
{
    int fd;
    char *start = map(&fd, 340 * KIB);
    (void)state;
    assert_int_equal(room_open(fd, start, 340 * KIB, 2 * KIB), 0);
    assert_int_equal(resident(start, 340 * KIB), 1);
    assert_true(room_has(start + 300 * KIB, 80));
    assert_int_equal(resident(start, 340 * KIB), 2);
    munmap(start, 340 * KIB);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_is_asked_for_becomes_present),
        cmocka_unit_test(a_page_is_made_present_for_what_fits_into_it),
        cmocka_unit_test(the_last_byte_of_a_large_segment_is_within),
        cmocka_unit_test(what_has_no_room_is_refused_and_errno_stays),
        cmocka_unit_test(private_memory_has_room_for_all),
        cmocka_unit_test(frozen_it_makes_nothing_present),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
