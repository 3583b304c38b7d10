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
PYTHON = os.path.realpath("/usr/bin/python3")
MAKES_THREADS = """import sys, threading
print("ready", flush=True)
for line in sys.stdin:
    thread = threading.Thread(target=int)
    thread.start()
    thread.join()
    print(0, flush=True)
"""
FIRST_LINE = ["head", "-n", "1", "/proc/self/numa_maps"]


def of_the_kernel(pid, tid, program=PROGRAM):
    """The policy of a thread, as the kernel shows it for the program's own file."""
    with open(f"/proc/{pid}/task/{tid}/numa_maps") as maps:
        return next(line.split()[1] for line in maps if "file=" + program in line)


class Waiting(harness.ProgramTest):
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


class MemoryPolicy(Waiting):
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
        self.assertEqual(answer["not_measured"], 2)  # the thread's and main's
        done = subprocess.run(command, capture_output=True, text=True, env=harness.clean_environment())
        self.assertIn("as asked as far as measured; not measured: 2 ", done.stdout)


class Main(Waiting):
    """A main thread that no rule names."""

    def main(self, process):
        return next(thread for thread in self.show(process.pid)["threads"] if thread["main"])

    def own_policy(self, command, policy=PREFERRED, before=()):
        """The memory policy of a program that prints the first line of its own numa_maps at its end."""
        done = subprocess.run([*before, harness.NODEWISE, "run", "-p", self.policy(policy), "--", *command], capture_output=True,
                              text=True, env=harness.clean_environment())
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.split()[1]

    def test_it_has_what_all_rules_name(self):
        process, tid = self.waiting(PREFERRED + '[[rules]]\nname = "named"\nmatch = { thread = "named" }\n')
        main = self.main(process)
        self.assertEqual(of_the_kernel(process.pid, process.pid), "prefer:0")
        self.assertEqual((main["rule"], main["memory_policy"], main["memory_outcome"]), ("(base)", "preferred:0", "strict"))
        why = self.nodewise("why", str(process.pid))
        self.assertRegex(why, r"(?m)^asked +CPUs [^ ]+, memory preferred 0$")
        self.assertRegex(why, r"(?m)^policy +preferred:0 read back, preferred:0 now$")
        _, thread = self.verified(process, process.pid)
        self.assertEqual((thread["policy"], thread["policy_verdict"]), ("preferred:0", "as-asked"))

    def test_it_keeps_the_programs_own_where_a_rule_says_otherwise(self):
        process, tid = self.waiting(PREFERRED + '[[rules]]\nname = "named"\nmatch = { thread = "named" }\n'
                                    'memory = { policy = "bind" }\n')
        self.assertEqual(of_the_kernel(process.pid, tid), "prefer:0")
        self.assertEqual(of_the_kernel(process.pid, process.pid), "default")
        self.assertIsNone(self.main(process)["memory_policy"])
        self.assertNotIn("memory preferred", self.nodewise("why", str(process.pid)))

    def test_the_plan_says_what_it_has_and_why(self):
        named = '[[rules]]\nname = "named"\nmatch = { thread = "named" }\n'
        for policy, memory, why in ((PREFERRED + named, "preferred 0", "shared"),
                                    (PREFERRED + named + 'memory = { policy = "bind" }\n', "default", "differs"),
                                    ('[defaults]\nmemory = { policy = "local" }\n', "default", "by_place"),
                                    (named + 'memory = { policy = "bind", nodes = "0" }\n', "default", "unmatched"),
                                    (named, "default", "not_asked")):
            _, document = self.plan(self.policy(policy))
            self.assertEqual((document["main"]["memory"], document["main"]["memory_why"]), (memory, why), policy)
            self.assertEqual(next(t for t in document["threads"] if t["main"])["memory"], memory, policy)
        _, document = self.plan(self.policy('[[rules]]\nname = "all"\nmatch = { main = true }\n'))
        self.assertIsNone(document["main"])

    def test_a_reload_gives_and_takes_it(self):
        """Only main itself can set it: with a call that makes a thread, once the worker has the plan."""
        none = '[defaults]\nbind_to = "node"\n'
        process = self.start([PYTHON, "-c", MAKES_THREADS], self.policy(none), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.assertEqual(process.stdout.readline(), b"ready\n")
        self.assertEqual(of_the_kernel(process.pid, process.pid, PYTHON), "default")
        for policy, wanted in (PREFERRED, "prefer:0"), (none, "default"):
            self.nodewise("reload", str(process.pid), "-p", self.policy(policy))

            def main_has_it():
                self.tell(process, b"")
                return of_the_kernel(process.pid, process.pid, PYTHON) == wanted

            wait_until(main_has_it, f"main has {wanted}")

    def test_children_have_it_where_they_are_governed_alone(self):
        child = ["sh", "-c", " ".join(FIRST_LINE) + "; :"]
        self.assertEqual(self.own_policy(child), "prefer:0")
        shells_alone = PREFERRED + '[target]\nexe = "*/*sh"\n'
        self.assertEqual(self.own_policy(child, shells_alone), "default")
        self.assertEqual(self.own_policy(["sh", "-c", "exec " + " ".join(FIRST_LINE)], shells_alone), "default")
        forked = "import os\nos.fork() or print(open('/proc/self/numa_maps').readline())"
        self.assertEqual(self.own_policy(["/usr/bin/python3", "-c", forked]), "prefer:0")

    def test_what_a_program_that_is_not_governed_was_started_with_stays(self):
        """The same policy as main would have: it is the starter's all the same."""
        policy = PREFERRED + '[target]\nexe = "/no/such/program"\n'
        self.assertEqual(self.own_policy(FIRST_LINE, policy, ["numactl", "--preferred=0"]), "prefer:0")
        self.assertEqual(self.own_policy(FIRST_LINE, policy.replace("exe", "comm"), ["numactl", "--preferred=0"]), "prefer:0")

    def test_what_the_program_chooses_within_stays(self):
        self.assertEqual(self.own_policy(["numactl", "--membind=0", *FIRST_LINE]), "bind:0")
        self.assertEqual(self.own_policy(["numactl", "--membind=0", *FIRST_LINE],
                                         PREFERRED + 'on_app_affinity = "ignore"\n'), "prefer:0")

    def test_it_is_set_with_two_calls_and_without_a_policy_with_none(self):
        """One that sets it and one that reads it back, beside the one that reads what the process was started with."""
        for policy, wanted in (PREFERRED, ["get", "set", "get"]), ('[defaults]\nbind_to = "node"\n', []):
            done = subprocess.run(["strace", "-e", "trace=execve,get_mempolicy,set_mempolicy", harness.NODEWISE, "run", "-p",
                                   self.policy(policy), "--", "true"], capture_output=True, text=True,
                                  env=harness.clean_environment())
            program = done.stderr.rpartition("execve(")[2]  # not the command, which has libnuma
            calls = [line[:3] for line in program.splitlines() if "_mempolicy(" in line]
            self.assertEqual(calls, wanted, done.stderr)


if __name__ == "__main__":
    harness.main()
