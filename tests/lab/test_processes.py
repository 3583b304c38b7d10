"""Several processes of one deployment on a machine with four nodes ([process] distribution)."""

import collections
import json
import os

from guest import Lab, harness, lab_program

FORKS = os.path.join(harness.BUILD, "tests", "interpose", "sleeps_in_children")
BUSY = os.path.join(harness.BUILD, "tests", "interpose", "some_are_busy")
HOLDS = lab_program("holds")
NODES = {"0-1": 0, "2-3": 1, "4-5": 2, "6-7": 3}


class Processes(Lab):
    def policy_for(self, distribution, name="policy.toml", more=""):
        return self.policy(f'[process]\ndistribution = "{distribution}"\nlevel = "node"\n[defaults]\nbind_to = "node"\n{more}',
                           name)

    def nodes_of(self, output):
        """The node of each process that was shown: {pid: node}."""
        shown = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
        return {show["process"]["pid"]: NODES[show["threads"][0]["now"]] for show in shown}

    SHOW = ("show() { for p in $pids; do until " + harness.NODEWISE + " show $p >/dev/null 2>&1; do sleep 0.3; done; "
            + harness.NODEWISE + " show $p --json | tr -d '\\n'; echo; done; }\n")

    def test_eight_processes_some_of_which_are_killed(self):
        policy = self.policy_for("least_loaded")
        start = f"{harness.NODEWISE} run -p {policy} -- {HOLDS} 1 /tmp/ready /tmp/go & pids=\"$pids $!\"\n"
        script = (self.SHOW + start * 8 + "show\necho ---\nset -- $pids\n"
                  "kill -9 $1 $3 $4 $7\npids=\"$2 $5 $6 $8\"\nwait $1 $3 $4 $7 || true\n" + start * 4 + "show\n")
        before, after = self.guest("4x2", script, [policy], [HOLDS]).split("---")
        for output in (before, after):
            nodes = self.nodes_of(output)
            self.assertEqual(collections.Counter(nodes.values()), {0: 2, 1: 2, 2: 2, 3: 2})
        kept = [pid for pid in self.nodes_of(before) if pid in self.nodes_of(after)]
        self.assertEqual(len(kept), 4)
        for pid in kept:
            self.assertEqual(self.nodes_of(before)[pid], self.nodes_of(after)[pid], "who lives stays")

    def test_forked_children_have_shares_of_their_own(self):
        policy = self.policy_for("round_robin")
        script = f"{harness.NODEWISE} run -p {policy} -- {FORKS} 7\n"
        lines = self.guest("4x2", script, [policy], [FORKS]).split()
        self.assertEqual(collections.Counter(NODES[cpus] for cpus in lines), {0: 2, 1: 2, 2: 2, 3: 2})

    def test_programs_that_a_process_starts_have_their_own(self):
        policy = self.policy_for("round_robin")
        script = f"{harness.NODEWISE} run -p {policy} -- {FORKS} 3 exec\n"
        lines = self.guest("4x2", script, [policy], [FORKS]).split()
        # each child takes a share when it is forked, and keeps it when it goes on as another program
        self.assertEqual(collections.Counter(NODES[cpus] for cpus in lines), {0: 1, 1: 1, 2: 1, 3: 1})

    def test_another_policy_leaves_the_share_where_it_deals_out_shares(self):
        policy = self.policy_for("round_robin")
        same = self.policy_for("round_robin", "same.toml", 'memory = { policy = "local" }\n')
        without = self.policy('[defaults]\nbind_to = "none"\n', "without.toml")
        reload = "reload() { for p in $pids; do " + harness.NODEWISE + " reload $p -p $1; done >/dev/null; echo ---; show; }\n"
        script = (self.SHOW + reload + "mkfifo /tmp/input\nexec 3<>/tmp/input\n"
                  + f"{harness.NODEWISE} run -p {policy} -- {BUSY} 2 4 </tmp/input >/dev/null & pids=\"$pids $!\"\n" * 3
                  + f"show\nreload {same}\nreload {without}\n")
        outputs = self.guest("4x2", script, [policy, same, without], [BUSY]).split("---")
        before = self.nodes_of(outputs[0])
        self.assertEqual(sorted(before.values()), [0, 1, 2])
        self.assertEqual(self.nodes_of(outputs[1]), before)
        whole = [json.loads(line) for line in outputs[2].splitlines() if line.startswith("{")]
        self.assertEqual([thread["now"] for show in whole for thread in show["threads"]], ["0-7"] * 9)

    def test_ranks_of_a_launcher(self):
        """Twice as many as nodes: disjoint, and two of each node."""
        policy = self.policy_for("scatter")
        script = "".join(f"OMPI_COMM_WORLD_LOCAL_RANK={rank} OMPI_COMM_WORLD_LOCAL_SIZE=8 {harness.NODEWISE} run -p {policy} "
                         f"-- {FORKS} 0\n" for rank in range(8))
        lines = self.guest("4x2", script, [policy], [FORKS]).split()
        self.assertEqual(sorted(lines), [str(cpu) for cpu in range(8)])
        self.assertEqual([int(cpu) // 2 for cpu in lines], [0, 2, 1, 3, 0, 2, 1, 3], "neighbours apart")

    def test_ranks_that_are_dealt_out_in_another_way(self):
        """A node each, then a part of the whole machine each: not what has the number of the node there."""
        scatter = self.policy_for("scatter")
        ranks = self.policy('[process]\ndistribution = "ranks"\n[defaults]\nbind_to = "none"\n', "ranks.toml")
        script = (self.SHOW + "mkfifo /tmp/input\nexec 3<>/tmp/input\n"
                  + "".join(f"OMPI_COMM_WORLD_LOCAL_RANK={rank} OMPI_COMM_WORLD_LOCAL_SIZE=4 {harness.NODEWISE} run -p {scatter} "
                            f"-- {BUSY} 2 4 </tmp/input >/dev/null & pids=\"$pids $!\"\n" for rank in range(4))
                  + f"show\nfor p in $pids; do {harness.NODEWISE} reload $p -p {ranks}; done >/dev/null\necho ---\nshow\n")
        before, after = self.guest("4x2", script, [scatter, ranks], [BUSY]).split("---")
        self.assertEqual(list(self.nodes_of(before).values()), [0, 2, 1, 3])
        self.assertEqual(list(self.nodes_of(after).values()), [0, 1, 2, 3])


class Occupancy(Lab):
    """Processes that know nothing of each other but what the board of their user says."""

    def rules(self, words, name):
        return self.policy(f'[defaults]\n{words}\nmemory = {{ policy = "local" }}\n', name)

    def masks(self, output):
        """Of the threads beside main of each process that was shown, in the order of their starts."""
        shown = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
        return [[thread["now"] for thread in show["threads"] if not thread["main"]] for show in shown]

    def started_apart(self, policies, threads):
        """A program after the other, each once the one before has its threads."""
        starts = (f"{harness.NODEWISE} run -p {policy} -- {HOLDS} {threads} /tmp/ready{n} /tmp/go & pids=\"$pids $!\"\n"
                  f"until test -e /tmp/ready{n}; do sleep 0.1; done\n" for n, policy in enumerate(policies))
        return Processes.SHOW + "".join(starts) + "show\n"

    def test_forked_workers_use_all_cpus(self):
        """With two threads each, as many threads as CPUs, each bound to one."""
        policy = self.rules('bind_to = "core"\ndistribution = "least_loaded"', "core.toml")
        for shape in ("4x2", "memoryless"):
            with self.subTest(shape):
                cpus = sum(map(len, self.shape_nodes(shape).values()))
                run = f"rm -f /tmp/go\n{harness.NODEWISE} run -p {policy} -- {HOLDS} 2 /tmp/ready /tmp/go {cpus // 2} "
                output = self.guest(shape, f"{run} in_turn\n{run} at_once\n", [policy], [HOLDS])
                in_turn, at_once = (int(line.split()[1]) for line in output.splitlines())
                self.assertEqual(in_turn, cpus)
                # who waited for the board's lock for 10 ms, which an emulated machine needs for one exchange, chooses without it
                self.assertGreater(at_once, 2)

    def test_programs_that_are_started_apart_share_no_cpu_while_another_is_free(self):
        policies = [self.rules(f'bind_to = "core"\ndistribution = "{distribution}"', f"{distribution}.toml")
                    for distribution in ("least_loaded", "compact", "scatter", "inherit")]
        masks = self.masks(self.guest("4x2", self.started_apart(policies, 2), policies, [HOLDS]))
        self.assertEqual(sorted(cpus for process in masks for cpus in process), [str(cpu) for cpu in range(8)], masks)

    def test_without_a_policy_processes_use_all_nodes_alike(self):
        """Workers that one program forks, and programs that are started one after the other."""
        script = (self.started_apart(["preset:auto"] * 4, 2)
                  + f"touch /tmp/go\nwait\nrm /tmp/go\n{harness.NODEWISE} run -- {HOLDS} 2 /tmp/ready /tmp/go 4 in_turn\n")
        output = self.guest("4x2", script, [], [HOLDS])
        masks = sorted(cpus for process in self.masks(output) for cpus in process)
        self.assertEqual(masks, ["0-1", "0-1", "2-3", "2-3", "4-5", "4-5", "6-7", "6-7"])
        self.assertIn("CPUs: 8\n", output)

    def test_a_core_each_before_second_hardware_threads(self):
        policies = [self.rules(f'bind_to = "cpu"\ndistribution = "{distribution}"', f"{distribution}.toml")
                    for distribution in ("least_loaded", "compact")]
        script = f"cat /sys/devices/system/cpu/cpu*/topology/thread_siblings_list | sort -u\necho ---\n"
        cores, shown = self.guest("smt", script + self.started_apart(policies, 2), policies, [HOLDS]).split("---")
        cores = [harness.cpu_list(line) for line in cores.split()]
        masks = [harness.cpu_list(cpus) for process in self.masks(shown) for cpus in process]
        self.assertGreaterEqual(len(cores), 4)
        self.assertEqual([sum(bool(core & mask) for mask in masks) for core in cores].count(1), 4, (cores, masks))


if __name__ == "__main__":
    harness.main()
