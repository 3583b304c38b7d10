"""Calls past the functions that most programs use: names by the system call or a file, namespaces that want a single
thread, and a kernel that refuses to duplicate descriptors."""

import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness
from harness import threads_of, wait_until

ZOO = os.path.join(harness.BUILD, "tests", "interpose")


class Names(harness.ProgramTest):
    def test_a_thread_is_placed_by_its_name_in_whichever_way_it_got_it(self):
        last = max(self.allowed)
        policy = self.policy(f'[[rules]]\nname = "io"\nmatch = {{ thread = "io" }}\ncpus = "{last}"\nbind_to = "cpu"\n')
        for way in ("syscall", "file", "stream", "other"):
            with self.subTest(way=way):
                process = self.start([os.path.join(ZOO, "named_in_every_way"), way], policy, stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE)
                self.assertEqual(process.stdout.readline(), b"ready\n")
                wait_until(lambda: ("io", {last}) in threads_of(process.pid).values(), "placed by its name")
                if way == "syscall": # at once, as by prctl
                    self.assertEqual([t["why"] for t in self.show(process.pid)["threads"] if t["name"] == "io"], ["rename"])
                process.communicate(b"\n", timeout=harness.SECONDS)


class Namespaces(harness.ProgramTest):
    def test_the_librarys_thread_is_in_nobodys_way(self):
        policy = self.policy('[defaults]\nbind_to = "cpu"\n')
        for way in ("unshare", "unshare-syscall", "setns", "setns-syscall"):
            command = [os.path.join(ZOO, "enters_a_namespace"), way]
            plain = subprocess.run(command, capture_output=True, timeout=harness.SECONDS, check=True).stdout
            self.assertEqual(plain, b"0 \n", f"{way} without nodewise: the kernel lets no user namespace be made")
            for _ in range(5):
                with self.subTest(way=way):
                    process = self.start(command, policy, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                    self.assertEqual(process.communicate(timeout=harness.SECONDS), (plain, b""))

    def test_an_answer_that_is_the_programs_own_stays(self):
        """Its own second thread is a reason to refuse, and so is a flag that there is not."""
        script = ("import ctypes, os, threading\nlibc = ctypes.CDLL(None, use_errno=True)\n"
                  "open('/proc/self/comm', 'r+').write('refused')\nstop = threading.Event()\n"
                  "thread = threading.Thread(target=stop.wait); thread.start()\n"
                  "print(libc.unshare(0x10000000), ctypes.get_errno())\nstop.set(); thread.join()\n"
                  "print(libc.unshare(1), ctypes.get_errno())\nprint(libc.setns(0, 0), ctypes.get_errno())")
        command = ["/usr/bin/python3", "-c", script]
        plain = subprocess.run(command, capture_output=True, timeout=harness.SECONDS, stdin=subprocess.DEVNULL, check=True).stdout
        process = self.start(command, self.policy('[defaults]\nbind_to = "cpu"\n'), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        self.assertEqual(process.communicate(timeout=harness.SECONDS)[0], plain)


class Streams(harness.ProgramTest):
    def test_where_descriptors_cannot_be_duplicated_nothing_of_ours_reaches_the_streams(self):
        for more in ("", '[report]\nat_exit = "always"\nfile = "' + self.path("report") + '"\n'):
            policy = self.policy('[defaults]\nbind_to = "cpu"\n' + more)
            with self.subTest(report=bool(more)):
                process = self.start([os.path.join(ZOO, "without_dup3"), "env", f"LD_PRELOAD={harness.SHIM}",
                                      f"NODEWISE_POLICY={policy}", "echo", "its own"], way="plain",
                                     stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                output, errors = process.communicate(timeout=harness.SECONDS)
                self.assertEqual((output, errors, process.returncode), (b"its own\n", b"", 0))


class Costs(harness.ProgramTest):
    """In system calls, which are counted exactly: one use of each function, in a process with arenas and no places."""

    # what is read back, or asked, for what the records say
    MORE = {"prctl": 1, "pthread_setname_np": 1, "sched_setaffinity": 1, "pthread_setaffinity_np": 1, "set_mempolicy": 2,
            "dlopen": 2}

    def counts(self, *names):
        """{name: (plain, dormant, governed)}"""
        policy = self.policy('[defaults]\nbind_to = "none"\n')
        command = [os.path.join(harness.BUILD, "tools", "nodewise"), "compile", "-p", policy, "--cached"]
        plan = subprocess.run(command, capture_output=True, text=True, check=True, timeout=harness.SECONDS).stdout.strip()
        table = subprocess.run([os.path.join(harness.BUILD, "tools", "bench", "bench-calls"), harness.SHIM, plan, "1", *names],
                               capture_output=True, text=True, check=True, timeout=harness.SECONDS).stdout
        lines = [line.split() for line in table.splitlines()[2:]]
        return {words[0]: tuple(map(int, words[4:7])) for words in lines if words[4].isdigit()}

    def test_a_call_makes_no_more_system_calls_than_it_must(self):
        names = ["prctl", "pthread_setname_np", "sched_setaffinity", "pthread_setaffinity_np", "sched_getaffinity",
                 "pthread_getaffinity_np", "set_mempolicy", "dlopen", "syscall", "unshare", "open", "fopen", "poll", "epoll_wait",
                 "mmap", "munmap", "mremap", "malloc", "realloc", "setrlimit", "prlimit64", "_exit", "execve", "posix_spawn"]
        counts = self.counts(*names)
        self.assertGreater(len(counts), len(names) - 2) # libnuma's may be missing
        for name, (plain, dormant, governed) in counts.items():
            with self.subTest(name=name):
                self.assertEqual(dormant, plain)
                self.assertLessEqual(governed, plain + self.MORE.get(name, 0))

    def test_a_birth_without_a_place_asks_once_what_cpus_it_has(self):
        trace = self.path("trace")
        process = self.start(["strace", "-f", "-o", trace, os.path.join(harness.BUILD, "tools", "bench", "bench-threads"), "50"],
                             self.policy('[defaults]\nbind_to = "none"\n'), environment={"NODEWISE_OCCUPANCY": "process"})
        self.assertEqual(process.wait(timeout=harness.SECONDS), 0)
        with open(trace, encoding="utf-8") as file:
            calls = [line.split(None, 1)[1].split("(")[0] for line in file]
        births = calls.count("clone3") + calls.count("clone")
        self.assertGreaterEqual(births, 50)
        self.assertLessEqual(calls.count("sched_getaffinity"), births + 8)
        self.assertLessEqual(calls.count("sched_setaffinity") + calls.count("gettid"), 8)


if __name__ == "__main__":
    harness.main()
