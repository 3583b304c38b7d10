/* Texts of any origin become texts of a document. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tools/picture/markup.h"

#define NONE "\xef\xbf\xbd"

static void assert_written(const char *text, const char *expected)
{
    char *written = NULL;
    size_t size;
    FILE *to = open_memstream(&written, &size);
    assert_non_null(to);
    markup_text(to, text);
    assert_int_equal(fclose(to), 0);
    assert_string_equal(written, expected);
    free(written);
}

static void signs_of_markup_are_written_as_entities(void **state)
{
    (void)state;
    assert_written("<a href=\"x\">&'", "&lt;a href=&quot;x&quot;&gt;&amp;&#39;");
    assert_written("two\nlines\tof it", "two\nlines\tof it");
}

static void letters_of_every_length_stay(void **state)
{
    (void)state;
    assert_written("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
}

static void what_a_document_may_not_have_is_replaced(void **state)
{
    (void)state;
    assert_written("\x01\x7f", NONE NONE);
    assert_written("\xc3", NONE); /* cut inside of a letter */
    assert_written("\xe2\x82", NONE NONE);
    assert_written("\x80z", NONE "z");              /* the rest of one */
    assert_written("\xc0\xaf", NONE NONE);          /* longer than it needs */
    assert_written("\xed\xa0\x80", NONE NONE NONE); /* half of a pair of UTF-16 */
    assert_written("\xef\xbf\xbf", NONE);           /* no letter */
    assert_written("\xe2\x80\xaeltr", NONE "ltr");  /* turns the direction of writing */
    assert_written("\xc2\x9b"
                   "31m",
                   NONE "31m");                              /* a control character of C1 */
    assert_written("\xf4\x90\x80\x80", NONE NONE NONE NONE); /* beyond the last */
    assert_written("\xff", NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signs_of_markup_are_written_as_entities),
        cmocka_unit_test(letters_of_every_length_stay),
        cmocka_unit_test(what_a_document_may_not_have_is_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
