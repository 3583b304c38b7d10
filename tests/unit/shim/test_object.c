#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "shim/base/next.h"
#include "shim/base/object.h"

static void *find(enum object_range range, const char *name)
{
    void *found = NULL;
    object_find(range, name, 1, &found);
    return found;
}

/* Of the last functions libc has several versions: that of a new program counts. */
static void walking_finds_what_dlsym_finds(void **state)
{
    static const char *const names[] = {
#define SYMBOL(result, name, ...) #name,
#include "shim/base/called.def"
#include "shim/base/symbols.def"
#undef SYMBOL
        "timer_settime", "posix_spawn", "pthread_cond_wait", "no_such_function"};
    size_t known = 0;
    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        void *expected = dlsym(RTLD_DEFAULT, names[i]);
        known += expected != NULL;
        if (find(OBJECTS_ALL, names[i]) != expected)
            fail_msg("%s: %p instead of %p", names[i], find(OBJECTS_ALL, names[i]), expected);
    }
    assert_true(known > 70);
}

static void several_names_are_looked_up_at_once(void **state)
{
    void *found[3] = {NULL, (void *)1, NULL};
    (void)state;
    object_find(OBJECTS_ALL, "no_such_function\0getpid\0strtol\0", 3, found);
    assert_null(found[0]);
    assert_ptr_equal(found[1], (void *)1); /* known before */
    assert_ptr_equal(found[2], dlsym(RTLD_DEFAULT, "strtol"));
}

/* This program's own takes libc's place for all callers, and is not the next one behind the program. */
__attribute__((visibility("default"))) int getdomainname(char *name, size_t size)
{
    name[0] = '\0';
    return size == 0;
}

static void the_objects_before_and_the_own_one_are_left_out(void **state)
{
    (void)state;
    void *libcs = find(OBJECTS_BEHIND, "getdomainname");
    assert_non_null(libcs);
    assert_ptr_equal(libcs, dlsym(RTLD_NEXT, "getdomainname"));
    assert_ptr_not_equal(libcs, (void *)(uintptr_t)getdomainname);
}

static void a_failed_look_up_leaves_no_error_behind(void **state)
{
    (void)state;
    dlerror();
    assert_null(find(OBJECTS_ALL, "no_such_function"));
    assert_null(dlerror());
}

static void an_address_has_an_object_and_a_function(void **state)
{
    struct object object;
    Dl_info info;
    void *address = dlsym(RTLD_NEXT, "getdomainname"); /* no sanitizer has one of its own */
    (void)state;
    assert_true(object_at(address, &object));
    assert_true(dladdr(address, &info));
    assert_string_equal(object.name, info.dli_fname);
    assert_ptr_equal((void *)object.base, info.dli_fbase);
    assert_string_equal(object_function_at(&object, (const char *)address + 1), "getdomainname");
    assert_false(object_at((const void *)1, &object));
}

static void the_program_itself_has_no_name(void **state)
{
    struct object object;
    (void)state;
    assert_true(object_at((const void *)(uintptr_t)find, &object));
    assert_string_equal(object.name, "");
    assert_true(object_own(&object));
    assert_string_equal(object.name, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(walking_finds_what_dlsym_finds),
        cmocka_unit_test(several_names_are_looked_up_at_once),
        cmocka_unit_test(the_objects_before_and_the_own_one_are_left_out),
        cmocka_unit_test(a_failed_look_up_leaves_no_error_behind),
        cmocka_unit_test(an_address_has_an_object_and_a_function),
        cmocka_unit_test(the_program_itself_has_no_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
