"""Programs with exchanges (nodewise-exchange.h), each alone, under the dormant shim and governed, as C and as C++."""

import errno
import os
import random
import stat
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import test_api
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness


class Exchange(test_api.ApiTest):
    def test_messages_come_in_their_order_and_waits_end(self):
        self.in_each_way("exchange")

    def test_it_works_on_one_cpu(self):
        self.run_program("exchange", before=("taskset", "-c", str(min(os.sched_getaffinity(0)))))

    def test_rings_are_made_where_the_kernel_refuses_their_place(self):
        self.run_program("exchange", faults="mbind=EPERM,get_mempolicy=EPERM,sched_setaffinity=EPERM")

    def start(self, name, peers, *arguments):
        """Processes that have all joined, and their standard outputs."""
        program = os.path.join(harness.BUILD, "tests", "api", "exchange_shared")
        processes = [subprocess.Popen([program, name, str(peers), *arguments], stdout=subprocess.PIPE, text=True,
                                      env=harness.clean_environment()) for _ in range(peers)]
        self.addCleanup(lambda: [(process.kill(), process.communicate()) for process in processes if process.returncode is None])
        for process in processes:
            self.assertRegex(process.stdout.readline(), r"^joined \d+$")
        return processes

    def received(self, process):
        """{sender: messages}"""
        told, _ = process.communicate(timeout=harness.SECONDS)
        self.assertEqual(process.returncode, 0, told)
        return {int(sender): int(count) for sender, count in (line.split() for line in told.splitlines())}

    def test_processes_exchange_what_threads_do(self):
        name = self.path("exchange")
        for arguments in (("5000",), ("500", "1"), ("poll",)):
            with self.subTest(arguments=arguments):
                for process in self.start(name, 4, *arguments):
                    counts = self.received(process)
                    self.assertEqual(set(counts.values()), {100 if arguments == ("poll",) else int(arguments[0])})
                    self.assertEqual(len(counts), 3)
                self.assertFalse(os.path.exists(name))

    def test_a_killed_peer_is_noticed_and_nothing_is_left(self):
        name = self.path("exchange")
        rounds = 300 if harness.setting("NODEWISE_ABUSE", "fast") == "all" else 12
        chance = random.Random(7)
        for number in range(rounds):
            with self.subTest(round=number):
                processes = self.start(name, 3, "2000", str(chance.choice((1, 2, 16, 300))))
                victim = processes.pop(chance.randrange(3))
                time.sleep(chance.random() / 20)  # anywhere in its work, or after it
                victim.kill()
                victim.communicate()
                for process in processes:
                    self.assertLessEqual(max(self.received(process).values()), 2000)
        # of a first process that was the last to be killed, the next one removes the socket
        self.assertEqual(self.run_program("exchange_shared", name, "2", "open"), "0\n")
        self.assertFalse(os.path.exists(name))

    def test_what_cannot_be_shared_is_told(self):
        name = self.path("exchange")
        with open(name, "w", encoding="utf-8"):
            pass
        self.assertEqual(self.run_program("exchange_shared", name, "2", "open"), f"{-errno.EEXIST}\n")
        self.assertEqual(self.run_program("exchange_shared", "/" + "x" * 200, "2", "open"), f"{-errno.ENAMETOOLONG}\n")
        self.assertEqual(self.run_program("exchange_shared", "/no/such/folder", "2", "open"), f"{-errno.ENOENT}\n")
        os.unlink(name)
        processes = self.start(name, 2, "100000000")
        self.assertEqual(self.run_program("exchange_shared", name, "3", "open"), f"{-errno.EINVAL}\n")
        self.assertEqual(stat.S_IMODE(os.stat(name).st_mode), 0o600)
        for process in processes:
            process.kill()
            process.communicate()

    def test_another_user_has_no_part(self):
        if os.geteuid() != 0:
            self.fail("needs root: it plays two users")
        os.chmod(self.folder, 0o777)
        name = self.path("exchange")
        processes = self.start(name, 2, "100000000")
        os.chmod(name, 0o666)  # as if somebody had opened it
        told = self.run_program("exchange_shared", name, "2", "open", before=("setpriv", "--reuid=65534", "--clear-groups"))
        self.assertEqual(told, f"{-errno.EPERM}\n")
        for process in processes:
            self.assertIsNone(process.poll())
            process.kill()
            process.communicate()


if __name__ == "__main__":
    harness.main()
