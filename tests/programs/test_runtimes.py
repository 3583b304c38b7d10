"""Programs whose threads come from a runtime: OpenMP, OpenBLAS under Python, a JVM, std::thread, memcached."""

import json
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness
from harness import threads_of, wait_until

PYTHON = "/usr/bin/python3"


class Runtimes(harness.ProgramTest):
    def compile(self, name, compiler, *flags):
        source = os.path.join(os.path.dirname(__file__), name)
        program = self.path(name.partition(".")[0])
        subprocess.run([compiler, "-O1", "-o", program, source, *flags], check=True)
        return program

    def others(self, process, count, naming=lambda name: True):
        """{tid: (name, CPUs)} of at least `count` threads beside main whose names fit, once they are there."""

        def enough():
            found = {tid: thread for tid, thread in threads_of(process.pid).items()
                     if tid != process.pid and naming(thread[0])}
            return found if len(found) >= count else None

        return wait_until(enough, f"{count} threads")

    def check_places(self, process, threads, policy, spec):
        """The threads' masks are, as a multiset, what the plan announces for that many of them."""
        _, document = self.plan(policy, f"--thread={spec}={len(threads)}")
        announced = sorted(sorted(harness.cpu_list(t["cpus"])) for t in document["threads"] if not t["main"])
        wait_until(lambda: sorted(sorted(threads_of(process.pid)[tid][1]) for tid in threads) == announced,
                   f"{threads} are where the plan says: {announced}")
        self.assert_shown_as_it_is(process.pid)

    def test_where_the_pages_were_at_the_end(self):
        report = self.path("report.json")
        policy = self.policy(f'[report]\nat_exit = "full"\nfile = "{report}"\npages = true\n[defaults]\nbind_to = "cpu"\n')
        self.nodewise("run", "-p", policy, "--", PYTHON, "-c", "print(sum(range(100000)))")
        with open(report, encoding="utf-8") as file:
            pages = json.load(file)["pages"]
        self.assertGreater(pages["sampled"], 100)
        self.assertIn("arenas", {kind["kind"] for kind in pages["kinds"]})

    def test_openmp_threads_get_cores_and_names(self):
        program = self.compile("openmp_sum.c", "gcc", "-fopenmp")
        policy = self.policy('[[rules]]\nname = "omp"\nmatch = { start_library = "libgomp*.so*" }\n'
                             'distribution = "compact"\nlevel = "core"\nbind_to = "core"\nrename = "omp-{n}"\n')
        process = self.start([program], policy, environment={"OMP_NUM_THREADS": "4"}, stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE)
        threads = self.others(process, 3, lambda name: name.startswith("omp-"))
        self.assertEqual({name for name, _ in threads.values()}, {"omp-0001", "omp-0002", "omp-0003"})
        self.check_places(process, threads, policy, "start_library:libgomp.so.1")
        self.assertEqual(threads_of(process.pid)[process.pid][1], self.allowed, "main keeps the union")
        output, _ = process.communicate(b"\n", timeout=harness.SECONDS)
        self.assertEqual(output, b"499999500000\n")

    def test_openblas_threads_are_known_by_their_library(self):
        policy = self.policy('[[rules]]\nname = "blas"\nmatch = { start_library = "*openblas*" }\n'
                             'distribution = "round_robin"\nlevel = "cpu"\nbind_to = "cpu"\n')
        script = ("import numpy, sys\na = numpy.arange(250000.).reshape(500, 500)\n"
                  "print(int((a @ a)[0, 0]), flush=True)\nsys.stdin.readline()\n")
        process = self.start([PYTHON, "-c", script], policy, environment={"OPENBLAS_NUM_THREADS": "4"},
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        plain = subprocess.run([PYTHON, "-c", script], input=b"\n", capture_output=True, check=True)
        self.assertEqual(process.stdout.readline(), plain.stdout)
        count = min(4, os.cpu_count()) - 1  # OpenBLAS makes no more threads than the machine has CPUs
        self.check_places(process, self.others(process, count), policy, "start_library:libopenblas.so.0")

    def test_a_pinned_jvm_chooses_its_collector_as_without_us(self):
        """Its first thread is one that the launcher makes: on a core of its own it would see one CPU."""
        command = ["java", "-XX:+PrintFlagsFinal", "-version"]
        policy = self.policy('[defaults]\nbind_to = "cpu"\nlevel = "cpu"\ndistribution = "scatter"\n')
        def collectors(output):
            return [line.split() for line in output.splitlines() if re.search(r" Use\w+GC ", line) or "ParallelGCThreads" in line]
        plain = subprocess.run(command, capture_output=True, text=True, check=True, env=harness.clean_environment()).stdout
        self.assertGreater(len(collectors(plain)), 2)
        self.assertEqual(collectors(self.nodewise("run", "-p", policy, "--", *command)), collectors(plain))

    def test_jvm_threads_are_placed_by_their_late_names(self):
        policy = self.policy('[[rules]]\nname = "gc"\nmatch = { thread = "GC Thread#*" }\ndistribution = "scatter"\n'
                             'level = "cpu"\nbind_to = "cpu"\n'
                             '[[rules]]\nname = "jit"\nmatch = { thread = "C? CompilerThre*" }\ncpus = "+0"\n'
                             '[[rules]]\nname = "pool"\nmatch = { thread = "worker-*" }\nbind_to = "cpu"\n'
                             'distribution = "compact"\n')
        with open(os.path.join(os.path.dirname(__file__), "Pool.java")) as source, open(self.path("Pool.java"), "w") as to:
            to.write(source.read())
        subprocess.run(["javac", "-d", self.folder, self.path("Pool.java")], check=True)
        process = self.start(["java", "-XX:+UseParallelGC", "-XX:ParallelGCThreads=16", "-XX:-UseDynamicNumberOfGCThreads",
                              "-cp", self.folder, "Pool"], policy, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.assertEqual(process.stdout.readline(), b"ready 4\n")
        gc = self.others(process, 16, lambda name: name.startswith("GC Thread#"))
        self.check_places(process, gc, policy, "GC Thread#*")
        first = min(self.allowed)
        compilers = self.others(process, 1, lambda name: "CompilerThre" in name)
        wait_until(lambda: all(threads_of(process.pid)[tid][1] == {first} for tid in compilers), "compilers on one CPU")
        pool = self.others(process, 4, lambda name: name.startswith("worker-"))
        # on which CPU depends on what the other rules' threads left
        wait_until(lambda: all(len(threads_of(process.pid)[tid][1]) == 1 for tid in pool), "workers on a CPU each")
        shown = {thread["tid"]: thread for thread in self.show(process.pid)["threads"]}
        self.assertEqual({shown[tid]["rule"] for tid in pool}, {"pool"})
        self.assert_shown_as_it_is(process.pid)
        output, _ = process.communicate(b"\n", timeout=harness.SECONDS)
        self.assertEqual((output, process.returncode), (b"done\n", 0))

    def test_std_threads_are_known_by_their_library(self):
        program = self.compile("std_threads.cpp", "g++", "-pthread")
        policy = self.policy('[[rules]]\nname = "pool"\nmatch = { start_library = "libstdc++.so*" }\n'
                             'distribution = "compact"\nbind_to = "cpu"\n')
        process = self.start([program], policy, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        threads = self.others(process, 4)
        self.check_places(process, threads, policy, "start_library:libstdc++.so.6")
        output, _ = process.communicate(b"\n", timeout=harness.SECONDS)
        self.assertEqual((output, process.returncode), (b"4 joined\n", 0))

    def test_memcached_workers(self):
        policy = self.policy('[target]\ncomm = "memcached"\n[[rules]]\nname = "workers"\nmatch = { thread = "mc-worker" }\n'
                             'distribution = "round_robin"\nlevel = "cpu"\nbind_to = "cpu"\n'
                             '[[rules]]\nname = "rest"\nmatch = { main = false }\nbind_to = "node"\n')
        port = str(harness.free_port())
        process = self.start(["memcached", "-u", "root", "-l", "127.0.0.1", "-p", port, "-t", "4"], policy)
        workers = self.others(process, 4, lambda name: name == "mc-worker")
        wait_until(lambda: all(len(threads_of(process.pid)[tid][1]) == 1 for tid in workers), "workers on one CPU each")
        used = set().union(*(threads_of(process.pid)[tid][1] for tid in workers))
        self.assertEqual(len(used), min(4, len(self.allowed)), "spread over the CPUs")
        self.assertEqual({t["rule"] for t in self.show(process.pid)["threads"] if t["name"] == "mc-worker"}, {"workers"})
        rest = [t for t in self.show(process.pid)["threads"] if t["rule"] == "rest"]
        self.assertGreater(len(rest), 0)


if __name__ == "__main__":
    harness.main()
