"""What another user puts where segments lie, and what a process of another user says of itself: views of root see what is
there, as it is, and nothing else. In a mount namespace with a /dev/shm of its own. As root."""

import json
import os
import shlex
import struct
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness
from harness import wait_until

ZOO = os.path.join(harness.BUILD, "tests", "interpose")
STRANGER = 65534
PID, START_TICKS, UID = 32, 40, 76  # where they stand in the header
# unshare(1) itself fails to do this in a chroot, whose root is no mount point.
PRIVATE = "for point in / /dev /dev/shm; do mount --make-rprivate $point 2>/dev/null; done"
VIEWS = ["ps", "ps --json", "show {}", "show {} --json", "why {}", "verify {}", "report {}", "report {} --pages",
         "metrics --once", "top --batch --delay 0.1"]
TRUTH, LIE = b"the_real_thread", b"a_spoofed_thrd"
# As the library maps it: a segment beside which the kernel's word is another.
LIAR = """
import mmap, os, sys
file = os.open(sys.argv[1], os.O_RDWR)
memory = mmap.mmap(file, 0)
memory[32:36] = os.getpid().to_bytes(4, "little")
os.rename(sys.argv[1], os.path.join(os.path.dirname(sys.argv[1]), f"{os.getpid()}.seg"))
print("ready", flush=True)
sys.stdin.read()
"""


class Strangers(harness.ProgramTest):
    def setUp(self):
        super().setUp()
        self.assertEqual(os.geteuid(), 0, "root sees all users")
        os.chmod(self.folder, 0o755)
        self.holder = subprocess.Popen(
            ["unshare", "-m", "--propagation", "unchanged", "bash", "-c",
             f"{PRIVATE}; mount -t tmpfs -o mode=1777 tmpfs /dev/shm; echo ready; exec cat"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(self.end, self.holder)
        self.assertEqual(self.holder.stdout.readline(), b"ready\n")
        self.shared = f"/proc/{self.holder.pid}/root/dev/shm"
        self.policy_path = self.policy('[defaults]\nbind_to = "cpu"\n[[rules]]\nname = "all"\nmatch = { thread = "*" }\n')
        self.program = self.begin([harness.NODEWISE, "run", "-p", self.policy_path, "--", os.path.join(ZOO, "does_as_told")])
        self.tell(f"create {TRUTH.decode()}")
        wait_until(lambda: TRUTH.decode() in self.look("show {}").stdout, "the thread is shown")

    def inside(self, command, user=0):
        return ["nsenter", "--target", str(self.holder.pid), "--mount", "--root", "--setgid", str(user), "--setuid", str(user),
                *command]

    def begin(self, command, user=0):
        """Until it says that it is ready."""
        process = subprocess.Popen(self.inside(command, user), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   env=harness.clean_environment())
        self.addCleanup(self.end, process)
        self.assertEqual(process.stdout.readline(), b"ready\n", process.poll())
        return process

    def tell(self, line):
        self.program.stdin.write(line.encode() + b"\n")
        self.program.stdin.flush()
        self.assertEqual(self.program.stdout.readline(), b"done\n")

    def look(self, words, pid=None):
        words = shlex.split(words.format(pid or self.program.pid))
        return subprocess.run(self.inside([harness.NODEWISE, *words]), capture_output=True, text=True,
                              env=harness.clean_environment(), timeout=harness.SECONDS)

    # --- what a stranger does

    def strangers_folder(self, name=f"nodewise.{STRANGER}"):
        path = os.path.join(self.shared, name)
        os.mkdir(path, 0o755)
        os.chown(path, STRANGER, STRANGER)
        return path

    def put(self, path, data=b"", mode=0o644):
        with open(path, "wb") as file:
            file.write(data)
        os.chmod(path, mode)
        os.chown(path, STRANGER, STRANGER)
        return path

    def spoofed(self, **numbers):
        """The segment of root's process, with another name for the thread and these numbers in the header."""
        with open(os.path.join(self.shared, f"nodewise.0/{self.program.pid}.seg"), "rb") as file:
            data = bytearray(file.read().replace(TRUTH, LIE + b"\0"))
        for at, form, value in numbers.values():
            struct.pack_into(form, data, at, value)
        return bytes(data)

    def assert_seen_as_it_is(self, what):
        for words in VIEWS:
            with self.subTest(what, words=words):
                done = self.look(words)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                self.assertIn(str(self.program.pid), done.stdout)
                self.assertNotIn(LIE.decode(), done.stdout)
                if "show" in words or "report" in words:
                    self.assertIn(TRUTH.decode(), done.stdout)

    # --- promises

    def test_a_folder_counts_only_for_the_user_it_belongs_to(self):
        for name in ("nodewise.evil", "nodewise.1", f"nodewise.{STRANGER}", f"nodewise.0{STRANGER}"):
            self.put(f"{self.strangers_folder(name)}/{self.program.pid}.seg", self.spoofed())
        self.assert_seen_as_it_is("folders of a stranger")

    def test_what_is_no_segment_changes_nothing(self):
        folder = self.strangers_folder()
        pids = iter(range(2, 300))
        os.mkfifo(f"{folder}/1.seg", 0o666)
        os.mkfifo(f"{folder}/{self.program.pid}.seg", 0o666)
        os.mkfifo(f"{folder}/{next(pids)}.seg", 0o666)
        os.link(os.path.join(self.shared, f"nodewise.0/{self.program.pid}.seg"), f"{folder}/{next(pids)}.seg")
        os.unlink(f"{folder}/{next(pids) - 1}.seg")  # the segment has one name again
        os.symlink("/dev/zero", f"{folder}/{next(pids)}.seg")
        os.mknod(f"{folder}/{next(pids)}.seg", 0o666 | 0o020000, os.makedev(1, 5))
        os.mkdir(f"{folder}/{next(pids)}.seg")
        for size in (1 << 40, 1 << 22, 0, 7, 4096):
            os.truncate(self.put(f"{folder}/{next(pids)}.seg"), size)
        self.put(f"{folder}/{next(pids)}.seg", self.spoofed())
        self.assert_seen_as_it_is("files of every kind")
        self.assertNotEqual(self.look("show 1").returncode, 124)

    def test_many_names_hide_nobody(self):
        folder = self.strangers_folder()
        data = self.spoofed()
        for number in range(20000):
            os.mkdir(os.path.join(self.shared, f"nodewise.x{number}"))
        for number in range(3000):
            self.put(f"{folder}/{number}.seg", data[:4096])
        self.assert_seen_as_it_is("many names")

    def liar(self, folder, user):
        """A process that has that segment mapped, as the library would."""
        path = self.put(f"{folder}/new", self.spoofed(ticks=(START_TICKS, "=Q", 0), uid=(UID, "=I", 0)), 0o600)
        return self.begin(["/usr/bin/python3", "-c", LIAR, path.replace(self.shared, "/dev/shm")], user)

    def test_the_kernel_says_whose_a_process_is(self):
        process = self.liar(self.strangers_folder(), STRANGER)
        listed = {one["pid"]: one["uid"] for one in json.loads(self.look("ps --json").stdout)}
        self.assertEqual(listed, {self.program.pid: 0, process.pid: STRANGER})
        self.assertEqual(json.loads(self.look("show {} --json", process.pid).stdout)["process"]["uid"], STRANGER)

    def test_a_segment_speaks_for_no_other_process(self):
        folder = self.strangers_folder()
        process = self.liar(folder, STRANGER)
        with open(f"{folder}/{process.pid}.seg", "r+b") as file:
            file.seek(PID)
            file.write(struct.pack("=I", self.program.pid))
        self.assert_seen_as_it_is("it says that it is another's")
        self.assertEqual(len(json.loads(self.look("ps --json").stdout)), 1)

    def test_a_plan_that_is_named_is_a_file_of_root_or_of_the_process(self):
        folder = self.strangers_folder()
        os.mkfifo(f"{folder}/fifo", 0o666)
        process = self.liar(folder, STRANGER)
        with open(f"{folder}/{process.pid}.seg", "r+b") as file:
            data = file.read()
            file.seek(data.index(b"/dev/shm/nodewise.0/plans/"))
            file.write(f"/dev/shm/nodewise.{STRANGER}/fifo\0".encode())
        plan = json.loads(self.look("show {} --json", process.pid).stdout)["plan"]
        self.assertFalse(plan["readable"])
        self.assertEqual(self.look("ps").returncode, 0)

    def test_a_file_that_is_cut_short_meanwhile_ends_no_view(self):
        folder = self.strangers_folder()
        process = self.liar(folder, STRANGER)
        path, over = f"{folder}/{process.pid}.seg", threading.Event()
        size = os.stat(path).st_size

        def cut():
            while not over.is_set():
                os.truncate(path, 0)
                os.truncate(path, size)

        cutter = threading.Thread(target=cut)
        cutter.start()
        self.addCleanup(cutter.join)
        self.addCleanup(over.set)
        for _ in range(40):
            done = self.look("ps")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn(str(self.program.pid), done.stdout)
            self.assertGreaterEqual(self.look("reload {} --wait 0 -p " + self.policy_path, process.pid).returncode, 0)

    def test_requests_are_left_where_the_process_is(self):
        folder, victim = self.strangers_folder(), self.path("victim")
        process = self.liar(folder, STRANGER)
        with open(victim, "w") as file:
            file.write("untouched")
        for suffix in ("reload", "survey", "pages"):
            os.symlink(victim, f"{folder}/{process.pid}.{suffix}")
        self.look("report {} --pages", process.pid)
        self.look("reload {} --wait 0 -p " + self.policy_path, process.pid)
        status = os.lstat(f"{folder}/{process.pid}.reload")
        self.assertEqual((status.st_uid, status.st_mode), (STRANGER, 0o100600))
        with open(victim) as file:
            self.assertEqual((file.read(), os.stat(victim).st_uid), ("untouched", 0))

    def test_what_a_stranger_has_in_memory_alone_is_seen(self):
        os.mkdir(os.path.join(self.shared, f"nodewise.{STRANGER}"), 0o755)  # root's: it is stepped over
        environment = ["env", "-u", "XDG_RUNTIME_DIR", f"NODEWISE_POLICY={self.policy_path}", f"LD_PRELOAD={harness.SHIM}"]
        process = self.begin([*environment, "/usr/bin/python3", "-c", "print('ready', flush=True); input()"], STRANGER)
        wait_until(lambda: process.pid in [one["pid"] for one in json.loads(self.look("ps --json").stdout)], "it is listed")
        self.assertEqual(json.loads(self.look("show {} --json", process.pid).stdout)["process"]["uid"], STRANGER)

    def test_who_gave_up_root_is_still_seen(self):
        code = f"import os, sys; os.setgid({STRANGER}); os.setuid({STRANGER}); print('ready', flush=True); sys.stdin.read()"
        process = self.begin([harness.NODEWISE, "run", "-p", self.policy_path, "--", "/usr/bin/python3", "-c", code])
        listed = {one["pid"]: one["uid"] for one in json.loads(self.look("ps --json").stdout)}
        self.assertEqual(listed.get(process.pid), STRANGER)
        self.assertEqual(json.loads(self.look("show {} --json", process.pid).stdout)["process"]["uid"], STRANGER)


if __name__ == "__main__":
    harness.main()
