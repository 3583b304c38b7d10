#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "policy/board.h"
#include "tests/file_in_memory.h"

#define CPUS  64u
#define ONE   720720u
#define MANY  100u
#define SPACE UINT64_C(4026531836)

/* --- a file in memory --- */

static char data_of_store[1 << 20];
static struct file_in_memory store;
static const struct board_file file = {file_in_memory_read, file_in_memory_write, &store};

static unsigned long calls(void)
{
    return store.reads + store.writes;
}

/* --- processes --- */

static struct board *boards[MANY];
static bool dead[MANY + 1];

static bool is_alive(const struct ledger_process *process, bool closely)
{
    (void)closely;
    return process->pid > MANY || !dead[process->pid];
}

static void begin_process(unsigned pid)
{
    struct board *board = boards[pid - 1];
    if (!board)
        board = boards[pid - 1] = malloc(sizeof(*board));
    assert_non_null(board);
    memset(board, 0, sizeof(*board));
    board->cpus = CPUS;
    board->index = BOARD_NONE;
    board->self = (struct ledger_process){.pid = pid, .ticks = 7, .space = SPACE};
}

static int set_up(void **state)
{
    (void)state;
    memset(data_of_store, 0, sizeof(data_of_store));
    store = (struct file_in_memory){.data = data_of_store, .room = sizeof(data_of_store), .until_death = ULONG_MAX};
    memset(dead, 0, sizeof(dead));
    for (unsigned pid = 1; pid <= MANY; pid++)
        begin_process(pid);
    return 0;
}

/* The process has so many threads on a CPU, each bound to it, and none elsewhere. */
static int try_to_put(unsigned pid, unsigned threads, unsigned cpu)
{
    struct board_threads mine[CPUS] = {0};
    struct board *board = boards[pid - 1];
    int error = board_read(&file, board);
    mine[cpu] = (struct board_threads){threads * ONE, threads * ONE};
    return error ? error : board_write(&file, board, mine);
}

static void put(unsigned pid, unsigned threads, unsigned cpu)
{
    assert_int_equal(try_to_put(pid, threads, cpu), 0);
}

/* The threads that others have there, as this process sees it. */
static unsigned seen_by(unsigned pid, unsigned cpu)
{
    assert_int_equal(board_read(&file, boards[pid - 1]), 0);
    struct board_sum sum = board_others(boards[pid - 1], cpu);
    assert_int_equal(sum.all, sum.tight);
    return (unsigned)(sum.all / ONE);
}

static void leave(unsigned pid)
{
    assert_int_equal(board_read(&file, boards[pid - 1]), 0);
    assert_int_equal(board_write(&file, boards[pid - 1], NULL), 0);
}

static void look(unsigned pid)
{
    assert_int_equal(board_read(&file, boards[pid - 1]), 0);
    assert_int_equal(board_look(&file, boards[pid - 1], is_alive), 0);
}

/* --- tests --- */

static void each_sees_what_the_others_have(void **state)
{
    (void)state;
    put(1, 2, 0);
    put(2, 1, 0);
    put(3, 1, 63);
    assert_int_equal(seen_by(1, 0), 1);
    assert_int_equal(seen_by(2, 0), 2);
    assert_int_equal(seen_by(3, 0), 3);
    assert_int_equal(seen_by(1, 63), 1);
    put(2, 1, 5);
    assert_int_equal(seen_by(1, 0), 0);
    assert_int_equal(seen_by(1, 5), 1);
    leave(2);
    assert_false(board_is_empty(boards[1]));
    assert_int_equal(seen_by(1, 5), 0);
    assert_int_equal(seen_by(2, 0), 2);
    leave(1);
    leave(3);
    assert_true(board_is_empty(boards[2]));
}

static void what_killed_processes_had_is_taken_back(void **state)
{
    (void)state;
    for (unsigned pid = 1; pid <= 40; pid++)
        put(pid, 1, pid % 8);
    for (unsigned pid = 1; pid <= 40; pid += 2)
        dead[pid] = true;
    look(41);
    for (unsigned cpu = 0; cpu < 8; cpu++)
        assert_int_equal(seen_by(41, cpu), cpu % 2 ? 0 : 5);
    put(41, 1, 1); /* in one of the slots that are free */
    assert_int_equal(seen_by(2, 1), 1);
}

static void of_many_processes_all_are_looked_at_in_turn(void **state)
{
    (void)state;
    for (unsigned pid = 1; pid < MANY; pid++)
        put(pid, 1, 0);
    for (unsigned pid = 1; pid < MANY; pid++)
        dead[pid] = true;
    look(MANY);
    put(MANY, 1, 3);
    look(MANY);
    assert_int_equal(seen_by(MANY, 0), 0);
}

static void a_program_that_became_another_begins_with_nothing(void **state)
{
    (void)state;
    put(1, 3, 2);
    put(2, 1, 2);
    begin_process(1);
    look(1);
    assert_int_equal(seen_by(1, 2), 1);
    assert_int_equal(seen_by(2, 2), 0);
}

static void what_a_writer_that_died_left_is_made_good(void **state)
{
    (void)state;
    for (unsigned long writes = 0; writes < 4; writes++) {
        set_up(state);
        put(1, 1, 0);
        put(2, 2, 1);
        store.until_death = writes;
        try_to_put(2, 4, 5);
        store.until_death = ULONG_MAX;
        assert_int_equal(seen_by(3, 0), 1);
        unsigned before = seen_by(3, 1), after = seen_by(3, 5);
        assert_true((before == 2 && after == 0) || (before == 0 && after == 4));
    }
}

static void who_lost_the_slot_writes_all_anew(void **state)
{
    (void)state;
    put(1, 1, 0);
    put(2, 2, 1);
    store.size = 0; /* another file, or one that was cut short */
    assert_int_equal(seen_by(1, 1), 0);
    put(1, 1, 0);
    assert_int_equal(seen_by(2, 0), 1);
    put(2, 2, 1);
    assert_int_equal(seen_by(1, 1), 2);
    assert_int_equal(seen_by(3, 0), 1);
}

static void a_damaged_slot_takes_nothing_else_with_it(void **state)
{
    (void)state;
    put(1, 1, 0);
    put(2, 2, 1);
    put(3, 3, 2);
    store.data[BOARD_SLOT_AT(CPUS, 1) + 80] ^= 1;
    look(4);
    assert_int_equal(seen_by(4, 0), 1);
    assert_int_equal(seen_by(4, 1), 0);
    assert_int_equal(seen_by(4, 2), 3);
}

static void sums_of_nowhere_are_believed_up_to_a_limit(void **state)
{
    struct board_threads mine[CPUS];
    (void)state;
    memset(mine, 0xff, sizeof(mine));
    assert_int_equal(board_read(&file, boards[0]), 0);
    assert_int_equal(board_write(&file, boards[0], mine), 0);
    assert_int_equal(board_read(&file, boards[1]), 0);
    assert_int_equal(board_others(boards[1], 3).all, BOARD_MOST);
    assert_int_equal(board_others(boards[1], CPUS).all, 0);
}

static void without_room_others_stay_as_they_are(void **state)
{
    (void)state;
    put(1, 1, 0);
    store.room = store.size;
    assert_int_equal(try_to_put(2, 1, 1), -ENOSPC);
    put(1, 2, 0);
    assert_int_equal(seen_by(3, 0), 2);
    assert_int_equal(seen_by(3, 1), 0);
}

static void what_has_not_changed_is_not_written(void **state)
{
    (void)state;
    put(1, 1, 0);
    unsigned long before = calls();
    put(1, 1, 0);
    assert_int_equal(calls() - before, 2); /* the head, and the own slot */
}

static void an_exchange_costs_the_same_however_many_processes_there_are(void **state)
{
    (void)state;
    put(1, 1, 0);
    unsigned long before = calls();
    put(1, 2, 0);
    unsigned long alone = calls() - before;
    for (unsigned pid = 2; pid <= MANY; pid++)
        put(pid, 1, 0);
    before = calls();
    put(1, 3, 0);
    assert_int_equal(calls() - before, alone);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, set_up)
    const struct CMUnitTest tests[] = {
        TEST(each_sees_what_the_others_have),
        TEST(what_killed_processes_had_is_taken_back),
        TEST(of_many_processes_all_are_looked_at_in_turn),
        TEST(a_program_that_became_another_begins_with_nothing),
        TEST(what_a_writer_that_died_left_is_made_good),
        TEST(who_lost_the_slot_writes_all_anew),
        TEST(a_damaged_slot_takes_nothing_else_with_it),
        TEST(sums_of_nowhere_are_believed_up_to_a_limit),
        TEST(without_room_others_stay_as_they_are),
        TEST(what_has_not_changed_is_not_written),
        TEST(an_exchange_costs_the_same_however_many_processes_there_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
