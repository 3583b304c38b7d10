"""`nodewise top` on terminals, which tmux is: what a person sees after which key, large and small, and where there is none."""

import os
import pty
import shlex
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness
from harness import wait_until

BUSY = os.path.join(harness.BUILD, "tests", "interpose", "some_are_busy")
POLICY = """
[[rules]]
name = "background"
match = { index = "1-" }
cpus = "0"
bind_to = "cpu"
exclusive = true
"""


class Top(harness.ProgramTest):
    def start_busy(self):
        process = self.start([BUSY, "3", "1"], self.policy(POLICY), "run", stdin=subprocess.PIPE)
        self.wait_until_seen(process.pid)
        wait_until(lambda: len(self.show(process.pid)["threads"]) > 3, "all threads are there")
        return process

    def tmux(self, *words):
        return subprocess.run(["tmux", "-f", "/dev/null", "-S", self.path("tmux"), *words], capture_output=True, text=True,
                              env=harness.clean_environment() | {"LC_ALL": "C.UTF-8"}, timeout=harness.SECONDS)

    def open_top(self, columns, lines, *words):
        command = shlex.join([harness.NODEWISE, "top", "-d", "0.3", *words])
        done = self.tmux("-u", "new-session", "-d", "-x", str(columns), "-y", str(lines), command)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.addCleanup(self.tmux, "kill-server")

    def screen(self):
        return self.tmux("capture-pane", "-p").stdout.splitlines()

    def wait_for(self, text):
        return wait_until(lambda: (shown := self.screen()) and any(text in line for line in shown) and shown, f"{text} on the screen")

    def test_80_columns_show_each_note(self):
        process = self.start_busy()
        self.open_top(80, 24, str(process.pid))
        shown = self.wait_for("no-free-slot")
        self.assertTrue(shown[0].startswith("nodewise top: 1 processes, 4 threads"))
        self.assertRegex(shown[1], r"^node 0 .* GiB +\d+ threads alloc .* serves \S+")
        self.assertIn("? help", shown[-1])

    def test_help_comes_by_its_key_and_goes_by_any(self):
        process = self.start_busy()
        self.open_top(80, 24, str(process.pid))
        self.wait_for("? help")
        self.tmux("send-keys", "?")
        self.wait_for("Page Up")
        self.tmux("send-keys", "x")
        self.wait_for("nodewise top: 1")
        self.tmux("send-keys", "2")
        self.wait_for("PLACED")
        self.tmux("send-keys", "q")
        wait_until(lambda: not self.screen(), "it has ended")

    def test_20_columns_and_5_lines_are_a_table_without_rubbish(self):
        process = self.start_busy()
        self.open_top(20, 5, str(process.pid))
        shown = self.wait_for("some_are_busy")
        self.assertTrue(shown[0].startswith("nodewise top: 1"), shown)
        self.assertTrue(shown[1].startswith(" 1 threads  2"), shown)
        self.assertTrue(shown[2].startswith("THREAD"), shown)
        self.assertTrue(all(line.startswith("some_are_busy") for line in shown[3:5]), shown)

    def test_a_watched_process_that_has_ended_is_told(self):
        process, other = self.start_busy(), self.start_busy()
        self.open_top(80, 24, str(process.pid), str(other.pid))
        self.wait_for("2 processes")
        self.end(process)
        self.wait_for(f"process {process.pid} has ended")
        self.end(other)
        self.wait_for(f"process {process.pid} has ended, process {other.pid} has ended")

    def test_cpus_are_those_that_the_kernel_gives(self):
        process = self.start_busy()
        text = self.nodewise("top", "--batch", "--tab", "threads", str(process.pid))
        row = next(line.split() for line in text.splitlines() if f" {max(harness.threads_of(process.pid))} " in line)
        heading = next(line.split() for line in text.splitlines() if line.startswith("PID"))
        self.assertEqual(row[heading.index("CPUS")], "0")

    def test_a_terminal_without_a_cursor_gets_text(self):
        process = self.start_busy()
        ours, theirs = pty.openpty()
        self.addCleanup(os.close, ours)
        done = subprocess.run([harness.NODEWISE, "top", "--tab", "rules", str(process.pid)], stdin=theirs, stdout=theirs,
                              stderr=subprocess.PIPE, text=True, env=harness.clean_environment() | {"TERM": "dumb"}, timeout=harness.SECONDS)
        os.close(theirs)
        shown = os.read(ours, 65536).decode()
        self.assertEqual(done.returncode, 0)
        self.assertIn("TERM=dumb", done.stderr)
        self.assertIn("background", shown)
        self.assertNotIn("\033[H", shown)


if __name__ == "__main__":
    harness.main()
