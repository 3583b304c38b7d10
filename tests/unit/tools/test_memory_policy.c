#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <linux/mempolicy.h>

#include "tools/common/memory_policy.h"

/* Lines of numa_maps(5) behind the address, as kernels 5.10 to 6.18 print them. */
static const struct {
    const char *line, *text;
} shown[] = {
    {"default file=/bin/true mapped=2 N0=2", "default"},
    {"local anon=1", "local"},
    {"prefer:0 file=/bin/true", "preferred:0"},
    {"prefer=static:1 file=/bin/true", "preferred=static:1"},
    {"prefer (many):0-1 heap", "preferred_many:0-1"},
    {"bind:0,2-3 stack", "bind:0,2-3"},
    {"bind=relative:0 stack", "bind=relative:0"},
    {"bind=balancing:1 stack", "bind:1"},
    {"bind=:1 stack", "bind:1"},
    {"bind=static|balancing:1 stack", "bind=static:1"},
    {"interleave:0-63\n", "interleave:0-63"},
    {"interleave:0,64-65", "interleave:0+"},
    {"interleave:64", "interleave:+"},
    {"weighted interleave:0-1 file=/x", "weighted_interleave:0-1"},
};

static void the_kernels_words_become_the_policy_files(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(shown) / sizeof(*shown); i++) {
        struct memory_policy policy;
        char text[MEMORY_POLICY_TEXT];
        assert_int_equal(memory_policy_parse(&policy, shown[i].line), 0);
        memory_policy_text(&policy, text);
        assert_string_equal(text, shown[i].text);
    }
}

static void what_is_no_policy_is_refused(void **state)
{
    (void)state;
    static const char *const lines[] = {"",           "file=/bin/true", "preferred:0",
                                        "bindings:0", "bind:0-x",       "prefer (some):0"};
    for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
        struct memory_policy policy = {.mode = 77};
        assert_true(memory_policy_parse(&policy, lines[i]) < 0);
        assert_int_equal(policy.mode, 77);
    }
}

static struct memory_policy parsed(const char *line)
{
    struct memory_policy policy;
    assert_int_equal(memory_policy_parse(&policy, line), 0);
    return policy;
}

/* What get_mempolicy(2) gave, and what numa_maps shows. */
static const struct {
    unsigned mode;
    uint64_t nodes;
    bool more, equal;
    const char *line;
} compared[] = {
    {MPOL_DEFAULT, 0, false, true, "default"},
    {MPOL_PREFERRED, 1, false, true, "prefer:0"},
    {MPOL_PREFERRED, 1, false, false, "default"},
    {MPOL_PREFERRED, 1, false, false, "prefer:1"},
    {MPOL_PREFERRED, 1, false, false, "bind:0"},
    {MPOL_PREFERRED, 0, false, true, "local"}, /* before Linux 5.14 */
    {MPOL_LOCAL, 0, false, true, "local"},
    {MPOL_BIND | (1u << 13), 2, false, true, "bind:1"},        /* balancing, which old kernels do not print */
    {MPOL_BIND | (1u << 15), 6, false, true, "bind=static:1"}, /* one of the nodes is not in the cpuset */
    {MPOL_BIND | (1u << 15), 2, false, false, "bind:1"},
    {MPOL_BIND | (1u << 15), 2, false, false, "bind=relative:1"},
    {MPOL_INTERLEAVE, 1, true, true, "interleave:0,64"},
    {MPOL_INTERLEAVE, 1, true, false, "interleave:0"},
};

static void equal_is_what_was_read_back_and_what_is_shown(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(compared) / sizeof(*compared); i++) {
        struct memory_policy got = memory_policy_of(compared[i].mode, compared[i].nodes, compared[i].more);
        struct memory_policy now = parsed(compared[i].line);
        assert_int_equal(memory_policy_equal(&got, &now), compared[i].equal);
        assert_int_equal(memory_policy_equal(&now, &got), compared[i].equal);
    }
}

static void the_longest_text_fits(void **state)
{
    (void)state;
    struct memory_policy policy = memory_policy_of(6u | 1u << 14, UINT64_C(0x5555555555555555), true);
    char text[MEMORY_POLICY_TEXT];
    memory_policy_text(&policy, text);
    assert_string_equal(text + strlen(text) - 4, ",62+");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_kernels_words_become_the_policy_files),
        cmocka_unit_test(what_is_no_policy_is_refused),
        cmocka_unit_test(equal_is_what_was_read_back_and_what_is_shown),
        cmocka_unit_test(the_longest_text_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
