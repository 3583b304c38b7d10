"""Where telemetry has no room: a /dev/shm that is full, small, read-only or not there, and limits on the size of files.
The program runs as it does alone, and its threads are placed all the same. Each in a mount namespace of its own."""

import os
import shlex
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness
from harness import threads_of, wait_until

ZOO = os.path.join(harness.BUILD, "tests", "interpose")
# unshare(1) itself fails to do this in a chroot, whose root is no mount point.
PRIVATE = "for point in / /dev /dev/shm; do mount --make-rprivate $point 2>/dev/null; done"
FULL = "mount -t tmpfs -o size=64k tmpfs /dev/shm; head -c 1M /dev/zero >/dev/shm/filled 2>/dev/null"
STATES = {
    "full": FULL,
    **{f"room for {pages} pages": f"mount -t tmpfs -o size={4 * pages}k tmpfs /dev/shm" for pages in (1, 2, 3, 4, 6, 16)},
    "read-only": "mount -t tmpfs -o ro tmpfs /dev/shm",
    "not there": "mkdir dev; touch dev/null; mount --bind /dev/null dev/null; mount --bind dev /dev",
}


class NoRoom(harness.ProgramTest):
    def setUp(self):
        super().setUp()
        self.last = max(self.allowed)

    def begin(self, prepare, words=""):
        """A program in that state, with its plan outside of /dev/shm."""
        policy = self.policy(f'[[rules]]\nname = "io"\nmatch = {{ thread = "io" }}\ncpus = "{self.last}"\nbind_to = "cpu"\n{words}')
        self.nodewise("compile", "-p", policy, "-o", self.path("plan"))
        program = shlex.join(["env", f"LD_PRELOAD={harness.SHIM}", f"NODEWISE_PLAN={self.path('plan')}",
                              f"NODEWISE_LOG={self.path('log')}",
                              os.path.join(ZOO, "does_as_told")])
        process = self.start(["unshare", "-m", "--propagation", "unchanged", "bash", "-c",
                              f"{PRIVATE}; {prepare}; exec {program}"], way="plain",
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(process.stdout.readline(), b"ready\n", process.poll())
        return process

    def tell(self, process, line):
        process.stdin.write(line.encode() + b"\n")
        process.stdin.flush()
        answer = process.stdout.readline()
        self.assertEqual(answer, b"done\n", f"{line}: it ended with {process.poll()}")

    def check(self, prepare):
        process = self.begin(prepare)
        for _ in range(60):
            self.tell(process, "create")
        self.tell(process, "create io")
        wait_until(lambda: {"io": {self.last}}.items() <= dict(threads_of(process.pid).values()).items(), "io is placed")
        output, errors = process.communicate(timeout=harness.SECONDS)
        self.assertEqual((output, errors, process.returncode), (b"", b"", 0))

    def test_shared_memory(self):
        for state, prepare in STATES.items():
            with self.subTest(state):
                self.check(prepare)

    def test_limits_on_the_size_of_files(self):
        for blocks in (0, 1, 100, 250, 300, 1000):
            with self.subTest(blocks=blocks):
                self.check(f"ulimit -f {blocks}")


if __name__ == "__main__":
    harness.main()
