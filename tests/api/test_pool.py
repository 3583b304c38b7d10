"""Programs with pools (nodewise-pool.h), each alone, under the dormant shim and governed, as C and as C++ (test_api.py)."""

import contextlib
import os
import subprocess
import sys
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

    @contextlib.contextmanager
    def sitting(self, *arguments, policy=None, before=()):
        """A program with an open pool; ends when it is left."""
        program = os.path.join(harness.BUILD, "tests", "api", "pool_sits")
        if policy:
            before = (*before, harness.NODEWISE, "run", "-p", policy, "--")
        with subprocess.Popen([*before, program, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                              env=harness.clean_environment()) as process:
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


def field_of(pid, tid, name):
    with open(f"/proc/{pid}/task/{tid}/status", encoding="utf-8", errors="replace") as status:
        return next(line.split(":", 1)[1].split()[0] for line in status if line.startswith(name + ":"))


def state_of(pid, tid):
    return field_of(pid, tid, "State")


def switches_of(pid, tid):
    return int(field_of(pid, tid, "voluntary_ctxt_switches"))


if __name__ == "__main__":
    harness.main()
