"""Programs that are written against nodewise.h: alone, under the shim, under the dormant shim, as C and as C++.

A program ends with 1 and says on stderr what did not hold. It says nothing else, and neither does the library."""

import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness

POLICY = """schema = 1
[defaults]
cpus = "all"
"""


class ApiTest(harness.ProgramTest):
    def run_program(self, name, *arguments, faults=None, before=(), **environment):
        """The program's output; it must end with 0 and say nothing on stderr."""
        program = os.path.join(harness.BUILD, "tests", "api", name)
        variables = harness.clean_environment() | environment
        if faults is not None:
            variables |= {"LD_LIBRARY_PATH": os.path.join(harness.BUILD, "shim", "api", "faults"), "NODEWISE_FAULT": faults}
        done = subprocess.run([*before, program, *arguments], capture_output=True, text=True, env=variables,
                              timeout=harness.SECONDS)
        self.assertEqual((done.returncode, done.stderr), (0, ""), f"{name} {arguments} {environment}: {done.stdout}")
        return done.stdout

    def under_the_shim(self, name, *arguments, **environment):
        policy = self.path("policy.toml")
        with open(policy, "w", encoding="utf-8") as file:
            file.write(POLICY)
        return self.run_program(name, *arguments, before=(harness.NODEWISE, "run", "-p", policy, "--"), **environment)

    def in_each_way(self, name, *arguments):
        """As C and as C++: alone, with a dormant shim, and governed, when the program is told so."""
        for program in (name, name + "_cpp"):
            with self.subTest(program=program, way="alone"):
                self.run_program(program, *arguments)
            with self.subTest(program=program, way="dormant"):
                self.run_program(program, *arguments, LD_PRELOAD=harness.SHIM, NODEWISE_DISABLE="1")
            with self.subTest(program=program, way="governed"):
                self.under_the_shim(program, *arguments, "governed")


class Affinity(ApiTest):
    def test_it_follows_the_thread(self):
        self.in_each_way("who_am_i")

    def test_it_is_unknown_where_the_kernel_does_not_say(self):
        self.run_program("who_am_i", "unknown", faults="sched_getaffinity=EPERM")


if __name__ == "__main__":
    harness.main()
