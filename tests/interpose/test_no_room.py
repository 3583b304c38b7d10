"""Where telemetry has no room: a /dev/shm that is full, small, read-only or not there, and limits on the size of files.
The program runs as it does alone, its threads are placed all the same, and what it tells is kept in memory. And the
folders that are tried before, in every state that they can be in. Each in a mount namespace of its own."""

import contextlib
import errno
import json
import os
import re
import shlex
import socket
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
NOBODY = "setpriv --reuid=65534 --regid=65534 --clear-groups"
# What /run is where the package is installed.
RUN = "mount -t tmpfs -o mode=755 tmpfs /run; mkdir -m 711 /run/nodewise"
SHARED = "mount -t tmpfs -o mode=1777 tmpfs /dev/shm"


def segment_of(pid):
    """The name of what the process has its segment in, as /proc shows it to everybody; "" where it has no name."""
    with open(f"/proc/{pid}/maps", encoding="utf-8", errors="replace") as maps:
        names = [line.split(maxsplit=5)[5].strip() for line in maps if " rw-s " in line]
    found = [re.sub(r" \(deleted\)$", "", name) for name in names]
    return found[0] if len(found) == 1 else str(found)


class NoRoom(harness.ProgramTest):
    def setUp(self):
        super().setUp()
        self.last = max(self.allowed)

    def begin(self, prepare, words="", user="", variables=()):
        """A program in that state, with its plan outside of /dev/shm."""
        policy = self.policy(f'[[rules]]\nname = "io"\nmatch = {{ thread = "io" }}\ncpus = "{self.last}"\nbind_to = "cpu"\n{words}')
        self.nodewise("compile", "-p", policy, "-o", self.path("plan"))
        os.chmod(self.folder, 0o755)
        program = shlex.join([*shlex.split(user), "env", f"LD_PRELOAD={harness.SHIM}",
                              f"NODEWISE_PLAN={self.path('plan')}", f"NODEWISE_LOG={self.path('log')}", "NODEWISE_OCCUPANCY=user", *variables,
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

    def check(self, prepare, segment=None, **how):
        """segment: the name of what it tells in, a pattern."""
        process = self.begin(prepare, **how)
        if segment is not None:
            self.assertRegex(segment_of(process.pid), f"^{segment}$")
        for _ in range(60):
            self.tell(process, "create")
        self.tell(process, "create io")
        wait_until(lambda: {"io": {self.last}}.items() <= dict(threads_of(process.pid).values()).items(), "io is placed")
        output, errors = process.communicate(timeout=harness.SECONDS)
        self.assertEqual((output, errors, process.returncode), (b"", b"", 0))

    def test_shared_memory(self):
        for state, prepare in STATES.items():
            with self.subTest(state):
                self.check(prepare, None if state.startswith("room") else r"/memfd:nodewise-segment-\d+")

    def test_views_see_what_is_kept_in_memory(self):
        limit = "ulimit -f 1"
        for state, why in ((FULL, "no space"), (STATES["read-only"], "Read-only file system"), (limit, "a limit on the size of files"),
                           (f"{SHARED}; {NOBODY} mkdir /dev/shm/nodewise.0", "the folder's name is taken")):
            with self.subTest(why):
                process = self.begin(state)
                self.tell(process, "create io")
                pid = str(process.pid)
                wait_until(lambda: "io" in [thread["name"] for thread in self.show(pid)["threads"]], "io is shown")
                self.assert_shown_as_it_is(process.pid)
                self.assertIn(f"telemetry: in the memory of the process alone: {why}\n", self.nodewise("show", pid))
                self.assertIn(int(pid), [one["pid"] for one in json.loads(self.nodewise("ps", "--json"))])
                for view in ("why", "report", "verify"):
                    self.assertIn("io", self.nodewise(view, pid))
                self.end(process)
                self.assertNotIn(int(pid), [one["pid"] for one in json.loads(self.nodewise("ps", "--json"))])

    def test_another_policy_reaches_what_is_kept_in_memory(self):
        first = min(self.allowed)
        other = self.policy(f'[[rules]]\nname = "io"\nmatch = {{ thread = "io" }}\ncpus = "{first}"\nbind_to = "cpu"\n', "other.toml")

        def cpus_of_io(process):
            return [cpus for name, cpus in threads_of(process.pid).values() if name == "io"]
        for state, user in ((FULL, ""), ("ulimit -f 1", ""), ("ulimit -f 1", NOBODY)):
            with self.subTest(state, user=user):
                process = self.begin(state, user=user)
                self.tell(process, "create io")
                wait_until(lambda: cpus_of_io(process) == [{self.last}], "io is placed")
                done = subprocess.run(["nsenter", "--target", str(process.pid), "--mount", harness.NODEWISE, "reload",
                                       str(process.pid), "-p", other], capture_output=True, text=True,
                                      env=harness.clean_environment() | {"TMPDIR": self.folder}, timeout=harness.SECONDS)
                self.assertEqual(done.returncode, 0, done)
                self.assertEqual(cpus_of_io(process), [{first}])
                self.tell(process, "create io")  # and the process itself goes by it
                wait_until(lambda: cpus_of_io(process) == [{first}] * 2, "the new thread is placed")
                self.assertEqual(process.communicate(timeout=harness.SECONDS), (b"", b""))

    def test_what_other_processes_have_is_done_without_and_told(self):
        process = self.begin(f"{SHARED}; mkdir -p /dev/shm/nodewise.0/occupancy; chmod 700 /dev/shm/nodewise.0")
        self.tell(process, "create io")
        wait_until(lambda: {"io": {self.last}}.items() <= dict(threads_of(process.pid).values()).items(), "io is placed")
        enter = ["nsenter", "--target", str(process.pid), "--mount", harness.NODEWISE, "show", str(process.pid), "--json"]
        shown = json.loads(subprocess.run(enter, check=True, capture_output=True, env=harness.clean_environment(),
                                          timeout=harness.SECONDS).stdout)
        self.assertEqual(shown["process"]["state_reason"], "no-board")

    def test_the_report_at_the_end_needs_no_file(self):
        for state in (FULL, STATES["read-only"], STATES["not there"]):
            with self.subTest(state):
                report = self.path("report.json")
                process = self.begin(state, variables=[f"NODEWISE_REPORT={report}"])
                self.tell(process, "create io")
                self.assertEqual(process.communicate(timeout=harness.SECONDS), (b"", b""))
                with open(report, encoding="utf-8") as file:
                    document = json.load(file)
                self.assertEqual(document["process"]["state"], "ended")
                self.assertIn("io", [thread["name"] for thread in document["threads"]])
                os.unlink(report)

    def threads_with_pages(self, process):
        """The names of those whose pages the process tells of; it answers at its next call that the library sees."""
        with subprocess.Popen([harness.NODEWISE, "report", str(process.pid), "--pages", "--json"], stdout=subprocess.PIPE,
                              env=harness.clean_environment()) as report:
            while report.poll() is None:
                self.tell(process, "create")
                with contextlib.suppress(subprocess.TimeoutExpired):
                    report.wait(0.1)
            pages = json.load(report.stdout)["pages"]
        self.assertIsInstance(pages["threads"], list, pages)
        return [thread["name"] for thread in pages["threads"]]

    def test_where_its_pages_are_is_told_without_a_file(self):
        for state, user in ((FULL, ""), ("ulimit -f 1", ""), ("ulimit -f 1", NOBODY)):
            with self.subTest(state, user=user):
                process = self.begin(state, user=user)
                for count in (1, 2):  # the second answer is not the first one once more
                    self.tell(process, "create io")
                    self.assertEqual(self.threads_with_pages(process).count("io"), count)
                process.communicate(timeout=harness.SECONDS)

    def test_the_report_at_the_end_has_the_pages_without_a_file(self):
        report = self.path("report.json")
        process = self.begin(FULL, words="[report]\npages = true\n", variables=[f"NODEWISE_REPORT={report}"])
        self.tell(process, "create io")
        self.assertEqual(process.communicate(timeout=harness.SECONDS), (b"", b""))
        with open(report, encoding="utf-8") as file:
            pages = json.load(file)["pages"]
        self.assertIsInstance(pages["threads"], list, pages)

    def test_what_cannot_be_read_is_governed_all_the_same(self):
        """As where Yama keeps a user from the memory of the user's own processes."""
        process = self.begin(FULL)
        pid = str(process.pid)
        with socket.socket(socket.AF_UNIX) as nothing:
            nothing.bind(self.path("nothing"))
        hidden = f"{PRIVATE}; mount --make-rprivate /proc; mount --bind {self.path('nothing')} /proc/{pid}/mem; exec {harness.NODEWISE} "
        for view in ("show", "why", "report", "verify"):
            done = subprocess.run(["unshare", "-m", "--propagation", "unchanged", "bash", "-c", f"{hidden} {view} {pid}"],
                                  capture_output=True, text=True, env=harness.clean_environment(), timeout=harness.SECONDS)
            self.assertIn(f"process {pid} is governed, no telemetry: no space", done.stderr)
            self.assertEqual((done.stdout, done.returncode), ("", 4))
        done = subprocess.run(["unshare", "-m", "--propagation", "unchanged", "bash", "-c", f"{hidden} ps --wide"],
                              capture_output=True, text=True, env=harness.clean_environment(), timeout=harness.SECONDS)
        self.assertRegex(done.stdout, rf"(?m)^{pid} .*governed +no telemetry: no space  +\S")

    def test_limits_on_the_size_of_files(self):
        for blocks in (0, 1, 100, 250, 300, 1000):
            with self.subTest(blocks=blocks):
                small = blocks <= 300
                self.check(f"ulimit -f {blocks}", "/dev/zero|\\[anon_shmem:.*" if small else "/dev/shm/nodewise.*")

    def test_a_limit_that_cannot_be_asked_ends_nothing_and_hides_nothing(self):
        """A filter refuses prlimit64(2): the file could be too large for the limit, so there is none."""
        asks = f"{os.path.join(harness.BUILD, 'tests', 'abuse', 'refuse')} 302 {errno.EPERM} /usr/bin/env"
        for blocks in ("unlimited", "1"):
            with self.subTest(blocks):
                process = self.begin(f"ulimit -f {blocks}", user=asks)
                self.tell(process, "create io")  # under a filter the library begins with the first thread
                wait_until(lambda: re.match(r"/dev/zero|\[anon_shmem:", segment_of(process.pid)), "in memory")
                self.assertIn("a limit on the size of files", self.nodewise("show", str(process.pid)))
                self.assertEqual(process.communicate(timeout=harness.SECONDS), (b"", b""))

    def test_root_uses_the_folder_of_the_package(self):
        self.check(f"{RUN}; {SHARED}", r"/run/nodewise/\d+\.seg")

    def test_a_folder_in_run_that_cannot_be_used_is_stepped_over(self):
        states = {
            "not there": "rmdir /run/nodewise",
            "a file": "rmdir /run/nodewise; touch /run/nodewise",
            "a FIFO": "rmdir /run/nodewise; mkfifo /run/nodewise",
            "a link": "rmdir /run/nodewise; mkdir -m 700 /run/other; ln -s /run/other /run/nodewise",
            "another user's": "chown 65534 /run/nodewise",
            "open to all": "chmod 1777 /run/nodewise",
            "read-only": "mount -t tmpfs -o ro,mode=711 tmpfs /run/nodewise",
            "full": "mount -t tmpfs -o size=4k,mode=711 tmpfs /run/nodewise; head -c 1M /dev/zero >/run/nodewise/filled 2>/dev/null",
            "without inodes": "mount -t tmpfs -o nr_inodes=1,mode=711 tmpfs /run/nodewise",
        }
        for state, prepare in states.items():
            with self.subTest(state):
                self.check(f"{RUN}; {SHARED}; {prepare}", r"/dev/shm/nodewise\.0/\d+\.seg")

    def test_a_name_that_another_user_took_leaves_the_segment_in_memory(self):
        for what in ("mkdir", "touch", "mkfifo", "ln -s /tmp"):
            with self.subTest(what):
                self.check(f"{SHARED}; {NOBODY} {what} /dev/shm/nodewise.0", "/memfd:nodewise-segment-[1-9][0-9]*")

    def test_a_user_has_the_folder_of_the_session(self):
        session = "mount -t tmpfs tmpfs /mnt; mkdir -m 700 /mnt/session; chown 65534 /mnt/session"
        self.check(f"{RUN}; {SHARED}; {session}", r"/mnt/session/nodewise/\d+\.seg", user=NOBODY,
                   variables=["XDG_RUNTIME_DIR=/mnt/session"])

    def test_a_session_that_is_none_is_stepped_over(self):
        """Relative, foreign, open to others, not there, not a folder, much too long."""
        made = ("mount -t tmpfs tmpfs /mnt; mkdir -m 755 /mnt/roots; mkdir -m 1777 /mnt/open; mkdir -m 700 /mnt/own; touch /mnt/file;"
                " mkdir -m 700 /mnt/taken; touch /mnt/taken/nodewise; mkdir /mnt/foreign /mnt/foreign/nodewise;"
                " chown -R 65534 /mnt/own /mnt/taken /mnt/foreign; chown 0 /mnt/foreign/nodewise")
        for value in ("mnt/own", "", "/mnt/roots", "/mnt/open", "/mnt/file", "/mnt/taken", "/mnt/foreign", "/mnt/none",
                      "/mnt/own" + "/." * 2000, "\x1b[31m"):
            with self.subTest(value[:20]):
                self.check(f"{SHARED}; {made}", r"/dev/shm/nodewise\.65534/\d+\.seg", user=NOBODY,
                           variables=[f"XDG_RUNTIME_DIR={value}"])

    @staticmethod
    def inner(pid):
        """The only child: unshare(1) waits for it."""
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as children:
            return children.read().split()[0]

    def test_processes_of_two_pid_namespaces_do_not_take_each_others_names(self):
        """Containers that share /dev/shm: each has a process 1, and none loses its file."""
        shared = self.path("shared")
        os.mkdir(shared)
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", shared], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", shared], check=True)
        inside = f"mount --bind {shlex.quote(shared)} /dev/shm"
        space = "unshare --pid --fork --mount-proc --kill-child"
        begun = [self.begin(inside, user=space) for _ in range(3)]

        def names():
            return sorted(os.listdir(os.path.join(shared, "nodewise.0")))
        self.assertRegex(" ".join(names()), r"^1-\d+\.seg 1-\d+\.seg 1\.seg$")
        for process in begun:  # each view sees its own process 1, and no other's
            enter = ["nsenter", "--target", self.inner(process.pid), "--pid", "--mount", harness.NODEWISE]
            listed = json.loads(subprocess.run([*enter, "ps", "--json"], capture_output=True, check=True,
                                               env=harness.clean_environment()).stdout)
            self.assertEqual([one["pid"] for one in listed], [1])
            shown = json.loads(subprocess.run([*enter, "show", "1", "--json"], capture_output=True, check=True,
                                              env=harness.clean_environment()).stdout)
            self.assertEqual(shown["process"]["state"], "active")
        for process in begun:
            self.tell(process, "create io")
            process.communicate(timeout=harness.SECONDS)
        self.assertEqual(names(), [])

    def test_a_program_that_goes_on_as_another_has_one_file(self):
        process = self.begin(SHARED, user="bash -c 'exec \"$0\" \"$@\"'")
        self.assertRegex(segment_of(process.pid), rf"/dev/shm/nodewise\.0/{process.pid}\.seg")


if __name__ == "__main__":
    harness.main()
