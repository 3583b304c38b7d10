"""Every system call that the library makes fails once: at each of its occurrences, with each errno that a kernel, a filter
or a signal may give. The program does what it does alone."""

import collections
import os
import re
import sys

sys.path.insert(0, os.path.dirname(__file__))
from abuse import ALL, Matrix, harness

ERRORS = ("ENOMEM", "EPERM", "ENOSYS", "EINTR", "EAGAIN") if ALL else ("ENOMEM", "EPERM")
OCCURRENCES = 1000 if ALL else 2
# strace cannot make them fail, or there is no program behind them; whether the program or the worker makes a thread first
# changes from run to run, and so does who waits for a lock, whose wake-up is lost for good when it fails, libc's, too
LEFT_OUT = {"exit", "exit_group", "rt_sigreturn", "clone3", "futex"}


def calls_of_library(trace):
    """{(call, its number among its thread's calls of that name)} of those that the library makes itself, or through libc.
    strace counts for each thread alike: a number at which some thread makes a call of the program's own is left out."""
    counts = collections.Counter()
    found, others, call, frames = set(), set(), None, []

    def finish():
        if call:
            ours = any("libnodewise" in frame for frame in frames[:2]) and call[1] not in LEFT_OUT
            (found if ours else others).add((call[1], counts[call]))

    for line in trace:
        begun = re.match(r"(\d+)\s+(\w+)\(", line)
        if begun:
            finish()
            call, frames = (begun[1], begun[2]), []
            counts[call] += 1
        elif line.startswith(" > ") and call:
            frames.append(line)
    finish()
    return sorted(found - others)


def first_of_each(calls, most):
    seen = collections.Counter()
    for name, number in calls:
        seen[name] += 1
        if seen[name] <= most:
            yield name, number


class Errors(Matrix):
    def trace(self, program):
        path = self.path(f"trace-{program}")
        run = self.governed(["strace", "-f", "-k", "-o", path], program, "everything")
        self.assertTrue(run.governed, run)
        with open(path, encoding="utf-8", errors="replace") as file:
            return calls_of_library(file)

    def one(self, case):
        program, call, number, error = case
        plain = self.alone[program]
        run = self.governed(["strace", "-f", "-o", "/dev/null", "-e", f"trace={call}", "-e",
                             f"inject={call}:error={error}:when={number}"], program, "everything")
        return [self.compare(f"{error} for {call} number {number}, {program}", plain, run)]

    def check(self, program):
        self.alone = {program: self.plain([], program)}
        calls = list(first_of_each(self.trace(program), OCCURRENCES))
        self.assertGreater(len(calls), 20)
        self.check_all([(program, *call, error) for call in calls for error in ERRORS], self.one)

    def test_threads(self):
        self.check("crowd")

    @harness.unittest.skipUnless(ALL, "a part of the whole matrix")
    def test_children(self):
        self.check("forks")


if __name__ == "__main__":
    harness.main()
