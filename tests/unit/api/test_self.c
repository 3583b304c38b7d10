/* What a mask says of a thread: pinned, kept on a node, or unknown; and words that grow without moving. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy/reason.h"
#include "shim/api/chunks.h"
#include "shim/api/kernel.h"
#include "shim/api/self.h"

#include <errno.h>

#define WORDS (CPUS_MAX / 64)

static void one_cpu_is_pinned(void **state)
{
    uint64_t mask[WORDS] = {1};
    struct nw_affinity at = self_of_mask(mask, WORDS, 0);
    assert_int_equal(at.cpu, 0);
    assert_int_equal(at.node, cpus_place(0).node);
    assert_int_equal(at.slot, cpus_place(0).slot);
    (void)state;
}

static void cpus_of_one_node_are_a_node(void **state)
{
    uint64_t mask[WORDS] = {0};
    unsigned count = 0;
    for (unsigned slot = 0; slot < cpus_slots(); slot++) {
        unsigned cpu = (unsigned)cpus_of_slot(slot);
        if (cpus_place(cpu).node != cpus_place(0).node)
            continue;
        mask[cpu / 64] |= UINT64_C(1) << cpu % 64;
        count++;
    }
    struct nw_affinity at = self_of_mask(mask, WORDS, 0);
    assert_int_equal(at.cpu, count == 1 ? 0 : -1);
    assert_int_equal(at.node, cpus_place(0).node);
    (void)state;
}

static void nothing_known_has_a_slot_all_the_same(void **state)
{
    uint64_t mask[WORDS] = {0};
    struct nw_affinity at = self_of_mask(mask, 0, 0);
    assert_int_equal(at.cpu, -1);
    assert_int_equal(at.node, -1);
    assert_int_equal(at.slot, cpus_place(0).slot);
    mask[0] = 1;
    mask[WORDS - 1] = UINT64_C(1) << 63; /* a CPU that no machine of these has, on no node */
    assert_int_equal(self_of_mask(mask, WORDS, 0).node, -1);
    (void)state;
}

static void slots_and_numbers_are_each_others_inverse(void **state)
{
    for (unsigned slot = 0; slot < cpus_slots(); slot++)
        assert_int_equal(cpus_place((unsigned)cpus_of_slot(slot)).slot, slot);
    assert_int_equal(cpus_of_slot(cpus_slots()), -1);
    assert_int_equal(cpus_node_of_index(cpus_nodes()), -1);
    assert_int_equal(cpus_place(CPUS_MAX).node, -1);
    (void)state;
}

static void words_stay_where_they_are(void **state)
{
    static struct chunks chunks;
    assert_null(chunks_get(&chunks, 5));
    chunk_word *first = chunks_need(&chunks, 5), *last = chunks_need(&chunks, CPUS_MAX - 1);
    assert_non_null(first);
    assert_non_null(last);
    assert_ptr_equal(chunks_need(&chunks, 5), first);
    assert_ptr_equal(chunks_get(&chunks, CPUS_MAX - 1), last);
    assert_ptr_equal(chunks_get(&chunks, 6), first + 1);
    assert_null(chunks_get(&chunks, CHUNK_SLOTS));
    assert_null(chunks_get(&chunks, CPUS_MAX));
    assert_null(chunks_need(&chunks, UINT32_MAX));
    assert_null(atomic_load(last));
    chunks_free(&chunks);
    (void)state;
}

static void errors_have_the_policys_reasons(void **state)
{
    assert_int_equal(kernel_reason(0), REASON_OK);
    assert_int_equal(kernel_reason(-EACCES), REASON_EPERM);
    assert_int_equal(kernel_reason(-ENOSYS), REASON_ENOSYS);
    assert_int_equal(kernel_reason(-EINVAL), REASON_EINVAL);
    assert_int_equal(kernel_reason(-EIO), REASON_ERRNO);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_cpu_is_pinned),
        cmocka_unit_test(cpus_of_one_node_are_a_node),
        cmocka_unit_test(nothing_known_has_a_slot_all_the_same),
        cmocka_unit_test(slots_and_numbers_are_each_others_inverse),
        cmocka_unit_test(words_stay_where_they_are),
        cmocka_unit_test(errors_have_the_policys_reasons),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
