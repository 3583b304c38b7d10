/* The table itself, in the order in which the manual shows it. Looking things up: key_lookup.c. */
#include "config/keys.h"

#include "policy/policy.h"

#define COUNT(array)               (sizeof(array) / sizeof((array)[0]))
#define KEYS(list)                 .keys = list, .count = COUNT(list)
#define FIELD(type, member)        .offset = offsetof(type, member)
#define FIELDS(type, list, number) .offset = offsetof(type, list), .offset_2 = offsetof(type, number)
#define WORDS(name)                .words = &words_##name
#define BIT(value)                 (1u << (value))
/* .needs: the words that the other key must be one of, or must not be; neither: it must be given */
#define NEEDS(...) .needs = {__VA_ARGS__}
#define IS(name, ...)                                                                                                  \
    {                                                                                                                  \
        .key = name, .is = { __VA_ARGS__ }                                                                             \
    }
#define IS_NOT(name, ...)                                                                                              \
    {                                                                                                                  \
        .key = name, .is_not = { __VA_ARGS__ }                                                                         \
    }
#define IS_GIVEN(name)                                                                                                 \
    {                                                                                                                  \
        .key = name                                                                                                    \
    }

static const struct key target_keys[] = {
    {"exe", KEY_GLOBS, FIELD(struct policy, target.exe), .summary = "path of the executable",
     .text = "Patterns on the resolved path of /proc/self/exe. For a script that is the interpreter."},
    {"comm", KEY_GLOBS, FIELD(struct policy, target.comm), .summary = "name of the process at its start",
     .text = "At most 15 bytes, as ps -o comm shows it."},
    {"argv", KEY_GLOBS, FIELD(struct policy, target.argv), .summary = "command line",
     .text = "The arguments joined with single spaces; the pattern must cover all of it, so it mostly begins and "
             "ends with '*'."},
    {"user", KEY_GLOBS, FIELD(struct policy, target.user), .summary = "name of the user that runs the process",
     .text = "Patterns on user names; a plain number is a user id."},
    {"children", KEY_WORD, FIELD(struct policy, target.children), WORDS(children), .fallback = "match",
     .summary = "which child processes are governed"},
};
static const struct key_table key_target = {
    "target",
    "Which processes the policy governs. All keys given must hold; without this table every process that "
    "loads the library is governed.",
    KEYS(target_keys)};

static const struct key topology_keys[] = {
    {"nodes", KEY_NODES, FIELD(struct policy, topology.nodes), .summary = "use only the CPUs of these NUMA nodes"},
    {"cpus", KEY_CPUS, FIELD(struct policy, topology.cpus), .summary = "use only these CPUs"},
    {"reserve_cpus", KEY_CPUS, FIELD(struct policy, topology.reserve_cpus),
     .summary = "CPUs that the policy does not use",
     .text = "For interrupts or another program. Where no CPU would be left, the key is ignored with a warning."},
};
static const struct key_table key_topology = {
    "topology",
    "The part of the machine that the policy may use, always within the cpuset and the affinity mask that "
    "the process was started with.",
    KEYS(topology_keys)};

static const struct key process_keys[] = {
    {"distribution", KEY_WORD, FIELD(struct policy, process.distribution), WORDS(process_distribution),
     .fallback = "ranks", .summary = "how processes of one target are spread over the machine",
     .text =
         "compact to least_loaded give every process one place of `level`; ranks of a launcher (rank_env) that are "
         "more than the places divide them. ranks divides all CPUs of the policy among the ranks of the host, unless "
         "the launcher has bound them itself, and leaves a process without a rank as it is; ranks with GPUs of their own "
         "(gpu:auto) divide with those whose GPU is on the same node. none: ranks share all CPUs."},
    {"level", KEY_WORD, FIELD(struct policy, process.level), WORDS(level),
     .word_mask = BIT(LEVEL_NODE) | BIT(LEVEL_SOCKET) | BIT(LEVEL_L3) | BIT(LEVEL_CORE), .fallback = "node",
     NEEDS(IS_NOT("distribution", "none", "ranks")), .summary = "the places that the processes are spread over",
     .text = "Of more than 256 places neighbours are given out together."},
    {"near", KEY_NEAR, FIELD(struct policy, process.near), .summary = "keep each process near a device or place"},
    {"rank_env", KEY_VARIABLES, FIELD(struct policy, process.rank_env),
     .summary = "environment variables that hold the rank of the process; the first one that is set is used"},
    {"match_delay", KEY_DURATION, FIELD(struct policy, process.match_delay_us), .fallback = "0ms",
     .summary = "time after a fork at which the process title is read again"},
    {"memory_return", KEY_DURATION, FIELD(struct policy, process.memory_return_us), .fallback = "0s",
     .summary = "time after which an idle process has given unused memory of malloc back",
     .text =
         "Programs that call malloc and free give memory back as they go on. Where all threads wait, or have ended, the "
         "library's worker does it, if more than 16 MiB are unused: it looks four times within this time, `10s` for one. `0s`: "
         "never. The worker is a thread of a process that may have had one: its exit, locks and limits notice it."},
};
static const struct key_table key_process = {"process", "Placement of the processes of one program.",
                                             KEYS(process_keys)};

static const struct key rebalance_keys[] = {
    {"steal", KEY_WORD, FIELD(struct rebalance, steal), WORDS(steal), .fallback = "off",
     NEEDS(IS_NOT("..bind_to", "none")), .summary = "how far away an idle place may take threads from",
     .text =
         "A thread moves only from a place with more runnable threads than CPUs to a place with idle CPUs, and "
         "only when the move reduces the difference of their loads by more than `imbalance` of a CPU. Exclusive threads "
         "and the main thread stay."},
    {"interval", KEY_DURATION, FIELD(struct rebalance, interval_us), .fallback = "1s", NEEDS(IS_NOT("steal", "off")),
     .summary = "least time between two measurements of the load",
     .text =
         "It doubles while nothing moves, up to a second, and is longer where a measurement takes more than 1 % of it."},
    {"imbalance", KEY_RATIO, FIELD(struct rebalance, imbalance), .fallback = "0.25", NEEDS(IS_NOT("steal", "off")),
     .summary = "load difference below which nothing moves"},
    {"min_residency", KEY_DURATION, FIELD(struct rebalance, min_residency_us), .fallback = "2s",
     NEEDS(IS_NOT("steal", "off")), .summary = "time that a thread stays before it may move again"},
};
const struct key_table key_rebalance = {"rebalance", "Moving threads after they were placed.", KEYS(rebalance_keys)};

static const struct key mapping_rule_keys[] = {
    {"name", KEY_RULE_NAME, FIELD(struct mapping_rule, name), .summary = "name of the mapping rule"},
    {"library", KEY_GLOBS, FIELD(struct mapping_rule, library), .summary = "shared object that maps the memory"},
    {"function", KEY_GLOBS, FIELD(struct mapping_rule, function), .summary = "function that maps the memory"},
    {"kind", KEY_CHOICE, FIELD(struct mapping_rule, kind), WORDS(mapping_kind),
     .summary = "kind of the mapping; any when not given"},
    {"min_size", KEY_SIZE, FIELD(struct mapping_rule, min_size), .fallback = "0B",
     .summary = "smallest mapping that the rule applies to"},
    {"max_size", KEY_SIZE, FIELD(struct mapping_rule, max_size),
     .summary = "largest mapping that the rule applies to; no limit when not given"},
    {"policy", KEY_WORD, FIELD(struct mapping_rule, policy), WORDS(mem_policy), .fallback = "default",
     .summary = "memory policy of the mapping"},
    {"nodes", KEY_NODES, FIELD(struct mapping_rule, nodes), NEEDS(IS_NOT("policy", "default", "local")),
     .summary = "nodes of that policy"},
    {"huge_pages", KEY_WORD, FIELD(struct mapping_rule, huge_pages), WORDS(huge_pages), .fallback = "default",
     .summary = "huge pages for the mapping"},
    {"prefault", KEY_WORD, FIELD(struct mapping_rule, prefault), WORDS(prefault), .fallback = "off",
     NEEDS(IS_NOT("kind", "file")), .summary = "whether its pages are allocated at once"},
};
const struct key_table key_mapping_rule = {
    "memory.regions",
    "Mapping rules, for what threads of the rule map with mmap(2), by size, kind and caller: the first table "
    "that fits gives the mapping a memory policy (mbind(2)), huge pages and prefaulting. "
    "Memory of malloc is not affected: it comes from arenas.",
    KEYS(mapping_rule_keys)};

static const struct key memory_keys[] = {
    {"policy", KEY_WORD, FIELD(struct memory, policy), WORDS(mem_policy), .fallback = "default",
     .summary = "memory policy of the thread",
     .text =
         "Set for each thread with set_mempolicy(2), so it holds for what the thread touches first. A main thread that no "
         "rule names has it, too, where all rules and [defaults] name the same policy and nodes. `bind` does not "
         "spill: when the nodes are full, the kernel kills the program. `preferred_many` falls back to `preferred` and "
         "`weighted_interleave` to `interleave` on kernels that lack them, with a reason in the report."},
    {"nodes", KEY_NODES, FIELD(struct memory, nodes), NEEDS(IS_NOT("policy", "default", "local")),
     .summary = "nodes of that policy; the thread's home node when not given",
     .text = "The nodes may have no CPUs (CXL or HBM memory). Interleaving without nodes goes over all nodes of the "
             "rule that have memory."},
    {"node_ids", KEY_WORD, FIELD(struct memory, node_ids), WORDS(node_ids), .fallback = "cpuset",
     NEEDS(IS_NOT("policy", "default", "local")),
     .summary = "how the kernel adjusts the policy's nodes when the cpuset of the process changes",
     .text =
         "A flag of set_mempolicy(2). `relative` counts the nodes among those that the process may use at its start."},
    {"numa_balancing", KEY_BOOL, FIELD(struct memory, numa_balancing), .fallback = "false", NEEDS(IS("policy", "bind")),
     .summary = "let the kernel's NUMA balancing move pages within the policy's nodes",
     .text = "MPOL_F_NUMA_BALANCING (Linux 5.12), which the kernel takes with `bind` alone; an older kernel gets the "
             "policy without it, with a reason."},
    {"arena", KEY_WORD, FIELD(struct memory, arena), WORDS(arena), .fallback = "node",
     .summary = "where malloc's memory comes from",
     .text =
         "`node`: from the node of the CPU that runs the thread, also when the thread is not pinned; blocks "
         "that a thread of another node frees return to their node. `core`: the same, and each core has its own free blocks. `process`: one "
         "arena, each page placed by the memory policy of the thread that touches it first. `off`: the program's own allocator. "
         "Rules with `bind` get memory that is bound, others memory that is preferred to be on the node. A rule whose "
         "policy spreads pages (interleave, several nodes) gets an arena without a binding."},
    {"huge_pages", KEY_WORD, FIELD(struct memory, huge_pages), WORDS(huge_pages), .fallback = "default",
     NEEDS(IS_NOT("arena", "off")), .summary = "huge pages for malloc's memory"},
    {"prefault", KEY_WORD, FIELD(struct memory, prefault), WORDS(prefault), .fallback = "off",
     NEEDS(IS_NOT("arena", "off")), .summary = "whether pages of an arena are allocated before they are used"},
    {"prefault_size", KEY_SIZE, FIELD(struct memory, prefault_size), NEEDS(IS_NOT("prefault", "off")),
     .summary = "how much of an arena is allocated before it is used"},
    {"stack", KEY_WORD, FIELD(struct memory, stack), WORDS(stack), .fallback = "default",
     NEEDS(IS_NOT("..bind_to", "none"), IS_GIVEN("..nodes"), IS_GIVEN("..cpus"), IS_GIVEN("..near")),
     .needed_for = "local", .summary = "where thread stacks lie",
     .text =
         "`local`: stack, thread block and static TLS on the thread's home node, although the creator touches them "
         "first and the C library hands out the stacks of ended threads again: the creator prefers that node "
         "meanwhile, and a thread has the first pages of a used stack moved, 200 times a second at most. The main "
         "thread has its own moved, and the static data that the loader has written, where the kernel started the "
         "program on another node. Needs a `bind_to` within a node. `thp_off`: no transparent huge pages for stacks."},
    {"next_touch", KEY_BOOL, FIELD(struct memory, next_touch), .fallback = "true",
     .summary = "move memory to the node of the threads that use it",
     .text =
         "For memory of any kind that one thread makes and others use: blocks of malloc of any size, static data, "
         "mappings. For a few seconds after threads are created, and then for a moment each second, the library "
         "samples which addresses threads work on (perf_event_open(2): the CPU clock and user registers, no hardware "
         "counters). What threads of one node use is moved there with move_pages(2), within a budget; what threads of "
         "several nodes use much is dealt out among these nodes; what is hardly used stays. Where the kernel does not "
         "allow sampling (kernel.perf_event_paranoid above 2), nothing is moved, with a reason. `observe` says which "
         "threads are sampled."},
    {"migrate_on_move", KEY_BOOL, FIELD(struct memory, migrate_on_move), .fallback = "false",
     .summary = "memory follows a thread that moves to another node",
     .text =
         "When a thread gets a home on another node, for example by a new name, a worker thread moves its blocks of "
         "malloc and (with `stack`) its stack there with move_pages(2), in batches within a budget; new blocks "
         "come from the new node at once. Memory with `bind`, reserved huge pages and blocks that other threads "
         "allocated stay."},
    {"move_bytes", KEY_SIZE, FIELD(struct memory, move_bytes), .fallback = "4GiB",
     NEEDS(IS("next_touch", "true"), IS("migrate_on_move", "true")),
     .summary = "bytes that migrate_on_move and next_touch may move in a second",
     .text =
         "The budget of the rule whose threads' memory is moved. One worker thread serves all rules of the process and "
         "keeps to the budget of the rule that it works for."},
    {"move_time", KEY_DURATION, FIELD(struct memory, move_time_us), .fallback = "500ms",
     NEEDS(IS("next_touch", "true"), IS("migrate_on_move", "true")),
     .summary = "time that the worker thread may spend on moving in a second"},
    {"regions", KEY_MAPPING_RULES, FIELDS(struct memory, mapping_rules, mapping_rule_count), .table = &key_mapping_rule,
     .summary = "mapping rules: a memory policy for what the threads map"},
};
const struct key_table key_memory = {"memory", "Where the memory of a rule's threads lies.", KEYS(memory_keys)};

static const struct key placement_keys[] = {
    {"nodes", KEY_NODES, FIELD(struct placement, nodes), .summary = "the CPUs of these NUMA nodes",
     .text = "nodes, cpus and near are one choice: a rule that sets one of them drops what it would inherit of the "
             "others."},
    {"cpus", KEY_CPUS, FIELD(struct placement, cpus), .summary = "these CPUs"},
    {"near", KEY_NEAR, FIELD(struct placement, near),
     .summary = "the CPUs of the nodes nearest to a device, a place or another rule's threads"},
    {"bind_to", KEY_WORD, FIELD(struct placement, bind_to), WORDS(level), .fallback = "node",
     .summary = "width of a thread's affinity mask"},
    {"distribution", KEY_WORD, FIELD(struct placement, distribution), WORDS(distribution), .fallback = "inherit",
     NEEDS(IS_NOT("bind_to", "none")), .summary = "which place a new thread gets",
     .text =
         "inherit: the creator's place, else the first with room; when all are full, the least full, of equals "
         "the creator's. The main thread, which has no creator, stays where it is started, if that is a node, a "
         "socket or a cache among several. compact: the first with room. scatter: the emptiest, those far from each "
         "other first. round_robin: one after the other, whatever has ended meanwhile. least_loaded: the one with "
         "the fewest threads for each CPU; where that is a node, a socket or a cache, the creator's comes first if "
         "it has at most one thread more, because a thread begins with memory that its creator touched. primary: the first, always; with "
         "`rebalance.steal` the creator's for the first thread of a process, that one for all others, and threads leave it when "
         "more than one runs at a time. sharing: as "
         "least_loaded; then threads of the rule that use the same memory exchange their places, so that they are on "
         "one node or under one cache, or move to where a core is free. Their memory follows. No place becomes more "
         "crowded, and each thread moves a few times at most. Exclusive threads stay."},
    {"level", KEY_WORD, FIELD(struct placement, level), WORDS(level),
     .word_mask = BIT(LEVEL_NODE) | BIT(LEVEL_SOCKET) | BIT(LEVEL_L3) | BIT(LEVEL_CORE) | BIT(LEVEL_CPU),
     .fallback = "node", NEEDS(IS_NOT("bind_to", "none")), .summary = "the places that the distribution assigns"},
    {"smt", KEY_WORD, FIELD(struct placement, smt), WORDS(smt), .fallback = "cores_first",
     .summary = "use of the hardware threads of a core",
     .text =
         "cores_first: each thread gets a core of its own, whatever distribution, level and bind_to say, until none is "
         "left; compact then goes through the places once more. allow: each hardware thread counts as a core. "
         "one_per_core: only the first hardware thread of each core is used."},
    {"exclusive", KEY_BOOL, FIELD(struct placement, exclusive), .fallback = "false",
     NEEDS(IS_NOT("bind_to", "none"), IS_GIVEN("nodes"), IS_GIVEN("cpus"), IS_GIVEN("near")),
     .summary = "each thread has its place to itself",
     .text = "Other governed threads of the process do not run on the place. When the places run out, threads share, "
             "with a reason. Other processes are not kept away: that takes a cpuset or isolated CPUs."},
    {"observe", KEY_WORD, FIELD(struct placement, observe), WORDS(observe), .fallback = "on",
     .summary = "whether the library samples where the threads work",
     .text =
         "Sampling interrupts a thread a thousand times in a second of its CPU time, for a microsecond or two, while the "
         "library looks for memory that should move. off: the threads of the rule are never interrupted. What they use "
         "is then not known: memory does not follow them, and they do not count in access_locality."},
    {"enforcement", KEY_WORD, FIELD(struct placement, enforcement), WORDS(enforcement), .fallback = "soft",
     .summary = "what happens when the machine cannot give what the rule asks for"},
    {"on_app_affinity", KEY_WORD, FIELD(struct placement, on_app_affinity), WORDS(app_affinity), .fallback = "clamp",
     .summary = "effect of the program's own affinity calls",
     .text =
         "The kernel answers the call first, so its result is as without nodewise. The calls are sched_setaffinity, "
         "pthread_setaffinity_np, the thread attribute, set_mempolicy and mbind, also through libnuma and "
         "syscall(2). A thread that no rule places keeps what it has asked for."},
    {"rename", KEY_THREAD_NAME, FIELD(struct placement, rename),
     .summary = "name for threads that have none of their own",
     .text =
         "{n} is a number of four digits, {rule} the rule's name. A thread name has at most 15 bytes; the text before "
         "the number is cut to fit."},
    {"rebalance", KEY_TABLE, FIELD(struct placement, rebalance), .table = &key_rebalance,
     .summary = "moving threads after they were placed"},
    {"memory", KEY_TABLE, FIELD(struct placement, memory), .table = &key_memory,
     .summary = "where the memory of the threads lies"},
};
const struct key_table key_placement = {
    "defaults",
    "Placement that every rule starts from, key by key. With any key given it also governs the threads that "
    "no rule matches.",
    KEYS(placement_keys), .is_placement = true};

static const struct key match_keys[] = {
    {"thread", KEY_GLOBS, FIELD(struct match, thread), .summary = "name of the thread",
     .text = "At most 15 bytes. A thread with its creator's name counts as unnamed and matches no pattern."},
    {"unnamed", KEY_TRI, FIELD(struct match, unnamed), .summary = "the thread has no name of its own"},
    {"main", KEY_TRI, FIELD(struct match, main), .summary = "the main thread of the process"},
    {"index", KEY_INDEX, FIELDS(struct match, index, index_count),
     .summary = "order of creation in the process; the main thread is 0"},
    {"start_library", KEY_GLOBS, FIELD(struct match, start_library),
     .summary = "shared object or program that holds the start routine",
     .text = "A pattern without '/' is compared with the file name alone."},
    {"start_function", KEY_GLOBS, FIELD(struct match, start_function),
     .summary = "exported symbol of the start routine"},
    {"creator_library", KEY_GLOBS, FIELD(struct match, creator_library),
     .summary = "shared object or program that called pthread_create"},
    {"creator_function", KEY_GLOBS, FIELD(struct match, creator_function),
     .summary = "exported symbol that called pthread_create"},
    {"stack_library", KEY_GLOBS, FIELD(struct match, stack_library),
     .summary = "any shared object in the creator's call stack",
     .text = "Needs libunwind.so.8 at run time and costs a walk of the stack for each new thread."},
    {"stack_function", KEY_GLOBS, FIELD(struct match, stack_function),
     .summary = "any exported symbol in the creator's call stack",
     .text = "Needs libunwind.so.8 at run time and costs a walk of the stack for each new thread."},
    {"process_exe", KEY_GLOBS, FIELD(struct match, process_exe), .summary = "path of the process's executable"},
    {"process_comm", KEY_GLOBS, FIELD(struct match, process_comm), .summary = "name of the process at its start"},
    {"process_argv", KEY_GLOBS, FIELD(struct match, process_argv), .summary = "command line or title of the process"},
    {"parent_comm", KEY_GLOBS, FIELD(struct match, parent_comm), .summary = "name of the parent process"},
    {"process_index", KEY_INDEX, FIELDS(struct match, process_index, process_index_count),
     .summary = "number of the process in its deployment",
     .text =
         "A launcher's local rank; else a small number that no other living process under the policy has: 0 for the "
         "first, and what one that ended gave back."},
    {"forked", KEY_TRI, FIELD(struct match, forked), .summary = "the process was created by fork without exec"},
};
const struct key_table key_match = {
    "match",
    "Conditions on a thread. All keys of one table must hold; of a list one is enough; of several tables one is "
    "enough.",
    KEYS(match_keys)};

static const struct key rule_keys[] = {
    {"name", KEY_RULE_NAME, FIELD(struct rule, name), .summary = "name of the rule, unique",
     .text =
         "Letters and digits, with single '-' or '_' between them, at most 31. Upper and lower case, '-' and '_' are "
         "the same when layers are merged and in environment names."},
    {"description", KEY_NOTE, .summary = "what the rule is for"},
    {"match", KEY_MATCH, FIELDS(struct rule, matches, match_count), .table = &key_match,
     .summary = "which threads the rule applies to"},
    {"threads", KEY_THREADS, FIELD(struct rule, threads), .fallback = "auto",
     .summary = "how many threads the program should make for the rule",
     .text =
         "The number that [cpu_count] export gives to variables of the rule. auto: one for each CPU that the rule has, no "
         "more than the cgroup's quota. at_most: the smaller of that and the number. exactly: the number, whatever the "
         "machine has. Where threads go does not depend on it."},
};
const struct key_table key_rule = {"rules",
                                   "The first rule that matches a thread places it, in the order of the file.",
                                   KEYS(rule_keys),
                                   .more = &key_placement,
                                   .more_offset = offsetof(struct rule, placement),
                                   .is_placement = true};

static const struct key pool_keys[] = {
    {"name", KEY_RULE_NAME, FIELD(struct pool_rule, rule.name), .summary = "name of the pool, which no rule has",
     .text =
         "The program opens the pool under this name. Its threads are called by the first ten bytes and a number, as "
         "io-0001, and are placed by this table before any rule is looked at."},
    {"description", KEY_NOTE, .summary = "what the pool is for"},
    {"threads", KEY_THREADS, FIELD(struct pool_rule, rule.threads), .fallback = "auto",
     .summary = "number of the pool's threads",
     .text =
         "auto: one for each core of its CPUs, no more than the cgroup's quota. at_most: the smaller of that and the "
         "number. exactly: the number, whatever the machine has."},
    {"steal", KEY_WORD, FIELD(struct pool_rule, steal), WORDS(steal), .fallback = "any",
     .summary = "how far away an idle worker of the pool takes tasks from"},
    {"spin", KEY_DURATION, FIELD(struct pool_rule, spin_us), .fallback = "20us",
     .summary = "time that a worker without a task looks on before it sleeps"},
    {"backlog", KEY_NUMBER, FIELD(struct pool_rule, backlog), .fallback = "65536",
     .summary = "tasks from outside that may wait for the workers of a node; more are refused with EAGAIN"},
};
const struct key_table key_pool = {
    "pools",
    "Pools of programs that are written against nodewise.h. What stands here overrides what "
    "the program says when it opens the pool of that name.",
    KEYS(pool_keys),
    .more = &key_placement,
    .more_offset = offsetof(struct pool_rule, rule.placement),
    .is_placement = true};

static const struct key exchange_keys[] = {
    {"name", KEY_RULE_NAME, FIELD(struct exchange_rule, rule.name),
     .summary = "name of the table, which no rule or pool has",
     .text =
         "The threads that nw_exchange_run() starts are called by its first ten bytes and a number, as sort-0001, and are "
         "placed by this table before any rule is looked at. Threads that the program starts itself are placed by rules."},
    {"description", KEY_NOTE, .summary = "what the exchange is for"},
    {"names", KEY_GLOBS, FIELD(struct exchange_rule, names),
     .summary = "names of the exchanges that the table is for; the table's own name when not given",
     .text =
         "What the program says as `name` when it opens an exchange. The first table with a name that fits counts."},
    {"threads", KEY_THREADS, FIELD(struct exchange_rule, rule.threads),
     .summary = "number of the workers that nw_exchange_run() starts; the program's when not given",
     .text =
         "auto: one for each core of the table's CPUs, no more than the cgroup's quota. at_most: the smaller of that and "
         "the number. exactly: the number, whatever the machine has. Never more than the program says, which has a place "
         "for each of them, nor than 4096."},
    {"spin", KEY_DURATION, FIELD(struct exchange_rule, spin_us),
     .summary = "time that a worker which waits looks on before it sleeps; the program's when not given"},
    {"memory_limit", KEY_SIZE, FIELD(struct exchange_rule, memory_limit),
     .summary = "of all rings of the exchange in a process; the program's when not given, or 0B",
     .text = "A ring beyond it is not made: the send that needs it is refused with ENOBUFS."},
    {"ring", KEY_SIZE, FIELD(struct exchange_rule, ring),
     .summary = "room of the ring from one worker to another in a channel; the program's when not given, or 0B",
     .text =
         "At most 1GiB. A ring of messages of one size has room for one at least. Where messages have lengths of their own, "
         "it is never less than what the program asks for, so that its longest message still has room. Of exchanges that "
         "processes share, rings stay as the program says, because both ends must agree."},
    {"transport", KEY_WORD, FIELD(struct exchange_rule, transport), WORDS(exchange_transport), .fallback = "program",
     .summary = "how workers of other processes are reached",
     .text =
         "With mpi, an exchange spans the processes of an MPI program, whose nw_exchange_run() then runs a part of the workers "
         "in each. It takes libnodewise-mpi.so, of the package nodewise-mpi."},
};
const struct key_table key_exchange = {
    "exchanges",
    "Exchanges of programs that are written against nodewise.h. What stands here overrides what the program says when it "
    "opens an exchange of such a name.",
    KEYS(exchange_keys),
    .more = &key_placement,
    .more_offset = offsetof(struct exchange_rule, rule.placement),
    .is_placement = true};

static const struct key cpu_count_keys[] = {
    {"report", KEY_CPU_COUNT, FIELDS(struct policy, cpu_count.report, cpu_count.number), WORDS(cpu_report),
     .word_mask = BIT(CPUS_NUMBER) - 1, .fallback = "auto",
     .summary = "number of CPUs that the program is told; a word or an integer",
     .text =
         "Runtimes size pools by the mask of whatever thread asks. With auto a thread that a rule has pinned is told the "
         "CPUs that the policy grants the process, as the main thread is, and as it would read without nodewise where "
         "that is all; a thread that has set a mask of its own reads that one. `taskset -p` and /proc show where "
         "threads really are. The number of configured CPUs is never reported below the highest CPU that the process may run on: "
         "programs allocate tables of that size."},
    {"apis", KEY_WORDS, FIELD(struct policy, cpu_count.apis), WORDS(cpu_api),
     .fallback = "[\"sysconf\", \"get_nprocs\", \"sched_getaffinity\", \"sysfs\", \"cpuinfo\"]",
     NEEDS(IS_NOT("report", "host")), .summary = "the calls and files through which that number is told",
     .text =
         "A file is one of memory, made when it is opened. /proc/stat is left to the kernel unless it is named: programs "
         "that keep it open and read it again would see no time pass."},
    {"export", KEY_EXPORTS, FIELDS(struct policy, cpu_count.exports, cpu_count.export_count),
     .summary = "variables that `run` sets to a number of CPUs or threads unless they are set already",
     .text =
         "Names alone, and \"process\", get the number of CPUs that the program is told. \"rule:NAME\" gets the number "
         "of threads of that rule, pool or exchange, which its `threads` and the CPUs that it has on this machine make. `nodewise "
         "env` prints the same variables."},
};
static const struct key_table key_cpu_count = {"cpu_count", "The number of CPUs that the program is told.",
                                               KEYS(cpu_count_keys)};

static const struct key report_keys[] = {
    {"at_exit", KEY_WORD, FIELD(struct policy, report.at_exit), WORDS(at_exit), .fallback = "off",
     .summary = "report that is written when the process ends"},
    {"file", KEY_REPORT_FILE, FIELD(struct policy, report.file), NEEDS(IS_NOT("at_exit", "off")),
     .summary = "file of the report at the end; standard error when not given",
     .text = "{comm}, {pid}, {hostname} and {rank} are replaced."},
    {"formats", KEY_WORDS, FIELD(struct policy, report.formats), WORDS(report_format), .fallback = "[\"json\"]",
     NEEDS(IS_GIVEN("file")), .summary = "formats of the report's file; one file for each format"},
    {"pages", KEY_BOOL, FIELD(struct policy, report.pages), .fallback = "false",
     .summary = "sample where the pages lie, too"},
};
static const struct key_table key_report = {"report", "What is written about a process when it ends.",
                                            KEYS(report_keys)};

static const struct key metrics_keys[] = {
    {"enabled", KEY_BOOL, FIELD(struct policy, metrics.enabled), .fallback = "true",
     .summary = "include this process in the output of `nodewise metrics`"},
    {"per_thread", KEY_BOOL, FIELD(struct policy, metrics.per_thread), .fallback = "false",
     NEEDS(IS("enabled", "true")), .summary = "series for each thread, too"},
    {"labels", KEY_LABELS, FIELDS(struct policy, metrics.labels, metrics.label_count), NEEDS(IS("enabled", "true")),
     .summary = "labels of all series of this process"},
};
static const struct key_table key_metrics = {"metrics", "Numbers for monitoring.", KEYS(metrics_keys)};

static const struct key root_keys[] = {
    {"schema", KEY_VERSION, .file_only = true, .summary = "version of the language: 1, required in every file"},
    {"description", KEY_NOTE, .summary = "what the policy is for"},
    {"extends", KEY_EXTENDS, .file_only = true, .summary = "policies that this file changes",
     .text =
         "Each is \"preset:NAME\" or a path, relative to this file. Later ones go over earlier ones, this file over "
         "all: single values and lists replace, tables merge key by key, rules merge by name. Rules that the "
         "lower layer does not have come before its rules, because the first match wins."},
    {"target", KEY_TABLE, .table = &key_target, .summary = "which processes are governed"},
    {"topology", KEY_TABLE, .table = &key_topology, .summary = "part of the machine that may be used"},
    {"process", KEY_TABLE, .table = &key_process, .summary = "several processes of one program"},
    {"defaults", KEY_TABLE, FIELD(struct policy, defaults), .table = &key_placement,
     .summary = "placement that every rule starts from, and of threads that no rule takes"},
    {"rules", KEY_RULES, FIELDS(struct policy, rules, rule_count), .table = &key_rule,
     .summary = "which threads go where"},
    {"pools", KEY_POOLS, FIELDS(struct policy, pools, pool_count), .table = &key_pool,
     .summary = "pools of programs that use the C interface"},
    {"exchanges", KEY_EXCHANGES, FIELDS(struct policy, exchanges, exchange_count), .table = &key_exchange,
     .summary = "exchanges of programs that use the C interface"},
    {"cpu_count", KEY_TABLE, .table = &key_cpu_count, .summary = "how many CPUs the program believes in"},
    {"report", KEY_TABLE, .table = &key_report, .summary = "what is written when the process ends"},
    {"metrics", KEY_TABLE, .table = &key_metrics, .summary = "numbers for monitoring"},
};
const struct key_table key_root = {"", "The policy file.", KEYS(root_keys)};
