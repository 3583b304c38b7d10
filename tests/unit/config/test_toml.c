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

/*
 * Where the parser looks for white space, characters beyond ASCII are undefined behaviour for it, so none may reach it
 * there; with the sanitizers these cases stop when one does.
 */
static void characters_beyond_ascii_are_refused_where_white_space_may_stand(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        unsigned line, column;
        const char *message;
    } cases[] = {
        {"\303\251 = 1", 1, 1, "straight quotes"},
        {"a\303\251 = 1", 1, 2, "straight quotes"},
        {"a \342\200\203= 1", 1, 3, "straight quotes"}, /* an em space */
        {"a =\302\2401", 1, 4, "straight quotes"},
        {"a = \342\200\234x\342\200\235", 1, 5, "straight quotes"}, /* the quotes of word processors */
        {"a = \"\303\251\"\303\251", 1, 8, "straight quotes"},
        {"a = [1\303\251]", 1, 7, "straight quotes"},
        {"a = [\n  1,\n  \351]", 3, 3, "straight quotes"},
        {"[t\303\251]", 1, 3, "straight quotes"},
        {"[\303\251", 1, 2, "straight quotes"},
        {"[ \303\251:", 1, 3, "straight quotes"},
        {"a = { \303\251 = 1 }", 1, 7, "straight quotes"},
        {"a = 1 # \303\251\n\377", 2, 1, "straight quotes"},
        {"a = 1\n\357\273\277", 2, 1, "straight quotes"},          /* a byte order mark that begins no text */
        {"a = \"\n\303\251", 1, 5, "has no end: \" is missing"},   /* a line ends an open string */
        {"a = \"\\\n\303\251", 1, 5, "has no end: \" is missing"}, /* behind a backslash, too */
        {"a = '''\n\n\303\251''", 1, 5, "has no end: ''' is missing"},
        {"a = \"\"\303\251", 1, 7, "straight quotes"},             /* two quotes are an empty string */
        {"a = '''q'''''\303\251", 1, 14, "straight quotes"},       /* two quotes before the closing three */
        {"a = \"\"\"q\"\"\"\"\303\251", 1, 13, "straight quotes"}, /* one of them */
        {"a = \"\"\"\\\303\251\"\"\"", 1, 9, "no escape sequence"},
        {"a = \"\"\"\n\303\251\\\303\251\"\"\"", 2, 3, "no escape sequence"},
        {"a = \"\"\"\\ \t\303\251\"\"\"", 1, 11, "last character on its line"},
        {"a = \"\"\"x\\\n\303\251\"\"\"", 2, 1, "write it as \\u00E9"},
        {"a = \"\"\"x\\ \r\n\n\t \342\202\254\"\"\"", 3, 3, "write it as \\u20AC"},
        {"a = \"\"\"x\\\n\\\n\360\237\230\200\"\"\"", 3, 1, "write it as \\U0001F600"},
        {"a = \"\"\"x\\\n\300\251\"\"\"", 2, 1, "not UTF-8"},
        {"a = \"\"\"x\\\n\303", 2, 1, "not UTF-8"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct pool pool = {0};
        struct value *root;
        struct toml_error error;
        assert_int_equal(toml_parse(&root, &pool, "f", cases[i].text, strlen(cases[i].text), &error), -EINVAL);
        assert_int_equal(error.span.line, cases[i].line);
        assert_int_equal(error.span.column, cases[i].column);
        assert_non_null(strstr(error.message, cases[i].message));
        assert_string_equal(error.span.source, "f");
        pool_free(&pool);
    }
}

static void characters_beyond_ascii_stand_in_strings_and_comments(void **state)
{
    (void)state;
    static const struct {
        const char *text, *value;
    } cases[] = {
        {"\357\273\277a = 'x'", "x"}, /* a byte order mark */
        {"# \342\200\234\na = '\303\251' # \303\251", "\303\251"},
        {"a = \"\303\251\\\"\303\251\"", "\303\251\"\303\251"},
        {"a = '\\\303\251'", "\\\303\251"},
        {"a = '''\\\n\303\251\\\303\251'''", "\\\n\303\251\\\303\251"},
        {"a = \"\"\"\n\303\251\"\303\251\"\"\303\251\\n\303\251\n \303\251\"\"\"",
         "\303\251\"\303\251\"\"\303\251\n\303\251\n \303\251"},
        {"a = \"\"\"\303\251\\\n  x\303\251\"\"\"", "\303\251x\303\251"},
        {"a = \"\"\"\\\\\303\251\"\"\"", "\\\303\251"},
        {"a = \"\"\"\\\n  \\u00e9\"\"\"", "\303\251"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct pool pool = {0};
        struct value *root;
        struct toml_error error;
        assert_int_equal(toml_parse(&root, &pool, "f", cases[i].text, strlen(cases[i].text), &error), 0);
        assert_string_equal(table_find(root, "a")->value->string, cases[i].value);
        pool_free(&pool);
    }
}

/* The parser's own assertions are stricter than its errors; they are neither checked nor assumed. */
static void text_that_breaks_the_parsers_assertions_is_an_error(void **state)
{
    (void)state;
    static const char *const texts[] = {"[ :", "[ ", "[[ :", "a = [ :", "a = { :", "a.", "a = \\", "a = '", "["};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct pool pool = {0};
        struct value *root;
        struct toml_error error;
        assert_int_equal(toml_parse(&root, &pool, "f", texts[i], strlen(texts[i]), &error), -EINVAL);
        assert_int_equal(error.span.line, 1);
        assert_true(error.message[0]);
        pool_free(&pool);
    }
}

static void nesting_up_to_the_bound_is_read(void **state)
{
    (void)state;
    static const struct {
        const char *prefix, *middle;
        size_t count;
        const char *suffix;
        bool read;
    } cases[] = {
        {"a", ".a", 64, " = 1", true},
        {"a", ".a", 65, " = 1", false},
        {"[a", ".a", 64, "]\nb.b = 1", true},
        {"a = [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "]", 30, "", true},
        {"a = [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "]", 35, "", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *text = repeated(cases[i].prefix, cases[i].middle, cases[i].count, cases[i].suffix);
        struct pool pool = {0};
        struct value *root;
        struct toml_error error;
        assert_int_equal(toml_parse(&root, &pool, "f", text, strlen(text), &error), cases[i].read ? 0 : -EINVAL);
        pool_free(&pool);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_and_value_has_its_place),
        cmocka_unit_test(syntax_errors_have_a_place),
        cmocka_unit_test(nesting_is_bounded),
        cmocka_unit_test(dots_in_strings_and_comments_are_free),
        cmocka_unit_test(characters_beyond_ascii_are_refused_where_white_space_may_stand),
        cmocka_unit_test(characters_beyond_ascii_stand_in_strings_and_comments),
        cmocka_unit_test(text_that_breaks_the_parsers_assertions_is_an_error),
        cmocka_unit_test(nesting_up_to_the_bound_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
