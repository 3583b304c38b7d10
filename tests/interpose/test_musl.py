"""Programs for musl under the one library, which is built with glibc: they behave as without it, and are governed."""

import json
import os
import subprocess

import test_zoo
from test_zoo import SPREAD, harness

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
SOURCES = os.path.join(ROOT, "tests", "interpose", "zoo")
NOT_MUSLS = {"refused_thread"} # it replaces a function that is part of glibc alone


class Musl(test_zoo.Zoo):
    def program(self, name):
        program = self.path(name)
        if not os.path.exists(program):
            subprocess.run(["musl-gcc", "-O1", "-fno-builtin", "-D_GNU_SOURCE", "-I", ROOT, "-idirafter", "/usr/include", "-idirafter",
                            f"/usr/include/{os.uname().machine}-linux-gnu", os.path.join(SOURCES, name + ".c"), "-o", program],
                           check=True)
        return program

    def report(self, *command):
        path = self.path("report.json")
        subprocess.run([harness.NODEWISE, "run", "-p", self.policy(SPREAD), "--report", path, "--", *command], check=True,
                       stdout=subprocess.DEVNULL)
        with open(path, encoding="utf-8") as file:
            return json.load(file)

    def test_threads_have_ended_however_they_leave(self):
        """More of them than there are records."""
        for how in ("return", "exit", "cancelled"):
            with self.subTest(how=how):
                process = self.report(self.program("threads_that_leave"), how, "5000")["process"]
                self.assertEqual((process["threads_started"], process["threads_ended"], process["threads_unlisted"]),
                                 (5001, 5000, 0))

    def test_threads_and_memory_are_placed(self):
        report = self.report(self.program("threads_that_leave"), "return", "3")
        self.assertEqual([thread["outcome"] for thread in report["threads"] if not thread["main"]], ["strict"] * 3)
        self.assertGreater(sum(rule["allocations"] for rule in report["arenas"]["rules"]), 0)


def add_same_tests():
    def make(name, way):
        def test(self):
            self.assertEqual(self.outcome(name, self.policy(SPREAD), way), self.outcome(name, None, "plain"))
        return test

    for name in test_zoo.PROGRAMS:
        for way in ("run", "preload"):
            if name not in NOT_MUSLS:
                setattr(Musl, f"test_{name}_by_{way}", make(name, way))


add_same_tests()

if __name__ == "__main__":
    harness.main()
