"""Threads of an interpreter with one lock, without a policy: they share a node while they run one at a time, and leave it
when they do not. Processes of theirs are not held together."""

import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness
from harness import wait_until

MACHINE = {"HWLOC_SYNTHETIC": "node:2 core:1 pu:1", "HWLOC_THISSYSTEM": "1"}
# Each thread has the lock while it counts; hashlib gives it back while it computes.
COUNTS = "def work():\n  while True: sum(range(200))\n"
HASHES = "import hashlib\ndef work():\n  while True: hashlib.pbkdf2_hmac('sha256', b'', b'', 20000)\n"
THREADS = """
import threading, sys
for _ in range(4): threading.Thread(target=work, daemon=True).start()
print("ready", flush=True)
sys.stdin.readline()
"""
PROCESSES = """
import multiprocessing, os, sys
def mine(number): return sorted(os.sched_getaffinity(0))
if __name__ == "__main__":
    multiprocessing.set_start_method(sys.argv[1])
    with multiprocessing.Pool(4) as pool: print(all(mask == mine(0) for mask in pool.map(mine, range(16))), len(mine(0)))
"""


class Interpreters(harness.ProgramTest):
    def setUp(self):
        super().setUp()
        self.assertGreater(len(self.allowed), 1, "needs two CPUs")

    def placed(self, process):
        """What `show` says of the threads that the interpreter made."""
        return [thread for thread in self.show(process.pid)["threads"] if thread["rule"] == "interpreter"]

    def started(self, text):
        # first of all: where other programs are busy, too, threads that want little look as if they wanted much
        process = self.start(["nice", "-n", "-20", harness.NODEWISE, "run", "--", "/usr/bin/python3", "-c", text], way="plain",
                             environment=MACHINE, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.assertEqual(process.stdout.readline(), b"ready\n", process.poll())
        wait_until(lambda: len(self.placed(process)) == 4, "the rule has four threads")
        return process

    def test_threads_that_run_one_at_a_time_share_a_node(self):
        process = self.started(COUNTS + THREADS)
        tids = [thread["tid"] for thread in self.placed(process)]
        harness.wait_until_run(process.pid, tids, 0.2)  # long enough for many looks at them
        self.assertEqual(len({thread["asked"] for thread in self.placed(process)}), 1, self.placed(process))

    def test_threads_that_run_at_the_same_time_leave_for_idle_nodes(self):
        process = self.started(HASHES + THREADS)
        wait_until(lambda: len({thread["asked"] for thread in self.placed(process)}) == 2, "both nodes are in use")
        self.assertIn("balanced", {thread["why"] for thread in self.placed(process)})

    def test_processes_have_the_whole_machine(self):
        with open(self.path("pool.py"), "w", encoding="utf-8") as file:
            file.write(PROCESSES)
        for method in "fork", "spawn":
            done = subprocess.run([harness.NODEWISE, "run", "--", "/usr/bin/python3", self.path("pool.py"), method],
                                  capture_output=True, text=True, env=harness.clean_environment() | MACHINE, timeout=harness.SECONDS)
            self.assertEqual(done.stdout, f"True {len(self.allowed)}\n", done.stderr)


if __name__ == "__main__":
    harness.main()
