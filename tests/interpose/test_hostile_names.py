"""Threads, programs, arguments and files with names that steer a terminal, break a page or hide what follows: every verb and
every format shows them spelt out."""

import json
import os
import pty
import re
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness
from harness import wait_until

ZOO = os.path.join(harness.BUILD, "tests", "interpose")
NAMES = [b"\x1b]0;title\x07", b"<script>x</scr", b"a\"c\\d'e&amp;", "\x9b31mC1".encode(), b"\x9b31mC1", b"\xff\xfe-bad", b"cut\xe2\x82",
         "\u202ertl".encode(), "\u2066iso\u2069".encode(), "\u061c\u200f".encode(), "\u2028line\u2029".encode(), b"]}\"x=1#", b"{{7*7}}%n%s",
         b"re\x1b\x08turn", b"\x7fdel\x08\x08", b"'$(id)`id`", "é€".encode()]
PROGRAM = "p\x1b[31m\u202e\n\x7f".encode() + b"\xff"
FORBIDDEN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


class HostileNames(harness.ProgramTest):
    def setUp(self):
        super().setUp()
        folder = os.path.join(os.fsencode(self.folder), "f\x1b[7m\u202e\x7f".encode())
        os.mkdir(folder)
        self.program = os.path.join(folder, PROGRAM)
        shutil.copy(os.path.join(ZOO, "does_as_told"), self.program)
        self.file = os.path.join(folder, b"policy.toml")
        with open(self.file, "w") as file:
            file.write('schema = 1\n[metrics]\nper_thread = true\n[[rules]]\nname = "all"\nmatch = { thread = "*" }\nbind_to = "cpu"\n')
        self.process = self.start([self.program, "--\x1b[2J".encode(), b"\xff"], os.fsencode(self.file), stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE)
        self.assertEqual(self.process.stdout.readline(), b"ready\n")
        for name in NAMES:
            self.process.stdin.write(b"create " + name + b"\n")
            self.process.stdin.flush()
            self.assertEqual(self.process.stdout.readline(), b"done\n")
        wait_until(lambda: len(self.shown()["threads"]) > len(NAMES), "all are shown")

    def shown(self):
        return json.loads(self.output(["show", str(self.process.pid), "--json"])[0])

    def output(self, words):
        done = subprocess.run([harness.NODEWISE, *words], capture_output=True, env=harness.clean_environment(), timeout=harness.SECONDS)
        self.assertGreaterEqual(done.returncode, 0)
        return done.stdout, done.stderr

    def assert_printable(self, what, data):
        text = data.decode()  # raises where it is not UTF-8
        found = FORBIDDEN.search(text)
        self.assertIsNone(found, f"{what}: {text[max(0, found.start() - 60):found.end() + 20]!r}" if found else "")
        return text

    def test_every_verb(self):
        pid = str(self.process.pid)
        plan = ["plan", "-p", self.file, "--thread", NAMES[0] + b"=2", "--thread", NAMES[7] + b"=1"]
        report = self.path("report.json")
        self.output(["report", pid, "-o", report])
        bad = os.path.join(os.path.dirname(self.file), b"bad.toml")
        with open(bad, "wb") as file:
            file.write('schema = 1\n"k\u202e\u009b" = 1\n[defaults]\ncpus = "so\u202ecket:0"\nbind_to = "\u009b31m\\u001b"\n'
                       '[[rules]]\nname = "r\u2028"\nmatch = { thread = "\u202e" }\n'.encode())
        verbs = [["ps"], ["ps", "--wide"], ["ps", "--json"], ["show", pid], ["show", "--wide", pid], ["show", pid, "--json"], ["verify", pid], ["verify", pid, "--json"],
                 *([*view, f"{pid}/{thread['tid']}"] for thread in self.shown()["threads"] for view in (["why"], ["why", "--json"])),
                 *(["report", pid, "-f", form] for form in ("text", "json", "html", "svg")), ["report", pid, "--pages"],
                 ["report", report], ["report", report, "-f", "html"], ["diff", report, pid], ["metrics", "--once"],
                 ["metrics", "--once", "--openmetrics"], ["top", "--batch", "--delay", "0.1"], ["reload", pid, "-p", self.file],
                 ["reload", pid, "-p", self.file, "--json"], plan, [*plan, "--json"], [*plan, "--svg", "/dev/stdout"],
                 [*plan, "--html", "/dev/stdout"], ["plan", "-p", self.file, "--from", pid], ["check", self.file],
                 ["check", self.file, "--json"], ["check", bad], ["check", bad, "--json"],
                 ["config", "show", "-p", self.file, "--origin"], ["config", "show", "-p", self.file, "--json", "--origin"],
                 ["config", "show", "-p", bad], ["config", "path", "-p", self.file], ["explain", NAMES[0]], ["explain", NAMES[7]],
                 ["run", "--dry-run", "-p", self.file, "--", self.program, NAMES[0]], ["run", "-p", self.file, "--", self.program + b"x"],
                 ["run", "-p", self.file + b"x", "--", "true"], ["doctor", "--", self.program], ["doctor", "--json", "--", self.program],
                 ["env", "--sh", "-p", self.file], ["topo", "--topology", NAMES[7]], ["show", NAMES[7]], ["why", pid.encode() + b"/" + NAMES[0]],
                 ["why", pid.encode() + b"/" + NAMES[11]], [b"show", PROGRAM[:15]], ["report", self.file], ["show", NAMES[0]],
                 ["compile", "-p", self.file, "-o", self.file + b"/x"], [NAMES[0]], ["init", NAMES[7]]]
        for words in verbs:
            with self.subTest(words=words):
                for data in self.output(words):
                    self.assert_printable(words, data)

    def test_documents_stay_whole(self):
        pid = str(self.process.pid)
        names = [thread["name"] for thread in self.shown()["threads"]]
        for name in NAMES:
            expected = name.decode(errors="backslashreplace")
            self.assertIn(expected, names)
        xml.etree.ElementTree.fromstring(self.output(["report", pid, "-f", "svg"])[0])
        page = self.output(["report", pid, "-f", "html"])[0].decode()
        self.assertNotIn("<script>x", page)
        metrics = self.output(["metrics", "--once"])[0].decode()
        labels = re.compile(r'(\w+)="((?:[^"\\\n]|\\["\\n])*)"')
        for line in metrics.splitlines():
            if "{" in line:
                body = line[line.index("{") + 1:line.rindex("}")]
                self.assertEqual(",".join(found.group(0) for found in labels.finditer(body)), body)

    def test_top_on_a_terminal(self):
        pid, terminal = pty.fork()
        if pid == 0:
            os.environ.update(TERM="xterm", LANG="C.UTF-8", LINES="50", COLUMNS="150")
            os.execv(harness.NODEWISE, ["nodewise", "top", str(self.process.pid), "--delay", "0.2"])
        drawn = b""
        end = time.monotonic() + harness.SECONDS
        while b"u2066iso" not in drawn and time.monotonic() < end:
            drawn += os.read(terminal, 65536)
        os.write(terminal, b"q")
        os.waitpid(pid, 0)
        os.close(terminal)
        self.assertIn(b"\\u2066iso", drawn)
        drawn.decode()
        for raw in (b"\x1b]0;", "\u202e".encode(), b"\xc2\x9b", "\u2066".encode(), b"\x7f"):
            self.assertNotIn(raw, drawn)


if __name__ == "__main__":
    harness.main()
