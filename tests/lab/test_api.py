"""What the C interface gives out lies on its node: values, counters, regions, blocks, memory that follows its thread, what
pools use; and tasks run where they are meant to."""

from guest import Lab, harness, lab_program
from accesses import evaluate
import machine

PLACES = lab_program("api_places")
POOLS = lab_program("pool_places")
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

    def test_tasks_for_a_node_access_its_memory(self):
        out = self.path("counted.json")
        self.guest("4x2", f"{QUIET}counted --marks {POOLS} walk\n", programs=[POOLS], options=("--count", out, "--marks"))
        counted, = evaluate(out, machine.load("4x2"))
        self.assertGreater(counted["loads"], 64 * 50 * 4096)
        self.assertLess(counted["remote_accesses"], 0.05)


if __name__ == "__main__":
    harness.main()
