"""What a process shares with others by files: another process writes into them, cuts them short, or leaves something
else in their place, and the program runs as it does alone."""

import glob
import os
import resource
import signal
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

    def test_its_user_does_not_cut_it_short_by_mistake(self):
        """Whoever is not root: root is asked no permission."""
        self.assertEqual(os.geteuid(), 0, "becoming another user needs root")
        user = {"user": 65534, "group": 65534, "extra_groups": []}
        os.chmod(self.folder, 0o755)
        plan = self.compiled('[[rules]]\nname = "io"\nmatch = { thread = "io" }\nbind_to = "cpu"\n')
        os.chmod(plan, 0o644)
        process = self.begin(plan, **user)
        path, = glob.glob(f"/dev/shm/nodewise.65534/{process.pid}.seg")
        before = os.stat(path)
        for command in (["truncate", "-s", "0", path], ["cp", "/dev/null", path], ["sh", "-c", f": >{path}"],
                        ["dd", "of=" + path, "if=/dev/null"]):
            self.assertNotEqual(subprocess.run(command, stderr=subprocess.DEVNULL, **user).returncode, 0, command)
        self.tell(process, "create io")
        policy = self.policy('[[rules]]\nname = "other"\nmatch = { thread = "*" }\n', "other.toml")
        for request in (["report", str(process.pid), "--pages"], ["reload", str(process.pid), "-p", policy]):
            done = subprocess.run([harness.NODEWISE, *request], capture_output=True, text=True, timeout=harness.SECONDS,
                                  env=harness.clean_environment(), **user)
            self.assertEqual(done.returncode, 0, done.stderr)
            after, = glob.glob(f"/dev/shm/nodewise.65534/{process.pid}.seg")
            self.assertEqual((before.st_mode, os.stat(after).st_mode), (0o100400, 0o100400), "also after a request")
        os.unlink(after)
        self.goes_on(process)


class Written(Shared):
    """The log and the report, at a path that the user named."""

    RULE = '[[rules]]\nname = "all"\nmatch = { thread = "*" }\n'

    def ends_as_alone(self, plan, **variables):
        process = self.start(["echo", "ran"], way="keys", environment={"NODEWISE_PLAN": plan, **variables},
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        output, _ = process.communicate(timeout=harness.SECONDS)
        self.assertEqual((output, process.returncode), (b"ran\n", 0))

    def obstacles(self):
        """What stands at the path, by name; each makes it and says what must be left as it is."""
        victim = self.path("victim")
        with open(victim, "w") as file:
            file.write("mine")
        aside = self.path("aside")
        os.mkdir(aside)
        yield "link", lambda path: os.symlink(victim, path)
        yield "link to nothing", lambda path: os.symlink(os.path.join(aside, "made"), path)
        yield "second name", lambda path: os.link(victim, path)
        yield "FIFO", os.mkfifo
        yield "folder", os.mkdir
        if os.geteuid() == 0:
            yield "another user's file", lambda path: (open(path, "w").close(), os.chown(path, 12345, -1))

    def check(self, variable, name):
        plan = self.compiled(self.RULE)
        path = self.path(name)
        for what, make in self.obstacles():
            with self.subTest(what):
                make(path)
                before = os.lstat(path)
                self.ends_as_alone(plan, **{variable: path})
                after = os.lstat(path)
                self.assertEqual((before.st_ino, before.st_size), (after.st_ino, after.st_size))
                os.rmdir(path) if what == "folder" else os.unlink(path)
        self.assertEqual(os.listdir(self.path("aside")), [])
        with open(self.path("victim")) as file:
            self.assertEqual(file.read(), "mine")
        self.ends_as_alone(plan, **{variable: path})
        self.assertGreater(os.path.getsize(path), 0, "a file of its own is written")

    def test_the_log_goes_into_a_file_of_ones_own(self):
        self.check("NODEWISE_LOG", "log")

    def test_the_report_goes_into_a_file_of_ones_own(self):
        self.check("NODEWISE_REPORT", "report.json")

    def test_anothers_link_on_the_way_is_not_followed(self):
        self.assertEqual(os.geteuid(), 0, "giving a link away needs root")
        plan = self.compiled(self.RULE)
        os.mkdir(self.path("mine"))
        os.symlink(self.path("mine"), self.path("alias"))
        for variable in ("NODEWISE_LOG", "NODEWISE_REPORT"):
            self.ends_as_alone(plan, **{variable: self.path("alias/file")})
            self.assertEqual(os.listdir(self.path("mine")), ["file"], "one's own link leads there")
            os.unlink(self.path("mine/file"))
        os.lchown(self.path("alias"), 12345, -1)
        for variable in ("NODEWISE_LOG", "NODEWISE_REPORT"):
            self.ends_as_alone(plan, **{variable: self.path("alias/file")})
        self.assertEqual(os.listdir(self.path("mine")), [])

    def test_devices_neither_block_nor_end_the_program(self):
        plan = self.compiled(self.RULE)
        for path in ("/dev/full", "/dev/null", "/dev/tty", "/dev/ptmx", "/proc/self/mem", "/", ""):
            for variable in ("NODEWISE_LOG", "NODEWISE_REPORT"):
                with self.subTest(path=path, variable=variable):
                    self.ends_as_alone(plan, **{variable: path})

    def test_a_limit_on_the_size_of_files_ends_no_program(self):
        plan = self.compiled(self.RULE)
        limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))
        for variable in ("NODEWISE_LOG", "NODEWISE_REPORT"):
            process = self.start(["true"], way="keys", preexec_fn=limit,
                                 environment={"NODEWISE_PLAN": plan, variable: self.path(variable)})
            self.assertEqual(process.wait(timeout=harness.SECONDS), 0)

    def test_a_report_that_nobody_reads_does_not_keep_the_program(self):
        """On stderr, a pipe that is full, with all signals blocked or ignored by the program."""
        plan = self.compiled(self.RULE + '[report]\nat_exit = "full"\n')
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        self.addCleanup(os.close, writer)
        os.set_blocking(writer, False)
        try:
            while True:
                os.write(writer, bytes(4096))
        except BlockingIOError:
            os.set_blocking(writer, True)
        deaf = lambda: signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
        process = self.start(["true"], way="keys", preexec_fn=deaf, environment={"NODEWISE_PLAN": plan}, stderr=writer)
        self.assertEqual(process.wait(timeout=harness.SECONDS), 0)


if __name__ == "__main__":
    harness.main()
