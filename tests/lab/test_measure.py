"""`nodewise topo --measure` on machines with several nodes: memory is where it is asked for, each pair that there is has a
number, and what there is not says so. The numbers themselves are the emulator's, and mean nothing."""

import json
import re

from guest import PURITY, Lab, harness, workers

# numactl brings libnuma along, which the command loads by name.
MEASURE = f"{harness.NODEWISE} topo --measure -f json -o /tmp/m.json 2>/tmp/said\n"
SHOW = "cat /tmp/m.json\n"


def pairs(document, what):
    return {(pair["from"], pair["to"]): pair for pair in document[what]["pairs"]}


POLICY = """[[rules]]
name = "main"
match = { main = true }
cpus = "node:0"
bind_to = "node"
[[rules]]
name = "beside"
match = { thread = "beside" }
near = "node:2"
memory = { policy = "bind" }
[[rules]]
name = "others"
match = { main = false }
cpus = "all"
distribution = "compact"
level = "node"
bind_to = "cpu"
"""
# In place of what the emulator's numbers happen to be: node 3 is nearest to nodes 0 and 2.
TABLE = "10 30 20 11\\n30 10 30 30\\n30 30 10 12\\n11 30 12 10\\n"


class Measure(Lab):
    def test_each_pair_of_nodes_is_measured_and_saved_distances_are_found(self):
        script = (MEASURE.replace("--measure", "--measure --save") + SHOW +
                  f"echo ---\n{harness.NODEWISE} topo --json\necho ---\ncat /tmp/said\n")
        measured, machine, said = self.guest("4x2", "export XDG_STATE_HOME=/tmp\n" + script, (), ["numactl"]).split("---\n")
        document, topology = json.loads(measured), json.loads(machine)
        for what, rounds in (("latency", 7), ("bandwidth", 5)):
            cells = pairs(document, what)
            self.assertEqual(set(cells), {(a, b) for a in range(4) for b in range(4)})
            for pair, cell in cells.items():
                self.assertNotIn("reason", cell, (what, pair))
                self.assertGreater(cell["median"], 0)
                self.assertEqual(len(cell["samples"]), rounds)
        self.assertEqual([len(row) for row in document["distances"]], [4] * 4)
        self.assertRegex(said, r"topo: nodes: 4; after 300 s")
        self.assertTrue(document["saved"].startswith("/tmp/nodewise/distances."))
        told = topology["distances"]
        self.assertEqual(told["file"], document["saved"])
        self.assertEqual(told["not_taken"], "the firmware's distances tell nodes apart")

    def test_flat_distances_give_way_to_the_saved_ones_in_plans_and_runs(self):
        policy = self.policy(POLICY)
        topology = f"{harness.NODEWISE} topo --json\necho ---\n"
        plan = f"{harness.NODEWISE} plan -p {policy} --json\necho ---\n"
        launch = f"{harness.NODEWISE} run -p {policy} --report /tmp/r.json -- {PURITY} own 4 100 >/dev/null\ncat /tmp/r.json\necho ---\n"
        fill = ("mkdir /tmp/full\nmount -t tmpfs -o size=64k none /tmp/full\nmkdir -p /tmp/full/nodewise\n"
                "dd if=/dev/zero of=/tmp/full/zeros 2>/dev/null || true\n")
        full = (f"{fill}XDG_STATE_HOME=/tmp/full {harness.NODEWISE} topo --measure --save --budget 60s 2>&1 >/dev/null || echo $?\n"
                "ls /tmp/full/nodewise\necho ---\n")
        save = f"{harness.NODEWISE} topo --measure --save -f json 2>/dev/null\necho ---\n"
        edit = (f"F=$(echo /tmp/nodewise/distances.*)\nsed '/^measured/q' $F > /tmp/new\nprintf '{TABLE}' >> /tmp/new\n"
                "cat /tmp/new > \"$F\"\n")
        script = "export XDG_STATE_HOME=/tmp\n" + topology + plan + launch + full + save + topology + edit + plan + launch
        told = self.guest("flat", script, [policy], ["numactl", "mount", "dd", PURITY]).split("---\n")
        before, plan_before, run_before, refused, measured, after, plan_after, run_after = told[:8]
        self.check_save(json.loads(before), json.loads(measured), json.loads(after))
        self.assertRegex(refused, r"cannot be written: No space left on device\n3\n$")
        self.check_plan(plan_before, ["0", "1", "2", "3", "4", "5", "6", "7"], "bind 0")
        self.check_plan(plan_after, ["0", "1", "6", "7", "4", "5", "2", "3"], "bind 3")
        self.assertEqual(self.others(run_before), [0, 1, 2, 3])
        self.assertEqual(self.others(run_after), [0, 1, 6, 7])

    def check_save(self, before, measured, after):
        self.assertEqual(before["distances"]["from"], "firmware")
        self.assertEqual(after["distances"]["from"], "measured")
        self.assertEqual(after["distances"]["file"], measured["saved"])
        self.assertEqual([node["distances"] for node in after["nodes"]], measured["distances"])

    def check_plan(self, text, cpus, memory):
        rules = {rule["name"]: rule for rule in json.loads(text)["rules"]}
        self.assertEqual([slot["cpus"] for slot in rules["others"]["slots"]], cpus)
        self.assertEqual(rules["beside"]["memory"], memory)

    def others(self, report):
        """The CPUs of the threads, each as asked: read back from the kernel."""
        threads = workers(json.loads(report))
        self.assertEqual({thread["outcome"] for thread in threads}, {"strict"})
        return sorted(cpu for thread in threads for cpu in harness.cpu_list(thread["asked"]))

    def test_a_node_without_memory_is_measured_as_cpus_alone(self):
        self.check_halves("memoryless", "no_memory", "has no memory", 1)

    def test_a_node_without_cpus_is_measured_as_memory_alone(self):
        self.check_halves("cpuless", "no_cpus", "has no CPUs", 0)

    def check_halves(self, shape, key, words, place):
        """place: where such a node stands in a pair, 0: CPUs, 1: memory."""
        document = json.loads(self.guest(shape, MEASURE + SHOW, (), ["numactl"]))
        lacking = {node["id"] for node in document["nodes"] if node[key] == words}
        self.assertTrue(lacking)
        for pair, cell in pairs(document, "latency").items():
            self.assertEqual(cell.get("reason"), words if pair[place] in lacking else None, pair)

    def test_a_node_outside_the_cpuset_says_so(self):
        script = (f"taskset -c 0-1 {harness.NODEWISE} topo --measure --save -f json -o /tmp/m.json 2>/tmp/said || echo refused > /tmp/refused\n"
                  f"cat /tmp/refused > /dev/null\n"
                  f"cat /tmp/m.json\necho ---\ncat /tmp/said\n")
        measured, said = self.guest("4x2", script, (), ["numactl", "taskset"]).split("---\n")
        latency = pairs(json.loads(measured), "latency")
        self.assertNotIn("reason", latency[0, 3])
        self.assertRegex(latency[1, 0]["reason"], "none of its CPUs")
        self.assertTrue(re.search("nothing is saved", said), said)


if __name__ == "__main__":
    harness.main()
