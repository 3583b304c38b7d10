"""A seccomp filter that was there before the program: killing for a call or answering it with an error, for every system
call without which the program alone gets along."""

import errno
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(__file__))
from abuse import ALL, POLICIES, PROGRAMS, REFUSE, Matrix, harness

ANSWERS = {"kill": "kill", **{name: str(getattr(errno, name)) for name in ("EPERM", "ENOSYS", "ENOMEM", "EINTR", "EAGAIN")}}
# The calls that the library and the command make again when a signal came between.
MADE_AGAIN = ("wait4", "waitid", "read", "write", "pread64", "poll", "ppoll", "flock", "nanosleep", "clock_nanosleep", "futex")
TRIES = {"NODEWISE_FILTER": "try"}
# A user who says that the filter permits clone, where it does not.
LIES = {("kill", "clone"), ("kill-thread", "clone"), ("trap", "clone")}


def system_calls():
    """{name: number} of this machine's table, from the kernel's header."""
    for header in ("asm/unistd_64.h", "asm-generic/unistd.h"):
        for folder in ("/usr/include/x86_64-linux-gnu", "/usr/include"):
            path = os.path.join(folder, header)
            if os.path.exists(path):
                with open(path, encoding="utf-8") as file:
                    return {name: int(number) for name, number in re.findall(r"#define __NR_(\w+)\s+(\d+)$", file.read(), re.M)}
    raise FileNotFoundError("asm/unistd_64.h: libc6-dev has it")


CALLS = system_calls()
SHIM = os.path.join(os.path.dirname(__file__), "..", "..", "shim")


def calls_in_source():
    """What the library makes itself, by its name there: what it goes over to where a call is refused is among that."""
    found = set()
    for folder, _, files in os.walk(SHIM):
        for name in files:
            if name.endswith((".c", ".h")):
                with open(os.path.join(folder, name), encoding="utf-8") as file:
                    found |= set(re.findall(r"\bSYS_(\w+)", file.read()))
    return found


# What libc goes over to, for the programs and the command.
SECOND_CHOICES = {"clone", "fork", "vfork", "open", "stat", "fstat", "lstat", "access", "readlink", "pipe", "dup2", "poll", "select",
                  "epoll_wait", "getrlimit", "setrlimit", "time", "gettimeofday", "nanosleep", "tkill", "kill", "utime", "unlink", "exit"}


class Filters(Matrix):
    def one(self, case):
        """Each program, policy and way for one call and one answer."""
        name, number, answer, programs, policies, ways = case
        condition = [REFUSE, str(number), ANSWERS.get(answer, answer)]
        for program in programs:
            plain = self.plain(condition, program)
            if not plain.same(self.alone[program]):
                self.counts["not without the call"] += 1
                continue
            for policy in policies:
                for way in ways:
                    variables = TRIES if way == "try" else {}
                    if way == "try" and (answer, name) in LIES:
                        self.counts["exceptions (clone that kills, NODEWISE_FILTER=try)"] += 1
                        continue
                    run = self.governed(condition, program, policy, variables, "run" if way == "run" else "preload")
                    yield self.compare(f"{answer} {name}, {program}, {policy}, {way}", plain, run)

    def setUp(self):
        self.alone = {program: self.plain([], program) for program in PROGRAMS}

    def matrix(self, answers, programs, policies, ways, names=tuple(CALLS)):
        cases = [(name, CALLS[name], answer, programs, policies, ways)
                 for name in names if name in CALLS for answer in answers]
        self.check_all(cases, lambda case: list(self.one(case)))

    def test_programs_are_governed_without_a_filter(self):
        """Else the matrix would compare nothing."""
        for program in PROGRAMS:
            for policy in POLICIES:
                for way in ("preload", "run"):
                    if policy == "none" and way == "run":
                        continue
                    with self.subTest(program=program, policy=policy, way=way):
                        run = self.governed([], program, policy, {}, way)
                        self.assertTrue(run.same(self.alone[program]), run)
                        self.assertEqual(run.governed, policy not in ("none", "dormant"), run)

    def calls_that_are_made(self):
        """By the program, the library and the command, in each way; a filter for another call changes nothing."""
        traced, found = self.path("traced"), calls_in_source() | SECOND_CHOICES
        for way in "preload", "run":
            run = self.governed(["strace", "-f", "-qq", "-o", traced], "crowd", "everything", {}, way)
            self.assertTrue(run.governed, run)
            with open(traced, encoding="utf-8", errors="replace") as file:
                found |= {match[1] for match in (re.match(r"\d+ +(?:<\.\.\. )?(\w+)", line) for line in file) if match}
        names = tuple(name for name in CALLS if name in found)
        self.assertGreater(len(names), 60, names)
        return names

    def test_each_call(self):
        """The part that finds most."""
        names = tuple(CALLS) if ALL else self.calls_that_are_made()
        self.matrix(("kill",), ("crowd",), ("everything",), ("preload", "try", "run"), names)
        self.matrix(("EPERM",), ("crowd",), ("everything",), ("try",), names)

    def test_a_call_that_is_always_interrupted(self):
        self.matrix(("EINTR",), ("crowd",), ("everything",), ("preload", "try", "run"), MADE_AGAIN)

    def test_a_command_that_waits_for_the_program(self):
        """An end that was not told is no success."""
        command = [REFUSE, str(CALLS["wait4"]), ANSWERS["EINTR"], harness.NODEWISE, "run", "--require-locality", "50", "--", "true"]
        done = subprocess.run(command, capture_output=True, text=True, env=harness.clean_environment(), timeout=harness.SECONDS)
        self.assertEqual((done.returncode, done.stderr),
                         (125, "nodewise: how the program ended was not told: Interrupted system call\n"))

    def test_a_large_object_grows_without_mremap(self):
        """glibc's own realloc is killed."""
        grows = os.path.join(harness.BUILD, "tests", "interpose", "grows_large")
        for answer in "kill", "EPERM":
            with self.subTest(answer=answer):
                done = subprocess.run([REFUSE, str(CALLS["mremap"]), ANSWERS[answer], harness.NODEWISE, "run", "--", grows],
                                      text=True, capture_output=True, env=harness.clean_environment() | TRIES,
                                      timeout=harness.SECONDS)
                self.assertEqual((done.stdout.split()[:1], done.stderr, done.returncode), (["kept"], "", 0))

    def rotated(self, answer):
        """Every program for every call; of the policies and ways the first, and two more in turn, so that each has many calls."""
        pairs = [(policy, way) for policy in POLICIES for way in ("preload", "try", "run") if (policy, way) != ("none", "run")]
        cases = []
        for place, (name, number) in enumerate(CALLS.items()):
            for other, program in enumerate(PROGRAMS):
                first = 2 * place + 7 * other
                for policy, way in {("everything", "preload"), *(pairs[(first + i) % len(pairs)] for i in range(2))}:
                    cases.append((name, number, answer, (program,), (policy,), (way,)))
        self.check_all(cases, lambda case: list(self.one(case)))

    def test_each_call_of_programs_with_one_thread(self):
        self.matrix(("kill",), ("alone",), ("dormant",), ("preload",))


def add_whole_tests():
    def make(answer):
        @harness.unittest.skipUnless(ALL, "a part of the whole matrix")
        def test(self):
            self.rotated(answer)
        return test

    for answer in ANSWERS:
        setattr(Filters, f"test_each_call_of_every_program_{answer}", make(answer))


add_whole_tests()

if __name__ == "__main__":
    harness.main()
