/*
 * A text that is not complete yet is not copied to a new segment, and its thread writes it there itself. The thread is
 * stopped in the middle: the text that it keeps is in memory that cannot be read yet, and the copy is taken in the handler.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "shim/telemetry/segment.h"
#include "shim/telemetry/texts.h"

static char copy[65536], *late;
static size_t copied_in_the_middle, size;
static uint32_t written_at;

/* The segment that there is when a text is complete. */
void segment_string(uint32_t offset, const char *text, size_t length)
{
    written_at = offset;
    memcpy(copy + offset, text, length);
}

static void copy_now(int signal)
{
    (void)signal;
    copied_in_the_middle = texts_copy(copy, sizeof(copy));
    mprotect(late, size, PROT_READ);
}

static void a_text_that_is_not_complete_is_left_to_its_thread(void **state)
{
    const struct sigaction action = {.sa_handler = copy_now};
    (void)state;
    size = (size_t)sysconf(_SC_PAGESIZE);
    late = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(late, MAP_FAILED);
    strcpy(late, "a late text");
    assert_int_equal(mprotect(late, size, PROT_NONE), 0);
    assert_int_equal(sigaction(SIGSEGV, &action, NULL), 0);
    copied_in_the_middle = 1;
    uint16_t offset = texts_keep(late, strlen("a late text"));
    assert_int_equal(copied_in_the_middle, 0);
    assert_int_equal(written_at, offset);
    assert_string_equal(copy + offset, "a late text");
    memset(copy, 0, sizeof(copy));
    assert_int_equal(texts_copy(copy, sizeof(copy)), offset + sizeof("a late text"));
    assert_string_equal(copy + offset, "a late text");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_that_is_not_complete_is_left_to_its_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
