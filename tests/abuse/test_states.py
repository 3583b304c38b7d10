"""Limits of the process, and folders that are missing, read-only, full or hidden. Each in a mount namespace of its own
(root)."""

import os
import resource
import sys

sys.path.insert(0, os.path.dirname(__file__))
from abuse import ALL, PROGRAMS, Matrix, harness

PRIVATE = "for point in / /dev /dev/shm /run /sys /proc; do mount --make-rprivate $point 2>/dev/null; done"
FOLDERS = {
    "nothing": ":",
    "/dev/shm full": "mount -t tmpfs -o size=16k tmpfs /dev/shm; head -c 1M /dev/zero >/dev/shm/filled 2>/dev/null; :",
    "/dev/shm read-only": "mount -t tmpfs -o ro tmpfs /dev/shm",
    "/dev/shm not to be entered": "mount -t tmpfs -o mode=0000 tmpfs /dev/shm",
    "/dev/shm with a file in the way": "mount -t tmpfs tmpfs /dev/shm; touch /dev/shm/nodewise.0",
    "/run read-only": "mount -t tmpfs -o ro tmpfs /run",
    "/proc not mounted": "mount -t tmpfs tmpfs /proc",
    "/proc that hides": "mount -t proc -o hidepid=2 proc /proc",
    "/sys not mounted": "mount -t tmpfs tmpfs /sys",
    "/sys read-only": "mount -o remount,ro,bind /sys 2>/dev/null || mount --bind /sys /sys && mount -o remount,ro,bind /sys",
    "all of them": "mount -t tmpfs -o ro tmpfs /dev/shm; mount -t tmpfs -o ro tmpfs /run; mount -t tmpfs tmpfs /sys; "
                   "mount -t tmpfs tmpfs /proc",
}
MIB = 1 << 20
LIMITS = {
    "as": [mib * MIB for mib in (8, 16, 24, 32, 48, 64, 96, 128, 256, 512, 1024, 4096)],
    "data": [mib * MIB for mib in (2, 4, 8, 16, 32, 64, 128, 512)],
    "fsize": [0, 1, 4096, 65536, 258623, 258624, MIB],
    "nofile": [4, 5, 6, 8, 16],
    "memlock": [0, 8192, MIB],
    "nproc": [0, 1, 5],
    "stack": [64 << 10, MIB, 64 * MIB],
    "sigpending": [0, 1],
    "core": [0, MIB],
}
CLOSE = 64 * MIB # to what glibc makes of a limit on memory that appears at run time
SPARE = 16 * MIB # what the library may take of memory that is limited (docs/limits.md)


def in_namespace(prepare):
    """The command in front of a program that has mounts of its own."""
    return ["unshare", "-m", "--propagation", "unchanged", "bash", "-c", f'{PRIVATE}; {prepare}; exec "$@"', "bash"]


class States(Matrix):
    def setUp(self):
        self.alone = {program: self.plain([], program) for program in PROGRAMS}
        self.programs = PROGRAMS if ALL else ("crowd", "forks")
        self.ways = ("preload", "run") if ALL else ("preload",)

    def one(self, case):
        """condition: for the program alone, the same for the program with the library."""
        what, alone, condition = case
        for program in self.programs:
            plain = self.plain(alone, program)
            if not plain.same(self.alone[program]):
                self.counts["not under the condition"] += 1
                continue
            for way in self.ways:
                yield self.compare(f"{what}, {program}, {way}", plain, self.governed(condition, program, "everything", {}, way))

    def check(self, cases):
        self.check_all(cases, lambda case: list(self.one(case)))

    def test_the_command_finds_the_library_without_proc(self):
        condition = in_namespace(FOLDERS["/proc not mounted"])
        run = self.governed(condition, "alone", "everything", {}, "run")
        self.assertIsNone(self.compare("run without /proc", self.plain(condition, "alone"), run))
        self.assertTrue(run.governed)

    def test_the_command_needs_no_descriptors_of_the_program(self):
        """It takes more for the moment, where the hard limit allows, and does without a policy where not."""
        for limit in ("4", "4:5", "4:100"):
            condition = ["prlimit", f"--nofile={limit}"]
            run = self.governed(condition, "alone", "everything", {}, "run")
            self.assertIsNone(self.compare(f"run with descriptors {limit}", self.plain(condition, "alone"), run))
        asked = [*condition, harness.NODEWISE, "run", "-p", self.path("everything.toml"), "--", "sh", "-c",
                 "ulimit -n; ulimit -Hn; echo ${NODEWISE_PLAN:+governed}"]
        self.assertEqual(self.run_one(asked, {}, None).output, b"4\n100\ngoverned\n", "the program has its own limit")

    def test_folders(self):
        self.check([(name, in_namespace(prepare), in_namespace(prepare)) for name, prepare in FOLDERS.items()])
        self.assertGreater(self.counts["governed"], len(FOLDERS))

    def test_limits_at_run_time(self):
        """The program sets them itself, between two rounds of work."""
        cases = []
        for name, values in LIMITS.items():
            number = getattr(resource, f"RLIMIT_{name.upper()}")
            for value in values:
                spare = CLOSE if name in ("as", "data") else 0
                cases.append((f"{name} {value} at run time", ["env", f"ABUSE_LIMIT={number} {value}"],
                              ["env", f"ABUSE_LIMIT={number} {value + spare}"]))
        self.check(cases)

    def test_limits_before_exec(self):
        cases = []
        for name, values in LIMITS.items():
            for value in values:
                spare = SPARE if name in ("as", "data") else 0
                cases.append((f"{name} {value}", ["prlimit", f"--{name}={value}"], ["prlimit", f"--{name}={value + spare}"]))
        self.check(cases)


if __name__ == "__main__":
    harness.main()
