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


if __name__ == "__main__":
    harness.main()
