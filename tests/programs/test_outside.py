"""What views know of processes that are governed from outside, children of these, and `nodewise run` of programs that no library
is preloaded into: nginx, a static Go server, a Java program. Masks are read from /proc, pages from numa_maps."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness
from harness import cpu_list, threads_of, wait_until
from test_apply import NOBODY, TESTS, ApplyTest, title_of

FOLDER = "/run/nodewise" if os.path.isdir("/run/nodewise") else f"/dev/shm/nodewise.{os.geteuid()}"


FIRST_NAMESPACE = 0xEFFFFFFC  # of pids, as the kernel numbers it


def record_of(pid):
    """Its path: where other processes may have that number, the namespace's own is in the name."""
    namespace = os.stat("/proc/self/ns/pid").st_ino
    return os.path.join(FOLDER, f"{pid}.outside" if namespace == FIRST_NAMESPACE else f"{pid}-{namespace}.outside")


def pages_by_node(pid):
    """{node: pages}, as numa_maps counts them."""
    nodes = {}
    with open(f"/proc/{pid}/numa_maps", encoding="ascii", errors="replace") as file:
        for node, pages in re.findall(r" N(\d+)=(\d+)", file.read()):
            nodes[int(node)] = nodes.get(int(node), 0) + int(pages)
    return nodes


def nodes_of(cpus):
    """The nodes of these CPUs, as /sys has them."""
    folder = "/sys/devices/system/node"
    found = {0}
    for name in os.listdir(folder):
        if re.fullmatch(r"node\d+", name):
            with open(os.path.join(folder, name, "cpulist"), encoding="ascii") as file:
                found |= {int(name[4:])} if cpu_list(file.read().strip()) & cpus else set()
    return found


class OutsideTest(ApplyTest):
    def view(self, *words, code=0):
        return json.loads(self.nodewise(*map(str, words), "--json", code=code))

    def row(self, pid):
        """What ps says of the process, or None."""
        return {row["pid"]: row for row in self.view("ps")}.get(pid)

    def watched(self, pid):
        return wait_until(lambda: self.row(pid) and self.row(pid).get("watcher"), f"{pid} watched")

    def children_of(self, pid, count):
        def found():
            with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
                pids = [int(word) for word in file.read().split()]
            return pids if len(pids) == count else None
        return wait_until(found, f"{count} children")


class Views(OutsideTest):
    def test_ps_and_show_say_what_was_asked_and_what_the_kernel_says_now(self):
        process = self.told("io_1", "other")
        self.apply("-p", self.io, process.pid)
        row = self.row(process.pid)
        self.assertEqual((row["state"], row["threads"], row["policy"]), ("outside", 3, self.io))
        self.assertNotIn("watcher", row)
        text = self.nodewise("show", str(process.pid))
        self.assertIn(f"does_as_told (pid {process.pid}, from outside) under {self.io}", text)
        self.tell(process, f"pin 1 {self.first}") # by itself, behind our back
        threads = {thread["name"]: thread for thread in self.show(process.pid)["threads"]}
        self.assertEqual((threads["io_1"]["asked"], threads["io_1"]["now"]), (str(self.last), str(self.first)))
        self.assertEqual((threads["other"]["asked"], threads["other"]["outcome"]), ("", "not_asked"))
        self.assertEqual(threads["io_1"]["why"], "from-outside")

    def test_verify_tells_drift(self):
        process = self.told("io_1")
        self.apply("-p", self.io, process.pid)
        document = self.view("verify", process.pid)
        self.assertEqual((document["as_asked"], document["from_outside"]), (True, True))
        self.tell(process, f"pin 1 {self.first}")
        document = self.view("verify", process.pid, code=1)
        self.assertEqual({thread["name"]: thread["verdict"] for thread in document["threads"]}["io_1"], "drifted")

    def test_claims_of_another_process_are_part_of_what_was_asked(self):
        self.assertGreater(len(self.allowed), 1, "needs two CPUs")
        policy = self.policy('[[rules]]\nname = "alone"\nmatch = { thread = "alone" }\nbind_to = "cpu"\nexclusive = true\n'
                             '[[rules]]\nname = "rest"\nmatch = { thread = "rest" }\nbind_to = "none"\n')
        process, alone = self.told("rest"), self.told("alone")
        self.apply("-p", policy, process.pid, alone.pid)
        for one in (process, alone):
            self.assertTrue(self.view("verify", one.pid)["as_asked"])
        asked = {thread["name"]: thread["asked"] for thread in self.view("verify", process.pid)["threads"]}
        self.assertEqual(cpu_list(asked["rest"]), self.allowed - self.masks(alone)["alone"])

    def test_what_only_the_library_does_is_not_claimed(self):
        process = self.told("io_1")
        policy = self.policy('[defaults]\nmemory = { policy = "bind" }\n[[rules]]\nname = "io"\nmatch = { thread = "io_*" }\n')
        self.apply("-p", policy, process.pid)
        thread = {thread["name"]: thread for thread in self.show(process.pid)["threads"]}["io_1"]
        self.assertEqual((thread["memory_outcome"], thread["memory_reason"], thread["step"]), ("none", "from-outside", "cpu_only"))
        verdicts = {thread["name"]: thread["policy_verdict"] for thread in self.view("verify", process.pid)["threads"]}
        self.assertEqual(verdicts["io_1"], "left-out")
        self.assertIn("left out, as it takes the preloaded library: ", self.nodewise("show", str(process.pid)))

    def test_threads_that_came_or_ended_since_are_not_passed_off(self):
        process = self.told("io_1")
        self.apply("-p", self.io, process.pid)
        self.tell(process, "end 1")
        self.tell(process, "create io_2")
        report = self.show(process.pid)
        self.assertEqual({thread["name"]: thread["state"] for thread in report["threads"]}["io_1"], "ended")
        self.assertEqual([thread["name"] for thread in report["not_adopted"]], ["io_2"])

    def test_top_lists_its_threads(self):
        process = self.told("io_1")
        self.apply("-p", self.io, process.pid)
        self.assertRegex(self.nodewise("top", "--batch", "--tab", "threads", str(process.pid)),
                         rf"(?m)^{process.pid} +\d+ +io_1 +io .* full +from-outside")

    def test_who_watches_is_told_while_it_does(self):
        process = self.told("io_1")
        watching = self.watch("-p", self.io, process.pid)
        self.assertEqual(self.watched(process.pid), watching.pid)
        self.assertEqual(self.row(process.pid)["state"], "watched")
        self.assertIn(f"from outside, watched by process {watching.pid})", self.nodewise("show", str(process.pid)))
        self.assertIn(f"process {watching.pid} watches it", self.apply("-c", self.first, process.pid, code=1)[1])
        watching.kill()
        watching.wait()
        self.assertEqual(self.row(process.pid)["state"], "outside")
        self.apply("-c", self.first, process.pid)
        self.assertEqual(self.row(process.pid)["policy"], f"-c {self.first}")

    def test_the_record_goes_with_the_process(self):
        processes = [self.told("io_1"), self.told("io_1")]
        watching = self.watch("-p", self.io, processes[0].pid)
        self.watched(processes[0].pid)
        self.apply("-p", self.io, processes[1].pid)
        for process in processes:
            self.assertTrue(os.path.exists(record_of(process.pid)))
            self.end(process)
        watching.wait()
        self.assertFalse(os.path.exists(record_of(processes[0].pid)))
        self.assertIsNone(self.row(processes[1].pid))
        self.assertFalse(os.path.exists(record_of(processes[1].pid)), "ps sweeps")
        self.assertIn("no process", subprocess.run([harness.NODEWISE, "show", str(processes[1].pid)], capture_output=True,
                                                   text=True, env=harness.clean_environment()).stderr)

    def test_reload_names_apply(self):
        process = self.told("io_1")
        self.apply("-p", self.io, process.pid)
        done = subprocess.run([harness.NODEWISE, "reload", "-p", self.io, str(process.pid)], capture_output=True, text=True,
                              env=harness.clean_environment(), timeout=harness.SECONDS)
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"`nodewise apply -p POLICY {process.pid}`", done.stderr)


class Trust(OutsideTest):
    """Records count where they are root's or the process's user's, for the process that they were written of."""

    def setUp(self):
        super().setUp()
        self.assertEqual(os.geteuid(), 0, "needs root: it writes in the name of other users")

    def test_a_record_of_another_process_of_that_number(self):
        process, other = self.told("io_1"), self.told("io_1")
        self.apply("-p", self.io, process.pid)
        shutil.copy(record_of(process.pid), record_of(other.pid))
        self.addCleanup(os.unlink, record_of(other.pid))
        self.assertIsNone(self.row(other.pid))

    def test_a_users_record_of_roots_process(self):
        process = self.told("io_1")
        self.apply("-p", self.io, process.pid)
        theirs = "/dev/shm/nodewise.65534"
        made = not os.path.isdir(theirs)
        if made:
            os.mkdir(theirs, 0o700)
            os.chown(theirs, 65534, 65534)
            self.addCleanup(shutil.rmtree, theirs)
        path = os.path.join(theirs, f"{process.pid}.outside")
        shutil.move(record_of(process.pid), path)
        os.chown(path, 65534, 65534)
        self.addCleanup(lambda: os.path.exists(path) and os.unlink(path))
        self.assertIsNone(self.row(process.pid))

    def test_a_record_that_others_can_write(self):
        process = self.told("io_1")
        self.apply("-p", self.io, process.pid)
        os.chmod(record_of(process.pid), 0o666)
        self.assertIsNone(self.row(process.pid))

    def test_users_govern_their_own(self):
        process = self.told("io_1", before=NOBODY)
        self.apply("-p", self.io, process.pid, before=NOBODY)
        row = self.row(process.pid)
        self.assertEqual((row["state"], row["uid"]), ("outside", 65534))
        self.assertTrue(self.view("verify", process.pid)["as_asked"])

    def told(self, *names, before=(), **more):
        if not before:
            return super().told(*names, **more)
        process = self.start([*before, os.path.join(harness.BUILD, "tests", "interpose", "does_as_told")], way="plain",
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.assertEqual(process.stdout.readline(), b"ready\n")
        for name in names:
            self.tell(process, f"create {name}")
        return process


class Children(OutsideTest):
    """sh and sleep: a process whose children come, become other programs, and end."""

    def shell(self):
        process = self.start(["bash"], way="plain", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.order(process, "true")
        return process

    @staticmethod
    def order(process, line):
        process.stdin.write((line + "\necho done $!\n").encode())
        process.stdin.flush()
        return process.stdout.readline().decode().split()[1:]

    def test_one_that_comes_later_is_governed_until_it_ends(self):
        policy = self.policy(f'[[rules]]\nname = "sleep"\nmatch = {{ process_exe = "*/sleep" }}\ncpus = "{self.last}"\nbind_to = "cpu"\n')
        shell = self.shell()
        watching = self.watch("-p", policy, shell.pid)
        self.watched(shell.pid)
        child = int(self.order(shell, "sleep 1000 &")[0])
        wait_until(lambda: threads_of(child)[child][1] == {self.last}, "the child on its CPU")
        self.assertEqual(self.watched(child), watching.pid)
        self.assertEqual(self.row(child)["comm"], "sleep")
        os.kill(child, signal.SIGKILL)
        wait_until(lambda: not os.path.exists(record_of(child)), "its record is gone")
        self.assertIsNone(watching.poll())

    def test_grandchildren_and_those_that_were_there_before(self):
        policy = self.policy(f'[[rules]]\nname = "sleep"\nmatch = {{ process_exe = "*/sleep" }}\ncpus = "{self.last}"\nbind_to = "cpu"\n')
        shell = self.shell()
        inner = int(self.order(shell, "sh -c 'sleep 1000; true' &")[0])
        grandchild = self.children_of(inner, 1)[0]
        self.addCleanup(lambda: os.path.exists(f"/proc/{grandchild}") and os.kill(grandchild, signal.SIGKILL))
        self.watch("-p", policy, shell.pid)
        wait_until(lambda: threads_of(grandchild)[grandchild][1] == {self.last}, "the grandchild on its CPU")

    def test_one_that_is_no_target_is_left_alone(self):
        policy = self.policy(f'[target]\ncomm = "bash"\n[defaults]\ncpus = "{self.last}"\nbind_to = "none"\n')
        shell = self.shell()
        self.watch("-p", policy, shell.pid)
        self.watched(shell.pid)
        child = int(self.order(shell, "sleep 1000 &")[0])
        self.addCleanup(lambda: os.path.exists(f"/proc/{child}") and os.kill(child, signal.SIGKILL))
        other = int(self.order(shell, "bash -c 'read line' < <(sleep 1000) &")[0])
        self.addCleanup(lambda: os.path.exists(f"/proc/{other}") and os.kill(other, signal.SIGKILL))
        self.watched(other)
        self.assertIsNone(self.row(child))

    def test_no_children_where_they_are_not_wanted(self):
        shell = self.shell()
        child = int(self.order(shell, "sleep 1000 &")[0])
        self.addCleanup(lambda: os.path.exists(f"/proc/{child}") and os.kill(child, signal.SIGKILL))
        self.watch("-c", self.last, "--no-children", shell.pid)
        wait_until(lambda: threads_of(shell.pid)[shell.pid][1] == {self.last}, "the shell on its CPU")
        self.assertIsNone(self.row(child))
        self.assertEqual(threads_of(child)[child][1], self.allowed)

    def test_one_that_the_library_governs_is_left_to_it(self):
        shell = self.shell()
        watching = self.watch("-c", self.first, shell.pid)
        self.watched(shell.pid)
        library = f"LD_PRELOAD={harness.SHIM} NODEWISE_POLICY={self.io} NODEWISE_OCCUPANCY=process"
        child = int(self.order(shell, f"{library} {os.path.join(harness.BUILD, 'tests', 'interpose', 'does_as_told')} <(sleep 1000) < <(sleep 1000) > /dev/null &")[0])
        self.addCleanup(lambda: os.path.exists(f"/proc/{child}") and os.kill(child, signal.SIGKILL))
        wait_until(lambda: (self.row(child) or {}).get("state") == "active", "the library's")
        self.assertIsNone(watching.poll())
        self.assertFalse(os.path.exists(record_of(child)))


class Run(OutsideTest):
    """`nodewise run` of programs that no library is preloaded into."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.static = os.path.join(harness.BUILD, "static_does_as_told")
        subprocess.run(["gcc", "-static", "-pthread", "-D_GNU_SOURCE", "-o", cls.static,
                        os.path.join(TESTS, "interpose", "zoo", "does_as_told.c")], check=True)
        cls.addClassCleanup(os.unlink, cls.static)

    def run_static(self, *names, policy=None, **more):
        process = self.start([self.static], policy or self.io, stdin=subprocess.PIPE, stdout=subprocess.PIPE, **more)
        self.assertEqual(process.stdout.readline(), b"ready\n")
        for name in names:
            self.tell(process, f"create {name}")
        return process

    def test_its_threads_are_placed_and_seen(self):
        process = self.run_static("io_1", "other", policy=self.policy(
            f'[[rules]]\nname = "io"\nmatch = {{ thread = "io_*" }}\ncpus = "{self.last}"\nbind_to = "cpu"\n'
            f'[[rules]]\nname = "rest"\nmatch = {{ thread = "other" }}\nbind_to = "none"\n'))
        self.check_mask(process, "io_1", {self.last})
        watcher = self.watched(process.pid)
        self.tell(process, "create io_2")
        self.check_mask(process, "io_2", {self.last})
        self.assertEqual(self.masks(process)["other"], self.allowed)
        self.assertEqual(os.getsid(watcher), os.getpgid(watcher), "no signal of the program's terminal reaches it")
        self.assertEqual({os.readlink(f"/proc/{watcher}/fd/{fd}") for fd in (0, 1, 2)}, {"/dev/null"})
        with open(f"/proc/{process.pid}/task/{process.pid}/children", encoding="ascii") as file:
            self.assertEqual(file.read(), "", "it is no child of the program")
        process.kill()
        process.wait()
        wait_until(lambda: not os.path.exists(f"/proc/{watcher}"), "it ends with the program")

    def test_status_and_signals_are_the_programs_own(self):
        process = self.run_static("io_1")
        self.check_mask(process, "io_1", {self.last})
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(harness.SECONDS), -signal.SIGTERM)
        done = subprocess.run([harness.NODEWISE, "run", "-p", self.io, "--", "busybox", "sh", "-c", "read line; exit $line"],
                              input=b"9\n", capture_output=True, env=harness.clean_environment(), timeout=harness.SECONDS)
        self.assertEqual(done.returncode, 9)
        self.assertIn(b"placed from outside", done.stderr)

    def test_strict_starts_nothing(self):
        done = subprocess.run([harness.NODEWISE, "run", "--strict", "-p", self.io, "--", "busybox", "echo", "started"],
                              capture_output=True, env=harness.clean_environment(), timeout=harness.SECONDS)
        self.assertEqual((done.returncode, done.stdout), (3, b""))

    def test_one_that_cannot_be_started(self):
        program = self.path("damaged")
        with open(self.static, "rb") as file, open(program, "wb") as to:
            to.write(file.read(4096)) # headers, and none of what they promise
        os.chmod(program, 0o755)
        done = subprocess.run([harness.NODEWISE, "run", "-p", self.io, "--", program], capture_output=True, text=True,
                              env=harness.clean_environment(), timeout=harness.SECONDS)
        self.assertNotEqual(done.returncode, 0)
        self.assertNotIn("is not governed", done.stderr)

    def test_a_program_that_it_becomes_is_the_librarys(self):
        process = self.start(["busybox", "sh", "-c", f"read line; exec {os.path.join(harness.BUILD, 'tests', 'interpose', 'does_as_told')}"],
                             self.io, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        watcher = self.watched(process.pid)
        process.stdin.write(b"\n")
        process.stdin.flush()
        self.assertEqual(process.stdout.readline(), b"ready\n")
        self.tell(process, "create io_1")
        self.check_mask(process, "io_1", {self.last})
        self.assertEqual(self.row(process.pid)["state"], "active")
        wait_until(lambda: not os.path.exists(f"/proc/{watcher}"), "nothing is left to govern from outside", 30)

    def test_a_static_go_server(self):
        source, server = self.path("server.go"), self.path("server")
        shutil.copy(os.path.join(TESTS, "programs", "server.go"), source)
        subprocess.run(["go", "build", "-o", server, source], check=True, cwd=self.folder, timeout=540,
                       env=harness.clean_environment() | {"CGO_ENABLED": "0", "GO111MODULE": "off", "HOME": self.folder,
                                                          "GOCACHE": os.path.join(harness.BUILD, "go-cache")})
        policy = self.policy(f'[[rules]]\nname = "main"\nmatch = {{ main = true }}\ncpus = "{self.first}"\nbind_to = "cpu"\n'
                             f'[[rules]]\nname = "runtime"\nmatch = {{ index = "1-" }}\ncpus = "{self.last}"\nbind_to = "cpu"\n')
        process = self.start([server], policy, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        port = int(process.stdout.readline().split(b":")[-1])

        def placed():
            masks = {tid: cpus for tid, (_, cpus) in threads_of(process.pid).items()}
            own = masks.pop(process.pid)
            return own == {self.first} and len(masks) > 1 and set(map(frozenset, masks.values())) == {frozenset({self.last})}
        wait_until(placed, "all of its threads on their CPUs")
        before = len(threads_of(process.pid))
        for _ in range(12): # a thread each, but for those that the runtime had to spare
            connection = socket.create_connection(("127.0.0.1", port), timeout=harness.SECONDS)
            self.addCleanup(connection.close)
            self.assertEqual(connection.recv(6), b"hello\n")
        wait_until(lambda: len(threads_of(process.pid)) >= before + 3, "threads that came later")
        wait_until(placed, "these, too")
        self.assertTrue(wait_until(lambda: self.view("verify", process.pid), "verified")["as_asked"])
        self.assertTrue(set(pages_by_node(process.pid)) <= nodes_of({self.first, self.last}), "its pages are near its threads")


class Programs(OutsideTest):
    def test_nginx_gets_its_workers_governed_and_those_of_a_reload(self):
        configuration = self.path("nginx.conf")
        with open(configuration, "w") as file:
            file.write(f"daemon off; worker_processes 2; pid {self.path('pid')}; error_log {self.path('log')};\n"
                       f"events {{}}\nhttp {{ access_log off; server {{ listen 127.0.0.1:{harness.free_port()}; }} }}\n")
        master = self.start(["/usr/sbin/nginx", "-c", configuration], way="plain")
        self.addCleanup(subprocess.run, ["/usr/sbin/nginx", "-c", configuration, "-s", "stop"], capture_output=True)
        before = self.children_of(master.pid, 2)
        policy = self.policy('[target]\nexe = "/usr/sbin/nginx"\n[[rules]]\nname = "workers"\n'
                             'match = { process_argv = "nginx: worker process*", forked = true }\n'
                             'distribution = "round_robin"\nlevel = "cpu"\nbind_to = "cpu"\n')
        watching = self.watch("-p", policy, master.pid)

        def placed(pids):
            masks = [threads_of(pid).get(pid, ("", set()))[1] for pid in pids]
            return all(len(mask) == 1 for mask in masks) and len(set().union(*masks)) == min(2, len(self.allowed))
        wait_until(lambda: placed(before), "a CPU for each worker")
        master.send_signal(signal.SIGHUP)

        def renewed():
            with open(f"/proc/{master.pid}/task/{master.pid}/children", encoding="ascii") as file:
                pids = [int(word) for word in file.read().split()]
            return pids if len(pids) == 2 and not set(pids) & set(before) else None
        after = wait_until(renewed, "new workers")
        wait_until(lambda: placed(after) and all(title_of(pid).startswith("nginx: worker") for pid in after), "a CPU for each new one")
        for pid in after:
            self.assertEqual(self.watched(pid), watching.pid)
            self.assertTrue(wait_until(lambda pid=pid: self.view("verify", pid)["as_asked"], "as asked"))

    def test_java(self):
        shutil.copy(os.path.join(TESTS, "programs", "Pool.java"), self.folder)
        subprocess.run(["javac", "-d", self.folder, self.path("Pool.java")], check=True)
        process = self.start(["java", "-cp", self.folder, "Pool"], way="plain", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.assertEqual(process.stdout.readline(), b"ready 4\n")
        policy = self.policy('[[rules]]\nname = "pool"\nmatch = { thread = "worker-*" }\nbind_to = "cpu"\n'
                             'distribution = "round_robin"\nlevel = "cpu"\n')
        self.apply("-p", policy, "--memory-budget", 4096, process.pid)
        verified = self.view("verify", process.pid)
        self.assertTrue(verified["as_asked"])
        pool = [thread for thread in verified["threads"] if thread["rule"] == "pool"]
        self.assertEqual([thread["verdict"] for thread in pool], ["as-asked"] * 4)
        for thread in pool:
            self.assertEqual(threads_of(process.pid)[thread["tid"]][1], cpu_list(thread["asked"]))
        self.assertTrue(set(pages_by_node(process.pid)) <= nodes_of(self.allowed), "its pages are near its threads")
        process.communicate(b"\n", timeout=harness.SECONDS)


if __name__ == "__main__":
    harness.main()
