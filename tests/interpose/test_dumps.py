"""Core dumps of a program whose memory comes from the arenas: all that it holds is there, and little else."""

import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness

PROGRAM = os.path.join(harness.BUILD, "tests", "interpose", "holds_texts")
HELD = {b"held-text-%05u." % number for number in range(0, 80, 2)}
MIB = 1 << 20
FREED = 128 * MIB  # by the program, and perhaps idle in the arenas


class Dumps(harness.ProgramTest):
    def begin(self, way):
        policy = self.policy('[defaults]\nbind_to = "none"\nmemory = { arena = "node" }\n')
        process = self.start([PROGRAM], policy, way, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.assertEqual(process.stdout.readline(), b"ready\n")
        return process

    def dump(self, process):
        """The file that gdb makes of a process that goes on."""
        done = subprocess.run(["gdb", "--batch", "--nx", "-p", str(process.pid), "-ex", f"generate-core-file {self.path('core')}"],
                              capture_output=True, timeout=harness.SECONDS * 2, env=harness.clean_environment())
        self.assertTrue(os.path.exists(self.path("core")), done)
        return self.path("core")

    def test_what_the_program_holds_is_in_a_dump(self):
        with open(self.dump(self.begin("preload")), "rb") as file:
            found = re.findall(rb"held-text-\d{5}\.", file.read())
        for text in HELD:
            self.assertGreaterEqual(found.count(text), 2, text)

    def test_a_dump_is_about_as_large_as_without_us(self):
        sizes = []
        for way in ("plain", "preload"):
            core = self.dump(self.begin(way))
            sizes.append(os.path.getsize(core))
            os.remove(core)
        self.assertLessEqual(sizes[1], sizes[0] + FREED + 64 * MIB)

    def test_what_is_only_reserved_is_marked_for_the_kernel(self):
        process = self.begin("preload")
        reserved = usable = 0
        with open(f"/proc/{process.pid}/smaps", encoding="utf-8") as file:
            for line in file:
                head = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ 00:00 0 +$", line)
                if head:
                    size, mode = int(head[2], 16) - int(head[1], 16), head[3]
                elif re.match(r"[0-9a-f]+-", line):
                    size = 0
                elif line.startswith("VmFlags:") and size:
                    dumped = "dd" not in line.split()
                    if mode == "---p" and size > 1 << 36:
                        self.assertFalse(dumped, line)
                        reserved += 1
                    elif mode == "rw-p" and size > 32 * MIB:
                        self.assertTrue(dumped, line)
                        usable += 1
        self.assertGreaterEqual(reserved, 1)
        self.assertGreaterEqual(usable, 1)


if __name__ == "__main__":
    harness.main()
