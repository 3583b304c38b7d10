"""Who has which place when threads come, go and get names: told step by step to one program (zoo/does_as_told.c)."""

import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness
from harness import threads_of, wait_until

ZOO = os.path.join(harness.BUILD, "tests", "interpose")


class Told(harness.ProgramTest):
    """A program that does as it is told, and its threads as `show` lists them."""

    def setUp(self):
        super().setUp()
        self.assertGreater(len(self.allowed), 1, "needs two CPUs")
        self.first, self.last = min(self.allowed), max(self.allowed)

    def told(self, policy, *lines, **more):
        process = self.start([os.path.join(ZOO, "does_as_told")], policy, stdin=subprocess.PIPE, stdout=subprocess.PIPE, **more)
        self.assertEqual(process.stdout.readline(), b"ready\n")
        for line in lines:
            self.tell(process, line)
        return process

    def threads(self, pid, count):
        """Of so many live threads beside main: in the order of their making."""
        def listed():
            threads = [thread for thread in self.show(pid)["threads"] if not thread["main"] and thread["state"] == "live"]
            return threads if len(threads) == count and all(t["outcome"] != "pending" for t in threads) else None

        self.wait_until_seen(pid)
        return sorted(wait_until(listed, f"{count} threads listed"), key=lambda thread: thread["index"])

    def thread(self, pid, name):
        def listed():
            return next((t for t in self.show(pid)["threads"] if t["name"] == name and t["state"] == "live"), None)

        return wait_until(listed, f"{name} listed")


class Start(Told):
    """A plan that was made for the whole machine, and a process that was started with less of it."""

    def run_under(self, cpus, words):
        self.nodewise("compile", "-p", self.policy(f"[defaults]\n{words}\n"), "-o", self.path("whole.plan"))
        return self.told(None, "create", way="plain", preexec_fn=lambda: os.sched_setaffinity(0, cpus),
                         environment={"LD_PRELOAD": harness.SHIM, "NODEWISE_PLAN": self.path("whole.plan")})

    def test_no_mask_goes_beyond_the_cpus_of_the_start(self):
        process = self.run_under({self.first}, f'bind_to = "none"\ncpus = "{self.first},{self.last}"')
        thread, = self.threads(process.pid, 1)
        self.assertEqual(threads_of(process.pid)[thread["tid"]][1], {self.first})
        self.assertEqual((thread["outcome"], thread["reason"]), ("best_effort", "narrowed"))

    def test_where_nothing_of_the_place_is_left_those_of_the_start_are_kept(self):
        process = self.run_under({self.first}, f'bind_to = "cpu"\ncpus = "{self.last}"')
        thread, = self.threads(process.pid, 1)
        self.assertEqual(threads_of(process.pid)[thread["tid"]][1], {self.first})
        self.assertEqual((thread["outcome"], thread["reason"]), ("none", "empty-set"))


class Order(Told):
    """Places follow the order of creation, whatever the order of the names."""

    def test_a_mask_of_the_program_stays_when_places_are_exchanged(self):
        policy = self.policy(f'[[rules]]\nname = "io"\nmatch = {{ thread = "io_*" }}\ncpus = "{self.first},{self.last}"\n'
                             f'bind_to = "cpu"\ndistribution = "round_robin"\non_app_affinity = "respect"\n')
        process = self.told(policy, "create", "create")
        self.threads(process.pid, 2) # a mask like the creator's, set before the thread runs, is not told from none
        for line in ("name 2 io_2", "widen 2"):
            self.tell(process, line)
        self.assertEqual(threads_of(process.pid)[self.thread(process.pid, "io_2")["tid"]][1], self.allowed)
        self.tell(process, "name 1 io_1")
        io_1 = self.thread(process.pid, "io_1")["tid"]
        wait_until(lambda: threads_of(process.pid)[io_1][1] == {self.first}, "the first thread has the first place")
        io_2 = self.thread(process.pid, "io_2")
        self.assertEqual(threads_of(process.pid)[io_2["tid"]][1], self.allowed, "what the program asked for")


class Exclusive(Told):
    def alone(self):
        return self.policy(f'[[rules]]\nname = "alone"\nmatch = {{ thread = "alone" }}\ncpus = "{self.first}"\n'
                           'bind_to = "cpu"\nexclusive = true\n[defaults]\nbind_to = "none"\n')

    def assert_alone(self, pid):
        thread = self.thread(pid, "alone")
        self.assertEqual((thread["outcome"], thread["exclusive"]), ("strict", True), thread)
        self.assertEqual(threads_of(pid)[thread["tid"]][1], {self.first})

    def test_threads_that_run_make_way(self):
        process = self.told(self.alone(), "create")
        there, = self.threads(process.pid, 1)
        self.assertEqual(threads_of(process.pid)[there["tid"]][1], self.allowed)
        self.tell(process, "create alone")
        self.assert_alone(process.pid)
        wait_until(lambda: threads_of(process.pid)[there["tid"]][1] == self.allowed - {self.first}, "the other made way")

    def test_the_place_of_a_thread_that_ended_is_free(self):
        process = self.told(self.alone(), "create alone", "end 1", "create alone")
        self.assert_alone(process.pid)

    def test_two_cannot_have_it(self):
        process = self.told(self.alone(), "create alone", "create alone")
        threads = self.threads(process.pid, 2)
        self.assertEqual([(t["exclusive"], t["reason"]) for t in threads], [(True, "ok"), (False, "no-free-slot")])

    def test_places_are_free_in_a_forked_child(self):
        process = self.told(self.alone(), "create alone")
        self.assert_alone(process.pid)
        child = int(self.tell(process, "fork")[0])
        self.tell(process, "create alone")
        self.threads(child, 1)
        self.assert_alone(child)
        self.assertEqual(self.thread(child, "alone")["index"], 1, "counted from its own first thread")


class Names(Told):
    RULES = ('[[rules]]\nname = "named"\nmatch = { thread = "worker" }\nbind_to = "cpu"\n'
             '[[rules]]\nname = "unnamed"\nmatch = { unnamed = true }\nbind_to = "none"\n')

    def rules(self, process, count):
        return [thread["rule"] for thread in self.threads(process.pid, count)]

    def test_one_that_is_given_before_the_thread_runs(self):
        process = self.told(self.policy(self.RULES), "burst 40 worker", preexec_fn=lambda: os.sched_setaffinity(0, {self.first}))
        wait_until(lambda: self.rules(process, 40) == ["named"] * 40, "all have the rule of their name")

    def test_one_that_is_given_later(self):
        process = self.told(self.policy(self.RULES), "create")
        self.assertEqual(self.rules(process, 1), ["unnamed"])
        self.tell(process, "name 1 worker")
        wait_until(lambda: self.rules(process, 1) == ["named"], "the rule of its name")

    def test_the_creators_name_is_none(self):
        """The kernel gives it to every new thread, so it says nothing."""
        process = self.told(self.policy(self.RULES), "create worker")
        wait_until(lambda: self.rules(process, 1) == ["named"], "the rule of its name")
        self.tell(process, "name 1 does_as_told")
        wait_until(lambda: self.rules(process, 1) == ["unnamed"], "the rule of those without")


if __name__ == "__main__":
    harness.main()
