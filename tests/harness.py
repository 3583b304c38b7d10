"""What tests of whole programs share: starting them under a policy in each of the three ways, and looking at them
from outside, through /proc, never through what nodewise says of itself alone.

The build folder is in NODEWISE_BUILD (settings.py). Only the standard library is used.
"""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

from settings import for_tools_of_the_tests, setting

BUILD = setting("NODEWISE_BUILD")
NODEWISE = os.path.join(BUILD, "tools", "nodewise")
SHIM = os.path.join(BUILD, "shim", "libnodewise.so")
FAULTY_SHIM = os.path.join(BUILD, "shim", "libnodewise-faults.so")
SECONDS = 60  # until something that must happen counts as not happening


def cpu_list(text):
    """The set of "0-3,8"."""
    cpus = set()
    for part in text.strip().split(","):
        if part:
            first, _, last = part.partition("-")
            cpus.update(range(int(first), int(last or first) + 1))
    return cpus


def threads_of(pid):
    """{tid: (name, CPUs)} of a process, from /proc. Threads that end meanwhile are left out."""
    found = {}
    for tid in os.listdir(f"/proc/{pid}/task"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            with open(f"/proc/{pid}/task/{tid}/status", errors="replace") as status:
                fields = dict(line.rstrip("\n").split(":\t", 1) for line in status if ":\t" in line)
            found[int(tid)] = (fields["Name"], cpu_list(fields["Cpus_allowed_list"]))
    return found


def wait_until(condition, what, seconds=SECONDS):
    """The first true value of condition()."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"after {seconds} s still not: {what}")
        time.sleep(0.02)


def cpu_seconds(pid, tid):
    """The time that a thread has run, from its start on."""
    with open(f"/proc/{pid}/task/{tid}/schedstat", encoding="ascii") as file:
        return int(file.read().split()[0]) / 1e9


def wait_until_run(pid, tids, seconds):
    """Until each of these busy threads has run for so long more: time, as they have it."""
    ends = {tid: cpu_seconds(pid, tid) + seconds for tid in tids}
    wait_until(lambda: all(cpu_seconds(pid, tid) >= end for tid, end in ends.items()), f"{seconds} s of each of {tids}")


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def is_executable(program):
    """Whether the kernel starts it: some do not have programs of 32 bits."""
    try:
        subprocess.run([program], capture_output=True)
    except OSError:
        return False
    return True


# Which places a test's threads get must not depend on what else runs under nodewise here.
os.environ.update(NODEWISE_OCCUPANCY="process")


def clean_environment():
    """A copy, which may be changed, of the environment that programs get anyway: settings.py took out what is ours."""
    return dict(os.environ)


def descendants(pid):
    """The processes that it, and they in turn, started, and that are there."""
    found = []
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as file:
                for child in map(int, file.read().split()):
                    found += [child, *descendants(child)]
    return found


class ProgramTest(unittest.TestCase):
    """A test with a folder of its own that leaves no process behind."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="nodewise-test-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.allowed = os.sched_getaffinity(0)

    def path(self, name):
        return os.path.join(self.folder, name)

    def policy(self, text, name="policy.toml"):
        with open(self.path(name), "w") as file:
            file.write("schema = 1\n" + text)
        return self.path(name)

    def nodewise(self, *arguments, code=0):
        """The output of the command, which must end with that code."""
        done = subprocess.run([NODEWISE, *arguments], capture_output=True, text=True, env=clean_environment(),
                              timeout=SECONDS)
        self.assertEqual(done.returncode, code, f"nodewise {arguments}: {done.stdout}{done.stderr}")
        return done.stdout

    def plan(self, policy, *arguments):
        """What `nodewise plan` announces: {thread: CPUs}, and the whole document."""
        document = json.loads(self.nodewise("plan", "-p", policy, "--json", *arguments))
        return {thread["thread"]: cpu_list(thread["cpus"]) for thread in document["threads"]}, document

    def wait_until_seen(self, pid):
        """Until `show` knows the process; a file of its number may be an earlier process's."""
        wait_until(lambda: subprocess.run([NODEWISE, "show", str(pid)], capture_output=True, env=clean_environment(),
                                          timeout=SECONDS).returncode == 0, f"process {pid} seen")

    def tell(self, process, line):
        """What a program that does as told (the zoo's does_as_told) answers before "done"."""
        process.stdin.write(line.encode() + b"\n")
        process.stdin.flush()
        answers = []
        while (answer := process.stdout.readline()) != b"done\n":
            self.assertTrue(answer, f"{line}: it ended with {process.poll()}")
            answers.append(answer.decode().strip())
        return answers

    def show(self, pid):
        return json.loads(self.nodewise("show", str(pid), "--json"))

    def start(self, command, policy=None, way="run", environment=None, **more):
        """Starts a program under a policy: way is "run", "preload", "keys" or "plain"."""
        variables = clean_environment() | (environment or {})
        if way == "run":
            command = [NODEWISE, "run", "-p", policy, "--", *command]
        elif way == "preload":
            variables |= {"LD_PRELOAD": SHIM, "NODEWISE_POLICY": policy}
        elif way == "keys":
            variables |= {"LD_PRELOAD": SHIM}
        elif way != "plain":
            raise ValueError(way)
        more.setdefault("stdout", subprocess.DEVNULL)
        more.setdefault("stderr", subprocess.DEVNULL)
        process = subprocess.Popen(command, env=variables, cwd=self.folder, **more)
        self.addCleanup(self.end, process)
        return process

    @staticmethod
    def end(process):
        """With all that it started: a server's workers would outlive a master that is killed."""
        if process.poll() is None:
            started = descendants(process.pid)
            process.kill()
            for pid in started:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        process.wait()
        for stream in (process.stdout, process.stderr, process.stdin):
            if stream:
                stream.close()

    def assert_shown_as_it_is(self, pid):
        """Every live thread that `show` lists has the CPUs that it says, and the CPUs that were asked for."""
        outside = threads_of(pid)
        for thread in self.show(pid)["threads"]:
            if thread["state"] == "live" and thread["tid"] in outside:
                self.assertEqual(cpu_list(thread["now"]), outside[thread["tid"]][1], thread)


def main():
    unittest.main(verbosity=2)
