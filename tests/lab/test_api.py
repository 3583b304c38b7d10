"""What the C interface gives out lies on its node: values, counters, regions, blocks, memory that follows its thread."""

from guest import Lab, harness, lab_program

PLACES = lab_program("api_places")
QUIET = "echo 0 > /proc/sys/kernel/numa_balancing\necho never > /sys/kernel/mm/transparent_hugepage/enabled\n"


class Api(Lab):
    def test_everything_lies_on_its_node(self):
        policy = self.policy('[defaults]\ncpus = "all"\non_app_affinity = "respect"\n')
        script = (f"{QUIET}{PLACES}\n"
                  f"{harness.NODEWISE} run -p {policy} -- {PLACES} governed\n")
        self.assertEqual(self.guest("4x2", script, [policy], [PLACES]).splitlines().count("all in place"), 2)


if __name__ == "__main__":
    harness.main()
