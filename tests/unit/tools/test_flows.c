/* What goes into the picture of an exchange's bytes between nodes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tools/picture/flows.h"

static struct flows matrix;

static bool made_of(const char *text)
{
    json_t *exchange = json_loads(text, 0, NULL);
    assert_non_null(exchange);
    bool made = flows_make(&matrix, exchange);
    json_decref(exchange);
    return made;
}

static void nodes_are_in_order_and_bytes_where_they_belong(void **state)
{
    (void)state;
    assert_true(made_of("{\"exchange\": \"x\", \"flows\": [{\"from\": 3, \"to\": 0, \"bytes\": 7},"
                        "{\"from\": null, \"to\": 3, \"bytes\": 9}, {\"from\": 0, \"to\": 0, \"bytes\": 1}]}"));
    assert_int_equal(matrix.count, 3);
    assert_int_equal(matrix.nodes[0], FLOWS_UNKNOWN);
    assert_int_equal(matrix.nodes[1], 0);
    assert_int_equal(matrix.nodes[2], 3);
    assert_int_equal(matrix.bytes[2][1], 7);
    assert_int_equal(matrix.bytes[0][2], 9);
    assert_int_equal(matrix.bytes[1][1], 1);
    assert_int_equal(matrix.bytes[1][2], 0);
    assert_int_equal(matrix.most, 9);
    assert_false(matrix.is_cut);
}

static void odd_documents_have_no_matrix(void **state)
{
    static const char *const odd[] = {"{}",
                                      "[]",
                                      "{\"flows\": 3}",
                                      "{\"flows\": [3, null, {}]}",
                                      "{\"flows\": [{\"from\": 0, \"to\": 0, \"bytes\": -1}]}",
                                      "{\"flows\": [{\"from\": \"a\", \"to\": [], \"bytes\": \"many\"}]}"};
    (void)state;
    for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++)
        assert_false(made_of(odd[i]));
}

static void nodes_beyond_the_last_row_are_said_to_be_left_out(void **state)
{
    json_t *flows = json_array(), *exchange = json_pack("{s:s, s:o}", "exchange", "x", "flows", flows);
    char title[160];
    (void)state;
    for (int i = 0; i < (int)FLOWS_NODES + 1; i++)
        json_array_append_new(flows, json_pack("{s:i, s:i, s:i}", "from", i, "to", i, "bytes", 1));
    assert_true(flows_make(&matrix, exchange));
    assert_int_equal(matrix.count, FLOWS_NODES);
    assert_true(matrix.is_cut);
    flows_title(&matrix, title, sizeof(title));
    assert_string_equal(title, "exchange x: bytes, from rows to columns; further nodes are left out");
    json_decref(exchange);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes_are_in_order_and_bytes_where_they_belong),
        cmocka_unit_test(odd_documents_have_no_matrix),
        cmocka_unit_test(nodes_beyond_the_last_row_are_said_to_be_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
