#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/match.h"
#include "policy/pools.h"
#include "tests/unit/policy/fixture.h"

static void a_size_is_a_word_and_a_number(void **state)
{
    static const struct {
        const char *text;
        int result;
        enum pool_size size;
        unsigned number;
    } cases[] = {
        {"auto", 0, POOL_AUTO, 0},
        {"exactly:8", 0, POOL_EXACTLY, 8},
        {"at_most:9999", 0, POOL_AT_MOST, 9999},
        {"exactly:0", -EINVAL, 0, 0},
        {"exactly:", -EINVAL, 0, 0},
        {"at_most:10000", -EINVAL, 0, 0},
        {"8", -EINVAL, 0, 0},
        {"exactly:-1", -EINVAL, 0, 0},
        {"exactly:8x", -EINVAL, 0, 0},
        {"exactly:4294967297", -EINVAL, 0, 0},
        {"automatic", -EINVAL, 0, 0},
        {"", -EINVAL, 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        enum pool_size size;
        unsigned number;
        assert_int_equal(pool_size_parse(cases[i].text, &size, &number), cases[i].result);
        if (cases[i].result == 0) {
            assert_int_equal(size, cases[i].size);
            assert_int_equal(number, cases[i].number);
        }
    }
}

struct wish {
    const char *topology, *set; /* set: NULL for all allowed */
    enum pool_size size;
    unsigned number, per_node, quota;
    enum smt smt;
    const char *masks; /* of the workers, one after the other */
};

static void check_wish(const struct wish *wish)
{
    struct topology *topology = load_topology(wish->topology);
    struct cpuset set = CPUSET_EMPTY;
    struct pool_workers workers;
    char text[1024] = "";
    assert_int_equal(wish->set ? cpuset_parse_list(&set, wish->set, NULL) : cpuset_copy(&set, &topology->allowed), 0);
    struct pool_request request = {.topology = topology,
                                   .set = &set,
                                   .size = wish->size,
                                   .number = wish->number,
                                   .per_node = wish->per_node,
                                   .quota = wish->quota,
                                   .distribution = DIST_ROUND_ROBIN,
                                   .level = LEVEL_NODE,
                                   .bind_to = LEVEL_CORE,
                                   .smt = wish->smt};
    assert_int_equal(pool_workers_make(&workers, &request), 0);
    for (size_t i = 0; i < workers.count; i++) {
        size_t used = strlen(text);
        text[used] = ' ';
        cpuset_format(&workers.masks[i], text + used + (i > 0), sizeof(text) - used - 1);
    }
    assert_string_equal(text, wish->masks);
    pool_workers_free(&workers);
    cpuset_free(&set);
    topology_free(topology);
}

static void workers_are_counted_and_placed_as_asked(void **state)
{
    static const struct wish wishes[] = {
        {.topology = "numa:2 core:2 pu:1", .smt = SMT_CORES_FIRST, .masks = "0 2 1 3"},
        {.topology = "numa:2 core:2 pu:2", .smt = SMT_CORES_FIRST, .masks = "0-1 4-5 2-3 6-7"},
        {.topology = "numa:2 core:2 pu:1", .quota = 3, .smt = SMT_CORES_FIRST, .masks = "0 2 1"},
        {.topology = "numa:2 core:2 pu:1",
         .size = POOL_AT_MOST,
         .number = 2,
         .quota = 3,
         .smt = SMT_CORES_FIRST,
         .masks = "0 2"},
        {.topology = "numa:2 core:2 pu:1",
         .size = POOL_AT_MOST,
         .number = 9,
         .smt = SMT_CORES_FIRST,
         .masks = "0 2 1 3"},
        {.topology = "numa:1 core:2 pu:1",
         .size = POOL_EXACTLY,
         .number = 5,
         .quota = 1,
         .smt = SMT_CORES_FIRST,
         .masks = "0 1 0 1 0"},
        {.topology = "numa:2 core:4 pu:1", .per_node = 2, .smt = SMT_CORES_FIRST, .masks = "0 1 4 5"},
        {.topology = "numa:2 core:4 pu:1", .set = "6-7", .smt = SMT_CORES_FIRST, .masks = "6 7"},
        {.topology = "numa:2 core:4 pu:1", .set = "1,6-7", .per_node = 1, .smt = SMT_CORES_FIRST, .masks = "1 6"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(wishes) / sizeof(*wishes); i++)
        check_wish(&wishes[i]);
}

static void more_workers_than_have_a_name_are_refused(void **state)
{
    (void)state;
    struct topology *topology = load_topology("numa:2 core:2");
    struct pool_workers workers;
    struct pool_request request = {.topology = topology,
                                   .set = &topology->allowed,
                                   .per_node = POOL_MAX_WORKERS / 2 + 1,
                                   .distribution = DIST_ROUND_ROBIN,
                                   .level = LEVEL_NODE,
                                   .bind_to = LEVEL_CORE,
                                   .smt = SMT_CORES_FIRST};
    assert_int_equal(pool_workers_make(&workers, &request), -EINVAL);
    topology_free(topology);
}

static void a_pool_of_the_policy_is_in_the_plan_with_a_rule_for_its_workers(void **state)
{
    (void)state;
    struct compiled compiled = compile_text("schema = 1\n"
                                            "[[pools]]\nname = \"networking-io\"\nthreads = \"at_most:4\"\n"
                                            "steal = \"node\"\nspin = \"50us\"\nbacklog = 1000\nnodes = \"1\"\n"
                                            "[[pools]]\nname = \"plain\"\n"
                                            "[[rules]]\nname = \"first\"\nmatch = { thread = \"*\" }\n",
                                            "numa:2 core:4");
    const struct plan_view *plan = &compiled.view;
    assert_int_equal(plan->header->pool_count, 2);
    struct plan_pool io = plan_pool(plan, 0), plain = plan_pool(plan, 1);
    assert_string_equal(plan_text(plan, plan->rules[io.rule].name), "networking-io");
    assert_int_equal(io.size, POOL_AT_MOST);
    assert_int_equal(io.number, 4);
    assert_int_equal(io.steal, STEAL_NODE);
    assert_int_equal(io.spin_us, 50);
    assert_int_equal(io.backlog, 1000);
    assert_int_equal(plain.size, POOL_AUTO);
    assert_int_equal(plain.steal, STEAL_ANY);
    assert_int_equal(plain.spin_us, 20);
    assert_int_equal(plain.backlog, 65536);

    char name[POOL_NAME_SIZE];
    pool_worker_name("networking-io", 17, name);
    assert_string_equal(name, "networking-0017");
    struct thread_facts facts = {.name = name};
    assert_int_equal(match_rule(plan, &facts), io.rule);
    facts.name = "networking-out";
    assert_string_equal(plan_text(plan, plan->rules[match_rule(plan, &facts)].name), "first");
    compiled_free(&compiled);
}

static void an_exchange_of_the_policy_is_in_the_plan_with_a_rule_for_its_workers(void **state)
{
    (void)state;
    struct compiled compiled = compile_text("schema = 1\n"
                                            "[[exchanges]]\nname = \"shuffle\"\nnames = [\"s*\", \"t\"]\n"
                                            "threads = \"exactly:4\"\nspin = \"0us\"\nmemory_limit = \"6GiB\"\n"
                                            "ring = \"1GiB\"\ntransport = \"mpi\"\nnodes = \"1\"\n"
                                            "[[exchanges]]\nname = \"plain\"\n"
                                            "[[rules]]\nname = \"first\"\nmatch = { thread = \"*\" }\n"
                                            "[[pools]]\nname = \"io\"\n",
                                            "numa:2 core:4");
    const struct plan_view *plan = &compiled.view;
    assert_int_equal(plan->count[PLAN_EXCHANGES], 2);
    const struct plan_exchange *shuffle = &plan->exchanges[0], *plain = &plan->exchanges[1];
    assert_int_equal(plan_pool(plan, 0).rule, 0);
    assert_string_equal(plan_text(plan, plan->rules[0].name), "io");
    assert_string_equal(plan_text(plan, plan->rules[shuffle->rule].name), "shuffle");
    assert_int_equal(shuffle->size, POOL_EXACTLY);
    assert_int_equal(shuffle->number, 4);
    assert_int_equal(shuffle->spin_us, 0);
    assert_int_equal(shuffle->memory_limit, UINT64_C(6) << 30);
    assert_int_equal(shuffle->ring, 1 << 30);
    assert_int_equal(shuffle->transport, TRANSPORT_MPI);
    assert_int_equal(shuffle->pattern_count, 2);
    assert_string_equal(plan_text(plan, plan->patterns[shuffle->pattern_first + 1]), "t");
    assert_string_equal(plan_text(plan, plan->rules[plain->rule].name), "plain");
    assert_int_equal(plain->size, POOL_AS_PROGRAM);
    assert_int_equal(plain->spin_us, UINT32_MAX);
    assert_int_equal(plain->memory_limit, 0);
    assert_int_equal(plain->ring, 0);
    assert_int_equal(plain->transport, TRANSPORT_PROGRAM);
    assert_string_equal(plan_text(plan, plan->patterns[plain->pattern_first]), "plain");

    struct thread_facts facts = {.name = "shuffle-0017"};
    assert_int_equal(match_rule(plan, &facts), shuffle->rule);
    compiled_free(&compiled);
}

/* Each field of an exchange in a plan that somebody else has written. */
static void a_damaged_exchange_is_refused(void **state)
{
    (void)state;
    struct compiled compiled =
        compile_text("schema = 1\n[[exchanges]]\nname = \"io\"\nthreads = \"exactly:2\"\n", "numa:2 core:4");
    struct plan_header *header = compiled.bytes.data;
    char *record = (char *)compiled.bytes.data + header->sections[PLAN_EXCHANGES].offset;
    static const struct {
        size_t at;
        uint32_t value;
    } damages[] = {
        {offsetof(struct plan_exchange, transport), TRANSPORT_COUNT},
        {offsetof(struct plan_exchange, rule), 1},
        {offsetof(struct plan_exchange, size), POOL_AS_PROGRAM + 1},
        {offsetof(struct plan_exchange, size), POOL_AUTO}, /* with a number */
        {offsetof(struct plan_exchange, number), 0},
        {offsetof(struct plan_exchange, pattern_first), UINT32_MAX},
        {offsetof(struct plan_exchange, pattern_count), 0},
        {offsetof(struct plan_exchange, pattern_count), UINT32_MAX},
        {offsetof(struct plan_exchange, ring), (1u << 30) + 1},
    };
    for (size_t i = 0; i < sizeof(damages) / sizeof(*damages); i++) {
        struct plan_view view;
        const char *what = NULL;
        uint32_t right;
        memcpy(&right, record + damages[i].at, sizeof(right));
        memcpy(record + damages[i].at, &damages[i].value, sizeof(right));
        header->checksum = plan_checksum(compiled.bytes.data, compiled.bytes.size);
        int error = plan_check(&view, compiled.bytes.data, compiled.bytes.size, &what);
        if (error != -EINVAL || strcmp(what, "the exchanges") != 0)
            fail_msg("case %zu: %d, %s", i, error, what);
        memcpy(record + damages[i].at, &right, sizeof(right));
    }
    compiled_free(&compiled);
}

static void a_plan_without_pools_has_no_trace_of_them(void **state)
{
    (void)state;
    struct compiled compiled = compile_text("schema = 1\n[defaults]\nbind_to = \"core\"\n", "numa:2 core:4");
    assert_int_equal(compiled.view.header->pool_count, 0);
    assert_int_equal(compiled.view.header->pools, 0);
    assert_int_equal(compiled.view.count[PLAN_EXCHANGES], 0);
    compiled_free(&compiled);
}

/* Each field of a pool in a plan that somebody else has written. */
static void a_damaged_pool_is_refused(void **state)
{
    (void)state;
    struct compiled compiled =
        compile_text("schema = 1\n[[pools]]\nname = \"io\"\nthreads = \"exactly:2\"\n", "numa:2 core:4");
    struct plan_header *header = compiled.bytes.data;
    struct plan_range *ranges =
        (struct plan_range *)((char *)compiled.bytes.data + header->sections[PLAN_RANGES].offset);
    uint32_t *const fields[] = {&ranges[0].first, &ranges[0].last, &ranges[1].first, &header->pools,
                                &header->pool_count};
    for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
        struct plan_view view;
        uint32_t right = *fields[i];
        *fields[i] = UINT32_MAX / 2;
        header->checksum = plan_checksum(compiled.bytes.data, compiled.bytes.size);
        assert_int_equal(plan_check(&view, compiled.bytes.data, compiled.bytes.size, NULL), -EINVAL);
        *fields[i] = right;
    }
    compiled_free(&compiled);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_size_is_a_word_and_a_number),
        cmocka_unit_test(workers_are_counted_and_placed_as_asked),
        cmocka_unit_test(a_pool_of_the_policy_is_in_the_plan_with_a_rule_for_its_workers),
        cmocka_unit_test(a_plan_without_pools_has_no_trace_of_them),
        cmocka_unit_test(a_damaged_pool_is_refused),
        cmocka_unit_test(an_exchange_of_the_policy_is_in_the_plan_with_a_rule_for_its_workers),
        cmocka_unit_test(a_damaged_exchange_is_refused),
        cmocka_unit_test(more_workers_than_have_a_name_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
