"""`run --topology`: threads get places on another machine in the record, and nothing of it is done on this one."""

import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness
from harness import threads_of, wait_until

from test_places import Told, ZOO

MACHINE = "pack:4 numa:1 core:8 pu:1"
RULES = """
[[rules]]
name = "worker"
match = { thread = "worker*" }
distribution = "scatter"
level = "node"
bind_to = "core"
enforcement = "hard"
memory = { policy = "bind", stack = "local", migrate_on_move = true, next_touch = true }
[rules.rebalance]
steal = "any"
"""


class Pretended(Told):
    def on_another_machine(self, policy, *lines, machine=MACHINE, **variables):
        program = os.path.join(ZOO, "does_as_told")
        process = self.start([harness.NODEWISE, "run", "-p", policy, "--topology", machine, "--", program], way="plain",
                             environment=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(process.stdout.readline(), b"ready\n")
        for line in lines:
            self.tell(process, line)
        return process

    def masks(self, pid):
        return {frozenset(cpus) for _, cpus in threads_of(pid).values()}

    def test_places_are_recorded_and_nothing_is_set(self):
        process = self.on_another_machine(self.policy(RULES), *(f"create worker{i}" for i in range(4)))
        threads = self.threads(process.pid, 4)
        self.assertEqual(sorted(thread["asked"] for thread in threads), ["0", "16", "24", "8"])
        self.assertEqual({(thread["outcome"], thread["reason"]) for thread in threads}, {("none", "not-applied")})
        self.assertEqual(self.masks(process.pid), {frozenset(self.allowed)})
        self.assertEqual(self.show(process.pid)["process"]["kernel_refusals"], 0)

    def test_memory_policies_are_as_they_were(self):
        process = self.on_another_machine(self.policy(RULES), "create worker")
        thread, = self.threads(process.pid, 1)
        with open(f"/proc/{process.pid}/task/{thread['tid']}/numa_maps", encoding="ascii") as file:
            self.assertEqual({line.split()[1] for line in file}, {"default"})

    def test_the_programs_own_pin_is_as_without_nodewise(self):
        for choice in ("respect", "clamp", "ignore"):
            with self.subTest(on_app_affinity=choice):
                rules = RULES.replace("enforcement", f'on_app_affinity = "{choice}"\nenforcement')
                process = self.on_another_machine(self.policy(rules), "create worker", f"pin 1 {self.last}")
                thread, = self.threads(process.pid, 1)
                self.assertEqual(threads_of(process.pid)[thread["tid"]][1], {self.last})

    def test_threads_without_a_rule_may_use_all_of_that_machine(self):
        process = self.on_another_machine(self.policy(RULES), "create other")
        thread, = self.threads(process.pid, 1)
        self.assertEqual(thread["asked"], "0-31")

    def test_a_machine_may_have_more_cpus_than_this_kernel_knows(self):
        process = self.on_another_machine(self.policy(RULES.replace('scatter"', 'scatter"\ncpus = "1000-1007"')), "create worker",
                                          machine="pack:4 numa:1 core:256 pu:1")
        thread, = self.threads(process.pid, 1)
        self.assertEqual((thread["asked"], thread["reason"]), ("1000", "not-applied"))
        process = self.on_another_machine(self.policy(RULES), "create other", machine="pack:4 numa:1 core:256 pu:1")
        thread, = self.threads(process.pid, 1)
        self.assertEqual(thread["asked"], "0-1023")

    def test_a_reload_does_not_mix_the_machines(self):
        process = self.on_another_machine(self.policy(RULES), "create worker")
        self.threads(process.pid, 1)
        self.nodewise("reload", str(process.pid), "-p", self.policy('[defaults]\nbind_to = "cpu"\n', "other.toml"), code=1)
        self.assertEqual(self.masks(process.pid), {frozenset(self.allowed)})

    def test_other_processes_do_not_count_these_threads(self):
        """A board is for this machine's CPUs: a pretended thread on CPU 0 leaves the real one where it is."""
        folder = self.path("runtime")
        os.mkdir(folder, 0o700)
        rules = '[defaults]\nbind_to = "cpu"\ndistribution = "compact"\n'
        variables = {"NODEWISE_OCCUPANCY": "user", "XDG_RUNTIME_DIR": folder}
        self.on_another_machine(self.policy(rules), "create", **variables)
        process = self.start([os.path.join(ZOO, "does_as_told")], self.policy(rules), environment=variables, stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE)
        self.assertEqual(process.stdout.readline(), b"ready\n")
        self.tell(process, "create")
        wait_until(lambda: [cpus for tid, (_, cpus) in threads_of(process.pid).items() if tid != process.pid] == [{self.first}],
                   "its thread has the first CPU")

    def test_the_machines_own_plan_is_kept(self):
        """Plans are kept by their policy's identity; that of another machine has a name of its own."""
        policy = self.policy('[defaults]\nbind_to = "cpu"\n')
        for options, applied in (["--topology", MACHINE], False), ([], True), (["--topology", MACHINE], False):
            report = self.path("report")
            done = subprocess.run([harness.NODEWISE, "run", "-p", policy, *options, "--report", report, "--", "true"],
                                  capture_output=True, text=True, env=harness.clean_environment(), timeout=harness.SECONDS)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            with open(report, encoding="utf-8") as file:
                self.assertEqual("not-applied" not in file.read(), applied)

    def test_what_it_cannot_record_is_said(self):
        policy = self.policy(RULES)
        busybox = ["busybox", "true"]
        done = subprocess.run([harness.NODEWISE, "run", "-p", policy, "--topology", MACHINE, "--", *busybox], capture_output=True,
                              text=True, env=harness.clean_environment(), timeout=harness.SECONDS)
        self.assertEqual(done.returncode, 0)
        self.assertIn("nothing is recorded of it", done.stderr)
        done = subprocess.run([harness.NODEWISE, "run", "-p", policy, "--topology", MACHINE, "--require-locality", "90", "--", "true"],
                              capture_output=True, text=True, env=harness.clean_environment(), timeout=harness.SECONDS)
        self.assertEqual(done.returncode, 125)
        self.assertIn("--require-locality", done.stderr)


if __name__ == "__main__":
    harness.main()
