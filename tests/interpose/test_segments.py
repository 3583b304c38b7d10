"""What the command makes of the files that processes tell in: copies of a real one, damaged, old, or of a process that is
gone. The layout is that of shim/base/segment_layout.h."""

import contextlib
import mmap
import os
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness
from harness import threads_of, wait_until

ZOO = os.path.join(harness.BUILD, "tests", "interpose")
FOLDER = f"/dev/shm/nodewise.{os.getuid()}"
TOTAL_SIZE, PID = 16, 32  # where they stand in the header
DAY = 24 * 3600


class Segments(harness.ProgramTest):
    def setUp(self):
        super().setUp()
        self.process = self.start([os.path.join(ZOO, "sleeps_in_workers")], self.policy('[defaults]\nbind_to = "cpu"\n'),
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.process.stdout.readline()
        wait_until(lambda: len(self.listed()) == 5, "all listed")

    def listed(self):
        return [thread["tid"] for thread in self.show(self.process.pid)["threads"]]

    def segment(self, pid):
        return os.path.join(FOLDER, f"{pid}.seg")

    def data(self):
        with open(self.segment(self.process.pid), "rb") as file:
            return bytearray(file.read())

    def left_behind(self, data, age=0):
        """As by a process that is gone: its number."""
        gone = subprocess.Popen(["true"])
        gone.wait()
        path = self.segment(gone.pid)
        if len(data) >= PID + 4:
            struct.pack_into("=I", data, PID, gone.pid)
        with open(path, "wb") as file:
            file.write(data)
        os.utime(path, (time.time() - age,) * 2)
        self.addCleanup(self.remove, path)
        return gone.pid

    @staticmethod
    def remove(path):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)

    def shown(self, pid):
        return subprocess.run([harness.NODEWISE, "show", str(pid)], capture_output=True, text=True,
                              env=harness.clean_environment(), timeout=harness.SECONDS)

    def test_a_process_that_is_gone_is_shown_as_it_was(self):
        done = self.shown(self.left_behind(self.data()))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("sleeps_in_worke", done.stdout)

    def test_what_ends_too_early_is_refused(self):
        """At any place, and also where it says so itself: the tables then lie behind its end."""
        whole = self.data()
        for size in (0, 7, TOTAL_SIZE, 1000, 4096, len(whole) // 2, len(whole) - 8):
            for says_so in (False, True):
                part = whole[:size]
                if says_so and size > TOTAL_SIZE + 8:
                    struct.pack_into("=Q", part, TOTAL_SIZE, size)
                with self.subTest(size=size, says_so=says_so):
                    done = self.shown(self.left_behind(part))
                    self.assertGreater(done.returncode, 0, "neither a signal nor success")
                    self.assertNotIn("sleeps_in_worke", done.stdout)

    def test_a_number_that_lives_on_as_another_process_is_not_the_old_one(self):
        path = self.segment(os.getpid())  # we: without the shim
        with open(path, "wb") as file:
            file.write(self.data())
        self.addCleanup(os.unlink, path)
        done = self.shown(os.getpid())
        self.assertNotEqual(done.returncode, 0, done.stdout)

    def test_a_record_that_is_being_written_is_left_out(self):
        worker = next(tid for tid in threads_of(self.process.pid) if tid != self.process.pid)
        # seq, tid, creator: in the order of the record
        at = self.data().index(struct.pack("=II", worker, self.process.pid)) - 4
        with open(self.segment(self.process.pid), "r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
            seq, = struct.unpack_from("=I", memory, at)
            self.assertEqual(seq % 2, 0, "at rest")
            struct.pack_into("=I", memory, at, seq + 1)
            self.assertNotIn(worker, self.listed())
            struct.pack_into("=I", memory, at, seq + 2)
            self.assertIn(worker, self.listed())

    def test_what_was_left_long_ago_is_removed(self):
        data = self.data()
        new, old = self.left_behind(data), self.left_behind(data, DAY + 600)
        self.nodewise("ps")
        self.assertEqual([os.path.exists(self.segment(pid)) for pid in (new, old, self.process.pid)], [True, False, True])


if __name__ == "__main__":
    harness.main()
