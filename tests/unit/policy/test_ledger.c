#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "policy/ledger.h"
#include "tests/file_in_memory.h"

#define SHARES 4u
#define PIDS   5000u
#define SPACE  UINT64_C(4026531836)

/* --- a file in memory --- */

static struct file_in_memory store;
static struct ledger_scratch scratch;
static const struct ledger_file file = {file_in_memory_read, file_in_memory_write, &store, &scratch};

static void fresh(size_t room)
{
    free(store.data);
    store = (struct file_in_memory){.data = calloc(1, room), .room = room, .until_death = ~0ul};
}

/* --- processes --- */

static uint8_t living[PIDS]; /* generation of the living process with that pid; 0: none */
static int32_t share_of[PIDS];
static unsigned long looks, close_looks;

static bool is_alive(const struct ledger_process *process, bool closely)
{
    looks++;
    close_looks += closely;
    if (process->pid >= PIDS || !living[process->pid])
        return false;
    return !closely || process->ticks == living[process->pid];
}

static const uint32_t sizes[SHARES] = {4, 4, 2, 4};
static const uint32_t even[SHARES] = {1, 1, 1, 1};

static int claim_as(const struct ledger_process *process, enum process_distribution distribution, const uint32_t *of,
                    uint32_t share, struct ledger_place *ret_place)
{
    struct ledger_deal deal = {distribution, SHARES, of, share};
    struct ledger_dead dead;
    ledger_look(&file, process->pid, is_alive, &dead);
    return ledger_claim(&file, process, &deal, &dead, ret_place);
}

static struct ledger_process process_of(uint32_t pid)
{
    return (struct ledger_process){.pid = pid, .ticks = living[pid], .space = SPACE};
}

static struct ledger_place claim(uint32_t pid, enum process_distribution distribution)
{
    struct ledger_place place;
    if (!living[pid])
        living[pid] = 1;
    struct ledger_process process = process_of(pid);
    assert_int_equal(claim_as(&process, distribution, sizes, LEDGER_NONE, &place), 0);
    assert_in_range(place.share, 0, SHARES - 1);
    return place;
}

static void release(uint32_t pid)
{
    struct ledger_process process = process_of(pid);
    assert_int_equal(ledger_release(&file, &process, SHARES), 0);
    living[pid] = 0;
}

static struct ledger_head head(void)
{
    struct ledger_head read;
    assert_int_equal(ledger_read_head(&file, SHARES, &read), 0);
    return read;
}

static int begin(void **state)
{
    (void)state;
    memset(living, 0, sizeof(living));
    looks = close_looks = 0;
    fresh(1 << 20);
    return 0;
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
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char text[16] = "";
        begin(state);
        for (uint32_t pid = 1; pid <= 8; pid++)
            text[pid - 1] = (char)('0' + claim(pid, cases[i].distribution).share);
        assert_string_equal(text, cases[i].shares);
    }
}

static void who_comes_again_keeps_his_place(void **state)
{
    (void)state;
    assert_int_equal(claim(1, PROC_DIST_LEAST_LOADED).share, 0);
    struct ledger_place second = claim(2, PROC_DIST_LEAST_LOADED), again;
    assert_int_equal(second.share, 1);
    again = claim(2, PROC_DIST_LEAST_LOADED);
    assert_memory_equal(&again, &second, sizeof(again));
    assert_int_equal(head().used, 2);
}

static void a_share_that_a_process_has_already_is_counted(void **state)
{
    struct ledger_process process = {.pid = 9, .ticks = 1, .space = SPACE};
    struct ledger_place place;
    (void)state;
    assert_int_equal(claim_as(&process, PROC_DIST_ROUND_ROBIN, even, 3, &place), 0);
    assert_int_equal(place.share, 3);
    assert_int_equal(claim_as(&process, PROC_DIST_ROUND_ROBIN, even, 2, &place), 0);
    assert_int_equal(place.share, 2);
    assert_int_equal(head().counts[3], 0);
    assert_int_equal(head().counts[2], 1);
}

/* The kernel gives a number again; the place goes back, whether or not its process was seen to be dead. */
static void another_process_with_the_number_is_not_taken_for_it(void **state)
{
    (void)state;
    assert_int_equal(claim(1, PROC_DIST_ROUND_ROBIN).share, 0);
    living[1] = 2;
    struct ledger_place place = claim(1, PROC_DIST_ROUND_ROBIN);
    assert_int_equal(place.share, 1);
    assert_int_equal(place.index, 0);
    assert_int_equal(head().counts[0], 0);
    living[1] = 3;
    assert_int_equal(claim(2, PROC_DIST_ROUND_ROBIN).index, 0);
    assert_int_equal(head().used, 1);
}

/* Containers may share the file; there, other processes have the same numbers. */
static void namespaces_have_numbers_of_their_own(void **state)
{
    struct ledger_process other = {.pid = 1, .ticks = 1, .space = SPACE + 1};
    struct ledger_place place;
    (void)state;
    claim(1, PROC_DIST_ROUND_ROBIN);
    assert_int_equal(claim_as(&other, PROC_DIST_ROUND_ROBIN, even, LEDGER_NONE, &place), 0);
    assert_int_equal(head().used, 2);
    release(1);
    assert_int_equal(head().counts[0], 0);
    assert_int_equal(head().counts[1], 1);
}

/* Two that live at the same time never have the same number, and numbers are as small as they can be. */
static void numbers_are_small_and_nobody_elses(void **state)
{
    uint32_t owner[64] = {0};
    (void)state;
    for (uint32_t pid = 1; pid < 2000; pid++) {
        uint32_t index = claim(pid, PROC_DIST_ROUND_ROBIN).index;
        assert_in_range(index, 0, 16);
        assert_true(!owner[index] || !living[owner[index]]);
        owner[index] = pid;
        if (pid <= 16)
            continue;
        uint32_t leaver = owner[(pid * 7) % 17];
        if (!leaver || !living[leaver])
            leaver = pid;
        if (pid % 2)
            living[leaver] = 0; /* it is killed */
        else
            release(leaver);
        if (pid % 2 == 0)
            owner[index] = owner[index] == leaver ? 0 : owner[index];
    }
}

static uint32_t count_living(void)
{
    uint32_t count = 0;
    for (uint32_t pid = 0; pid < PIDS; pid++)
        count += living[pid] != 0;
    return count;
}

/* Of as many as one look takes in, each that was killed is struck out by whoever comes next. */
static void the_dead_are_struck_out(void **state)
{
    unsigned seed = 3;
    (void)state;
    for (uint32_t pid = 1; pid < 3000; pid++) {
        seed = seed * 1103515245 + 12345;
        if (pid > 40) {
            living[pid - 1 - (seed >> 16) % 40] = 0;
            living[pid - 40] = 0;
        }
        claim(pid, PROC_DIST_LEAST_LOADED);
        assert_int_equal(head().used, count_living());
    }
}

/* More of them need more starts: each looks at the next window. */
static void many_dead_are_struck_out_after_a_few_starts(void **state)
{
    (void)state;
    for (uint32_t pid = 1; pid <= 3000; pid++)
        claim(pid, PROC_DIST_LEAST_LOADED);
    for (uint32_t pid = 1; pid <= 3000; pid++)
        living[pid] = pid % 3 == 0;
    for (uint32_t pid = 3001; pid <= 3001 + 3000 / LEDGER_WINDOW; pid++)
        claim(pid, PROC_DIST_LEAST_LOADED);
    assert_int_equal(head().used, count_living());
}

/* What a start costs does not depend on how many live. */
static void a_start_looks_at_a_bounded_number_of_processes(void **state)
{
    (void)state;
    for (uint32_t pid = 1; pid < PIDS; pid++) {
        looks = close_looks = store.reads = store.writes = 0;
        claim(pid, PROC_DIST_LEAST_LOADED);
        assert_in_range(looks, 0, LEDGER_WINDOW);
        assert_in_range(close_looks, 0, 2);
        if (pid > 1) /* the first makes the file */
            assert_in_range(store.reads + store.writes, 0, 32);
    }
    assert_int_equal(head().used, PIDS - 1);
    for (uint32_t i = 1; i < SHARES; i++) /* by CPU: sizes 4, 4, 2, 4 */
        assert_in_range(head().counts[i] * 4 / sizes[i], head().counts[0] - 3, head().counts[0] + 3);
}

/* --- damage --- */

/* A writer is killed after each of its writes in turn: whoever comes next finds the others' places as they were. */
static void a_killed_writer_costs_nothing(void **state)
{
    for (unsigned long writes = 0; writes < 40; writes++) {
        begin(state);
        for (uint32_t pid = 1; pid <= 12; pid++)
            claim(pid, PROC_DIST_LEAST_LOADED);
        release(5);
        living[7] = living[8] = 0;
        struct ledger_process killed = {.pid = 100, .ticks = 1, .space = SPACE};
        struct ledger_place place;
        store.until_death = writes;
        claim_as(&killed, PROC_DIST_LEAST_LOADED, sizes, LEDGER_NONE, &place);
        store.until_death = ~0ul;
        claim(101, PROC_DIST_LEAST_LOADED);
        claim(102, PROC_DIST_LEAST_LOADED); /* what was made anew is looked at by the next one */
        assert_int_equal(head().used, count_living());
        for (uint32_t pid = 1; pid <= 12; pid++)
            if (living[pid]) {
                claim(pid, PROC_DIST_COMPACT); /* it is still known */
                assert_int_equal(head().used, count_living());
            }
    }
}

static void the_end_of_a_killed_writer_costs_nothing(void **state)
{
    for (unsigned long writes = 0; writes < 8; writes++) {
        begin(state);
        for (uint32_t pid = 1; pid <= 12; pid++)
            claim(pid, PROC_DIST_LEAST_LOADED);
        struct ledger_process ending = process_of(6);
        store.until_death = writes;
        ledger_release(&file, &ending, SHARES);
        living[6] = 0;
        store.until_death = ~0ul;
        claim(101, PROC_DIST_LEAST_LOADED);
        claim(102, PROC_DIST_LEAST_LOADED);
        assert_int_equal(head().used, 13);
    }
}

static void without_room_there_is_no_place_and_no_damage(void **state)
{
    struct ledger_process process = {.pid = 100, .ticks = 1, .space = SPACE};
    struct ledger_place place;
    (void)state;
    for (size_t room = 0; room <= LEDGER_SLOTS_AT; room += 1024) {
        begin(state);
        fresh(room);
        assert_int_equal(claim_as(&process, PROC_DIST_COMPACT, sizes, LEDGER_NONE, &place), -ENOSPC);
    }
    fresh(LEDGER_SLOTS_AT + 3 * sizeof(struct ledger_slot));
    for (uint32_t pid = 1; pid <= 3; pid++)
        claim(pid, PROC_DIST_COMPACT);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(claim_as(&process, PROC_DIST_COMPACT, sizes, LEDGER_NONE, &place), -ENOSPC);
    assert_int_equal(head().used, 3);
    release(2);
    assert_int_equal(claim_as(&process, PROC_DIST_COMPACT, sizes, LEDGER_NONE, &place), 0);
}

/* Garbage anywhere: there is a share, those whose slots are whole keep theirs, and the rest is even. */
static void a_damaged_file_is_mended(void **state)
{
    unsigned seed = 11;
    for (unsigned round = 0; round < 400; round++) {
        begin(state);
        for (uint32_t pid = 1; pid <= 20; pid++)
            share_of[pid] = (int32_t)claim(pid, PROC_DIST_LEAST_LOADED).share;
        for (unsigned i = 0; i < 1 + round % 50; i++) {
            seed = seed * 1103515245 + 12345;
            size_t at = (seed >> 8) % store.size;
            if (round % 3 == 0)
                at %= sizeof(struct ledger_head);
            else if (round % 3 == 1)
                at = LEDGER_SLOTS_AT + at % (store.size - LEDGER_SLOTS_AT);
            store.data[at] = (char)(seed >> 4);
        }
        if (round % 40 == 0)
            store.size = seed % store.size;
        for (uint32_t pid = 101; pid <= 140; pid++)
            claim(pid, PROC_DIST_LEAST_LOADED);
        struct ledger_head now = head();
        assert_in_range(now.used, 40, 60);
        assert_int_equal(now.counts[0] + now.counts[1] + now.counts[2] + now.counts[3], now.used);
        for (uint32_t i = 1; i < SHARES; i++)
            assert_in_range(now.counts[i] * 4 / sizes[i], now.counts[0] - 3, now.counts[0] + 3);
    }
}

static void garbage_is_begun_anew(void **state)
{
    static const unsigned char fills[] = {0x00, 0x5a, 0xff};
    for (size_t i = 0; i < sizeof(fills); i++) {
        begin(state);
        memset(store.data, fills[i], store.room);
        store.size = store.room;
        for (uint32_t pid = 1; pid <= 8; pid++)
            assert_int_equal(claim(pid, PROC_DIST_ROUND_ROBIN).share, (pid - 1) % SHARES);
        assert_int_equal(head().used, 8);
    }
}

/* Any that come, end, are killed, go on as another program or are made with a number again, in any order. */
static void any_order_of_events_leaves_the_counts_right(void **state)
{
    unsigned seed = 17;
    (void)state;
    memset(share_of, -1, sizeof(share_of));
    for (unsigned step = 0; step < 60000; step++) {
        seed = seed * 1103515245 + 12345;
        uint32_t pid = 1 + (seed >> 16) % 50, what = (seed >> 4) % 8;
        if (!living[pid]) {
            living[pid] = (uint8_t)(1 + step % 250);
            share_of[pid] = (int32_t)claim(pid, PROC_DIST_LEAST_LOADED).share;
        } else if (what < 3) {
            release(pid);
        } else if (what < 6) {
            living[pid] = 0;
        } else {
            assert_int_equal(claim(pid, PROC_DIST_LEAST_LOADED).share, share_of[pid]);
        }
        if (step % 100)
            continue;
        claim(4000, PROC_DIST_LEAST_LOADED); /* finds the dead */
        release(4000);
        uint32_t counts[SHARES] = {0};
        for (pid = 1; pid <= 50; pid++)
            if (living[pid])
                counts[share_of[pid]]++;
        assert_memory_equal(head().counts, counts, sizeof(counts));
    }
}

/* The last holder of the lock is stopped, and goes on when the copy is in use. */
static void a_copy_has_all_that_is_whole(void **state)
{
    static char copy_data[1 << 16];
    (void)state;
    for (uint32_t pid = 1; pid <= 200; pid++)
        claim(pid, PROC_DIST_ROUND_ROBIN);
    uint32_t turn = head().turn;
    store.data[LEDGER_SLOTS_AT + 5 * sizeof(struct ledger_slot)] ^= 1; /* the slot that is being written */
    memcpy(copy_data, store.data, store.size);
    assert_int_equal(ledger_copy(&file, &file, SHARES), 0);
    assert_int_equal(head().used, 199);
    assert_int_equal(head().turn, turn);
    assert_int_equal(claim(300, PROC_DIST_ROUND_ROBIN).index, 5);
}

#define LEDGER_TEST(name) cmocka_unit_test_setup(name, begin)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LEDGER_TEST(each_distribution),
        LEDGER_TEST(who_comes_again_keeps_his_place),
        LEDGER_TEST(a_share_that_a_process_has_already_is_counted),
        LEDGER_TEST(another_process_with_the_number_is_not_taken_for_it),
        LEDGER_TEST(namespaces_have_numbers_of_their_own),
        LEDGER_TEST(numbers_are_small_and_nobody_elses),
        LEDGER_TEST(the_dead_are_struck_out),
        LEDGER_TEST(many_dead_are_struck_out_after_a_few_starts),
        LEDGER_TEST(a_start_looks_at_a_bounded_number_of_processes),
        LEDGER_TEST(a_killed_writer_costs_nothing),
        LEDGER_TEST(the_end_of_a_killed_writer_costs_nothing),
        LEDGER_TEST(without_room_there_is_no_place_and_no_damage),
        LEDGER_TEST(a_damaged_file_is_mended),
        LEDGER_TEST(garbage_is_begun_anew),
        LEDGER_TEST(any_order_of_events_leaves_the_counts_right),
        LEDGER_TEST(a_copy_has_all_that_is_whole),
    };
    int status = cmocka_run_group_tests(tests, NULL, NULL);
    free(store.data);
    return status;
}
