"""Exchanges between processes of an MPI program (transport "mpi"), on this host, by mpirun; and that the same program runs on
threads and on processes that share memory."""

import contextlib
import errno
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import test_api
import test_guide
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness

PLUGIN = os.path.join(test_api.LIBRARY, "nodewise", "libnodewise-mpi.so")
# More ranks than cores, as root, on a machine without a network; no core for each rank, so that threads go where there is room.
ENVIRONMENT = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "OMPI_MCA_rmaps_base_oversubscribe": "1",
               "OMPI_MCA_hwloc_base_binding_policy": "none", "OMPI_MCA_btl": "self,vader"}
# meson names the folder of the library with faults as well, in an order that changes with each configuration; programs know
# where theirs is, and the plug-in lies beside it
os.environ.pop("LD_LIBRARY_PATH", None)
RANKS = 4


class HostsTest(test_api.ApiTest):
    def setUp(self):
        super().setUp()
        self.assertTrue(os.path.exists(PLUGIN), "libopenmpi-dev is in the list of packages")

    def on_ranks(self, ranks, name, *arguments, before=(), **environment):
        """The lines that the processes say, in order."""
        mpirun = ("mpirun", "-np", str(ranks))
        told = self.run_program(name, *map(str, arguments), before=(*mpirun, *before), **ENVIRONMENT, **environment)
        return sorted(told.splitlines())

    def on_mpi(self, *arguments, ranks=RANKS, peers=RANKS, name="exchange_anywhere"):
        """What the processes say, and how many workers they had together."""
        told = self.on_ranks(ranks, name, "mpi", peers, 0, *arguments)
        return told, sum(int(line.split()[0]) for line in told)

    def all_end_well(self, *arguments, ranks=RANKS, peers=RANKS):
        told, workers = self.on_mpi(*arguments, ranks=ranks, peers=peers)
        self.assertEqual((len(told), workers), (ranks, peers), told)


class Anywhere(HostsTest):
    def on_threads(self, *arguments):
        return self.run_program("exchange_anywhere", "threads", "4", "0", *arguments).splitlines()

    def on_processes(self, *arguments):
        name = self.path("exchange")
        program = os.path.join(harness.BUILD, "tests", "api", "exchange_anywhere")
        processes = [subprocess.Popen([program, name, "4", "2", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                      text=True, env=harness.clean_environment()) for _ in range(2)]
        told = []
        for process in processes:
            told += process.communicate(timeout=harness.SECONDS)[0].splitlines()
            self.assertEqual(process.returncode, 0, told)
        return told

    def on_two_ranks(self, *arguments):
        return self.on_ranks(2, "exchange_anywhere", "mpi", 4, 0, *arguments)

    def test_the_same_program_runs_on_threads_processes_and_ranks(self):
        for arguments in ("all", "200", "9000"), ("bound", "3"), ("end", "7"), ("close",), ("broadcast",), ("wake",), ("limit",):
            for way in self.on_threads, self.on_processes, self.on_two_ranks:
                if arguments == ("limit",) and way == self.on_processes:
                    continue  # a worker may send to one of its own process: the first that joins has index 0
                with self.subTest(test=arguments, way=way.__name__):
                    told = [line.split() for line in way(*arguments)]
                    self.assertEqual(sum(int(words[0]) for words in told), 4, told)
                    results = sorted(int(word) for words in told for word in words[1:])
                    self.assertEqual(results, [0, 1, 2, 3] if arguments[0] == "all" else [0, 0, 0, 0])


class Hosts(HostsTest):
    def test_messages_of_each_to_each_come_in_their_order(self):
        self.assertEqual(self.on_mpi("all", 500, 9000, peers=8)[0], ["2 0 1", "2 2 3", "2 4 5", "2 6 7"])
        self.assertEqual(self.on_mpi("all", 500, 64, peers=4, name="exchange_anywhere_cpp")[0], ["1 0", "1 1", "1 2", "1 3"])

    def test_messages_longer_than_a_batch_come_whole(self):
        self.all_end_well("all", 100, 1 << 20, ranks=2, peers=3)

    def test_workers_are_dealt_out_where_they_do_not_divide(self):
        self.assertEqual(self.on_mpi("all", 50, 500, peers=6)[0], ["1 0", "1 3", "2 1 2", "2 4 5"])
        self.assertEqual(self.on_mpi("all", 50, 500, peers=2)[0], ["0", "0", "1 0", "1 1"])

    def test_the_bound_is_the_one_that_was_asked_for(self):
        for room in 1, 5, 1000:
            with self.subTest(room=room):
                self.all_end_well("bound", room)

    def test_what_was_sent_before_the_end_comes_and_then_nothing_more(self):
        for messages in 1, 50, 5000:
            with self.subTest(messages=messages):
                self.all_end_well("end", messages, peers=5)

    def test_a_process_that_ends_without_leaving_leaves_what_it_sent(self):
        for messages in 50, 30000:  # more than a batch holds
            with self.subTest(messages=messages):
                told, workers = self.on_mpi("exit", messages)
                self.assertEqual((len(told), workers), (RANKS - 1, RANKS - 1))

    def test_a_closed_channel_refuses_and_another_goes_on(self):
        self.all_end_well("close")

    def test_a_broadcast_reaches_all_or_none(self):
        self.all_end_well("broadcast", peers=6)

    def test_a_wait_on_another_host_is_ended_by_a_wake(self):
        self.all_end_well("wake", peers=5)

    def test_a_ring_beyond_the_limit_is_not_made(self):
        self.all_end_well("limit")

    def test_one_rank_without_mpirun_is_a_program_too(self):
        self.assertEqual(self.run_program("exchange_anywhere", "mpi", "3", "0", "all", "20", "900", **ENVIRONMENT), "3 0 1 2\n")

    def test_the_guides_exchange_says_hello_between_ranks(self):
        source = self.path("hello.c")
        text = test_guide.samples()["An exchange"]
        with open(source, "w", encoding="utf-8") as file:
            file.write(text.replace("options.peers = 2;", 'options.peers = 2;\n    options.transport = "mpi";').replace("count == 2", "count == 1"))
        program = test_guide.compile_sample(self, source, "cc", "c17")
        done = subprocess.run(["mpirun", "-np", "2", program], capture_output=True, text=True, env=harness.clean_environment() | ENVIRONMENT,
                              timeout=harness.SECONDS)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        greetings = [f"worker {to}: received: <hello, {to}>" for to in (0, 1) for _ in range(2)]
        self.assertEqual(sorted(done.stdout.splitlines()),
                         sorted(greetings + ["worker 0 started", "worker 1 started", "result: Ok(0)", "result: Ok(1)"]))

    @contextlib.contextmanager
    def sitting(self, before=()):
        program = os.path.join(harness.BUILD, "tests", "api", "exchange_anywhere")
        with subprocess.Popen([*before, program, "mpi", "2", "0", "sit"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                              env=harness.clean_environment() | ENVIRONMENT) as process:
            self.assertEqual(process.stdout.readline(), "all are there\n")
            yield process
            self.assertEqual(process.communicate("\n", timeout=harness.SECONDS)[0], "2 0 0\n")
            self.assertEqual(process.returncode, 0)

    def test_a_rule_places_the_communication_thread(self):
        first = min(os.sched_getaffinity(0))
        policy = self.policy(f'[[rules]]\nname = "talks"\nmatch = {{ thread = "nw-comm" }}\ncpus = "{first}"\nbind_to = "cpu"\n')
        with self.sitting((harness.NODEWISE, "run", "-p", policy, "--")) as process:
            cpus = [cpus for name, cpus in harness.threads_of(process.pid).values() if name == "nw-comm"]
            self.assertEqual(cpus, [{first}])

    def test_the_policy_names_the_transport(self):
        policy = self.policy('[[exchanges]]\nname = "exchange"\ntransport = "mpi"\n')
        told = self.on_ranks(2, "exchange_anywhere", "threads", 4, 0, "all", 50, 500, before=(harness.NODEWISE, "run", "-p", policy, "--"))
        self.assertEqual(told, ["2 0 1", "2 2 3"])

    def test_nothing_of_mpi_is_there_before_it_is_named(self):
        trace = self.path("files")
        environment = {"LD_DEBUG": "files", "LD_DEBUG_OUTPUT": trace}
        for transport, is_there in ("threads", False), ("mpi", True):
            with self.subTest(transport=transport):
                self.run_program("exchange_anywhere", transport, "2", "0", "close", **ENVIRONMENT, **environment)
                text = ""
                for name in os.listdir(self.folder):
                    if name.startswith("files."):
                        with open(self.path(name), encoding="utf-8", errors="replace") as file:
                            text += file.read()
                self.assertEqual("libmpi" in text or "libnodewise-mpi" in text, is_there)


class Missing(HostsTest):
    ARGUMENTS = ("exchange_anywhere", "mpi", "2", "0", "close")

    def test_without_the_plug_in_it_is_refused(self):
        # beside this library there is none
        self.assertEqual(self.run_program(*self.ARGUMENTS, faults=""), f"{-errno.ENOENT}\n")

    def test_without_mpi_it_is_refused(self):
        needed = subprocess.run(["readelf", "-dW", PLUGIN], capture_output=True, text=True, check=True).stdout
        name, = re.findall(r"Shared library: \[(libmpi\w*\.so[.\d]*)\]", needed)
        # the loader takes the first file of that name
        with open(self.path(name), "wb"):
            pass
        self.assertEqual(self.run_program(*self.ARGUMENTS, LD_LIBRARY_PATH=f"{test_api.LIBRARY}:{self.folder}"), f"{-errno.ENOENT}\n")

    def test_an_unknown_transport_is_refused(self):
        program = self.path("asks.c")
        with open(program, "w", encoding="utf-8") as file:
            file.write('#include <nodewise.h>\n#include <errno.h>\nint main(void)\n{\n    static struct nw_exchange_options options;\n'
                       '    struct nw_exchange *exchange;\n    options.size = sizeof(options);\n    options.peers = 2;\n'
                       '    options.transport = "pigeons";\n    if (nw_exchange_open(&options, &exchange) != -EINVAL)\n        return 1;\n'
                       '    options.transport = "mpi";\n    options.shared = "name";\n'
                       '    return nw_exchange_open(&options, &exchange) != -EINVAL;\n}\n')
        done = subprocess.run([test_guide.compile_sample(self, program, "cc", "c17")], env=harness.clean_environment(), check=False)
        self.assertEqual(done.returncode, 0)


class Program(HostsTest):
    """One that has begun MPI itself."""

    def test_mpi_begun_for_fewer_threads_is_refused(self):
        for level in "single", "funneled", "serialized":
            with self.subTest(level=level):
                self.assertEqual(self.on_ranks(2, "begins_mpi", level), [f"{-errno.EOPNOTSUPP}"] * 2)

    def test_mpi_for_any_threads_is_used_beside_the_program(self):
        told = self.on_ranks(3, "begins_mpi", "multiple")
        self.assertEqual(told, [f"{-errno.ESHUTDOWN}"] * 3 + ["1: 3"] * 3)

    def test_mpi_ended_before_the_exchange_ends_the_exchange(self):
        self.assertEqual(self.on_ranks(2, "begins_mpi", "ends"), [f"{-errno.ESHUTDOWN}"] * 2)

    def test_other_exchanges_in_the_same_place_are_refused(self):
        name = os.path.join(harness.BUILD, "tests", "api", "exchange_anywhere")
        command = ["mpirun"] + " : ".join(f"-np 1 {name} mpi {peers} 0 close" for peers in (2, 3)).split()
        done = subprocess.run(command, capture_output=True, text=True, env=harness.clean_environment() | ENVIRONMENT, timeout=harness.SECONDS)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(done.stdout.splitlines(), [f"{-errno.EINVAL}"] * 2)


if __name__ == "__main__":
    harness.main()
