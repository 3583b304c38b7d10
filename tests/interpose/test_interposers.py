"""Beside other libraries that take functions over, and tools that look into programs: a governed program does the same with
them as it does with them alone."""

import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness

FOLDER = os.path.join(harness.BUILD, "tests", "interpose", "beside")
SUBJECT = os.path.join(FOLDER, "subject")
POLICY = '[defaults]\nbind_to = "none"\nmemory = { arena = "node" }\n'
EXPECTED = re.compile(r"\Amain \d+\nthreads \d+\nread 7 \S{7}\nlibrary 1\nchild \d+\n\Z")
TRACERS = [f"interposes_{kind}" for kind in ("next_malloc", "libc_malloc", "create", "mappings", "files", "parts", "symbols")]


class Beside(harness.ProgramTest):
    def setUp(self):
        super().setUp()
        self.plan = self.path("plan")
        self.nodewise("compile", "-p", self.policy(POLICY), "-o", self.plan)

    def outcome(self, command, preload=(), environment=None):
        """Output, errors and status, with these libraries preloaded."""
        variables = (environment or {}) | ({"LD_PRELOAD": ":".join(preload)} if preload else {})
        if harness.SHIM in preload:
            variables |= {"NODEWISE_PLAN": self.plan}
        process = self.start(command, way="plain", environment=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        output, errors = process.communicate(timeout=harness.SECONDS * 2)
        return output.decode(), errors.decode(), process.returncode

    def check(self, command, others=(), environment=None):
        """others: libraries that are preloaded; the shim comes before and behind them."""
        alone = self.outcome(command, others, environment)
        self.assertRegex(alone[0], EXPECTED)
        for place, preload in {"before": (harness.SHIM, *others), "behind": (*others, harness.SHIM)}.items():
            with self.subTest(command=command, others=others, place=place, environment=environment):
                self.assertEqual(self.outcome(command, preload, environment), alone)

    def test_libraries_that_take_functions_over(self):
        for name in TRACERS:
            self.check([SUBJECT], [os.path.join(FOLDER, f"lib{name}.so")])

    def test_all_of_them_at_once(self):
        self.check([SUBJECT], [os.path.join(FOLDER, f"lib{name}.so") for name in TRACERS if name != "interposes_libc_malloc"])

    def test_other_allocators(self):
        self.check([SUBJECT], ["libjemalloc.so.2"])

    def test_glibcs_debugging_malloc(self):
        for variables in ({}, {"MALLOC_CHECK_": "3"}, {"GLIBC_TUNABLES": "glibc.malloc.check=3"}, {"MALLOC_TRACE": "/dev/null"}):
            self.check([SUBJECT], ["libc_malloc_debug.so.0"], variables)

    def test_variables_of_glibcs_malloc(self):
        for variables in ({"MALLOC_PERTURB_": "77"}, {"MALLOC_ARENA_MAX": "1"}, {"GLIBC_TUNABLES": "glibc.malloc.tcache_count=0"},
                          {"GLIBC_TUNABLES": "glibc.pthread.rseq=0"}):
            self.check([SUBJECT], environment=variables)

    def test_an_old_glibc(self):
        """Where the shim looks functions up by itself, because libdl.so.2 may not be there (next.c)."""
        old = os.path.join(FOLDER, "libsays_glibc_2_31.so")
        asked = "import ctypes; ask = ctypes.CDLL(None).gnu_get_libc_version; ask.restype = ctypes.c_char_p; print(ask().decode())"
        self.assertEqual(self.outcome(["/usr/bin/python3", "-c", asked], [old])[0], "2.31\n")
        for name in (None, *TRACERS):
            self.check([SUBJECT], [old, *([os.path.join(FOLDER, f"lib{name}.so")] if name else [])])
        self.outcome([SUBJECT], [old, harness.SHIM], {"NODEWISE_LOG": self.path("log")})
        with open(self.path("log"), encoding="utf-8") as file:
            self.assertIn("active", file.read())

    def test_tools_that_preload(self):
        for command in (["fakeroot"], ["eatmydata"], ["faketime", "2020-01-01 00:00:00"], ["stdbuf", "-o0"]):
            self.check([*command, SUBJECT])

    def test_tools_that_trace(self):
        for command in (["strace", "-f", "-o", self.path("trace")], ["valgrind", "-q"]):
            self.check([*command, SUBJECT])

    def test_sanitizers(self):
        for name in ("undefined", "thread"):
            # without random addresses, which some versions of the sanitizer do not bear
            self.check(["setarch", "-R", f"{SUBJECT}_{name}"])

    def test_the_address_sanitizer(self):
        """Linked as a library, it demands to be the first, with any preload."""
        subject = f"{SUBJECT}_address"
        libraries = subprocess.run(["ldd", subject], capture_output=True, text=True, check=True).stdout
        runtime = re.findall(r"=> (\S*libasan\S*)", libraries)
        alone = self.outcome([subject])
        self.assertRegex(alone[0], EXPECTED)
        self.assertEqual(self.outcome([subject], [*runtime, harness.SHIM]), alone)


if __name__ == "__main__":
    harness.main()
