#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/prepare/rank.h"

static const char *const variables[] = {"OMPI_COMM_WORLD_LOCAL_RANK",
                                        "OMPI_COMM_WORLD_LOCAL_SIZE",
                                        "MPI_LOCALRANKID",
                                        "MPI_LOCALNRANKS",
                                        "SLURM_LOCALID",
                                        "SLURM_STEP_TASKS_PER_NODE",
                                        "LOCAL_RANK",
                                        "LOCAL_WORLD_SIZE",
                                        "MY_RANK",
                                        "PALS_LOCAL_RANKID",
                                        "MV2_COMM_WORLD_LOCAL_RANK"};

static const struct {
    const char *number_name, *number, *count_name, *count;
    struct rank rank;
} launched[] = {
    {"OMPI_COMM_WORLD_LOCAL_RANK", "2", "OMPI_COMM_WORLD_LOCAL_SIZE", "4", {2, 4}},
    {"MPI_LOCALRANKID", "0", "MPI_LOCALNRANKS", "1", {0, 1}},
    {"SLURM_LOCALID", "3", "SLURM_STEP_TASKS_PER_NODE", "4(x2),3", {3, 4}},
    {"SLURM_LOCALID", "4", "SLURM_STEP_TASKS_PER_NODE", "4(x2),3", {4, 0}}, /* more than there are: not this host's */
    {"LOCAL_RANK", "1", "LOCAL_WORLD_SIZE", "", {1, 0}},
    {"LOCAL_RANK", "", "LOCAL_WORLD_SIZE", "4", {-1, 0}},
    {"LOCAL_RANK", "-1", "LOCAL_WORLD_SIZE", "4", {-1, 0}},
    {"LOCAL_RANK", "1x", "LOCAL_WORLD_SIZE", "4", {-1, 0}},
    {"LOCAL_RANK", "65536", "LOCAL_WORLD_SIZE", "4", {-1, 0}},
    {"LOCAL_RANK", "65535", "LOCAL_WORLD_SIZE", "65535", {65535, 0}},
    {"MY_RANK", "1", "LOCAL_WORLD_SIZE", "2", {-1, 0}},
};

static void forget(void)
{
    for (size_t i = 0; i < sizeof(variables) / sizeof(*variables); i++)
        unsetenv(variables[i]);
}

static void launchers_say_the_rank_and_how_many_there_are(void **state)
{
    (void)state;
    struct policy policy = {0};
    for (size_t i = 0; i < sizeof(launched) / sizeof(*launched); i++) {
        forget();
        setenv(launched[i].number_name, launched[i].number, 1);
        setenv(launched[i].count_name, launched[i].count, 1);
        struct rank rank = rank_from_environment(&policy);
        assert_int_equal(rank.number, launched[i].rank.number);
        assert_int_equal(rank.count, launched[i].rank.count);
    }
    forget();
}

static void what_the_policy_names_is_asked_alone_and_in_order(void **state)
{
    (void)state;
    struct text items[] = {{.value = "MY_RANK"}, {.value = "LOCAL_RANK"}};
    struct policy policy = {.process.rank_env = {items, 2}};
    forget();
    setenv("SLURM_LOCALID", "7", 1);
    assert_int_equal(rank_from_environment(&policy).number, -1);
    setenv("LOCAL_RANK", "3", 1);
    setenv("LOCAL_WORLD_SIZE", "8", 1);
    assert_int_equal(rank_from_environment(&policy).number, 3);
    assert_int_equal(rank_from_environment(&policy).count, 8);
    setenv("MY_RANK", "5", 1);
    assert_int_equal(rank_from_environment(&policy).number, 5);
    assert_int_equal(rank_from_environment(&policy).count, 0); /* of no known launcher */
    forget();
}

static void ranks_share_the_machine_without_gaps_or_overlaps(void **state)
{
    (void)state;
    for (unsigned shares = 1; shares <= 8; shares++)
        for (unsigned total = 1; total <= 20; total++)
            for (int compact = 0; compact < 2; compact++) {
                unsigned parts[8] = {0}, seen[8] = {0};
                for (unsigned i = 0; i < total; i++) {
                    struct rank_portion one = rank_portion((struct rank){(int)i, (int)total}, shares, compact != 0);
                    assert_true(one.share < shares && one.part < one.parts);
                    assert_false(seen[one.share] & 1u << one.part);
                    seen[one.share] |= 1u << one.part;
                    assert_true(parts[one.share] == 0 || parts[one.share] == one.parts);
                    parts[one.share] = one.parts;
                }
                for (unsigned i = 0; i < shares; i++)
                    assert_int_equal(seen[i], (1u << parts[i]) - 1);
            }
}

static void compact_ranks_are_neighbours_and_others_are_apart(void **state)
{
    (void)state;
    assert_int_equal(rank_portion((struct rank){1, 2}, 4, true).share, 1);
    assert_int_equal(rank_portion((struct rank){1, 2}, 4, false).share, 2);
    assert_int_equal(rank_portion((struct rank){1, 8}, 4, true).share, 0);
    assert_int_equal(rank_portion((struct rank){1, 8}, 4, false).share, 1);
    assert_int_equal(rank_portion((struct rank){9, 0}, 4, true).share, 1); /* how many is not known: around */
    assert_int_equal(rank_portion((struct rank){9, 0}, 4, false).parts, 1);
}

static void the_inner_launcher_says_the_rank(void **state)
{
    (void)state;
    struct policy policy = {0};
    forget();
    setenv("SLURM_LOCALID", "0", 1);
    assert_string_equal(rank_variable(&policy), "SLURM_LOCALID");
    setenv("LOCAL_RANK", "3", 1);
    assert_string_equal(rank_variable(&policy), "LOCAL_RANK");
    setenv("LOCAL_RANK", "none", 1);
    assert_string_equal(rank_variable(&policy), "SLURM_LOCALID");
    forget();
    assert_null(rank_variable(&policy));
}

static void a_policys_own_variables_do_not_say_how_many_ranks_there_are(void **state)
{
    (void)state;
    struct text items[] = {{.value = "MY_RANK"}, {.value = "LOCAL_RANK"}};
    struct policy policy = {0};
    assert_true(rank_count_is_told(&policy));
    policy.process.rank_env.items = items;
    policy.process.rank_env.count = 1;
    assert_false(rank_count_is_told(&policy));
    policy.process.rank_env.count = 2;
    assert_true(rank_count_is_told(&policy));
}

static void the_rank_in_the_job_is_told_with_or_without_the_number_of_ranks(void **state)
{
    (void)state;
    const char *const names[] = {"OMPI_COMM_WORLD_RANK", "PMI_RANK", "SLURM_PROCID", "RANK", "WORLD_SIZE"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        unsetenv(names[i]);
    assert_int_equal(rank_in_job().number, -1);
    setenv("RANK", "7", 1);
    assert_int_equal(rank_in_job().number, 7);
    assert_int_equal(rank_in_job().count, 0);
    setenv("WORLD_SIZE", "8", 1);
    assert_int_equal(rank_in_job().count, 8);
    setenv("WORLD_SIZE", "7", 1); /* fewer than the rank says */
    assert_int_equal(rank_in_job().count, 0);
    unsetenv("RANK");
    unsetenv("WORLD_SIZE");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(launchers_say_the_rank_and_how_many_there_are),
        cmocka_unit_test(what_the_policy_names_is_asked_alone_and_in_order),
        cmocka_unit_test(ranks_share_the_machine_without_gaps_or_overlaps),
        cmocka_unit_test(compact_ranks_are_neighbours_and_others_are_apart),
        cmocka_unit_test(the_inner_launcher_says_the_rank),
        cmocka_unit_test(a_policys_own_variables_do_not_say_how_many_ranks_there_are),
        cmocka_unit_test(the_rank_in_the_job_is_told_with_or_without_the_number_of_ranks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
