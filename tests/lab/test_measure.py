"""`nodewise topo --measure` on machines with several nodes: memory is where it is asked for, each pair that there is has a
number, and what there is not says so. The numbers themselves are the emulator's, and mean nothing."""

import json
import re

from guest import Lab, harness

# numactl brings libnuma along, which the command loads by name.
MEASURE = f"{harness.NODEWISE} topo --measure -f json -o /tmp/m.json 2>/tmp/said\n"
SHOW = "cat /tmp/m.json\n"


def pairs(document, what):
    return {(pair["from"], pair["to"]): pair for pair in document[what]["pairs"]}


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
