"""Ranks of a launcher: what each gets of the host, what it says of it, and what the dry run says of it beforehand. Open
MPI's mpirun is real; srun and torchrun are known by the variables that they set."""

import json
import os
import re
import socket
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness
from harness import cpu_list

CHILDREN = os.path.join(harness.BUILD, "tests", "interpose", "sleeps_in_children")
DEVICES = os.path.join(os.path.dirname(__file__), "..", "golden", "topologies", "devices.xml")
RUN = [harness.NODEWISE, "run"]
MASK = ["grep", "Cpus_allowed_list", "/proc/self/status"]
LINE = re.compile(r"nodewise: (?:rank (\d+) of (\d+) on )?(\S+), (\S+)\[(\d+)\]: \[[#.+|]+\] CPUs (\S+), node (\S+), "
                  r"memory (\S+)(?:; main on (\S+))?\n")


def messages(command, environment):
    """What the command writes to stderr, each write(2) by itself."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours:
        ours.settimeout(harness.SECONDS)
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=theirs, env=environment)
        theirs.close()
        found = []
        while part := ours.recv(1 << 20):
            found.append(part.decode())
        assert process.wait(timeout=harness.SECONDS) == 0, found
    return found


class Mpi(harness.ProgramTest):
    def mpirun(self, ranks, *command, bind="none"):
        # isolated: this host alone, and no ssh is needed
        done = subprocess.run(["mpirun", "--allow-run-as-root", "--oversubscribe", "--bind-to", bind, "-mca", "plm",
                               "isolated", "-n", str(ranks), *command], capture_output=True, text=True,
                              env=harness.clean_environment(), timeout=harness.SECONDS)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def masks(self, ranks, *command, bind="none"):
        return [cpu_list(line.split()[1]) for line in self.mpirun(ranks, *command, bind=bind).stdout.splitlines()]

    def assert_divided(self, masks):
        self.assertEqual(len(masks), 2)
        self.assertEqual(masks[0] & masks[1], set(), "disjoint")
        self.assertEqual(masks[0] | masks[1], self.allowed)

    def test_ranks_have_disjoint_cpus_whatever_the_policy(self):
        every_thread = ["sh", "-c", "grep -h Cpus_allowed_list /proc/$$/task/*/status"]
        for policy in ([], ["-p", "preset:openmp"], ["-p", self.policy('[defaults]\nbind_to = "cpu"\n')]):
            with self.subTest(policy=policy):
                self.assert_divided(self.masks(2, *RUN, *policy, "--", *every_thread))
        alone = subprocess.run([*RUN, "--", *MASK], capture_output=True, text=True, check=True,
                               env=harness.clean_environment()).stdout
        self.assertEqual(cpu_list(alone.split()[1]), self.allowed, "without ranks the whole machine")

    def test_ranks_share_all_cpus_where_the_policy_says_so(self):
        masks = self.masks(2, *RUN, "--set", "process.distribution=none", "--", *MASK)
        self.assertEqual(masks, [self.allowed, self.allowed])

    def test_what_mpirun_has_bound_stays_also_behind_the_shell_of_a_script(self):
        run = " ".join([*RUN, "--", *MASK])
        for command in (run.split(), ["sh", "-c", f"{run}; true"], ["sh", "-c", f"sh -c '{run}; true'; true"]):
            with self.subTest(command=command):
                masks = self.masks(2, *command, bind="core")
                plain = self.masks(2, *MASK, bind="core")
                self.assertEqual(sorted(map(sorted, masks)), sorted(map(sorted, plain)))

    def test_ranks_share_the_host(self):
        policy = self.policy('[process]\ndistribution = "scatter"\n[defaults]\nbind_to = "cpu"\n')
        ranks = len(self.allowed)
        output = self.mpirun(ranks, *RUN, "-p", policy, "--", CHILDREN, "0").stdout
        shares = [cpu_list(line) for line in output.split()]
        self.assertEqual(len(shares), ranks)
        self.assertEqual(set().union(*shares), self.allowed)
        self.assertEqual(sum(map(len, shares)), ranks, "disjoint")

    def test_each_rank_says_what_it_got(self):
        done = self.mpirun(2, *RUN, "--report-bindings", "--", "sh", "-c", "grep Cpus_allowed_list /proc/$$/status; env")
        lines = [LINE.fullmatch(line + "\n") for line in done.stderr.splitlines()]
        self.assertNotIn(None, lines, done.stderr)
        self.assertEqual(sorted(line[1] for line in lines), ["0", "1"])
        self.assertEqual({(line[2], line[3], line[4]) for line in lines}, {("2", socket.gethostname(), "sh")})
        said = sorted(line[6] for line in lines)
        had = sorted(line.split()[1] for line in done.stdout.splitlines() if line.startswith("Cpus_allowed_list"))
        self.assertEqual(said, had)
        self.assert_divided([cpu_list(cpus) for cpus in said])
        self.assertNotIn("NODEWISE_BINDINGS", done.stdout, "what a rank starts is not asked")


class Launchers(harness.ProgramTest):
    def launched(self, *options, **variables):
        return subprocess.run([*RUN, *options, "--", *MASK], capture_output=True, text=True, check=True,
                              timeout=harness.SECONDS, env=harness.clean_environment() | variables)

    def test_a_rank_that_its_launcher_bound_is_not_divided_again(self):
        bound = set(sorted(self.allowed)[1:])
        done = subprocess.run(["sh", "-c", f"taskset -c {','.join(map(str, bound))} {harness.NODEWISE} run "
                               "-p preset:openmp -- grep Cpus_allowed_list /proc/self/status; true"],
                              capture_output=True, text=True, timeout=harness.SECONDS,
                              env=harness.clean_environment() | {"OMPI_COMM_WORLD_LOCAL_RANK": "1",
                                                                 "OMPI_COMM_WORLD_LOCAL_SIZE": "2"})
        self.assertEqual(cpu_list(done.stdout.split()[1]), bound, done.stderr)

    def test_ranks_of_every_launcher_are_divided_and_say_their_number_in_the_job(self):
        first, last = min(self.allowed), max(self.allowed)
        launchers = {
            "srun": {"SLURM_LOCALID": "1", "SLURM_STEP_TASKS_PER_NODE": "2(x4)", "SLURM_PROCID": "5", "SLURM_STEP_NUM_TASKS": "8"},
            "torchrun": {"LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2", "RANK": "5", "WORLD_SIZE": "8"},
            "torchrun in a task of srun": {"LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2", "RANK": "5", "WORLD_SIZE": "8",
                                           "SLURM_LOCALID": "0", "SLURM_STEP_TASKS_PER_NODE": "1(x4)", "SLURM_PROCID": "2",
                                           "SLURM_STEP_NUM_TASKS": "4"},
            "Hydra": {"MPI_LOCALRANKID": "1", "MPI_LOCALNRANKS": "2", "PMI_RANK": "5", "PMI_SIZE": "8"},
        }
        for name, variables in launchers.items():
            with self.subTest(launcher=name):
                done = self.launched("--report-bindings", **variables)
                got = cpu_list(done.stdout.split()[1])
                self.assertTrue(last in got and first not in got, got)
                line = LINE.fullmatch(done.stderr)
                self.assertTrue(line, done.stderr)
                self.assertEqual((line[1], line[2], cpu_list(line[6])), ("5", "8", got))

    def test_a_batch_script_of_slurm_is_no_rank_among_others(self):
        """sbatch sets the number, and no count of tasks on the host."""
        self.assertEqual(cpu_list(self.launched(SLURM_LOCALID="0", SLURM_PROCID="0").stdout.split()[1]), self.allowed)


class Lines(harness.ProgramTest):
    def test_what_a_process_got_is_one_write(self):
        found = messages([*RUN, "--report-bindings", "--", "true"], harness.clean_environment())
        self.assertEqual(len(found), 1, found)
        self.assertTrue(LINE.fullmatch(found[0]), found)

    def test_where_a_rule_names_main_both_are_said(self):
        first = min(self.allowed)
        policy = self.policy(f'[[rules]]\nname = "main"\nmatch = {{ main = true }}\ncpus = "{first}"\n'
                             '[[rules]]\nname = "rest"\nmatch = { main = false }\n')
        found = messages([*RUN, "-p", policy, "--report-bindings", "--", "true"], harness.clean_environment())
        line = LINE.fullmatch(found[0])
        self.assertEqual((cpu_list(line[6]), cpu_list(line[9])), (self.allowed, {first}), found)

    def test_a_program_out_of_reach_says_what_it_got_as_a_whole(self):
        first = min(self.allowed)
        found = messages([*RUN, "-C", str(first), "--report-bindings", "--", "/bin/busybox", "true"], harness.clean_environment())
        self.assertEqual(len(found), 2, found)
        self.assertIn("linked statically", found[0])
        line = LINE.fullmatch(found[1])
        self.assertEqual((line[4], cpu_list(line[6])), ("busybox", {first}), found)

    def test_what_is_not_governed_says_nothing_and_hands_the_question_on(self):
        policy = self.policy('[target]\ncomm = "grep"\n[defaults]\nbind_to = "node"\n')
        found = messages([*RUN, "-p", policy, "--report-bindings", "--", "sh", "-c", "grep -q . /proc/self/status"],
                         harness.clean_environment())
        self.assertEqual([line[4] for line in map(LINE.fullmatch, found) if line], ["grep"], found)

    def test_a_summary_at_the_end_is_one_write(self):
        found = messages([*RUN, "--set", "report.at_exit=summary", "--", "true"], harness.clean_environment())
        self.assertEqual(len(found), 1, found)
        self.assertTrue(found[0].startswith("true (pid ") and found[0].count("\n") > 5, found)

    def test_a_message_is_one_write(self):
        policy = self.policy('[target]\ncomm = "other"\n[defaults]\nbind_to = "node"\n')
        found = messages([*RUN, "-p", policy, "--", "true"], harness.clean_environment())
        self.assertEqual(len(found), 1, found)
        self.assertIn("is no target of", found[0])


class DryRun(harness.ProgramTest):
    MACHINE = "pack:2 numa:2 core:4 pu:2"

    def document(self, *options):
        return json.loads(self.nodewise("plan", "--json", *options))

    def cpus(self, *options, of="ranks"):
        return [cpu_list(one["cpus"]) for one in self.document(*options)[of]]

    def test_ranks_divide_the_machine_without_gaps_or_overlaps(self):
        for count in (1, 2, 3, 8, 16):
            with self.subTest(ranks=count):
                parts = self.cpus("--topology", self.MACHINE, "--ranks", str(count))
                self.assertEqual(len(parts), count)
                self.assertEqual(sum(map(len, parts)), 32)
                self.assertEqual(set().union(*parts), set(range(32)))

    def test_the_plan_of_one_rank_is_the_same_by_name_and_by_the_launchers_variables(self):
        options = ["--topology", self.MACHINE, "--thread", "worker-*=2"]
        named = self.document(*options, "--ranks", "4", "--rank", "2")
        done = subprocess.run([harness.NODEWISE, "plan", "--json", *options], capture_output=True, text=True, check=True,
                              env=harness.clean_environment() | {"LOCAL_RANK": "2", "LOCAL_WORLD_SIZE": "4"})
        self.assertEqual(json.loads(done.stdout), named)
        self.assertEqual(named["rank"], {"number": 2, "count": 4})
        self.assertEqual(cpu_list(named["main"]["cpus"]), set(range(16, 24)))
        of_all = self.document(*options, "--ranks", "4")["ranks"][2]
        self.assertEqual(of_all["threads"], named["threads"])

    def test_the_dry_run_of_a_command_is_that_of_its_rank(self):
        last = max(self.allowed)
        environment = harness.clean_environment() | {"OMPI_COMM_WORLD_LOCAL_RANK": "1", "OMPI_COMM_WORLD_LOCAL_SIZE": "2"}
        said = subprocess.run([*RUN, "--dry-run", "--", "true"], capture_output=True, text=True, check=True, env=environment).stdout
        done = subprocess.run([*RUN, "--", *MASK], capture_output=True, text=True, check=True, env=environment).stdout
        self.assertIn(f"all rules' CPUs: {done.split()[1]}\n", said)
        self.assertIn(last, cpu_list(done.split()[1]))

    def test_ranks_by_place_get_the_places_in_the_order_of_the_distribution(self):
        options = ["--topology", self.MACHINE, "--ranks", "4"]
        compact = self.cpus(*options, "--set", "process.distribution=compact")
        scatter = self.cpus(*options, "--set", "process.distribution=scatter")
        nodes = [set(range(8 * node, 8 * node + 8)) for node in range(4)]
        self.assertEqual(compact, nodes)
        self.assertEqual(scatter, [nodes[0], nodes[2], nodes[1], nodes[3]])

    def test_ranks_with_gpus_on_one_node_divide_that_node(self):
        with open(DEVICES, encoding="utf-8") as file:
            machine = file.read().replace('name="nvme0n1" osdev_type="0"', 'name="card9" osdev_type="1"').replace(
                'pci_busid="0000:01:00.0" pci_type="0108', 'pci_busid="0000:01:00.0" pci_type="0302')
        with open(self.path("gpus.xml"), "w", encoding="utf-8") as file:
            file.write(machine)
        policy = self.policy('[defaults]\nnear = "gpu:auto"\n')
        parts = self.cpus("-p", policy, "--topology", self.path("gpus.xml"), "--ranks", "3")
        self.assertEqual(parts, [{0, 1, 2, 3}, {4, 5}, {6, 7}])

    def test_a_variable_of_the_policys_own_divides_nothing(self):
        policy = self.policy('[process]\nrank_env = ["MY_RANK"]\n')
        self.assertEqual(self.cpus("-p", policy, "--topology", self.MACHINE, "--ranks", "2"), [set(range(32))] * 2)

    def test_processes_get_the_shares_that_the_ledger_would_deal(self):
        options = ["--topology", self.MACHINE, "--processes", "5", "--set"]
        nodes = [set(range(8 * node, 8 * node + 8)) for node in range(4)]
        self.assertEqual(self.cpus(*options, "process.distribution=round_robin", of="processes"), nodes + nodes[:1])
        self.assertEqual(self.cpus(*options, "process.distribution=compact", of="processes"), [nodes[0]] * 5)
        self.assertEqual(self.cpus(*options, "process.distribution=least_loaded", of="processes"), nodes + nodes[:1])
        self.assertEqual(self.cpus(*options, "process.distribution=ranks", of="processes"), [set(range(32))] * 5)

    def test_questions_that_have_no_answer_are_refused(self):
        for options, word in ((["--ranks", "0"], "from 1 to 4096"), (["--ranks", "4x"], "from 1 to 4096"),
                              (["--rank", "0"], "needs --ranks"), (["--ranks", "2", "--rank", "2"], "needs --ranks"),
                              (["--ranks", "2", "--processes", "2"], "one at a time"),
                              (["--ranks", "2", "--svg", "-"], "--rank")):
            with self.subTest(options=options):
                done = subprocess.run([harness.NODEWISE, "plan", *options], capture_output=True, text=True,
                                      env=harness.clean_environment())
                self.assertEqual((done.returncode, done.stdout), (2, ""))
                self.assertIn(word, done.stderr)


if __name__ == "__main__":
    harness.main()
