"""`nodewise sha1sum` says what coreutils' sha1sum says, of the same files with the same options."""

import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness

REFUSE = os.path.join(harness.BUILD, "tests", "abuse", "refuse")
SETUP = "425"  # io_uring_setup(2) of every architecture
# What names and sizes can be: none, one, a part of those that are read at once, more; blanks, backslashes, ends of lines.
FILES = {"empty": 0, "one": 1, "of a part": 1000, "exactly": 256 << 10, "more": (3 << 20) + 17, "back\\slash": 3, "two\nlines": 4,
         "*star": 5, " blank": 6, "-dash": 7}


class Sha1sum(harness.ProgramTest):
    def setUp(self):
        super().setUp()
        for number, (name, size) in enumerate(FILES.items()):
            with open(self.path(name), "wb") as file:
                file.write(bytes((number + i * i) % 251 for i in range(min(size, 5000))) * (size // 5000 + 1))
                file.truncate(size)

    def both(self, *words, text=None):
        """Output and status of coreutils' and of ours, which are the same."""
        results = []
        for command in ["sha1sum"], [harness.NODEWISE, "sha1sum"]:
            done = subprocess.run([*command, *words], cwd=self.path("."), input=text, capture_output=True,
                                  env=harness.clean_environment() | {"LC_ALL": "C"}, timeout=harness.SECONDS)
            results.append((done.stdout, done.returncode))
            complaints = done.stderr.decode()
        self.assertEqual(*results, words)
        return results[0], complaints

    def test_hashes_in_the_order_of_the_arguments(self):
        for options in [], ["-b"], ["--text"], ["--tag"], ["-z"], ["--tag", "--zero", "--binary"]:
            for names in [*FILES], ["one"], ["more"] * 50 + ["empty"]:
                (output, code), complaints = self.both(*options, "--", *names)
                self.assertEqual((code, complaints), (0, ""))
                self.assertEqual(len(output.split(b"\0" if "-z" in options or "--zero" in options else b"\n")), len(names) + 1)

    def test_standard_input(self):
        self.both(text=b"hello")
        self.both("-", text=b"hello")
        self.both("one", "-", "more", text=b"hello" * 100000)

    def test_large_files_are_read_by_io_uring_and_without(self):
        with open(self.path("large"), "wb") as file:  # as many bytes as it takes for a loop, and some
            for at in (0, 1 << 20, (64 << 20) + 5):
                file.seek(at)
                file.write(b"something")
        names, trace = ["large", "one", "large"], self.path("trace")
        (output, _), _ = self.both(*names)
        for before in ([REFUSE, SETUP, "1"], ["strace", "-f", "-o", trace, "-e", f"trace={SETUP},read"]):
            done = subprocess.run([*before, harness.NODEWISE, "sha1sum", *names], cwd=self.path("."), capture_output=True,
                                  env=harness.clean_environment(), timeout=harness.SECONDS)
            self.assertEqual((done.stdout, done.returncode), (output, 0), done.stderr)
        with open(trace, encoding="utf-8") as file:
            calls = file.read()
        parts = calls.count(f" = {256 << 10}\n")
        # what a ring reads is no read(2)
        self.assertEqual(parts, 0 if re.search(r"io_uring_setup(?:\(| resumed>).*\) = \d", calls) else 2 * 256)

    def test_what_cannot_be_read_is_said_and_the_rest_is_hashed(self):
        (output, code), complaints = self.both("one", "nowhere", ".", "more")
        self.assertEqual((len(output.splitlines()), code), (2, 1))
        self.assertEqual(complaints, "nodewise: nowhere: No such file or directory\nnodewise: .: Is a directory\n")

    def lists(self):
        """Lists of every form, good and bad."""
        plain, tagged = (subprocess.run(["sha1sum", *tag, "--", *FILES], cwd=self.path("."), capture_output=True, check=True).stdout
                         for tag in ([], ["--tag"]))
        one = subprocess.run(["sha1sum", "one"], cwd=self.path("."), capture_output=True, check=True).stdout
        yield plain
        yield tagged
        yield b"# a comment\n  " + one.upper().replace(b"ONE", b"one")
        yield one + one.replace(b"  ", b" ") + one.replace(b"  ", b" *") + one.replace(b"  ", b"\t")
        yield b"SHA1(one)= " + one[:40] + b"\n"
        yield b"SHA1 (one) = " + one[:40] + b"0\n" + one
        yield b"SHA1 (one = " + one[:40] + b"\n" + one
        yield one.rstrip(b"\n")
        yield one.replace(b"one", b"nowhere") + one
        yield one.replace(b"one", b"nowhere")
        yield one.replace(one[:4], b"0000") + one
        yield one.replace(one[:4], b"0000")
        yield b"nonsense\n" + one + b"\n" + one[:39] + b"  one\n"
        yield b"nonsense\n"
        yield b"MD5 (one) = 00000000000000000000000000000000\n" + one
        yield b"\\" + one
        yield b"\\" + one.replace(b"one", b"o\\ne")
        yield b"\\" + one.replace(b"one", b"o\\xe") + one
        yield b"\\" + one.replace(b"one", b"one\\") + one
        yield one[:40] + b"\n" + one[:40] + b" \n" + one[:40] + b"  \n" + one
        yield b""

    def test_lists_are_checked(self):
        for content in self.lists():
            with open(self.path("list"), "wb") as file:
                file.write(content)
            for options in [], ["--quiet"], ["--status"], ["--strict"], ["--ignore-missing"], ["-w", "--strict"], \
                           ["--ignore-missing", "--quiet", "--strict"]:
                with self.subTest(content=content, options=options):
                    self.both("-c", *options, "list")
                    self.both("-c", *options, text=content)
                    self.both("-c", *options, "list", "nowhere", "list")

    def test_what_a_list_lacks_is_said(self):
        one = subprocess.run(["sha1sum", "one"], cwd=self.path("."), capture_output=True, check=True).stdout
        with open(self.path("list"), "wb") as file:
            file.write(b"nonsense\n" + one.replace(one[:4], b"0000") + one.replace(b"one", b"nowhere"))
        complaints = self.both("-c", "--warn", "list")[1]
        self.assertEqual(complaints, "nodewise: list: 1: improperly formatted SHA1 checksum line\n"
                         "nodewise: nowhere: No such file or directory\n"
                         "nodewise: WARNING: 1 line is improperly formatted\n"
                         "nodewise: WARNING: 1 listed file could not be read\n"
                         "nodewise: WARNING: 1 computed checksum did NOT match\n")

    def test_options_that_do_not_go_together(self):
        for words in ["--tag", "--text"], ["-c", "--tag"], ["-c", "-z"], ["-c", "-b"], ["--strict"], ["--quiet"], ["--nonsense"]:
            self.assertEqual(self.both(*words, "one")[0][1], 1)

    def test_a_start_loads_what_hashing_needs(self):
        """Neither the command loads what one verb alone needs, nor its workers' topology hwloc's plug-ins."""
        loaded = subprocess.run(["ldd", harness.NODEWISE], capture_output=True, text=True, check=True).stdout
        self.assertNotRegex(loaded, "libcrypto|libmicrohttpd|libgnutls")
        trace = self.path("trace")
        subprocess.run(["strace", "-f", "-e", "trace=openat", "-o", trace, harness.NODEWISE, "sha1sum", self.path("one"), self.path("more")],
                       stdout=subprocess.DEVNULL, env=harness.for_tools_of_the_tests(), check=True, timeout=harness.SECONDS)
        with open(trace, encoding="utf-8", errors="replace") as file:
            opened = file.read()
        self.assertIn("/sys/devices/system/cpu", opened)
        self.assertNotRegex(opened, "lib[^\"]*/hwloc[/\"]")

    def test_an_output_that_is_full(self):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([harness.NODEWISE, "sha1sum", self.path("one")], stdout=full, stderr=subprocess.PIPE,
                                  env=harness.clean_environment(), timeout=harness.SECONDS)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"No space left", done.stderr)


if __name__ == "__main__":
    harness.main()
