"""What a process shares with others by files: another process writes into them, cuts them short, or leaves something
else in their place, and the program runs as it does alone."""

import glob
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness
from harness import threads_of, wait_until

ZOO = os.path.join(harness.BUILD, "tests", "interpose")


class Shared(harness.ProgramTest):
    """A program that does as it is told, line by line (zoo/does_as_told.c)."""

    def setUp(self):
        super().setUp()
        self.last = max(self.allowed)

    def compiled(self, text, name="plan"):
        self.nodewise("compile", "-p", self.policy(text), "-o", self.path(name))
        return self.path(name)

    def begin(self, plan, **more):
        process = self.start([os.path.join(ZOO, "does_as_told")], way="keys", environment={"NODEWISE_PLAN": plan},
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)
        self.assertEqual(process.stdout.readline(), b"ready\n", process.poll())
        return process

    def tell(self, process, line):
        """What it answers before "done"."""
        process.stdin.write(line.encode() + b"\n")
        process.stdin.flush()
        answers = []
        while (answer := process.stdout.readline()) != b"done\n":
            self.assertTrue(answer, f"{line}: it ended with {process.poll()}")
            answers.append(answer.decode().strip())
        return answers

    def goes_on(self, process):
        """It makes threads, forks and ends, and says what it says alone."""
        for line in ("create", "create io", "name 1 other", "fork", "create", "create io"):
            self.tell(process, line)
        output, errors = process.communicate(timeout=harness.SECONDS)
        self.assertEqual((output, errors, process.returncode), (b"", b"", 0))


class Plan(Shared):
    def rules(self, count):
        """The last rule is the one for io."""
        others = "".join(f'[[rules]]\nname = "rule-{i}"\nmatch = {{ thread = "no-{i}" }}\ncpus = "all"\n' for i in range(count))
        return f'{others}[[rules]]\nname = "io"\nmatch = {{ thread = "io" }}\ncpus = "{self.last}"\nbind_to = "cpu"\n'

    def test_a_file_that_changes_in_place_does_not_matter(self):
        """As `cp` does. Plans of some pages and of many: small ones are kept in another way."""
        for count in (1, 40, 400):
            for what, change in (("cut to nothing", lambda data: b""), ("cut", lambda data: data[:len(data) // 2]),
                                 ("garbage", lambda data: os.urandom(len(data))), ("ones", lambda data: b"\xff" * len(data))):
                with self.subTest(rules=count, what=what):
                    plan = self.compiled(self.rules(count))
                    process = self.begin(plan)
                    with open(plan, "rb") as file:
                        data = file.read()
                    with open(plan, "r+b") as file:
                        file.write(change(data))
                        file.truncate()
                    self.tell(process, "create io")
                    wait_until(lambda: dict(threads_of(process.pid).values()).get("io") == {self.last}, "placed as before")
                    self.goes_on(process)


class Segment(Shared):
    def test_what_another_process_writes_into_it_does_not_matter(self):
        plan = self.compiled('[[rules]]\nname = "io"\nmatch = { thread = "io" }\nbind_to = "cpu"\n')
        for what in (b"\xff", b"\0", b"\x55"):
            with self.subTest(what=what):
                process = self.begin(plan)
                path, = glob.glob(f"/dev/shm/nodewise.*/{process.pid}.seg")
                with open(path, "r+b") as file:
                    file.write(what * os.path.getsize(path))
                self.goes_on(process)


if __name__ == "__main__":
    harness.main()
