"""RLIMIT_AS and RLIMIT_DATA, inherited or set at run time by whatever call: malloc and the program's own mappings get as
much as without us, within 64 MiB, and what works without us works."""

import os
import resource
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness

PROGRAM = os.path.join(harness.BUILD, "tests", "interpose", "meets_limits")
CLOSE = 64  # MiB
MIB = 1 << 20
RESOURCES = {"as": resource.RLIMIT_AS, "data": resource.RLIMIT_DATA}
POLICY = '[defaults]\nbind_to = "none"\nmemory = { arena = "node" }\n'
IMPORTS = """
import resource, sys
soft, hard = resource.getrlimit(resource.RLIMIT_AS)
resource.setrlimit(resource.RLIMIT_AS, (400 << 20, hard))
import ctypes, threading, ssl, json
thread = threading.Thread(target=lambda: print("thread"))
thread.start()
thread.join()
try:
    bytearray(800 << 20)
except MemoryError:
    print("MemoryError")
print(len(bytearray(100 << 20)))
"""


class Limits(harness.ProgramTest):
    def setUp(self):
        super().setUp()
        self.plan = self.path("plan")
        self.nodewise("compile", "-p", self.policy(POLICY), "-o", self.plan)

    def environment(self, governed):
        return {"LD_PRELOAD": harness.SHIM, "NODEWISE_PLAN": self.plan} if governed else {}

    def outcome(self, command, governed, limit=None, stdin=None):
        """limit: (resource, MiB) that is there when it starts."""
        def set_limit():
            resource.setrlimit(RESOURCES[limit[0]], (limit[1] * MIB, resource.getrlimit(RESOURCES[limit[0]])[1]))

        process = self.start(command, way="plain", environment=self.environment(governed), stdin=stdin,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=set_limit if limit else None)
        return process

    def told(self, arguments, governed, limit=None):
        """{what: MiB or whether it worked} of the program."""
        process = self.outcome([PROGRAM, *arguments], governed, limit, subprocess.PIPE)
        if arguments[0] == "outside":
            self.assertEqual(process.stdout.readline(), b"ready\n")
            name = RESOURCES[arguments[1]]
            resource.prlimit(process.pid, name, (int(arguments[2]) * MIB, resource.prlimit(process.pid, name)[1]))
        output, errors = process.communicate(b"\n", timeout=harness.SECONDS * 2)
        self.assertEqual((errors, process.returncode), (b"", 0), output)
        return {what: int(number) for what, number in (line.split() for line in output.decode().splitlines())}

    def check(self, arguments, limit=None):
        plain, governed = (self.told(arguments, governed, limit) for governed in (False, True))
        self.assertEqual(plain.keys(), governed.keys())
        for what, number in plain.items():
            with self.subTest(arguments=arguments, limit=limit, what=what):
                if number < 2:
                    self.assertEqual(governed[what], number, governed)
                else:
                    self.assertGreaterEqual(governed[what], number - CLOSE, (plain, governed))
                    # glibc may waste some: all that there is, is what can be mapped
                    self.assertLessEqual(governed[what], max(number + CLOSE, plain["mappings"]), (plain, governed))

    def test_set_at_run_time(self):
        for name in RESOURCES:
            for most in ("40", "150", "600"):
                self.check(["setrlimit", name, most])

    def test_by_every_call(self):
        for way in ("setrlimit64", "prlimit", "prlimit64", "sys_prlimit64", "sys_setrlimit"):
            self.check([way, "as", "60"])

    def test_set_after_much_was_used_and_freed(self):
        for name in RESOURCES:
            self.check(["setrlimit", name, "300", "1000"])

    def test_set_from_outside(self):
        for name in RESOURCES:
            for used in ([], ["500"]):
                self.check(["outside", name, "300", *used])

    def test_inherited(self):
        for name in RESOURCES:
            for most in (40, 150, 600):
                self.check(["setrlimit", name, str(most + 100)], limit=(name, most))

    def test_what_counts_when_it_starts(self):
        """VmSize in MiB under a limit."""
        sizes = []
        for governed in (False, True):
            process = self.outcome(["grep", "VmSize", "/proc/self/status"], governed, ("as", 300))
            sizes.append(int(process.communicate()[0].split()[1]) >> 10)
        self.assertLessEqual(sizes[1], sizes[0] + 16)

    def test_python(self):
        process = self.outcome([sys.executable, "-c", IMPORTS], True)
        output, errors = process.communicate(timeout=harness.SECONDS)
        self.assertEqual((output, errors, process.returncode), (b"thread\nMemoryError\n104857600\n", b"", 0))

    def test_shells_that_limit_what_they_start(self):
        script = 'ulimit -v 300000; ls / >/dev/null && python3 -c "print(len(bytearray(100 << 20)))"'
        process = self.outcome(["bash", "-c", script], True)
        self.assertEqual(process.communicate(timeout=harness.SECONDS), (b"104857600\n", b""))


if __name__ == "__main__":
    harness.main()
