"""The manual's section for who comes from other tools: both commands of each pair, on the same machine, give the same CPUs
and put the memory of a program with one thread on the same nodes. systemd does not run in the guest: its properties are the
system calls that taskset and numactl make (systemd.exec(5)). Nor do launchers: what ours is given there is the variables
that they set, and what theirs gives is what their manuals say."""

import os
import re

from guest import Lab, harness, lab_program

MANUAL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools", "man", "nodewise.1.tail")
THEIRS = ("numactl", "taskset", "hwloc-bind")
RANKS = {
    "mpirun": "OMPI_COMM_WORLD_LOCAL_RANK={rank} OMPI_COMM_WORLD_LOCAL_SIZE=4",
    "srun": "SLURM_LOCALID={rank} SLURM_STEP_TASKS_PER_NODE=4 SLURM_NTASKS=4",
}
SHOW = "numactl --show"
MEMORY = ("--interleave", "--membind", "--preferred", "--localalloc", "--mem ", "-m ")
MIB = 16  # of each kind that tests/lab/programs/main_memory.c touches
MOST_APART = 3  # MiB: a huge page more or less on a node


def as_system_calls(theirs):
    """What asks the kernel for the same as these properties of systemd."""
    theirs = re.sub(r"^systemd-run -p CPUAffinity=(\S+)", r"taskset -c \1", theirs)
    theirs = re.sub(r"^systemd-run -p NUMAPolicy=bind -p NUMAMask=(\S+)", r"numactl --membind=\1", theirs)
    return re.sub(r"^systemd-run -p NUMAPolicy=interleave -p NUMAMask=(\S+)", r"numactl --interleave=\1", theirs)


def all_pairs():
    with open(MANUAL, encoding="utf-8") as file:
        section = file.read().split(".SH COMING FROM OTHER TOOLS\n")[1].split(".SH ")[0]
    section = section.replace("\\-", "-").replace(" \\e\n.br\n", " ")
    return re.findall(r"\.TP\n\.B (.* COMMAND)\n(.*nodewise .* COMMAND)\n", section)


def pairs():
    """(theirs, ours) of those whose tools a guest can run."""
    found = [(as_system_calls(theirs), ours) for theirs, ours in all_pairs()]
    return [(theirs, ours) for theirs, ours in found if theirs.split()[0] in THEIRS]


def of_tool(word):
    return [pair for pair in all_pairs() if word in pair[0] and "report-bindings" not in pair[0]]


def by_kind(text):
    """{kind: {node: MiB}} of what the program printed."""
    found = {}
    for kind, node, mib in re.findall(r"(?m)^(\w+) (\d+) (\d+)$", text):
        found.setdefault(kind, {})[int(node)] = int(mib)
    return found


class Idioms(Lab):
    def test_pairs_give_the_same_cpus(self):
        wanted = pairs()
        self.assertEqual({theirs.split()[0] for theirs, _ in wanted}, set(THEIRS))
        self.assertGreaterEqual(len(wanted), 6)
        self.assertEqual(sum("systemd" in theirs for theirs, _ in all_pairs()), 3)
        commands = [command.replace("COMMAND", SHOW) for pair in wanted for command in pair]
        script = f"PATH={os.path.dirname(harness.NODEWISE)}:$PATH\n"
        script += "".join(f"{command} | grep physcpubind\n" for command in commands)
        printed = self.guest("4x2", script, (), THEIRS).splitlines()
        self.assertEqual(len(printed), len(commands), printed)
        for number, (theirs, ours) in enumerate(wanted):
            with self.subTest(theirs=theirs, ours=ours):
                self.assertEqual(printed[2 * number], printed[2 * number + 1])
                self.assertRegex(printed[2 * number], r"physcpubind: [0-9]")

    def test_pairs_put_memory_on_the_same_nodes(self):
        wanted = [pair for pair in pairs() if any(word in pair[1] for word in MEMORY)]
        self.assertGreaterEqual(len(wanted), 3)
        program = lab_program("main_memory")
        commands = [command.replace("COMMAND", f"{program} {MIB}") for pair in wanted for command in pair]
        script = f"PATH={os.path.dirname(harness.NODEWISE)}:$PATH\n"
        script += "".join(f"taskset -c 0 {command}\necho ---\n" for command in commands)  # where chance gives none of them
        printed = [by_kind(text) for text in self.guest("4x2", script, (), (*THEIRS, program)).split("---\n")]
        for number, (theirs, ours) in enumerate(wanted):
            with self.subTest(theirs=theirs, ours=ours):
                expected, got = printed[2 * number], printed[2 * number + 1]
                self.assertEqual(set(expected), {"small", "large", "mapping"})
                self.assertEqual(set(got), set(expected))
                for kind, nodes in expected.items():
                    for node in nodes.keys() | got[kind].keys():
                        apart = abs(nodes.get(node, 0) - got[kind].get(node, 0))
                        self.assertLessEqual(apart, MOST_APART, f"{kind} on node {node}: {nodes}, {got[kind]}")

    def test_teams_of_threads_are_spread_alike(self):
        """That likwid-pin gives the n-th thread the n-th CPU of its list is what its manual says: it is not in the guest."""
        [(_, like_likwid)], [(theirs, ours)] = of_tool("likwid-pin"), of_tool("OMP_PLACES")
        program = lab_program("team")
        commands = [command.replace("COMMAND", program) for command in (like_likwid, theirs, ours)]
        script = f"PATH={os.path.dirname(harness.NODEWISE)}:$PATH\nexport OMP_NUM_THREADS=4\n"
        script += "".join(f"env {command}\necho ---\n" for command in commands)
        texts = self.guest("4x2", script, (), (program,)).split("---\n")
        first, second, third = ([[int(cpu) for cpu in line.split()[1:]] for line in text.splitlines() if line.startswith("team")]
                                for text in texts[:3])
        self.assertEqual(sorted(first), [[0], [1], [2], [3]])
        self.assertEqual({len(mask) for mask in second + third}, {1}, "a core each")
        self.assertEqual({mask[0] // 2 for mask in second}, {0, 1, 2, 3}, "OpenMP's own: a node each")
        self.assertEqual({mask[0] // 2 for mask in third}, {0, 1, 2, 3}, "ours: a node each")

    def test_ranks_have_what_their_launchers_would_give(self):
        """Both bind each of four ranks to a NUMA node: mpirun(1), srun(1)."""
        wanted = [(word, ours[ours.index("nodewise"):]) for word in RANKS for _, ours in of_tool(word)]
        self.assertEqual({word for word, _ in wanted}, set(RANKS))
        script = f"PATH={os.path.dirname(harness.NODEWISE)}:$PATH\n"
        for word, ours in wanted:
            ours = ours.replace("COMMAND", "grep Cpus_allowed_list /proc/self/status")
            script += "".join(f"env {RANKS[word].format(rank=rank)} {ours}\n" for rank in range(4))
        printed = [line.split()[1] for line in self.guest("4x2", script).splitlines() if line.startswith("Cpus_allowed")]
        for number, (word, ours) in enumerate(wanted):
            with self.subTest(word=word, ours=ours):
                self.assertEqual(sorted(printed[4 * number:4 * number + 4]), ["0-1", "2-3", "4-5", "6-7"])


if __name__ == "__main__":
    harness.main()
