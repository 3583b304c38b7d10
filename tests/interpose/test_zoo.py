"""Small programs that each do one odd thing, with and without the shim: they must behave the same, and their threads
must be where the policy says."""

import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness
from harness import cpu_list, threads_of, wait_until

ZOO = os.path.join(harness.BUILD, "tests", "interpose")
KEYS = {"NODEWISE_DEFAULTS__BIND_TO": "cpu", "NODEWISE_DEFAULTS__DISTRIBUTION": "round_robin"}
SPREAD = '[defaults]\nbind_to = "cpu"\ndistribution = "round_robin"\n'

# What each prints is a promise of libc or the kernel, so the plain run is the reference.
PROGRAMS = ["all_thread_keys", "c11_threads", "child_without_environment", "closes_every_descriptor",
            "fork_among_busy_threads", "fork_then_thread", "main_leaves_by_pthread_exit", "named_by_creator",
            "named_by_prctl", "no_new_privileges", "pthread_exit_in_thread", "refused_thread",
            "seccomp_refuses_affinity", "sleeps_in_workers", "smallest_stack", "ten_thousand_threads",
            "thread_from_constructor", "vfork_exec", "waits_for_no_child"]


class Zoo(harness.ProgramTest):
    def program(self, name):
        return os.path.join(ZOO, name)

    def outcome(self, name, policy, way):
        environment = KEYS if way == "keys" else None
        process = self.start([self.program(name)], policy, way, environment, stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        output, errors = process.communicate(b"\n" * 8, timeout=harness.SECONDS)
        # The empty environment of a child has only what the loader of that child would see anyway.
        return output, errors, process.returncode

    def waiting(self, name, policy, way="run", environment=None, ready=True):
        """The program, started and waiting for a line."""
        process = self.start([self.program(name)], policy, way, environment, stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE)
        if ready:
            process.stdout.readline()
        return process

    def workers(self, process, count):
        def enough():
            found = {tid: cpus for tid, (_, cpus) in threads_of(process.pid).items() if tid != process.pid}
            return found if len(found) >= count else None

        return wait_until(enough, f"{count} workers")


class SameAsWithoutUs(Zoo):
    """Output, errors and status of each program, in each way of starting."""


def add_same_tests():
    def make(name, way):
        def test(self):
            policy = self.policy(SPREAD)
            self.assertEqual(self.outcome(name, policy, way), self.outcome(name, None, "plain"))
        return test

    for name in PROGRAMS:
        for way in ("run", "preload", "keys"):
            setattr(SameAsWithoutUs, f"test_{name}_by_{way}", make(name, way))


add_same_tests()


class Placement(Zoo):
    def check_workers(self, process, policy, count=4):
        announced, _ = self.plan(policy, f"--thread=unnamed={count}")
        masks = self.plan(policy, f"--thread=unnamed={count}")[1]["threads"]
        expected = sorted(sorted(cpu_list(t["cpus"])) for t in masks if not t["main"])
        wait_until(lambda: sorted(map(sorted, self.workers(process, count).values())) == expected,
                   f"{self.workers(process, count)} as announced: {expected}")
        return announced

    def test_each_way_places_the_workers_as_announced(self):
        policy = self.policy(SPREAD)
        for way in ("run", "preload", "keys"):
            with self.subTest(way=way):
                process = self.waiting("sleeps_in_workers", policy, way, KEYS if way == "keys" else None)
                self.check_workers(process, policy)
                self.assertEqual(threads_of(process.pid)[process.pid][1], self.allowed, "main keeps the union")

    def test_names_given_by_another_thread_decide(self):
        policy = self.policy('[[rules]]\nname = "w"\nmatch = { thread = "worker-*" }\nbind_to = "cpu"\n'
                             'distribution = "compact"\n')
        process = self.waiting("named_by_creator", policy)
        announced, _ = self.plan(policy, "--thread=worker-*=3")

        def placed():
            threads = threads_of(process.pid)
            return all(cpus == announced[name] for name, cpus in threads.values() if name.startswith("worker-"))

        wait_until(placed, "workers where announced")

    def test_a_name_by_prctl_decides(self):
        policy = self.policy('[[rules]]\nname = "w"\nmatch = { thread = "worker-1" }\nbind_to = "cpu"\n')
        process = self.waiting("named_by_prctl", policy)
        worker = next(cpus for name, cpus in threads_of(process.pid).values() if name == "worker-1")
        self.assertEqual(len(worker), 1)

    def test_a_c11_thread_is_placed(self):
        process = self.waiting("c11_threads", self.policy(SPREAD), ready=False)
        wait_until(lambda: all(len(c) == 1 for c in self.workers(process, 1).values()), "on one CPU")

    def test_where_no_rule_matches_the_base_state_is_restored(self):
        policy = self.policy('[[rules]]\nname = "main"\nmatch = { main = true }\nbind_to = "cpu"\n')
        process = self.waiting("sleeps_in_workers", policy)
        self.assertEqual(len(threads_of(process.pid)[process.pid][1]), 1)
        wait_until(lambda: all(c == self.allowed for c in self.workers(process, 4).values()), "workers on all CPUs")
        self.assertEqual({t["rule"] for t in self.show(process.pid)["threads"] if not t["main"]}, {"(base)"})

    def test_index_and_unnamed_are_conditions(self):
        policy = self.policy('[[rules]]\nname = "first"\nmatch = { index = "1-2" }\ncpus = "+0"\n'
                             '[[rules]]\nname = "rest"\nmatch = { unnamed = true }\nbind_to = "none"\n')
        process = self.waiting("sleeps_in_workers", policy)
        self.workers(process, 4)

        def listed():
            threads = [t for t in self.show(process.pid)["threads"] if not t["main"]]
            return threads if len(threads) == 4 else None

        threads = sorted(wait_until(listed, "four workers listed"), key=lambda thread: thread["index"])
        rules = [thread["rule"] for thread in threads]
        self.assertEqual(rules, ["first", "first", "rest", "rest"])

    def test_exclusive_places_go_to_one_thread_each(self):
        policy = self.policy('[[rules]]\nname = "x"\nmatch = { unnamed = true }\nbind_to = "cpu"\nexclusive = true\n'
                             'distribution = "compact"\nsmt = "allow"\n')
        process = self.waiting("sleeps_in_workers", policy)
        self.workers(process, 4)

        def listed():
            threads = [t for t in self.show(process.pid)["threads"] if t["rule"] == "x" and t["outcome"] != "pending"]
            return threads if len(threads) == 4 else None

        threads = wait_until(listed, "four threads under the rule")
        alone = [t for t in threads if t["exclusive"]]
        self.assertEqual(len({t["asked"] for t in alone}), len(alone), "no CPU is given twice")
        for thread in threads:
            if not thread["exclusive"]:
                self.assertEqual((thread["outcome"], thread["reason"]), ("best_effort", "no-free-slot"))

    def test_ended_threads_leave_their_rule(self):
        for name, placed in (("pthread_exit_in_thread", 150), ("ten_thousand_threads", 10000)):
            with self.subTest(program=name):
                process = self.waiting(name, self.policy(SPREAD), ready=False)
                rule = lambda: next(r for r in self.show(process.pid)["rules"] if r["name"] == "defaults")
                self.wait_until_seen(process.pid)
                wait_until(lambda: rule()["placed"] == placed and rule()["live"] == 0, f"{placed} placed, none left")

    def test_more_threads_than_the_list_holds_are_placed_and_counted(self):
        process = self.waiting("five_thousand_at_once", self.policy(SPREAD))
        for tid, cpus in self.workers(process, 5000).items():
            self.assertEqual(len(cpus), 1, tid)
        shown = self.show(process.pid)
        self.assertEqual(shown["process"]["threads_started"], 5001)
        self.assertGreater(shown["process"]["threads_unlisted"], 0)

    def test_a_program_that_locks_itself_in_is_left_alone_from_then_on(self):
        process = self.waiting("no_new_privileges", self.policy(SPREAD))
        wait_until(lambda: all(c == self.allowed for c in self.workers(process, 1).values()), "not placed")
        state = self.show(process.pid)["process"]
        self.assertEqual((state["state"], state["state_reason"]), ("stopped", "sandboxed"))

    @staticmethod
    def is_root():
        return os.geteuid() == 0

    def test_a_refused_call_is_recorded_and_the_thread_runs(self):
        self.assertTrue(self.is_root(), "this test sets a seccomp filter without no_new_privs and needs root")
        process = self.waiting("seccomp_refuses_affinity", self.policy(SPREAD))
        self.workers(process, 1)

        def refused():
            threads = [t for t in self.show(process.pid)["threads"] if not t["main"]]
            return threads and (threads[0]["outcome"], threads[0]["reason"]) == ("none", "eperm")

        wait_until(refused, "none(eperm) is shown")

    def test_a_daemon_is_placed_after_its_fork(self):
        sign = self.path("sign")
        process = self.start([self.program("daemonizes"), sign], self.policy(SPREAD))
        self.assertEqual(process.wait(timeout=harness.SECONDS), 0)

        def ran():
            if not os.path.exists(sign):
                return False
            with open(sign) as file:
                return file.read() == "thread ran"

        wait_until(ran, "the daemon's thread ran")

    def test_a_child_that_is_no_target_gets_its_creators_base_cpus(self):
        policy = self.policy('[target]\ncomm = "sh"\n[[rules]]\nname = "main"\nmatch = { main = true }\nbind_to = "cpu"\n')
        process = self.start(["sh", "-c", "grep Cpus_allowed_list /proc/$$/status; grep Cpus_allowed_list /proc/self/status; :"],
                             policy, stdout=subprocess.PIPE)
        shell, child = [cpu_list(line.split()[-1]) for line in process.communicate()[0].decode().splitlines()]
        self.assertEqual((len(shell), child), (1, self.allowed))

    def test_the_shim_allocates_nothing_in_thread_creation(self):
        plain = self.outcome("counts_allocations", None, "plain")[0]
        under = self.outcome("counts_allocations", self.policy(SPREAD), "run")[0]
        self.assertEqual(under, plain)


class HardEnforcement(Zoo):
    def test_run_refuses_with_125_and_says_why(self):
        policy = self.policy('[defaults]\nnodes = "node:77"\nenforcement = "hard"\n')
        process = self.start(["true"], policy, stderr=subprocess.PIPE)
        _, errors = process.communicate()
        self.assertEqual(process.returncode, 125)
        self.assertIn(b"E080", errors)


if __name__ == "__main__":
    harness.main()
