"""Loops of reads, writes and tasks (nodewise-io.h): the same program with io_uring, and with workers of a pool for each reason
why there may be none."""

import ctypes
import errno
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import test_api
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness

PLUGIN = os.path.join(test_api.LIBRARY, "nodewise", "libnodewise-uring.so")
REFUSE = os.path.join(harness.BUILD, "tests", "abuse", "refuse")
SETUP = "425"  # io_uring_setup(2) of every architecture
# What a refusal is called in the reason.
SENTENCES = {errno.EPERM: "EPERM", errno.ENOSYS: "ENOSYS"}
FEATURE_EXT_ARG = 1 << 8


def expected():
    """What the program finds on this machine without a hindrance of the test's own, by asking the kernel here."""
    if not os.path.exists(PLUGIN):
        return "libnodewise-uring.so"
    parameters = (ctypes.c_uint32 * 64)()
    ring = ctypes.CDLL(None, use_errno=True).syscall(int(SETUP), 1, parameters)
    if ring < 0:
        return SENTENCES.get(ctypes.get_errno(), "another reason")
    os.close(ring)
    return "uring" if parameters[5] & FEATURE_EXT_ARG else "ENOSYS"


class Io(test_api.ApiTest):
    def test_reads_writes_and_tasks_end_once_in_one_loop(self):
        self.in_each_way("io", expected())

    def test_it_works_on_one_cpu(self):
        cpu = str(min(os.sched_getaffinity(0)))
        self.run_program("io", expected(), before=("taskset", "-c", cpu))
        self.run_program("io", "EPERM", before=("taskset", "-c", cpu), faults="io_uring_setup=EPERM")

    def test_workers_take_over_where_a_filter_refuses_io_uring(self):
        self.assertTrue(os.path.exists(PLUGIN), "liburing-dev is in the list of packages")
        for number, sentence in SENTENCES.items():
            with self.subTest(answer=errno.errorcode[number]):
                self.run_program("io", sentence, before=(REFUSE, SETUP, str(number)))
                self.run_program("io_cpp", sentence, before=(REFUSE, SETUP, str(number)))

    def test_workers_take_over_where_the_plug_in_is_missing(self):
        self.run_program("io", "libnodewise-uring.so", faults="")
        self.run_program("io", "another reason", faults="io_uring_setup=ENOMEM")

    def test_workers_take_over_where_liburing_is_missing(self):
        # the loader takes the first file of that name
        with open(self.path("liburing.so.2"), "wb"):
            pass
        self.run_program("io", "liburing.so.2", LD_LIBRARY_PATH=self.path("."))

    def test_a_relative_path_of_the_library_opens_no_plug_in(self):
        folder = self.path("libraries")
        shutil.copytree(test_api.LIBRARY, folder, symlinks=True, ignore=lambda _, names: [n for n in names if n.endswith(".p")])
        program = os.path.join(harness.BUILD, "tests", "api", "io")
        for path, sentence in ((folder, expected()), ("libraries", "libnodewise-uring.so")):
            done = subprocess.run([program, sentence], cwd=self.path("."), capture_output=True, text=True,
                                  env=harness.clean_environment() | {"LD_LIBRARY_PATH": path}, timeout=harness.SECONDS)
            self.assertEqual((done.returncode, done.stderr), (0, ""), path)

    def test_an_eventfd_wakes_the_loop_where_rings_send_no_messages(self):
        self.run_program("io", expected(), LD_PRELOAD=os.path.join(harness.BUILD, "tests", "api", "libwithout-messages.so"))

    def test_the_library_itself_links_no_liburing(self):
        for library in "libnodewise-api.so.1", os.path.join("nodewise", "libnodewise-uring.so"):
            needed = subprocess.run(["readelf", "-dW", os.path.join(test_api.LIBRARY, library)], capture_output=True, text=True, check=True).stdout
            self.assertEqual("liburing" in needed, "uring" in library, needed)


if __name__ == "__main__":
    harness.main()
