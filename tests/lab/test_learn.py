"""A policy that `learn` wrote: under it a program goes to other nodes' memory at most half as often."""

import json
import os
import statistics

from guest import Lab, harness, lab_program, slow

LOCALITY, SLICES = lab_program("locality"), lab_program("slices")
COUNTED = os.path.join(harness.BUILD, "tests", "lab", "counter", "counted")
JOIN, PIPELINE = (os.path.join(harness.BUILD, "tests", "loads", name) for name in ("load_hash_join", "load_pipeline"))
RUNS = 3
# Of guest time: many times what a policy needs to be sure of what threads share.
SECONDS = 10
FOR_EVER = 1000000000


class Learn(Lab):
    def learned(self, load):
        text = self.guest("4x2", f"{harness.NODEWISE} learn -o /tmp/l.toml -- {LOCALITY} {load} 8 >/dev/null\ncat /tmp/l.toml\n",
                          [], [LOCALITY])
        with open(self.path("learned.toml"), "w", encoding="utf-8") as file:
            file.write(text)
        self.nodewise("check", self.path("learned.toml"))
        return self.path("learned.toml")

    def shares(self, load, policy):
        """Medians of the remote shares: plainly, and under the policy."""
        plain = f"{COUNTED} {LOCALITY} {load} 8 >/dev/null\n"
        under = f"{harness.NODEWISE} run -p {policy} -- {plain}"
        out = self.path("counted")
        self.guest("4x2", (plain + under) * RUNS, [policy], [LOCALITY, COUNTED], ["--count", out, "--marks"])
        with open(out, encoding="utf-8") as file:
            remote = [json.loads(line)["remote_accesses"] for line in file]
        self.assertEqual(len(remote), 2 * RUNS)
        return statistics.median(remote[::2]), statistics.median(remote[1::2])

    def test_half_the_remote_accesses(self):
        plain, under = self.shares("short", self.learned("short"))
        self.assertGreater(plain, 0.2, "the measure measures")
        self.assertLess(under, plain / 2)

    def test_stages_of_a_pipeline(self):
        """They wait for the locks and conditions of their queues, which are different words of one object."""
        self.one_rule_says(self.rules("2x4", f"{PIPELINE} 2 {FOR_EVER} 4096", PIPELINE), "# waits for the same things as each other",
                           'distribution = "sharing" # those that share something')

    def test_what_all_use(self):
        """A hash table that main makes, and all threads probe."""
        self.one_rule_says(self.rules("4x2", f"{JOIN} 8 {FOR_EVER} 60000", JOIN),
                           'match = { main = true }\nbind_to = "none"\nmemory = { policy = "interleave" }')

    def one_rule_says(self, rules, *words):
        """Threads that were seen too seldom may have got a rule of their own besides."""
        self.assertTrue(any(all(word in rule for word in words) for rule in rules), rules)

    def rules(self, shape, words, program):
        """The texts of the rules that are learned of a program that is killed, in one look at it."""
        # the counter only because CPUs take short turns with it: threads are looked at while others run
        text = self.guest(shape, f"{harness.NODEWISE} learn -o /tmp/l.toml -- {words} >/dev/null & learning=$!\n"
                          f"sleep {SECONDS}; kill -9 $(pidof {os.path.basename(program)})\n"
                          "wait $learning || [ $? = 137 ]\ncat /tmp/l.toml\n",
                          [], [program], ["--count", self.path("counted"), "--marks"])
        self.assertIn("[[rules]]", text)
        return text.split("[[rules]]")[1:]

    @slow
    def test_whose_memory_threads_work_on(self):
        """Eight threads, each on its part of an array that main made."""
        # the counter only because CPUs take short turns with it: threads are looked at while others run
        text = self.guest("4x2", f"{harness.NODEWISE} learn -o /tmp/l.toml -- {SLICES} 20 16 >/dev/null\ncat /tmp/l.toml\n",
                          [], [SLICES], ["--count", self.path("counted"), "--marks"])
        main, workers = text.split("[[rules]]")[:2]
        self.assertRegex(main, r"# made [0-9]+ MiB of the memory")
        self.assertRegex(workers, r"# works on large blocks of main \((8|9|10)[0-9]+ % of")


if __name__ == "__main__":
    harness.main()
