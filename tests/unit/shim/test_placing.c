#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "shim/sys/fault.h"
#include "shim/sys/placing.h"

#define WORDS 128u

/* Instead of the test build's reader of NODEWISE_FAULT: what the next call answers, and how often that was asked. */
static long answer;
static unsigned asked;

long fault_of(const char *call)
{
    (void)call;
    asked++;
    return answer;
}

static int forget(void **state)
{
    (void)state;
    answer = 0;
    asked = 0;
    return 0;
}

/* A sandbox that kills at the second attempt, or logs each one, is asked once. */
static void a_call_that_is_refused_for_good_is_not_made_again(void **state)
{
    uint64_t nodes[16] = {1};
    (void)state;
    answer = -EPERM;
    assert_int_equal(sys_set_mempolicy(1, nodes, 16), -EPERM);
    answer = 0;
    for (int i = 0; i < 5; i++)
        assert_int_equal(sys_set_mempolicy(1, nodes, 16), -EPERM);
    assert_int_equal(asked, 1);
    answer = -ENOSYS;
    assert_int_equal(sys_bind_memory(nodes, 8, 1, nodes, 16), -ENOSYS);
    answer = 0;
    assert_int_equal(sys_bind_memory(nodes, 8, 1, nodes, 16), -ENOSYS);
    assert_int_equal(asked, 2);
}

static void what_fails_for_another_reason_is_tried_again(void **state)
{
    static const long errors[] = {-EINVAL, -ESRCH, -ENOMEM, -EFAULT, -EIO};
    uint64_t bits[WORDS];
    size_t words;
    (void)state;
    for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
        answer = errors[i];
        assert_int_equal(sys_get_affinity(0, bits, WORDS, &words), errors[i]);
    }
    answer = 0;
    assert_int_equal(sys_get_affinity(0, bits, WORDS, &words), 0);
    assert_int_equal(asked, 6);
}

static void one_calls_refusal_is_not_anothers(void **state)
{
    char name[16];
    (void)state;
    sys_get_name(name);
    answer = -EPERM;
    assert_int_equal(sys_set_name("other"), -EPERM);
    answer = 0;
    uint64_t bits[WORDS];
    size_t words;
    assert_int_equal(sys_get_affinity(0, bits, WORDS, &words), 0);
}

static void errno_is_the_programs(void **state)
{
    uint64_t bits[WORDS];
    size_t words;
    char name[16];
    (void)state;
    errno = 77;
    assert_int_equal(sys_get_affinity(0x3ffffff, bits, WORDS, &words), -ESRCH);
    assert_int_equal(errno, 77);
    assert_int_equal(sys_get_affinity(0, bits, WORDS, &words), 0);
    sys_get_name(name);
    assert_int_equal(errno, 77);
}

/* The kernel writes as many words as it has CPUs for. */
static void what_the_kernel_does_not_write_of_a_mask_is_empty(void **state)
{
    uint64_t bits[WORDS];
    size_t words = 0;
    (void)state;
    memset(bits, 0xff, sizeof(bits));
    assert_int_equal(sys_get_affinity(0, bits, WORDS, &words), 0);
    assert_in_range(words, 1, WORDS - 1);
    for (size_t i = words; i < WORDS; i++)
        assert_int_equal(bits[i], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_call_that_is_refused_for_good_is_not_made_again, forget),
        cmocka_unit_test_setup(what_fails_for_another_reason_is_tried_again, forget),
        cmocka_unit_test_setup(one_calls_refusal_is_not_anothers, forget),
        cmocka_unit_test_setup(errno_is_the_programs, forget),
        cmocka_unit_test_setup(what_the_kernel_does_not_write_of_a_mask_is_empty, forget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
