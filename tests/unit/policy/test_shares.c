#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/ledger.h"
#include "policy/shares.h"
#include "tests/unit/policy/fixture.h"

/* --- shares --- */

static void each_level_and_order(void **state)
{
    static const struct {
        const char *machine;
        enum process_distribution distribution;
        enum level level;
        const char *sets; /* joined with blanks */
    } cases[] = {
        {"pack:2 numa:2 core:2", PROC_DIST_COMPACT, LEVEL_NODE, "0-1 2-3 4-5 6-7"},
        {"pack:2 numa:2 core:2", PROC_DIST_SCATTER, LEVEL_NODE, "0-1 4-5 2-3 6-7"},
        {"pack:2 numa:2 core:2", PROC_DIST_ROUND_ROBIN, LEVEL_SOCKET, "0-3 4-7"},
        {"pack:2 l3:2 core:2", PROC_DIST_SCATTER, LEVEL_L3, "0-1 4-5 2-3 6-7"},
        {"pack:2 numa:2 core:2; allowed=0-2", PROC_DIST_COMPACT, LEVEL_NODE, "0-1 2"},
        {"core:4", PROC_DIST_SCATTER, LEVEL_NODE, "0-3"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct topology *topology = load_topology(cases[i].machine);
        struct shares shares;
        char text[256] = "";
        assert_int_equal(shares_list(&shares, topology, &topology->allowed, cases[i].distribution, cases[i].level), 0);
        for (size_t s = 0; s < shares.count; s++) {
            char *set = cpuset_to_string(&shares.sets[s]);
            snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", s ? " " : "", set);
            free(set);
        }
        if (strcmp(text, cases[i].sets) != 0)
            fail_msg("%s: %s", cases[i].machine, text);
        shares_free(&shares);
        topology_free(topology);
    }
}

/* Disjoint as long as there are CPUs, whole cores as long as there are cores, and nothing is left over. */
static void parts_of_a_set(void **state)
{
    struct topology *topology = load_topology("pack:1 core:6 pu:2");
    (void)state;
    for (unsigned parts = 1; parts <= 14; parts++) {
        struct cpuset all = CPUSET_EMPTY;
        unsigned sum = 0;
        for (unsigned part = 0; part < parts; part++) {
            struct cpuset set;
            assert_int_equal(shares_part(&set, topology, &topology->allowed, part, parts), 0);
            assert_true(cpuset_weight(&set) > 0);
            assert_true(parts > 6 || cpuset_weight(&set) % 2 == 0);
            sum += cpuset_weight(&set);
            cpuset_or(&all, &set);
            cpuset_free(&set);
        }
        assert_int_equal(cpuset_weight(&all), 12);
        assert_true(parts > 12 || sum == 12);
        cpuset_free(&all);
    }
    topology_free(topology);
}

/* Ranks divide what the rules use, whatever the places are. */
static void the_whole_is_what_the_rules_use(void **state)
{
    struct compiled compiled = compile_text(
        "schema = 1\n[process]\ndistribution = \"ranks\"\n[topology]\nreserve_cpus = \"0-1\"\n[defaults]\nbind_to = \"none\"\n",
        "pack:2 numa:2 core:2 pu:1");
    struct shares shares;
    (void)state;
    assert_int_equal(compiled.result, 0);
    assert_int_equal(compiled.view.header->process_shares, 0); /* a process without a rank is not narrowed */
    assert_int_equal(shares_whole(&shares, &compiled.view), 0);
    assert_int_equal(shares.count, 1);
    assert_cpus(&shares.sets[0], "2-7");
    shares_free(&shares);
    compiled_free(&compiled);
}

/* --- the ledger --- */

static bool dead[4096];

static bool is_alive(uint32_t pid, uint64_t ticks)
{
    return ticks == pid * 7u && !dead[pid];
}

static uint32_t claim(struct ledger *ledger, uint32_t pid, enum process_distribution distribution)
{
    static const uint32_t sizes[] = {4, 4, 2, 4};
    uint32_t index;
    return ledger_claim(ledger, pid, pid * 7u, distribution, 4, sizes, is_alive, &index);
}

static void each_distribution(void **state)
{
    static const struct {
        enum process_distribution distribution;
        const char *shares;
    } cases[] = {
        {PROC_DIST_ROUND_ROBIN, "01230123"},
        {PROC_DIST_COMPACT, "00001111"},
        {PROC_DIST_LEAST_LOADED, "01230130"}, /* by CPU: the third share is half as large */
        {PROC_DIST_SCATTER, "01230130"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct ledger ledger = {0};
        char text[16] = "";
        memset(dead, 0, sizeof(dead));
        for (uint32_t pid = 1; pid <= 8; pid++)
            text[pid - 1] = (char)('0' + claim(&ledger, pid, cases[i].distribution));
        assert_string_equal(text, cases[i].shares);
    }
}

static void who_comes_again_keeps_his_share(void **state)
{
    struct ledger ledger = {0};
    (void)state;
    memset(dead, 0, sizeof(dead));
    assert_int_equal(claim(&ledger, 1, PROC_DIST_LEAST_LOADED), 0);
    assert_int_equal(claim(&ledger, 2, PROC_DIST_LEAST_LOADED), 1);
    assert_int_equal(claim(&ledger, 1, PROC_DIST_LEAST_LOADED), 0);
}

/* The kernel gives a number again; the entry goes to its new process, with another share. */
static void another_process_with_the_number_has_no_share_yet(void **state)
{
    struct ledger ledger = {0};
    static const uint32_t sizes[] = {4, 4, 2, 4};
    uint32_t index, counts[4];
    (void)state;
    memset(dead, 0, sizeof(dead));
    assert_int_equal(claim(&ledger, 1, PROC_DIST_ROUND_ROBIN), 0);
    /* that one is not seen to be dead: the start time alone tells */
    ledger.entries[0].ticks = 7;
    assert_int_equal(ledger_claim(&ledger, 1, 8, PROC_DIST_ROUND_ROBIN, 4, sizes, is_alive, &index), 1);
    assert_int_equal(index, 0);
    assert_int_equal(ledger.entries[0].ticks, 8);
    ledger_count(&ledger, 4, counts, is_alive);
    assert_int_equal(counts[0], 0);
}

/* Any that die, at any time, are struck out by whoever comes next; the rest stays as even as it can be. */
static void the_dead_are_struck_out(void **state)
{
    struct ledger ledger = {0};
    uint32_t counts[4];
    unsigned seed = 3;
    (void)state;
    memset(dead, 0, sizeof(dead));
    for (uint32_t pid = 1; pid < 3000; pid++) {
        seed = seed * 1103515245 + 12345;
        if (pid > 8)
            dead[pid - 1 - (seed >> 16) % 8] = true;
        claim(&ledger, pid, PROC_DIST_LEAST_LOADED);
        ledger_count(&ledger, 4, counts, is_alive);
        uint32_t living = 0;
        for (uint32_t i = 1; i <= pid; i++)
            living += !dead[i];
        assert_int_equal(counts[0] + counts[1] + counts[2] + counts[3],
                         living < LEDGER_ENTRIES ? living : LEDGER_ENTRIES);
    }
}

static void a_damaged_file_is_begun_anew(void **state)
{
    struct ledger ledger;
    (void)state;
    memset(&ledger, 0x5a, sizeof(ledger));
    memset(dead, 0, sizeof(dead));
    assert_int_equal(claim(&ledger, 1, PROC_DIST_LEAST_LOADED), 0);
    for (uint32_t i = 0; i < LEDGER_ENTRIES; i++)
        ledger.entries[i] = (struct ledger_entry){i + 10, 4000, 1};
    assert_in_range(claim(&ledger, 2, PROC_DIST_COMPACT), 0, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_level_and_order),
                                       cmocka_unit_test(parts_of_a_set),
                                       cmocka_unit_test(the_whole_is_what_the_rules_use),
                                       cmocka_unit_test(each_distribution),
                                       cmocka_unit_test(who_comes_again_keeps_his_share),
                                       cmocka_unit_test(another_process_with_the_number_has_no_share_yet),
                                       cmocka_unit_test(the_dead_are_struck_out),
                                       cmocka_unit_test(a_damaged_file_is_begun_anew)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
