#include "fixture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/toml.h"

static void every_key_and_value_has_its_place(void **state)
{
    (void)state;
    static const char text[] = "a = 1 # c\n"
                               "[t]\n"
                               "  s = \"h\xc3\xa9llo\" \n"
                               "x = { inner = [\"one\", 'two'] }\n";
    struct pool pool = {0};
    struct value *root;
    struct toml_error error;
    assert_int_equal(toml_parse(&root, &pool, "f", text, strlen(text), &error), 0);

    const struct entry *a = table_find(root, "a"), *t = table_find(root, "t");
    assert_int_equal(a->key_span.line, 1);
    assert_int_equal(a->key_span.column, 1);
    assert_int_equal(a->value->span.column, 5);
    assert_int_equal(a->value->integer, 1);
    const struct entry *s = table_find(t->value, "s");
    assert_int_equal(s->key_span.line, 3);
    assert_int_equal(s->key_span.column, 3);
    assert_int_equal(s->value->span.column, 7);
    assert_int_equal(s->value->span.length, 7); /* in characters, quotes included */
    const struct entry *inner = table_find(table_find(t->value, "x")->value, "inner");
    assert_int_equal(inner->key_span.column, 7);
    assert_int_equal(inner->value->array.count, 2);
    assert_int_equal(inner->value->array.items[1]->span.column, 23);
    assert_int_equal(inner->value->array.items[1]->span.length, 5);
    assert_string_equal(inner->value->array.items[1]->span.source, "f");
    pool_free(&pool);
}

static void syntax_errors_have_a_place(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        unsigned line;
    } cases[] = {
        {"a = 1\nb = \n", 2},     {"a = 1\na = 2\n", 2}, {"[t\n", 1},
        {"a = \"x\n", 1},         {"a = 1x", 1},         {"= 1", 1},
        {"a = [1, 2", 1},         {"\xff\xfe", 1},       {"ok = 1\na = \"\\u0000\"", 2},
        {"\"a\\u0000b\" = 1", 1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct pool pool = {0};
        struct value *root;
        struct toml_error error;
        assert_int_equal(toml_parse(&root, &pool, "f", cases[i].text, strlen(cases[i].text), &error), -EINVAL);
        assert_int_equal(error.span.line, cases[i].line);
        assert_true(error.message[0]);
        pool_free(&pool);
    }
}

/* prefix, count times middle, suffix. */
static char *repeated(const char *prefix, const char *middle, size_t count, const char *suffix)
{
    size_t length = strlen(middle);
    char *text = malloc(strlen(prefix) + count * length + strlen(suffix) + 1), *at = stpcpy(text, prefix);
    for (size_t i = 0; i < count; i++)
        at = stpcpy(at, middle);
    strcpy(at, suffix);
    return text;
}

static void nesting_is_bounded(void **state)
{
    (void)state;
    static const struct {
        const char *prefix, *middle, *suffix;
    } cases[] = {
        {"a = ", "[", ""},
        {"a = ", "{a=", ""},
        {"a", ".a", " = 1"},
        {"[a", ".a", "]"},
        {"[[a", " . \"b\"", "]]"},
        /* a quote before the closing three must not hide what follows from the count */
        {"x = { s = \"\"\"q\"\"\"\", b", ".b", " = 1 }"},
        {"x = { s = '''q''''', b", ".b", " = 1 }"},
        {"x = \"\"\"\n\\\\\"\"\"\ny", ".b", " = 1"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *text = repeated(cases[i].prefix, cases[i].middle, 200000, cases[i].suffix);
        struct pool pool = {0};
        struct value *root;
        struct toml_error error;
        assert_int_equal(toml_parse(&root, &pool, "f", text, strlen(text), &error), -EINVAL);
        pool_free(&pool);
        free(text);
    }
}

static void dots_in_strings_and_comments_are_free(void **state)
{
    (void)state;
    char *text = repeated("a = \"", ".", 1000,
                          "\" # ............................................................"
                          "..........................................................\n"
                          "b = '''....\n................................................."
                          "..........................................''' \n");
    struct pool pool = {0};
    struct value *root;
    struct toml_error error;
    assert_int_equal(toml_parse(&root, &pool, "f", text, strlen(text), &error), 0);
    pool_free(&pool);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_and_value_has_its_place),
        cmocka_unit_test(syntax_errors_have_a_place),
        cmocka_unit_test(nesting_is_bounded),
        cmocka_unit_test(dots_in_strings_and_comments_are_free),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
