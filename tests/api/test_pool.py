"""Programs with pools (nodewise-pool.h), each alone, under the dormant shim and governed, as C and as C++ (test_api.py)."""

import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import test_api
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness


class Pool(test_api.ApiTest):
    def test_tasks_run_once_and_waits_end(self):
        self.in_each_way("pool_tasks")

    def test_it_works_on_one_cpu(self):
        self.run_program("pool_tasks", before=("taskset", "-c", str(min(os.sched_getaffinity(0)))))

    def test_doors_loops_maps_and_ends(self):
        self.in_each_way("pool_doors")

    def test_joins_run_each_half_once_and_hide_none_from_the_idle(self):
        self.in_each_way("pool_joins")

    @contextlib.contextmanager
    def sitting(self, *arguments, policy=None, options=(), before=(), name="pool_sits", **variables):
        """A program with an open pool; ends when it is left."""
        program = os.path.join(harness.BUILD, "tests", "api", name)
        if policy:
            before = (*before, harness.NODEWISE, "run", "-p", policy, *options, "--")
        with subprocess.Popen([*before, program, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                              env=harness.clean_environment() | variables) as process:
            self.assertEqual(process.stdout.readline(), "ready\n")
            yield process
            told, _ = process.communicate("\n", timeout=harness.SECONDS)
            self.assertEqual(process.returncode, 0, told)

    def workers(self, process, prefix):
        """{name: CPUs} of the workers."""
        return {name: cpus for name, cpus in harness.threads_of(process.pid).values() if name.startswith(prefix + "-")}

    def test_workers_are_named_and_pinned(self):
        with self.sitting("numbers", "2") as process:
            workers = self.workers(process, "numbers")
            self.assertEqual(set(workers) >= {"numbers-0001", "numbers-0002"}, True, workers)
            self.assertEqual({len(cpus) for cpus in workers.values()}, {1})

    def test_64_workers_on_one_cpu_finish_and_then_sleep(self):
        cpu = str(min(os.sched_getaffinity(0)))
        with self.sitting("crowd", "64", before=("taskset", "-c", cpu)) as process:
            self.assertEqual(len(self.workers(process, "crowd")), 64)
            tids = [tid for tid, (name, _) in harness.threads_of(process.pid).items() if name.startswith("crowd-")]
            harness.wait_until(lambda: all(state_of(process.pid, tid) == "S" for tid in tids), "all of them sleep")
            before = [switches_of(process.pid, tid) for tid in tids]
            time.sleep(1)  # what is promised is that nothing happens in a second
            self.assertEqual([switches_of(process.pid, tid) for tid in tids], before)

    def test_the_policy_overrides_what_the_program_says(self):
        policy = self.path("policy.toml")
        with open(policy, "w", encoding="utf-8") as file:
            file.write('schema = 1\n[[pools]]\nname = "asked-for"\nthreads = "exactly:5"\ncpus = "+0"\nbind_to = "cpu"\n')
        first = {min(os.sched_getaffinity(0))}
        with self.sitting("asked-for", "1", policy=policy) as process:
            workers = self.workers(process, "asked-for")
            self.assertEqual(workers, {f"asked-for-000{n}": first for n in range(1, 6)})
        with self.sitting("another", "1", policy=policy) as process:
            self.assertLess(len(self.workers(process, "another")), 5)

    def beside_each_other(self, policy, name, *arguments):
        """Of each of two processes at once, the CPUs of its workers, or of its thread with a slot."""
        found = []
        with tempfile.TemporaryDirectory(prefix="nodewise-board-", dir="/dev/shm") as session, contextlib.ExitStack() as stack:
            for _ in range(2):
                process = stack.enter_context(self.sitting(*arguments, policy=policy, name=name, NODEWISE_OCCUPANCY="user",
                                                           XDG_RUNTIME_DIR=session))
                found.append(set().union(*(cpus for thread, cpus in harness.threads_of(process.pid).values()
                                           if thread.startswith("one-") or name != "pool_sits")))
        return found

    def test_pools_and_slots_of_several_processes_take_what_the_others_left(self):
        everywhere = self.policy('[defaults]\nbind_to = "none"\non_app_affinity = "respect"\n')
        workers = self.policy('[[pools]]\nname = "one"\nthreads = "exactly:1"\nbind_to = "cpu"\n', "pools.toml")
        for policy, name, *arguments in ((everywhere, "pool_sits", "one", "1"), (workers, "pool_sits", "one", "1"),
                                         (everywhere, "sits_in_a_slot")):
            with self.subTest(policy=policy, program=name):
                one, other = self.beside_each_other(policy, name, *arguments)
                self.assertTrue(one and other and not one & other, (one, other))

    def pools(self, pid):
        """Of each pool that `show` tells of, what it tells."""
        shown = json.loads(self.nodewise("show", str(pid), "--json"))
        return {pool["pool"]: pool for pool in shown.get("pools", [])}

    def ran(self, pid, name):
        return sum(node["run"] for node in self.pools(pid)[name]["nodes"])

    def governing(self, rules=0):
        text = 'schema = 1\n[defaults]\nbind_to = "none"\n'
        text += "".join(f'[[rules]]\nname = "rule-{i}"\nmatch = {{ thread = "nobody-{i}" }}\nbind_to = "none"\n' for i in range(rules))
        path = self.path(f"with-{rules}.toml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def test_what_it_does_is_seen_from_outside(self):
        with self.sitting("seen", "2", policy=self.governing()) as process:
            pool = self.pools(process.pid)["seen"]
            self.assertEqual((pool["open"], pool["unlisted"]), (1, 0))
            self.assertEqual(sum(node["workers"] for node in pool["nodes"]), len(self.workers(process, "seen")))
            self.assertEqual(self.ran(process.pid, "seen"), 1)
            for verb in "show", "report":
                self.assertRegex(self.nodewise(verb, str(process.pid)), r"POOL +NODE +WORKERS +TASKS.*\nseen +\d+ +\d+ +[01] ")
            top = self.nodewise("top", "--batch", "--count", "1", str(process.pid))
            self.assertRegex(top, rf"\npools\nPID .*\n{process.pid} +pool_sits +seen +\d+ +\d+ +[01] ")
            numbers = self.nodewise("metrics", "--once")
            self.assertRegex(numbers, rf'nodewise_pool_workers{{pid="{process.pid}".*pool="seen",node="\d+"}} \d+\n')
            ran = re.findall(rf'nodewise_pool_tasks_total{{pid="{process.pid}".*pool="seen",node="\d+"}} (\d+)\n', numbers)
            self.assertEqual(sum(map(int, ran)), 1)
            self.assertRegex(numbers, rf'nodewise_pool_stolen_tasks_total{{pid="{process.pid}".*from="remote"}} 0\n')

    def test_a_report_tells_of_it_when_it_is_over(self):
        report = self.path("report.json")
        with self.sitting("over", "2", policy=self.governing(), options=("--report", report)):
            pass
        with open(report, encoding="utf-8") as file:
            pool, = json.load(file)["pools"]
        self.assertEqual((pool["pool"], pool["open"]), ("over", 0))
        self.assertEqual(sum(node["run"] for node in pool["nodes"]), 1)

    def test_pools_of_one_name_are_counted_together(self):
        with self.sitting("again", "30", "50", policy=self.governing(), name="pool_again") as process:
            pool = self.pools(process.pid)["again"]
            self.assertEqual((pool["open"], pool["unlisted"], {node["workers"] for node in pool["nodes"]}), (0, 0, {0}))
            self.assertEqual(self.ran(process.pid, "again"), 500)
        with self.sitting("alone", "2", "3", name="pool_again"):
            pass

    def test_a_reload_loses_nothing_that_was_counted(self):
        for rules in 0, 5, 1000:  # in its place, and in another segment
            with self.subTest(rules=rules), self.sitting("stays", "2", policy=self.governing()) as process:
                self.nodewise("reload", str(process.pid), "-p", self.governing(rules))
                process.stdin.write("more\n")
                process.stdin.flush()
                self.assertEqual(process.stdout.readline(), "did more\n")
                harness.wait_until(lambda pid=process.pid: "stays" in self.pools(pid) and self.ran(pid, "stays") == 2,
                                   "what was counted before is there as well")


def field_of(pid, tid, name):
    with open(f"/proc/{pid}/task/{tid}/status", encoding="utf-8", errors="replace") as status:
        return next(line.split(":", 1)[1].split()[0] for line in status if line.startswith(name + ":"))


def state_of(pid, tid):
    return field_of(pid, tid, "State")


def switches_of(pid, tid):
    return int(field_of(pid, tid, "voluntary_ctxt_switches"))


if __name__ == "__main__":
    harness.main()
