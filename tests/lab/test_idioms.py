"""The manual's section for who comes from other tools: both commands of each pair, on the same machine, give the same CPUs."""

import os
import re

from guest import Lab, harness

MANUAL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools", "man", "nodewise.1.tail")
THEIRS = ("numactl", "taskset", "hwloc-bind")
SHOW = "numactl --show"


def pairs():
    """(theirs, ours) of those whose tools a guest can run."""
    with open(MANUAL, encoding="utf-8") as file:
        section = file.read().split(".SH COMING FROM OTHER TOOLS\n")[1].split(".SH ")[0].replace("\\-", "-")
    found = re.findall(r"\.TP\n\.B (.* COMMAND)\n(nodewise .* COMMAND)\n", section)
    return [(theirs, ours) for theirs, ours in found if theirs.split()[0] in THEIRS]


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


if __name__ == "__main__":
    harness.main()
