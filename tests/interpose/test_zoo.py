"""Small programs that each do one odd thing, with and without the shim: they must behave the same, and their threads
must be where the policy says."""

import json
import os
import re
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness
from harness import cpu_list, threads_of, wait_until, wait_until_run

ZOO = os.path.join(harness.BUILD, "tests", "interpose")
KEYS = {"NODEWISE_DEFAULTS__BIND_TO": "cpu", "NODEWISE_DEFAULTS__DISTRIBUTION": "round_robin"}
SPREAD = '[defaults]\nbind_to = "cpu"\ndistribution = "round_robin"\n'

# What each prints is a promise of libc or the kernel, so the plain run is the reference.
PROGRAMS = ["all_thread_keys", "c11_threads", "child_without_environment", "closes_every_descriptor",
            "enters_strict_mode", "fork_among_busy_threads", "fork_then_thread", "main_leaves_by_pthread_exit", "named_by_creator",
            "named_by_prctl", "no_new_privileges", "opens_a_plugin", "pthread_exit_in_thread", "refused_thread",
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

    def waiting(self, name, policy, way="run", environment=None, ready=True, arguments=()):
        """The program, started and waiting for a line."""
        process = self.start([self.program(name), *arguments], policy, way, environment, stdin=subprocess.PIPE,
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

    def found(self, kind, *arguments):
        """The one thread beside main of a program of that kind, once it was found: as `show` has it."""
        policy = self.policy('[defaults]\nbind_to = "cpu"\ncpus = "%d"\n' % max(self.allowed))
        process = self.last = self.waiting("threads_of_every_kind", policy, arguments=[kind, *arguments])

        def look():
            threads = [t for t in self.show(process.pid)["threads"] if t["why"] == "adopted" and t["state"] == "live"]
            return threads[0] if threads else None

        thread = wait_until(look, f"a thread by {kind}", 10)
        return thread, threads_of(process.pid)[thread["tid"]][1]

    def test_threads_that_no_hook_saw_are_found(self):
        for kind, arguments in (("clone", ["quiet"]), ("timer", ["quiet"]), ("aio", ["quiet"]), ("instruction", [])):
            with self.subTest(kind=kind):
                thread, cpus = self.found(kind, *arguments)
                self.assertEqual((thread["rule"], thread["outcome"], cpus), ("defaults", "strict", {max(self.allowed)}))

    def test_a_thread_that_is_leaving_is_listed_once(self):
        self.found("leaving", "quiet")
        self.last.send_signal(signal.SIGUSR1)  # makes another one: when that is listed, all were looked at once more

        def listed():
            return sorted((t["why"], t["state"]) for t in self.show(self.last.pid)["threads"] if not t["main"])

        wait_until(lambda: listed().count(("adopted", "live")) > 1, "the other one is adopted", 10)
        self.assertEqual(listed(), [("adopted", "live"), ("adopted", "live"), ("birth", "ended")])

    def test_a_thread_that_cannot_be_noticed_is_named(self):
        """Made by the instruction itself, in a program that does nothing else: nobody tells, but `show` sees it."""
        process = self.waiting("threads_of_every_kind", self.policy(SPREAD), arguments=["instruction", "quiet"])
        unseen = wait_until(lambda: self.show(process.pid)["not_adopted"], "named as not adopted")
        self.assertEqual([thread["name"][:15] for thread in unseen], ["threads_of_ever"])

    def test_verify_says_whether_all_is_as_asked(self):
        process = self.waiting("sleeps_in_workers", self.policy(SPREAD))
        self.workers(process, 4)
        wait_until(lambda: len([t for t in self.show(process.pid)["threads"] if t["state"] == "live"]) == 5, "all listed")
        answer = json.loads(self.nodewise("verify", str(process.pid), "--json"))
        self.assertTrue(answer["as_asked"])
        self.assertEqual({thread["verdict"] for thread in answer["threads"]}, {"as-asked"})
        worker = next(tid for tid in threads_of(process.pid) if tid != process.pid)
        os.sched_setaffinity(worker, self.allowed)
        self.assertIn("drifted", self.nodewise("verify", str(process.pid), code=1))

    def test_an_idle_place_takes_from_a_crowded_one_and_then_all_stays(self):
        first, second = sorted(self.allowed)[:2]
        policy = self.policy(f'[defaults]\ncpus = "{first},{second}"\nbind_to = "cpu"\ndistribution = "round_robin"\n'
                             'rebalance = { steal = "any", interval = "200ms", min_residency = "300ms" }\n')
        process = self.waiting("some_are_busy", policy, arguments=["4", "2"])

        def placed():
            threads = sorted((t for t in self.show(process.pid)["threads"] if not t["main"]), key=lambda t: t["index"])
            return threads, [t["now"] for t in threads[::2]]

        wait_until(lambda: len(placed()[0]) == 4, "all there: two of them leave the others little time to be born")
        wait_until(lambda: len(set(placed()[1])) == 2, "the busy ones are apart")
        self.assertIn("balanced", {t["why"] for t in placed()[0]})
        before = placed()[1]
        wait_until_run(process.pid, [t["tid"] for t in placed()[0][::2]], 2)  # ten intervals
        self.assertEqual(placed()[1], before, "and stay so")

    def test_a_place_whose_threads_were_just_made_is_not_taken_for_idle(self):
        """Two are busy on the first CPU; when it is looked again there is one on the second, and nobody moves there."""
        first, last = min(self.allowed), max(self.allowed)
        policy = self.policy(f'[defaults]\ncpus = "{first},{last}"\nbind_to = "cpu"\ndistribution = "round_robin"\n'
                             'level = "cpu"\nrebalance = { steal = "any", interval = "1s", min_residency = "1s" }\n')
        process = self.waiting("some_are_busy", policy, arguments=["3", "2", "late"])
        wait_until(lambda: len(self.show(process.pid)["threads"]) == 5, "all listed")
        late = max(self.show(process.pid)["threads"], key=lambda thread: thread["index"])
        wait_until_run(process.pid, [late["tid"]], 2)  # alone on its CPU: two intervals
        self.assertNotIn("balanced", {t["why"] for t in self.show(process.pid)["threads"]})

    def test_the_number_of_the_process_is_a_condition(self):
        first, last = min(self.allowed), max(self.allowed)
        rules = (f'[[rules]]\nname = "first"\nmatch = {{ process_index = "0" }}\ncpus = "{first}"\n'
                 f'[[rules]]\nname = "others"\nmatch = {{ process_index = "1-" }}\ncpus = "{last}"\n')
        by_ledger = self.policy('[process]\ndistribution = "round_robin"\n' + rules, "ledger.toml")
        processes = [self.waiting("threads_of_every_kind", by_ledger, arguments=["none"]) for _ in range(3)]
        self.assertEqual([threads_of(process.pid)[process.pid][1] for process in processes], [{first}, {last}, {last}])
        by_rank = self.policy(rules, "rank.toml")
        for rank, cpus in (("0", {first}), ("3", {last})):
            process = self.waiting("threads_of_every_kind", by_rank, environment={"SLURM_LOCALID": rank}, arguments=["none"])
            self.assertEqual(threads_of(process.pid)[process.pid][1], cpus)

    def test_what_others_change_is_noticed_and_left(self):
        """taskset, or a cpuset that changes: told by the program itself the next time that it looks."""
        first, last = min(self.allowed), max(self.allowed)
        policy = self.policy(f'[[rules]]\nname = "main"\nmatch = {{ main = true }}\ncpus = "{first}"\n')
        process = self.waiting("threads_of_every_kind", policy, arguments=["none"])

        def told():
            main = next(thread for thread in self.show(process.pid)["threads"] if thread["main"])
            return main["outcome"], main["reason"]

        self.assertEqual(told(), ("strict", "ok"))
        os.sched_setaffinity(process.pid, {last})
        wait_until(lambda: told() == ("best_effort", "changed"), "noticed", 10)
        self.assertEqual(threads_of(process.pid)[process.pid][1], {last}, "and left")
        os.sched_setaffinity(process.pid, {first})
        wait_until(lambda: told() == ("strict", "ok"), "noticed again", 10)

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

    def test_a_filter_set_through_syscall_ends_placing(self):
        process = self.waiting("seccomp_refuses_affinity", self.policy(SPREAD), arguments=["seen"])
        state = self.show(process.pid)["process"]
        self.assertEqual((state["state"], state["state_reason"]), ("stopped", "sandboxed"))

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
        script = "grep Cpus_allowed_list /proc/$$/status; grep Cpus_allowed_list /proc/self/status; :"
        for target in ('comm = "sh"', f'exe = "{os.path.realpath("/bin/sh")}"'):
            policy = self.policy(f'[target]\n{target}\n[[rules]]\nname = "main"\nmatch = {{ main = true }}\nbind_to = "cpu"\n')
            for way in ("run", "preload"):
                process = self.start(["sh", "-c", script], policy, way, stdout=subprocess.PIPE)
                shell, child = [cpu_list(line.split()[-1]) for line in process.communicate()[0].decode().splitlines()]
                self.assertEqual((len(shell), child), (1, self.allowed), (target, way))

    def test_the_shim_allocates_nothing_in_thread_creation(self):
        plain = self.outcome("counts_allocations", None, "plain")[0]
        under = self.outcome("counts_allocations", self.policy(SPREAD), "run")[0]
        self.assertEqual(under, plain)


class HardEnforcement(Zoo):
    """What cannot be had ends the program before it has done anything."""

    MEMORY = '[defaults]\nbind_to = "none"\nenforcement = "hard"\nmemory = { policy = "bind" }\n'
    CPUS = '[defaults]\nbind_to = "cpu"\nenforcement = "hard"\n'

    def ended(self, policy, fault):
        """Status, output and errors of a program in which the kernel refuses that call."""
        self.nodewise("compile", "-p", self.policy(policy), "-o", self.path("hard.plan"))
        process = self.start([self.program("sleeps_in_workers")], way="plain", stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, environment={"LD_PRELOAD": harness.FAULTY_SHIM, "NODEWISE_FAULT": fault,
                                                                  "NODEWISE_PLAN": self.path("hard.plan")})
        output, errors = process.communicate(b"\n", timeout=harness.SECONDS)
        return process.returncode, output, errors

    def test_what_is_granted_runs(self):
        for policy in (self.MEMORY, self.CPUS):
            self.assertEqual(self.ended(policy, ""), (0, b"ready\n", b""))

    def test_the_shim_refuses_before_main(self):
        for policy, fault in ((self.MEMORY, "set_mempolicy=EPERM"), (self.MEMORY, "set_mempolicy=EINVAL"),
                              (self.CPUS, "sched_setaffinity=EPERM")):
            with self.subTest(fault=fault):
                status, output, errors = self.ended(policy, fault)
                self.assertEqual((status, output), (125, b""))
                self.assertIn(b"is hard and cannot be carried out", errors)

    def test_what_this_machine_lacks_ends_a_bare_preload_as_it_ends_run(self):
        for key, value in (("nodes", '"node:77"'), ("cpus", '"777"'), ("memory", '{ policy = "bind", nodes = "77" }')):
            policy = self.policy(f'[[rules]]\nname = "late"\nmatch = {{ thread = "late" }}\nenforcement = "hard"\n{key} = {value}\n')
            for command in (["true"], ["sh", "-c", "exec true"]):
                with self.subTest(key=key, command=command):
                    process = self.start(command, policy, "preload", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                    output, errors = process.communicate(timeout=harness.SECONDS)
                    self.assertEqual((process.returncode, output), (125, b""))
                    self.assertRegex(errors, rb"\Anodewise: rule `late` is hard and cannot be carried out: .*\n\Z")

    def test_what_this_machine_lacks_is_nothing_to_other_programs(self):
        policy = self.policy('[target]\ncomm = "other"\n[defaults]\nnodes = "node:77"\nenforcement = "hard"\n')
        process = self.start(["true"], policy, "preload", stderr=subprocess.PIPE)
        self.assertEqual((process.communicate()[1], process.returncode), (b"", 0))

    def test_run_refuses_with_125_and_says_why(self):
        policy = self.policy('[defaults]\nnodes = "node:77"\nenforcement = "hard"\n')
        process = self.start(["true"], policy, stderr=subprocess.PIPE)
        _, errors = process.communicate()
        self.assertEqual(process.returncode, 125)
        self.assertIn(b"E080", errors)


if __name__ == "__main__":
    harness.main()
