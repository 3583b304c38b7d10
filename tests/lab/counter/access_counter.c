/*
 * access_counter: a QEMU plugin that counts the loads and stores of user programs per (node of the CPU, node of the
 * memory), to the last one. The guest's kernel is not counted, nor is the laboratory's own code (marks.h).
 *
 *   -plugin libaccess_counter.so,out=FILE,nodes=256:256:0,cpus=0:0:1:1[,pages=20]
 *
 * nodes: MiB of each; cpus: the node of each; pages: also where the accesses to other nodes are, that many virtual
 * pages. Counting is switched by marks; each time that it ends, FILE gets a line, one JSON object: {"error", "loads",
 * "stores", "elsewhere", "accesses": [[from CPUs of node 0 to node 0, …], …], "misses": the same behind the cache
 * model, "looks": [[all accesses, those to other nodes], …]}. "elsewhere" is what no node has: devices, firmware. "looks"
 * are the sums so far at each mark that asks for them.
 */
#include <inttypes.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lab/counter/cache_model.h"
#include "tests/lab/counter/marks.h"
#include "tests/lab/counter/plugin_api.h"
#include "tests/lab/counter/remote_pages.h"

#define CPUS_MOST  1024u
#define NODES_MOST MARK_MOST
#define MIB        UINT64_C(0x100000)
#define USER_END   UINT64_C(0x1000000000000) /* on arm64; half of it on x86-64, and the kernel is far above both */
#define NO_NODE    UINT32_MAX
#define TURN       1024u /* accesses of a CPU between two looks whether another one waits */
#define LOOKS_MOST 4096u /* further ones are not kept */

PLUGIN_EXPORT int qemu_plugin_version = PLUGIN_VERSION;

/* Written by one CPU alone. */
struct count {
    _Alignas(64) uint64_t loads, stores, elsewhere;
    uint64_t accesses[NODES_MOST], misses[NODES_MOST];
    uint64_t turn;
};

struct look {
    uint64_t accesses, remote;
};

static struct {
    unsigned cpus, nodes;
    unsigned node_of_cpu[CPUS_MOST];
    uint64_t start[NODES_MOST], size[NODES_MOST]; /* of each node's memory, one behind the other */
    uint64_t end;
    struct count *counts; /* by CPU */
    struct cache *cache;
    unsigned pages_most;
    struct remote_pages *pages; /* NULL: nobody asks */
    unsigned look_count;
    struct look looks[LOOKS_MOST];
} counter;

static _Atomic bool counting, guest_could_not_tell;
static FILE *out;

/*
 * What qemu_plugin_hwaddr_phys_addr() gives. QEMU 7.2 adds the place of the memory block in all memory twice; later
 * ones once. The marks of the nodes decide; before them, none is ruled out.
 */
enum { ONCE, TWICE, READINGS };
static _Atomic bool ruled_out[READINGS];

/* --- which memory --- */

/* The node, and in *ret_place the address with the nodes one behind the other. */
static uint32_t node_of(uint64_t address, unsigned reading, uint64_t *ret_place)
{
    for (unsigned i = 0; i < counter.nodes; i++) {
        uint64_t start = reading == TWICE ? 2 * counter.start[i] : counter.start[i];
        if (address - start < counter.size[i]) {
            *ret_place = counter.start[i] + (address - start);
            return i;
        }
    }
    return NO_NODE;
}

static bool physical(qemu_plugin_meminfo_t info, uint64_t address, uint64_t *ret_physical)
{
    struct qemu_plugin_hwaddr *where = qemu_plugin_get_hwaddr(info, address);
    if (!where || qemu_plugin_hwaddr_is_io(where))
        return false;
    *ret_physical = qemu_plugin_hwaddr_phys_addr(where);
    return true;
}

static unsigned reading(void)
{
    return atomic_load_explicit(&ruled_out[TWICE], memory_order_relaxed) ? ONCE : TWICE;
}

/* --- results --- */

static const char *mistake(void)
{
    if (guest_could_not_tell)
        return "the guest could not bind pages to its nodes, so nobody knows which memory is where";
    if (ruled_out[ONCE] && ruled_out[TWICE])
        return "the addresses that QEMU tells are of no known kind";
    return NULL;
}

static void print_matrix(const char *name, bool misses)
{
    fprintf(out, ", \"%s\": [", name);
    for (unsigned from = 0; from < counter.nodes; from++) {
        fputs(from ? ", [" : "[", out);
        for (unsigned node = 0; node < counter.nodes; node++) {
            uint64_t sum = 0;
            for (unsigned cpu = 0; cpu < counter.cpus; cpu++)
                if (counter.node_of_cpu[cpu] == from)
                    sum += misses ? counter.counts[cpu].misses[node] : counter.counts[cpu].accesses[node];
            fprintf(out, "%s%" PRIu64, node ? ", " : "", sum);
        }
        fputc(']', out);
    }
    fputc(']', out);
}

static void print_looks(void)
{
    fputs(", \"looks\": [", out);
    for (unsigned i = 0; i < counter.look_count; i++)
        fprintf(out, "%s[%" PRIu64 ", %" PRIu64 "]", i ? ", " : "", counter.looks[i].accesses, counter.looks[i].remote);
    fputc(']', out);
}

static void print_result(void)
{
    struct count sum = {0};
    for (unsigned cpu = 0; cpu < counter.cpus; cpu++) {
        sum.loads += counter.counts[cpu].loads;
        sum.stores += counter.counts[cpu].stores;
        sum.elsewhere += counter.counts[cpu].elsewhere;
    }
    fprintf(out, "{\"error\": %s%s%s", mistake() ? "\"" : "", mistake() ? mistake() : "null", mistake() ? "\"" : "");
    fprintf(out, ", \"loads\": %" PRIu64 ", \"stores\": %" PRIu64 ", \"elsewhere\": %" PRIu64, sum.loads, sum.stores,
            sum.elsewhere);
    print_matrix("accesses", false);
    print_matrix("misses", true);
    print_looks();
    if (counter.pages) {
        fputs(", \"remote_pages\": ", out);
        remote_pages_print(out, counter.pages);
    }
    fputs("}\n", out);
    fflush(out);
}

/* Programs that were not ended may still run on other CPUs; what they add to a count at this moment is lost. */
static void stop_counting(void)
{
    if (!atomic_exchange(&counting, false))
        return;
    print_result();
    memset(counter.counts, 0, counter.cpus * sizeof(*counter.counts));
    cache_clear(counter.cache);
    if (counter.pages)
        remote_pages_clear(counter.pages);
}

/* --- marks --- */

/* The other CPUs go on meanwhile; a look is as exact as it is short. */
static void keep_look(void)
{
    struct look look = {0};
    if (counter.look_count == LOOKS_MOST || !atomic_load_explicit(&counting, memory_order_relaxed))
        return;
    for (unsigned cpu = 0; cpu < counter.cpus; cpu++)
        for (unsigned node = 0; node < counter.nodes; node++) {
            look.accesses += counter.counts[cpu].accesses[node];
            look.remote += node == counter.node_of_cpu[cpu] ? 0 : counter.counts[cpu].accesses[node];
        }
    counter.looks[counter.look_count++] = look;
}

static void mark_node(qemu_plugin_meminfo_t info, uint64_t address)
{
    uint64_t place, physical_address, node = (address - MARK_NODES) / MARK_STEP;
    if (!physical(info, address, &physical_address))
        return;
    for (unsigned i = 0; i < READINGS; i++)
        if (node_of(physical_address, i, &place) != node)
            ruled_out[i] = true;
}

static void mark(qemu_plugin_meminfo_t info, uint64_t address)
{
    if (address == MARK_START) {
        counter.look_count = 0; /* a look may have come while the last count ended */
        counting = true;
    } else if (address == MARK_STOP)
        stop_counting();
    else if (address == MARK_LOOK)
        keep_look();
    else if (address == MARK_BAD)
        guest_could_not_tell = true;
    else if (address >= MARK_NODES && address < MARK_NODES + MARK_MOST * MARK_STEP)
        mark_node(info, address);
}

static bool is_mark(uint64_t address)
{
    return address - MARK_PAGE < MARK_NODES - MARK_PAGE + MARK_MOST * MARK_STEP;
}

/* --- accesses --- */

static void count(unsigned cpu, qemu_plugin_meminfo_t info, uint64_t address)
{
    struct count *mine = &counter.counts[cpu];
    bool store = qemu_plugin_mem_is_store(info);
    uint64_t physical_address, place;
    uint32_t node = NO_NODE;
    if (physical(info, address, &physical_address))
        node = node_of(physical_address, reading(), &place);
    mine->loads += !store;
    mine->stores += store;
    if (node == NO_NODE) {
        mine->elsewhere++;
        return;
    }
    mine->accesses[node]++;
    if (counter.pages && node != counter.node_of_cpu[cpu])
        remote_pages_count(counter.pages, cpu, address);
    mine->misses[node] += cache_misses(counter.cache, cpu, place, store);
}

/*
 * The guest's CPUs are threads of QEMU's, more than the host has CPUs. When one interrupts all others and waits for
 * them, as Linux does for every page that it moves, it would wait for each of their time slices: 20 ms a page. So they
 * take short turns, and one that waits (PAUSE) lets the others run.
 */
static void let_others_run(struct count *mine)
{
    if (++mine->turn % TURN == 0)
        sched_yield();
}

static void on_pause(unsigned cpu, void *data)
{
    (void)cpu;
    (void)data;
    sched_yield();
}

static bool is_pause(const struct qemu_plugin_insn *instruction)
{
    return qemu_plugin_insn_size(instruction) == 2 && memcmp(qemu_plugin_insn_data(instruction), "\xf3\x90", 2) == 0;
}

static void on_access(unsigned cpu, qemu_plugin_meminfo_t info, uint64_t address, void *data)
{
    (void)data;
    if (cpu < counter.cpus)
        let_others_run(&counter.counts[cpu]);
    if (is_mark(address))
        mark(info, address);
    else if (address < USER_END && atomic_load_explicit(&counting, memory_order_relaxed) && cpu < counter.cpus)
        count(cpu, info, address); /* beyond: what an interrupted instruction leaves on the kernel's stack */
}

static void on_own_access(unsigned cpu, qemu_plugin_meminfo_t info, uint64_t address, void *data)
{
    (void)cpu;
    (void)data;
    if (is_mark(address))
        mark(info, address);
}

static void on_translation(qemu_plugin_id_t id, struct qemu_plugin_tb *block)
{
    uint64_t start = qemu_plugin_tb_vaddr(block);
    bool own = start >= OWN_CODE_START && start < OWN_CODE_END;
    (void)id;
    for (size_t i = 0; i < qemu_plugin_tb_n_insns(block); i++) {
        struct qemu_plugin_insn *instruction = qemu_plugin_tb_get_insn(block, i);
        if (is_pause(instruction))
            qemu_plugin_register_vcpu_insn_exec_cb(instruction, on_pause, QEMU_PLUGIN_CB_NO_REGS, NULL);
        if (start < USER_END)
            qemu_plugin_register_vcpu_mem_cb(instruction, own ? on_own_access : on_access, QEMU_PLUGIN_CB_NO_REGS,
                                             QEMU_PLUGIN_MEM_RW, NULL);
    }
}

static void on_end(qemu_plugin_id_t id, void *data)
{
    (void)id;
    (void)data;
    stop_counting();
    fclose(out);
    cache_close(counter.cache);
    remote_pages_close(counter.pages);
    free(counter.counts);
}

/* --- the beginning --- */

/* "256:256:0" into numbers; returns how many, 0 when there are too many or something else stands there. */
static unsigned read_numbers(const char *text, uint64_t *ret_numbers, unsigned most)
{
    unsigned count = 0;
    char *end;
    for (; *text && count < most; text = *end ? end + 1 : end) {
        ret_numbers[count++] = strtoull(text, &end, 10);
        if (end == text || (*end && *end != ':'))
            return 0;
    }
    return *text ? 0 : count;
}

static bool read_argument(const char *word)
{
    static uint64_t numbers[CPUS_MOST];
    if (!strncmp(word, "out=", 4)) {
        out = fopen(word + 4, "w");
    } else if (!strncmp(word, "nodes=", 6)) {
        counter.nodes = read_numbers(word + 6, counter.size, NODES_MOST);
        for (unsigned i = 0; i < counter.nodes; i++) {
            counter.size[i] *= MIB;
            counter.start[i] = counter.end;
            counter.end += counter.size[i];
        }
    } else if (!strncmp(word, "cpus=", 5)) {
        counter.cpus = read_numbers(word + 5, numbers, CPUS_MOST);
        for (unsigned i = 0; i < counter.cpus; i++)
            counter.node_of_cpu[i] = (unsigned)numbers[i];
    } else if (!strncmp(word, "pages=", 6)) {
        counter.pages_most = (unsigned)atoi(word + 6);
    } else {
        return false;
    }
    return true;
}

int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc, char **argv)
{
    for (int i = 0; i < argc; i++)
        if (!read_argument(argv[i]))
            return fprintf(stderr, "access_counter: %s is not known\n", argv[i]), -1;
    if (!info->system_emulation || !out || !counter.nodes || !counter.cpus)
        return fputs("access_counter: out= (that can be written), nodes= and cpus= are needed, and a whole machine\n",
                     stderr),
               -1;
    counter.counts = aligned_alloc(_Alignof(struct count), counter.cpus * sizeof(*counter.counts));
    counter.cache = cache_open(counter.cpus, counter.end);
    if (counter.pages_most)
        counter.pages = remote_pages_open(counter.cpus, counter.pages_most);
    if (!counter.counts || !counter.cache || (counter.pages_most && !counter.pages))
        return fputs("access_counter: no memory\n", stderr), -1;
    memset(counter.counts, 0, counter.cpus * sizeof(*counter.counts));
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
    qemu_plugin_register_atexit_cb(id, on_end, NULL);
    return 0;
}
