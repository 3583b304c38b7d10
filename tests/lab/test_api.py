"""What the C interface gives out lies on its node: values, counters, regions, blocks, memory that follows its thread, what
pools use, rings of exchanges; and tasks run where they are meant to."""

import re

from guest import Lab, harness, lab_program
from accesses import evaluate
import machine

PLACES = lab_program("api_places")
POOLS = lab_program("pool_places")
EXCHANGES = lab_program("exchange_places")
QUIET = "echo 0 > /proc/sys/kernel/numa_balancing\necho never > /sys/kernel/mm/transparent_hugepage/enabled\n"


class Api(Lab):
    def in_place(self, program, *arguments):
        """Alone and governed."""
        policy = self.policy('[defaults]\ncpus = "all"\non_app_affinity = "respect"\n')
        script = (f"{QUIET}{program} {' '.join(arguments)}\n"
                  f"{harness.NODEWISE} run -p {policy} -- {program} {' '.join((*arguments, 'governed'))}\n")
        output = self.guest("4x2", script, [policy], [program])
        self.assertEqual(output.splitlines().count("all in place"), 2, output)

    def test_everything_lies_on_its_node(self):
        self.in_place(PLACES)

    def test_tasks_run_on_their_nodes_and_queues_lie_there(self):
        self.in_place(POOLS, "places")

    def test_other_nodes_tasks_are_taken_when_there_are_no_own_ones(self):
        self.in_place(POOLS, "skewed")

    def check_rings(self, told):
        """Of the program's lines, that each mapping with a ring has pages of its receiver's node alone."""
        workers = {int(index): int(node) for index, node in re.findall(r"(?m)^worker (\d+) (-?\d+)$", told)}
        self.assertEqual(sorted(workers.values()), [0, 0, 1, 1, 2, 2, 3, 3], told)
        maps = {}
        for line in told.split("\nmaps\n")[1].splitlines():
            maps[int(line.split()[0], 16)] = {int(node) for node in re.findall(r" N(\d+)=\d+", line)}
        rings = re.findall(r"(?m)^ring (\d+) (\d+) 0x([0-9a-f]+)$", told)
        self.assertEqual(len(rings), 2 * 8 * 8)
        for sender, receiver, address in rings:
            start = max(start for start in maps if start <= int(address, 16))
            self.assertEqual(maps[start], {workers[int(receiver)]}, f"from {sender} to {receiver}: {start:x}")

    def test_rings_lie_on_their_receivers_node(self):
        policy = self.policy('[defaults]\ncpus = "all"\non_app_affinity = "respect"\n')
        output = self.guest("4x2", f"{QUIET}{EXCHANGES}\n{harness.NODEWISE} run -p {policy} -- {EXCHANGES} governed\n", [policy],
                            [EXCHANGES])
        alone, governed, rest = output.split("\ndone\n")
        self.assertEqual(rest, "")
        self.check_rings(alone)
        self.check_rings(governed)

    def test_tasks_for_a_node_access_its_memory(self):
        out = self.path("counted.json")
        self.guest("4x2", f"{QUIET}counted --marks {POOLS} walk\n", programs=[POOLS], options=("--count", out, "--marks"))
        counted, = evaluate(out, machine.load("4x2"))
        self.assertGreater(counted["loads"], 64 * 50 * 4096)
        self.assertLess(counted["remote_accesses"], 0.05)


if __name__ == "__main__":
    harness.main()
