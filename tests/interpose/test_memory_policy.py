"""The memory policy of each thread: what was read back when it was set, against what the kernel says now."""

import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness
from harness import wait_until

PROGRAM = os.path.join(harness.BUILD, "tests", "interpose", "resets_its_memory_policy")
PREFERRED = '[defaults]\nmemory = { policy = "preferred", nodes = "0" }\n'


def of_the_kernel(pid, tid):
    """The policy of a thread, as the kernel shows it for the program's own file."""
    with open(f"/proc/{pid}/task/{tid}/numa_maps") as maps:
        return next(line.split()[1] for line in maps if "file=" + PROGRAM in line)


class MemoryPolicy(harness.ProgramTest):
    def waiting(self, policy=PREFERRED):
        """The program and the number of its thread, once that is placed."""
        process = self.start([PROGRAM], self.policy(policy), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.assertEqual(process.stdout.readline(), b"ready\n")

        def worker():
            return [t for t in self.show(process.pid)["threads"] if not t["main"] and t["state"] == "live"]

        return process, wait_until(worker, "its thread is listed")[0]["tid"]

    def tell(self, process, how):
        process.stdin.write(how + b"\n")
        process.stdin.flush()
        self.assertEqual(process.stdout.readline(), b"0\n")

    def verified(self, process, tid, code=0):
        answer = json.loads(self.nodewise("verify", str(process.pid), "--json", code=code))
        return answer, next(thread for thread in answer["threads"] if thread["tid"] == tid)

    def test_what_was_read_back_is_shown(self):
        process, tid = self.waiting()
        self.assertEqual(of_the_kernel(process.pid, tid), "prefer:0")
        thread = next(t for t in self.show(process.pid)["threads"] if t["tid"] == tid)
        self.assertEqual(thread["memory_policy"], "preferred:0")
        self.assertRegex(self.nodewise("show", str(process.pid)), rf"(?m)^{tid} .* preferred:0$")
        self.assertRegex(self.nodewise("why", f"{process.pid}/{tid}"), r"(?m)^policy +preferred:0 read back, preferred:0 now$")
        self.assertIn("preferred:0", self.nodewise("report", str(process.pid), "-f", "html"))

    def test_a_policy_that_was_reset_behind_the_library_is_drift(self):
        process, tid = self.waiting()
        answer, thread = self.verified(process, tid)
        self.assertTrue(answer["as_asked"])
        self.assertEqual((thread["policy"], thread["policy_now"], thread["policy_verdict"]),
                         ("preferred:0", "preferred:0", "as-asked"))
        self.tell(process, b"instruction")
        self.assertEqual(of_the_kernel(process.pid, tid), "default")
        answer, thread = self.verified(process, tid, code=1)
        self.assertFalse(answer["as_asked"])
        self.assertEqual((thread["verdict"], thread["policy_now"], thread["policy_verdict"]),
                         ("as-asked" if thread["asked"] else "not-asked", "default", "drifted"))
        self.assertIn("not as asked", self.nodewise("verify", str(process.pid), code=1))
        self.assertIn("differs", self.nodewise("why", f"{process.pid}/{tid}"))

    def test_the_programs_own_choice_is_no_drift(self):
        process, tid = self.waiting()
        self.tell(process, b"call")
        self.assertEqual(of_the_kernel(process.pid, tid), "default")
        _, thread = self.verified(process, tid)
        self.assertEqual((thread["policy"], thread["policy_now"], thread["policy_verdict"]),
                         ("default", "default", "program"))

    def test_a_node_lent_for_the_stack_is_no_policy_of_the_thread(self):
        """Half of the threads go to the node that their creator does not run on."""
        policy = self.policy('[defaults]\nbind_to = "node"\ndistribution = "round_robin"\nlevel = "node"\n'
                             'memory = { stack = "local" }\n')
        program = os.path.join(harness.BUILD, "tests", "interpose", "tells_memory_policies")
        environment = {**os.environ, "HWLOC_SYNTHETIC": "node:2 core:1 pu:1", "HWLOC_THISSYSTEM": "1"}
        for words in [], ["bind"]:
            alone = subprocess.run([program, *words], capture_output=True, check=True).stdout
            self.assertEqual(len(set(alone.splitlines())), 1)
            told = subprocess.run([harness.NODEWISE, "run", "-p", policy, "--", program, *words], capture_output=True,
                                  env=environment, check=True).stdout
            self.assertEqual(told, alone)

    def test_without_a_wish_nothing_is_compared(self):
        process, tid = self.waiting('[defaults]\nmemory = { policy = "default" }\n')
        self.tell(process, b"instruction")
        _, thread = self.verified(process, tid)
        self.assertEqual((thread["policy"], thread["policy_now"], thread["policy_verdict"]), ("", "", "not-asked"))
        self.assertNotIn("not measured", self.nodewise("verify", str(process.pid)))

    def test_where_the_kernel_does_not_tell_it_is_not_measured(self):
        """A process that may not be looked at (not dumpable), asked about by a user without the right to trace it."""
        process, tid = self.waiting()
        self.tell(process, b"undumpable")
        command = ["setpriv", "--bounding-set", "-sys_ptrace", harness.NODEWISE, "verify", str(process.pid)]
        done = subprocess.run([*command, "--json"], capture_output=True, text=True, env=harness.clean_environment())
        answer = json.loads(done.stdout)
        thread = next(thread for thread in answer["threads"] if thread["tid"] == tid)
        self.assertEqual((done.returncode, thread["policy"], thread["policy_now"], thread["policy_verdict"]),
                         (0, "preferred:0", None, "not-measured"))
        self.assertEqual(answer["not_measured"], 1)
        done = subprocess.run(command, capture_output=True, text=True, env=harness.clean_environment())
        self.assertIn("as asked as far as measured; not measured: 1 ", done.stdout)


if __name__ == "__main__":
    harness.main()
