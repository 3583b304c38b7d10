#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tools/prepare/thread_spec.h"

static const struct process_facts process = {.exe = "/bin/x", .comm = "x", .argv = "", .index = PLAN_NONE};

static struct thread_list begun(void)
{
    struct thread_list list;
    assert_int_equal(thread_list_init(&list, &process), 0);
    return list;
}

static void a_list_begins_with_main(void **state)
{
    (void)state;
    struct thread_list list = begun();
    assert_int_equal(list.count, 1);
    assert_true(list.threads[0].facts.main);
    assert_int_equal(list.threads[0].facts.index, 0);
    assert_string_equal(thread_list_label(&list, 0), "x");
    thread_list_free(&list);
}

/* What each declaration makes: how many, the first one's name and the last one's; NULL: unnamed. */
static const struct {
    const char *spec;
    unsigned count;
    const char *first, *last;
} specs[] = {
    {"io_thd_*=3", 3, "io_thd_1", "io_thd_3"},
    {"worker", 1, "worker", "worker"},
    {"a?b=2", 2, "a1b", "a2b"},
    {"x[qz]=2", 2, "xq", "xq"},
    {"back\\*slash", 1, "back*slash", "back*slash"},
    {"sixteen-letters-and-more", 1, "sixteen-letters", "sixteen-letters"},
    {"exactly-16-chars", 1, "exactly-16-char", "exactly-16-char"},
    {"k?v", 1, "k1v", "k1v"},
    {"irq/9:acpi", 1, "irq/9:acpi", "irq/9:acpi"}, /* no key */
    {"worker:3=2", 2, "worker:3", "worker:3"},
    {"unnamed=4", 4, NULL, NULL},
    {"start_library:libgomp.so.1=2", 2, NULL, NULL},
    {"GC*,start_library:libjvm.so=2", 2, "GC1", "GC2"},
};

static void a_declaration_makes_so_many_threads(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(specs) / sizeof(*specs); i++) {
        struct thread_list list = begun();
        assert_int_equal(thread_list_add(&list, specs[i].spec), 0);
        assert_int_equal(list.count, 1 + specs[i].count);
        const struct thread_facts *first = &list.threads[1].facts, *last = &list.threads[list.count - 1].facts;
        assert_int_equal(last->index, list.count - 1);
        assert_int_equal(first->unnamed, !specs[i].first);
        assert_false(first->main);
        assert_ptr_equal(first->process, &process);
        if (specs[i].first) {
            assert_string_equal(first->name, specs[i].first);
            assert_string_equal(last->name, specs[i].last);
            assert_string_equal(thread_list_label(&list, 1), specs[i].first);
        } else {
            assert_null(first->name);
        }
        thread_list_free(&list);
    }
}

static void each_fact_goes_into_its_field(void **state)
{
    (void)state;
    struct thread_list list = begun();
    assert_int_equal(thread_list_add(&list, "start_library:a"), 0);
    assert_int_equal(thread_list_add(&list, "start_function:b"), 0);
    assert_int_equal(thread_list_add(&list, "creator_library:c"), 0);
    assert_int_equal(thread_list_add(&list, "creator_function:d"), 0);
    assert_int_equal(thread_list_add(&list, "stack_library:e"), 0);
    assert_int_equal(thread_list_add(&list, "n,stack_function:f"), 0);
    assert_string_equal(list.threads[1].facts.start_library, "a");
    assert_int_equal(list.threads[1].facts.frames, 0);
    assert_string_equal(list.threads[2].facts.start_function, "b");
    assert_string_equal(list.threads[3].facts.creator_library, "c");
    assert_string_equal(list.threads[4].facts.creator_function, "d");
    assert_string_equal(list.threads[5].facts.stack_library[0], "e");
    assert_int_equal(list.threads[5].facts.frames, 1);
    assert_string_equal(list.threads[6].facts.stack_function[0], "f");
    assert_string_equal(list.threads[6].facts.name, "n");
    assert_string_equal(thread_list_label(&list, 1), "start_library:a");
    assert_int_equal(thread_list_add(&list, "m*,start_library:g,stack_library:h,creator_library:i=2"), 0);
    assert_int_equal(list.count, 9);
    assert_string_equal(list.threads[8].facts.name, "m2");
    assert_string_equal(list.threads[8].facts.start_library, "g");
    assert_string_equal(list.threads[8].facts.stack_library[0], "h");
    assert_int_equal(list.threads[8].facts.frames, 1);
    assert_string_equal(list.threads[8].facts.creator_library, "i");
    assert_int_equal(thread_list_add(&list, "start_library:j,start_function:k"), 0);
    assert_null(list.threads[9].facts.name);
    assert_string_equal(list.threads[9].facts.start_function, "k");
    assert_int_equal(thread_list_add(&list, "a,b:c"), 0);
    assert_string_equal(list.threads[10].facts.name, "a,b:c");
    thread_list_free(&list);
}

static void what_is_no_declaration_adds_nothing(void **state)
{
    (void)state;
    struct thread_list list = begun();
    assert_int_equal(thread_list_add(&list, ""), -EINVAL);
    assert_int_equal(thread_list_add(&list, "=3"), -EINVAL);
    assert_int_equal(thread_list_add(&list, "io=many"), -EINVAL);
    assert_int_equal(thread_list_add(&list, "io=3x"), -EINVAL);
    assert_int_equal(thread_list_add(&list, "start_libary:libgomp.so.1=8"), -ENOKEY);
    assert_int_equal(thread_list_add(&list, "io,start_libary:libgomp.so.1=8"), -ENOKEY);
    assert_int_equal(thread_list_add(&list, "io,start_libary:a,start_library:b"), -ENOKEY);
    assert_int_equal(thread_list_add(&list, "a=100001"), -ERANGE);
    assert_int_equal(thread_list_add(&list, "a=99999999999999999999"), -ERANGE);
    assert_int_equal(list.count, 1);
    assert_int_equal(thread_list_add(&list, "a=0"), 0);
    assert_int_equal(list.count, 1);
    assert_int_equal(thread_list_add(&list, "a=99999"), 0);
    assert_int_equal(thread_list_add(&list, "b=1"), -ERANGE);
    assert_int_equal(list.count, THREAD_SPEC_MAX);
    thread_list_free(&list);
}

static void a_thread_that_was_seen_keeps_its_facts(void **state)
{
    (void)state;
    struct thread_list list = begun();
    char name[] = "seen";
    struct thread_facts facts = {.name = name, .start_library = "/lib/a.so"};
    assert_int_equal(thread_list_add_seen(&list, &facts, name), 0);
    memset(name, 'x', 4);
    assert_string_equal(list.threads[1].facts.name, "seen");
    assert_string_equal(list.threads[1].facts.start_library, "/lib/a.so");
    assert_ptr_equal(list.threads[1].facts.process, &process);
    assert_int_equal(list.threads[1].facts.index, 1);
    thread_list_free(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_begins_with_main),
        cmocka_unit_test(a_declaration_makes_so_many_threads),
        cmocka_unit_test(each_fact_goes_into_its_field),
        cmocka_unit_test(what_is_no_declaration_adds_nothing),
        cmocka_unit_test(a_thread_that_was_seen_keeps_its_facts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
