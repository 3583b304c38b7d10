"""The manual's section for who comes from other tools: both commands of each pair, on the same machine, give the same CPUs
and put the memory of a program with one thread on the same nodes."""

import os
import re

from guest import Lab, harness, lab_program

MANUAL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools", "man", "nodewise.1.tail")
THEIRS = ("numactl", "taskset", "hwloc-bind")
SHOW = "numactl --show"
MEMORY = ("--interleave", "--membind", "--preferred", "--localalloc", "--mem ", "-m ")
MIB = 16  # of each kind that tests/lab/programs/main_memory.c touches
MOST_APART = 3  # MiB: a huge page more or less on a node


def pairs():
    """(theirs, ours) of those whose tools a guest can run."""
    with open(MANUAL, encoding="utf-8") as file:
        section = file.read().split(".SH COMING FROM OTHER TOOLS\n")[1].split(".SH ")[0].replace("\\-", "-")
    found = re.findall(r"\.TP\n\.B (.* COMMAND)\n(nodewise .* COMMAND)\n", section)
    return [(theirs, ours) for theirs, ours in found if theirs.split()[0] in THEIRS]


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


if __name__ == "__main__":
    harness.main()
