"""What the report says of accesses is what the counter counts of them, and `--require-locality` goes by it."""

import json
import os

from guest import Lab, harness

LOADS = os.path.join(harness.BUILD, "tests", "loads")
NEAR = """
[defaults]
bind_to = "node"
distribution = "round_robin"
level = "node"
"""
# What main makes stays on one node, so that a run has one share from its beginning to its end.
BOUND = """
[[rules]]
name = "main"
match = { main = true }
bind_to = "node"
nodes = "HOME"
memory = { policy = "bind" }
[[rules]]
name = "others"
match = { main = false }
bind_to = "node"
distribution = "round_robin"
level = "node"
nodes = "OTHERS"
"""
MISSED = 1


def local_share(accesses, nodes):
    """Of what was counted on the CPUs of some nodes."""
    return sum(accesses[node][node] for node in nodes) / sum(sum(accesses[node]) for node in nodes)


class Evidence(Lab):
    """Emulated threads are slow, and the library's own thread is not slower for that: what it touches beside itself, on the
    node of main, is a tenth of all that is counted there. So shares are counted where it is not."""

    def check(self, policy, words, percent, nodes):
        """Runs a load that requires so much. Returns the share of local accesses that the report tells; that which was counted
        on those nodes; whether the requirement held, and what was said of it."""
        out, path = self.path("counted.json"), self.policy(policy)
        load = os.path.join(LOADS, words)
        script = ("echo 0 >/proc/sys/kernel/numa_balancing\nset +e\n"
                  f"{harness.NODEWISE} run -p {path} --report /tmp/r.json --require-locality {percent} -- "
                  f"counted {load} >/dev/null 2>/tmp/said\necho $?\ncat /tmp/r.json\necho ---\ncat /tmp/said\n")
        text = self.guest("4x2", script, [path], [load.split()[0]], ("--count", out, "--marks"))
        with open(out, encoding="utf-8") as file:
            counted = local_share(json.loads(file.readline())["accesses"], nodes)
        status, rest = text.split("\n", 1)
        report, said = rest.split("---\n")
        told = json.loads(report)["accesses"]
        self.assertIsNotNone(told["access_locality"], told)
        self.assertIn(int(status), (0, MISSED), said)
        return told["access_locality"], counted, status == "0", said

    @staticmethod
    def bound(home, others):
        return BOUND.replace("HOME", home).replace("OTHERS", others)

    def test_local_accesses(self):
        told, counted, held, said = self.check(NEAR, "load_triad 8 150 4096", 90, range(4))
        self.assertAlmostEqual(told, counted, delta=0.05)
        self.assertGreater(counted, 0.9)
        self.assertTrue(held, said)

    def test_three_of_four_are_remote(self):
        told, counted, held, said = self.check(self.bound("0", "0-3"), "load_rows 8 400 2048", 95, range(1, 4))
        self.assertAlmostEqual(told, 0.25, delta=0.05, msg="two of eight threads are where the memory is")
        self.assertLess(counted, 0.01)
        self.assertFalse(held)
        self.assertIn("required are 95.0 %", said)

    def test_all_are_remote(self):
        told, counted, held, said = self.check(self.bound("3", "0-2"), "load_rows 6 400 2048", 10, range(3))
        self.assertAlmostEqual(told, counted, delta=0.05)
        self.assertLess(counted, 0.01)
        self.assertFalse(held)
        self.assertIn("required are 10.0 %", said)


if __name__ == "__main__":
    harness.main()
