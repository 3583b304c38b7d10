"""The samples of docs/api.md are whole programs: compiled as C17 and as C++17 without a warning, run alone and under the
shim. They end with 0 and print what the text says."""

import os
import re
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
LIBRARY = os.path.join(harness.BUILD, "shim", "api")
# What each prints on every machine, by the heading above it.
PRINTS = {
    "Where am I": r"slot \d+ of \d+, node index \d+ of \d+\n.+\n(under a policy|alone)\n",
    "A pin for a while": r"",
    "A thread for each core": r"(CPU \d of node [01]\n){8}",
    "Memory on nodes": r"100 % of the pages are where they should be\n",
    "A value for each node": r"",
    "Counters": r"1\n",
    "Pools": r"499500\n",
    "Work that divides itself": r"6765\n",
    "An exchange": r"(worker [01] started\n|worker ([01]): received: <hello, \2>\n){6}result: Ok\(0\)\nresult: Ok\(1\)\n",
    "A pipeline across processes": r"FROM STAGE TO STAGE \n",
    "Words counted by four workers": r"8\n",
    "Reads, writes and tasks in one loop": r"(without io_uring: .+\n)?(4 bytes: ELF\n|the task has run\n){2}2 have ended\n",
}


def samples():
    """{heading: program}"""
    with open(os.path.join(ROOT, "docs", "api.md"), encoding="utf-8") as file:
        parts = re.split(r"^##+ (.*)$", file.read(), flags=re.M)
    found = {}
    for heading, text in zip(parts[1::2], parts[2::2]):
        for program in re.findall(r"```c\n(.*?)```", text, re.S):
            found[heading] = program
    return found


def compile_sample(test, source, compiler, standard):
    """The program, which finds the library where it was built."""
    program = test.path(f"sample-{compiler}")
    # only what stands in the installed headers' folder may be needed; the build's own lies in shim/
    language = "c++" if compiler == "c++" else "c"
    done = subprocess.run([compiler, f"-std={standard}", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-pthread", "-x", language, source,
                           "-I", os.path.join(ROOT, "shim"), "-o", program, "-L", LIBRARY, "-lnodewise-api",
                           f"-Wl,-rpath,{LIBRARY}"], capture_output=True, text=True, timeout=harness.SECONDS)
    test.assertEqual((done.returncode, done.stderr), (0, ""))
    return program


class Guide(harness.ProgramTest):
    def prints(self, command, pattern):
        done = subprocess.run(command, capture_output=True, text=True, env=harness.clean_environment(), timeout=harness.SECONDS)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, rf"\A{pattern}\Z")

    def test_each_sample_compiles_and_does_what_it_says(self):
        self.assertEqual(list(samples()), list(PRINTS))
        policy = self.policy('[defaults]\ncpus = "all"\n')
        for heading, text in samples().items():
            source = self.path("sample.c")
            with open(source, "w", encoding="utf-8") as file:
                file.write(text)
            for compiler, standard in (("cc", "c17"), ("c++", "c++17")):
                with self.subTest(sample=heading, language=standard):
                    program = compile_sample(self, source, compiler, standard)
                    self.prints([program], PRINTS[heading])
                    self.prints([harness.NODEWISE, "run", "-p", policy, "--", program], PRINTS[heading])


if __name__ == "__main__":
    harness.main()
