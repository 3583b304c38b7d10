/* The library's own functions of <string.h>, under other names, beside libc's. */
#define memchr  own_memchr
#define memcmp  own_memcmp
#define strchr  own_strchr
#define strcmp  own_strcmp
#define strcspn own_strcspn
#define strlen  own_strlen
#define strncmp own_strncmp
#define strnlen own_strnlen
#define strrchr own_strrchr
#define strspn  own_strspn
#include "shim/base/strings.c"
#undef memchr
#undef memcmp
#undef strchr
#undef strcmp
#undef strcspn
#undef strlen
#undef strncmp
#undef strnlen
#undef strrchr
#undef strspn

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define COUNT(list) (sizeof(list) / sizeof(*(list)))

static const char *const texts[] = {"",    "a",   "ab",        "abc",       "abd",      "ab\xff", "\xff", "b",
                                    "/a/", "/ab", "aaaaaaaab", "aaaaaaaac", "a/b//c/d", "==",     "a=b"};

static int sign(int number)
{
    return (number > 0) - (number < 0);
}

static void what_is_looked_for_is_found_where_libc_finds_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++)
        for (int wanted = -1; wanted < 256; wanted++) {
            size_t length = __builtin_strlen(texts[i]);
            assert_ptr_equal(own_strchr(texts[i], wanted), __builtin_strchr(texts[i], wanted));
            assert_ptr_equal(own_strrchr(texts[i], wanted), __builtin_strrchr(texts[i], wanted));
            assert_ptr_equal(own_memchr(texts[i], wanted, length), __builtin_memchr(texts[i], wanted, length));
        }
}

static void texts_are_measured_as_libc_does(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        size_t length = __builtin_strlen(texts[i]);
        assert_int_equal(own_strlen(texts[i]), length);
        for (size_t most = 0; most < 12; most++)
            assert_int_equal(own_strnlen(texts[i], most), most < length ? most : length);
        for (size_t k = 0; k < COUNT(texts); k++) {
            assert_int_equal(own_strspn(texts[i], texts[k]), __builtin_strspn(texts[i], texts[k]));
            assert_int_equal(own_strcspn(texts[i], texts[k]), __builtin_strcspn(texts[i], texts[k]));
        }
    }
}

static void texts_are_compared_as_libc_does(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++)
        for (size_t k = 0; k < COUNT(texts); k++) {
            assert_int_equal(sign(own_strcmp(texts[i], texts[k])), sign(__builtin_strcmp(texts[i], texts[k])));
            for (size_t most = 0; most < 12; most++)
                assert_int_equal(sign(own_strncmp(texts[i], texts[k], most)),
                                 sign(__builtin_strncmp(texts[i], texts[k], most)));
        }
}

/* Eight bytes at once, as long as they are alike. */
static void memory_is_compared_to_its_last_byte(void **state)
{
    unsigned char one[40], other[40];
    (void)state;
    for (size_t size = 0; size < sizeof(one); size++)
        for (size_t at = 0; at < sizeof(one); at++) {
            __builtin_memset(one, 7, sizeof(one));
            __builtin_memset(other, 7, sizeof(other));
            other[at] = 200;
            assert_int_equal(own_memcmp(one, other, size), at < size ? -1 : 0);
            assert_int_equal(own_memcmp(other, one, size), at < size ? 1 : 0);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_looked_for_is_found_where_libc_finds_it),
        cmocka_unit_test(texts_are_measured_as_libc_does),
        cmocka_unit_test(texts_are_compared_as_libc_does),
        cmocka_unit_test(memory_is_compared_to_its_last_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
