/* outside_record: what `apply` asked of each thread, out of bytes that another process wrote. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tools/segment/outside_record.h"

struct file {
    struct outside_head head;
    struct outside_thread threads[3];
    uint64_t masks[2][2];
    uint64_t segment[4];
};

/* Thread 5 has CPUs 0 and 65, 9 has none, 12 has CPU 3. */
static struct file sound(void)
{
    return (struct file){
        .head = {.magic = OUTSIDE_MAGIC,
                 .version = OUTSIDE_VERSION,
                 .head_size = sizeof(struct outside_head),
                 .total_size = sizeof(struct file),
                 .thread_count = 3,
                 .mask_count = 2,
                 .mask_words = 2},
        .threads = {{5, 0}, {9, OUTSIDE_NOTHING}, {12, 1}},
        .masks = {{1, 2}, {8, 0}},
    };
}

static int parse(struct outside_record *ret_record, const struct file *file, size_t size)
{
    return outside_record_parse(ret_record, &(struct file_bytes){(char *)(uintptr_t)file, size});
}

static void each_thread_has_what_was_asked_of_it(void **state)
{
    (void)state;
    struct outside_record record;
    struct cpuset asked;
    const struct file file = sound();
    assert_int_equal(parse(&record, &file, sizeof(file)), 0);
    assert_true(outside_record_asked(&record, 5, &asked));
    assert_int_equal(cpuset_weight(&asked), 2);
    assert_true(cpuset_has(&asked, 65));
    assert_true(outside_record_asked(&record, 12, &asked));
    assert_int_equal(cpuset_first(&asked), 3);
    assert_false(outside_record_asked(&record, 9, &asked));
    assert_false(outside_record_asked(&record, 6, &asked));
    outside_record_free(&record);
}

static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    struct outside_record record;
    struct file damaged[8];
    for (size_t i = 0; i < 8; i++)
        damaged[i] = sound();
    damaged[0].head.magic++;
    damaged[1].head.total_size--;
    damaged[2].head.thread_count = 4000;
    damaged[3].head.mask_count = 4; /* more than threads */
    damaged[4].head.mask_words = 4096;
    damaged[5].threads[1].tid = 5; /* twice */
    damaged[6].threads[2].mask = 2;
    damaged[7].head.thread_count = 9; /* of what follows nothing is left */
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(parse(&record, &damaged[i], sizeof(damaged[i])), -EINVAL);
    struct file file = sound();
    assert_int_equal(parse(&record, &file, sizeof(file) - 8), -EINVAL);
    assert_int_equal(parse(&record, &file, sizeof(file.head) - 1), -EINVAL);
    file.head.version++;
    assert_int_equal(parse(&record, &file, sizeof(file)), -EPROTONOSUPPORT);
}

static void its_policy_ends_where_its_room_ends(void **state)
{
    (void)state;
    struct outside_record record;
    struct file file = sound();
    memset(file.head.policy, 'x', sizeof(file.head.policy));
    assert_int_equal(parse(&record, &file, sizeof(file)), 0);
    assert_int_equal(strlen(record.head.policy), sizeof(file.head.policy) - 1);
    outside_record_free(&record);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_thread_has_what_was_asked_of_it),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(its_policy_ends_where_its_room_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
