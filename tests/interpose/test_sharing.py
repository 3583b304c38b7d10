"""distribution = "sharing": threads that use the same memory come together, as far as it goes without a node more: the plan
takes two CPUs for two nodes, which the kernel's own view of this machine does not matter for."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness
from harness import cpu_list, threads_of, wait_until

LOADS = os.path.join(harness.BUILD, "tests", "loads")
SHARING = '[defaults]\nbind_to = "node"\ndistribution = "sharing"\n'


class Sharing(harness.ProgramTest):
    def begin(self, policy, *words, environment=None):
        """A load under a plan for two nodes, and its threads but for main, in the order of their making."""
        self.assertGreater(len(self.allowed), 1, "needs two CPUs")
        self.nodewise("compile", "-p", self.policy(policy), "--topology", "numa:2 core:1 pu:1", "-o", self.path("plan"))
        process = self.start([os.path.join(LOADS, words[0]), *words[1:]], way="plain",
                             environment={"LD_PRELOAD": harness.SHIM, "NODEWISE_PLAN": self.path("plan"), **(environment or {})})
        self.wait_until_seen(process.pid)
        return process

    def threads(self, process, count):
        def listed():
            threads = [thread for thread in self.show(process.pid)["threads"] if not thread["main"]]
            return threads if len(threads) == count else None

        return sorted(wait_until(listed, f"{count} threads"), key=lambda thread: thread["index"])

    def places(self, process, count):
        """The CPUs of the threads, as the kernel says."""
        outside = threads_of(process.pid)
        return [tuple(outside[thread["tid"]][1]) for thread in self.threads(process, count)]

    def test_the_stages_of_a_pipeline_come_together(self):
        process = self.begin(SHARING, "load_pipeline", "2", "1000000", "16384")
        born = self.places(process, 8)
        self.assertEqual(sorted(born.count(place) for place in set(born)), [4, 4])

        def together():
            places = self.places(process, 8)
            return len(set(places[:4])) == len(set(places[4:])) == 1 and places[0] != places[4]

        wait_until(together, "each pipeline has a node")
        self.assertIn("shared-use", {thread["why"] for thread in self.threads(process, 8)})
        self.assert_shown_as_it_is(process.pid)

    def test_others_stay_where_they_are(self):
        process = self.begin(SHARING.replace("sharing", "least_loaded"), "load_pipeline", "1", "1000000", "16384")
        before = self.threads(process, 4)
        harness.wait_until_run(process.pid, [before[0]["tid"]], 2)
        self.assertEqual({thread["why"] for thread in self.threads(process, 4)}, {"birth"})


if __name__ == "__main__":
    harness.main()
