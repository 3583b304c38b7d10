/*
 * Each thread that finds the table unread reads it, and stores what the others store: a signal handler never waits for the
 * thread that it interrupted.
 */
#include "shim/api/cpus.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "shim/base/text_writer.h"
#include "shim/sys/raw.h"

#define SYSTEM "/sys/devices/system/"

/* slot, node_index and node + 1 of each CPU, see pack(); relaxed: `ready` is what is waited for */
static _Atomic uint64_t places[CPUS_MAX];
static _Atomic uint16_t cpu_of_slot[CPUS_MAX], node_of_index[NODES_MAX];
static _Atomic uint32_t slots, nodes;
static atomic_bool ready; /* release, acquire: with all of the above */

static uint64_t pack(struct cpu_place place)
{
    return (uint64_t)place.slot | (uint64_t)place.node_index << 16 | (uint64_t)(uint32_t)(place.node + 1) << 32;
}

static struct cpu_place unpack(uint64_t packed)
{
    return (struct cpu_place){(uint16_t)packed, (uint16_t)(packed >> 16), (int32_t)(packed >> 32) - 1};
}

/* --- lists of /sys --- */

/* What one thread has read so far. */
struct reading {
    unsigned slots, nodes; /* given out */
    unsigned node;         /* the one whose CPUs are read */
};

/* Where a list is being read. */
struct list {
    unsigned first, number;
    unsigned char digits, ranged;
    void (*visit)(unsigned id, struct reading *reading);
    struct reading *reading;
};

static void end_of_item(struct list *list)
{
    if (list->digits) {
        unsigned first = list->ranged ? list->first : list->number;
        for (unsigned id = first; id <= list->number && id < CPUS_MAX; id++)
            list->visit(id, list->reading);
    }
    list->digits = list->ranged = 0;
    list->number = 0;
}

static void take_character(struct list *list, char character)
{
    if (character >= '0' && character <= '9') {
        list->digits = 1;
        if (list->number < CPUS_MAX)
            list->number = list->number * 10 + (unsigned)(character - '0');
    } else if (character == '-') {
        list->first = list->number;
        list->ranged = 1;
        list->number = 0;
    } else {
        end_of_item(list);
    }
}

/* Visits the numbers of a list ("0-3,8") in ascending order. false: there is no such file. */
static bool read_list(const char *path, void (*visit)(unsigned id, struct reading *reading), struct reading *reading)
{
    struct list list = {.visit = visit, .reading = reading};
    char buffer[512];
    int file = raw_open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return false;
    for (ssize_t size; (size = raw_read(file, buffer, sizeof(buffer))) > 0;)
        for (ssize_t i = 0; i < size; i++)
            take_character(&list, buffer[i]);
    end_of_item(&list);
    raw_close(file);
    return true;
}

/* --- the machine --- */

static void take_cpu(unsigned cpu, struct reading *reading)
{
    struct cpu_place place = {.slot = (uint16_t)reading->slots, .node = -1};
    atomic_store_explicit(&cpu_of_slot[reading->slots++], (uint16_t)cpu, memory_order_relaxed);
    /* not over what another thread has read of its node already */
    uint64_t none = 0;
    atomic_compare_exchange_strong_explicit(&places[cpu], &none, pack(place), memory_order_relaxed,
                                            memory_order_relaxed);
}

static void take_cpu_of_node(unsigned cpu, struct reading *reading)
{
    struct cpu_place place = unpack(atomic_load_explicit(&places[cpu], memory_order_relaxed));
    place.node_index = (uint16_t)reading->nodes;
    place.node = (int32_t)reading->node;
    atomic_store_explicit(&places[cpu], pack(place), memory_order_relaxed);
}

static void take_node(unsigned node, struct reading *reading)
{
    char path[64];
    struct text_writer writer = {path, sizeof(path), 0};
    if (node >= NODES_MAX)
        return;
    write_text(&writer, SYSTEM "node/node");
    write_number(&writer, node, 1);
    write_text(&writer, "/cpulist");
    reading->node = node;
    read_list(path, take_cpu_of_node, reading);
    atomic_store_explicit(&node_of_index[reading->nodes++], (uint16_t)node, memory_order_relaxed);
}

/* Without /sys: as many CPUs as there can be, on one node. */
static void read_nothing(struct reading *reading)
{
    while (reading->slots < CPUS_MAX)
        take_cpu(reading->slots, reading);
}

/* A kernel without NUMA tells of no node: the machine is one. */
static void read_one_node(struct reading *reading)
{
    for (unsigned slot = 0; slot < reading->slots; slot++)
        take_cpu_of_node(atomic_load_explicit(&cpu_of_slot[slot], memory_order_relaxed), reading);
    reading->nodes = 1;
}

static void read_machine(void)
{
    int saved = errno;
    struct reading reading = {0};
    if (!read_list(SYSTEM "cpu/possible", take_cpu, &reading) || !reading.slots)
        read_nothing(&reading);
    if (!read_list(SYSTEM "node/online", take_node, &reading) || !reading.nodes)
        read_one_node(&reading);
    atomic_store_explicit(&slots, reading.slots, memory_order_relaxed);
    atomic_store_explicit(&nodes, reading.nodes, memory_order_relaxed);
    atomic_store_explicit(&ready, true, memory_order_release);
    errno = saved;
}

static void need_machine(void)
{
    if (!atomic_load_explicit(&ready, memory_order_acquire))
        read_machine();
}

/* --- questions --- */

struct cpu_place cpus_place(unsigned cpu)
{
    need_machine();
    uint64_t packed = cpu < CPUS_MAX ? atomic_load_explicit(&places[cpu], memory_order_relaxed) : 0;
    return unpack(packed); /* 0: slot 0, node -1 */
}

unsigned cpus_slots(void)
{
    need_machine();
    return atomic_load_explicit(&slots, memory_order_relaxed);
}

unsigned cpus_nodes(void)
{
    need_machine();
    return atomic_load_explicit(&nodes, memory_order_relaxed);
}

int32_t cpus_of_slot(unsigned slot)
{
    return slot < cpus_slots() ? atomic_load_explicit(&cpu_of_slot[slot], memory_order_relaxed) : -1;
}

int32_t cpus_node_of_index(unsigned index)
{
    return index < cpus_nodes() ? atomic_load_explicit(&node_of_index[index], memory_order_relaxed) : -1;
}
