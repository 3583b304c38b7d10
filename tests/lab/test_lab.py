"""What is promised about NUMA, on machines with several nodes (tests/lab/vm): topology, pinning, arenas."""

import json
import os
import re

from guest import EVERYWHERE, PURITY, Lab, harness, lab_program, machine, slow, workers

LOCALITY = lab_program("locality")


class Topology(Lab):
    """Each shape is found as it was made."""


def add_topology_tests():
    def make(name):
        def test(self):
            found = json.loads(self.guest(name, f"{harness.NODEWISE} topo --json"))
            nodes = {node["id"]: sorted(harness.cpu_list(node["cpus"])) for node in found["nodes"]}
            self.assertEqual(nodes, self.shape_nodes(name))
            distances = machine.load(name).get("distances")
            if distances:
                self.assertEqual([node["distances"] for node in found["nodes"]], distances)
        return test

    for name in machine.names():
        setattr(Topology, f"test_{name}", make(name))


add_topology_tests()


class Arenas(Lab):
    LOADS = ("own", "hand-over", "migrate", "churn", "short", "fork")

    def purity(self, shape, loads=LOADS, policy=EVERYWHERE, threads=8, objects=1200):
        policy = self.policy(policy)
        script = "".join(f"{harness.NODEWISE} run -p {policy} -- {PURITY} {load} {threads} {objects}\n" for load in loads)
        results = [json.loads(line) for line in self.guest(shape, script, [policy], [PURITY]).splitlines()]
        self.assertEqual([result["load"] for result in results], list(loads))
        for result in results:
            self.assertGreater(result["objects"], threads * objects * 0.9, result)
            self.assertEqual(result["wrong"], 0, f"{shape}: {result}")

    def test_no_object_on_a_wrong_node(self):
        self.purity("4x2")

    @slow
    def test_eight_nodes(self):
        self.purity("8x1", ("hand-over", "migrate"))

    def test_beside_a_node_without_cpus(self):
        self.purity("cpuless", ("hand-over", "migrate"), threads=4)

    def test_pinned_threads(self):
        self.purity("2x4", ("own", "hand-over"), '[defaults]\nbind_to = "cpu"\ndistribution = "scatter"\n')

    def test_each_core_has_its_own(self):
        self.purity("2x4", ("hand-over", "migrate"), '[defaults]\nbind_to = "none"\nmemory = { arena = "core" }\n')

    def test_bound_memory(self):
        self.purity("4x2", ("own",), '[defaults]\nbind_to = "node"\nmemory = { policy = "bind" }\n')

    @slow
    def test_without_the_arenas_the_loads_do_leave_their_nodes(self):
        """The measure measures: the C library's allocator fails it."""
        lines = self.guest("4x2", f"{PURITY} migrate 8 1200\n", programs=[PURITY]).splitlines()
        self.assertGreater(json.loads(lines[0])["wrong"], 500)

    @slow
    def test_what_is_handed_over_costs_little_more(self):
        """Than the reads of what another node's thread made, which no placement of memory makes local."""
        policy = self.policy('[defaults]\nbind_to = "node"\ndistribution = "round_robin"\nlevel = "node"\n'
                             'memory = { stack = "local" }\n[target]\ncomm = "locality"\n')
        out = self.path("counted.json")
        told = self.guest("4x2", f"{harness.NODEWISE} run -p {policy} -- counted {LOCALITY} handover 8\n", [policy], [LOCALITY],
                          ["--count", out, "--marks"])
        with open(out, encoding="utf-8") as file:
            counted = json.loads(file.read())
        by_itself = int(re.search(r"from afar: (\d+)", told)[1]) / sum(map(sum, counted["accesses"]))
        self.assertGreater(by_itself, 0.3, "the measure measures")
        self.assertLess(counted["remote_accesses"], by_itself + 0.03)

    def test_cpus_without_memory_use_the_nearest_node(self):
        policy = self.policy(EVERYWHERE)
        script = f"{harness.NODEWISE} run -p {policy} --report /tmp/r.json -- {PURITY} own 6 500\ncat /tmp/r.json\n"
        lines = self.guest("memoryless", script, [policy], [PURITY]).splitlines()
        regions = json.loads("\n".join(lines[1:]))["arenas"]["regions"]
        self.assertEqual({region["node"] for region in regions} - {0, 2}, set())
        self.assertEqual({region["reason"] for region in regions}, {"ok"})

    def test_strict_overcommit(self):
        policy = self.policy(EVERYWHERE)
        until_null = os.path.join(harness.BUILD, "tests", "interpose", "allocates_until_null")
        script = ("echo 2 > /proc/sys/vm/overcommit_memory\necho 80 > /proc/sys/vm/overcommit_ratio\n"
                  f"{harness.NODEWISE} run -p {policy} -- {PURITY} hand-over 8 500\n"
                  f"{harness.NODEWISE} run -p {policy} -- {until_null} 64 move 2>/dev/null\n"
                  f"{harness.NODEWISE} run -p {policy} -- {until_null} 400 move 2>/dev/null\n")
        lines = self.guest("4x2", script, [policy], [PURITY, until_null]).splitlines()
        self.assertEqual(json.loads(lines[0])["wrong"], 0)
        self.assertEqual(lines[1:], ["fine", "fine"])

    def test_huge_pages_of_the_kernels_pool(self):
        policy = self.policy('[defaults]\nbind_to = "none"\nmemory = { huge_pages = "2MiB" }\n')
        run = f"{harness.NODEWISE} run -p {policy} --report /tmp/r.json -- {PURITY} own 4 300\ncat /tmp/r.json\n"
        with_pool = f"echo 40 > /proc/sys/vm/nr_hugepages\n{run}"
        for script, reason, pages in ((with_pool, "ok", "2MiB"), (run, "no-huge-pages", "thp")):
            lines = self.guest("2x4", script, [policy], [PURITY]).splitlines()
            self.assertEqual(json.loads(lines[0])["wrong"], 0)
            regions = json.loads("\n".join(lines[1:]))["arenas"]["regions"]
            self.assertEqual({(region["huge_reason"], region["huge_pages"]) for region in regions}, {(reason, pages)})

    def test_a_small_memory_cgroup_is_survived(self):
        policy = self.policy(EVERYWHERE)
        programs = [os.path.join(harness.BUILD, "tests", "interpose", name)
                    for name in ("gives_memory_back", "freed_elsewhere")]
        # each uses some 110 MB at once, with and without us, and leaves as much behind if nobody gives it back
        script = ("mkdir -p /sys/fs/cgroup\nmount -t cgroup2 cgroup2 /sys/fs/cgroup\n"
                  "echo +memory > /sys/fs/cgroup/cgroup.subtree_control\nmkdir /sys/fs/cgroup/small\n"
                  "echo 176M > /sys/fs/cgroup/small/memory.max\necho $$ > /sys/fs/cgroup/small/cgroup.procs\n"
                  f"run() {{ {harness.NODEWISE} run -p {policy} -- \"$@\" || {{ dmesg | tail -40; exit 1; }}; }}\n"
                  f"run {programs[0]}\nrun {programs[1]} moved 100 7\nrun {programs[1]} waiting 100\n")
        lines = self.guest("4x2", script, [policy], programs).splitlines()
        self.assertEqual([len(line.split()) for line in lines], [3, 4, 4])
        for start, _, _, after_work in (map(int, line.split()) for line in lines[1:]):
            self.assertLess(after_work, start + 16 * 1024)

    def test_a_refused_binding_is_said_and_nothing_breaks(self):
        policy = self.policy(EVERYWHERE)
        script = (f"{harness.NODEWISE} compile -p {policy} -o /tmp/p.plan\n"
                  f"NODEWISE_FAULT=mbind=EPERM NODEWISE_REPORT=/tmp/r.json NODEWISE_PLAN=/tmp/p.plan "
                  f"LD_PRELOAD={harness.FAULTY_SHIM} {PURITY} own 8 300\ncat /tmp/r.json\n")
        lines = self.guest("4x2", script, [policy], [PURITY]).splitlines()
        self.assertEqual(json.loads(lines[0])["load"], "own")
        regions = json.loads("\n".join(lines[1:]))["arenas"]["regions"]
        self.assertEqual({region["reason"] for region in regions}, {"eperm"})


class Placement(Lab):
    def test_scattered_threads_are_on_their_nodes(self):
        policy = self.policy('[defaults]\nbind_to = "node"\ndistribution = "scatter"\nlevel = "node"\n')
        script = (f"{harness.NODEWISE} run -p {policy} --report /tmp/r.json -- {PURITY} own 4 200 >/dev/null\n"
                  "cat /tmp/r.json\n")
        threads = workers(json.loads(self.guest("4x2", script, [policy], [PURITY])))
        self.assertEqual({thread["outcome"] for thread in threads}, {"strict"})
        self.assertEqual(sorted(thread["node"] for thread in threads), [0, 1, 2, 3])


if __name__ == "__main__":
    harness.main()
