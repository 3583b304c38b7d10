#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tools/prepare/memory_option.h"

static void nodes_alone_are_bound_to_and_a_policy_stands_before_them(void **state)
{
    static const struct {
        const char *text, *policy, *nodes;
    } cases[] = {
        {"1", "bind", "1"},
        {"0-1,3", "bind", "0-1,3"},
        {"0-7:2", "bind", "0-7:2"},
        {"all", "bind", "all"},
        {"node:1", "bind", "node:1"},
        {"gpu:0", "bind", "gpu:0"},
        {"block:nvme0n1", "bind", "block:nvme0n1"},
        {"socket:1", "bind", "socket:1"},
        {"!0", "bind", "!0"},
        {"", "bind", ""},
        {"interleave", "interleave", NULL},
        {"interleave:all", "interleave", "all"},
        {"interleave:0-7:2", "interleave", "0-7:2"},
        {"preferred:gpu:0", "preferred", "gpu:0"},
        {"weighted_interleave:0-1", "weighted_interleave", "0-1"},
        {"bind:1", "bind", "1"},
        {"local", "local", NULL},
        {"interleave:", "interleave", ""},
        /* for the findings about the key, which know what was meant */
        {"interleav:0-1", "interleav", "0-1"},
        {"membind:1", "membind", "1"},
        {"prefer:1", "prefer", "1"},
        {"a-word-that-is-longer-than-any-policy:1", "bind", "a-word-that-is-longer-than-any-policy:1"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct memory_option option = memory_option_of(cases[i].text);
        const char *nodes = option.nodes ? option.nodes : "none";
        if (strcmp(option.policy, cases[i].policy) != 0 || strcmp(nodes, cases[i].nodes ? cases[i].nodes : "none") != 0)
            fail_msg("%s: %s, %s", cases[i].text, option.policy, nodes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes_alone_are_bound_to_and_a_policy_stands_before_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
