"""When tools/bench/locality calls a load settled, and nodewise as good as its peers."""

import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "tools", "bench"))
import locality_judge


def looks(*parts):
    """(number of looks, remote share) of 1000 accesses each."""
    found, accesses, remote = [], 0, 0
    for number, share in parts:
        for _ in range(number):
            accesses, remote = accesses + 1000, remote + round(1000 * share)
            found.append([accesses, remote])
    return found


class Settled(unittest.TestCase):
    def test_what_does_not_change_is_settled_from_the_beginning(self):
        self.assertEqual(locality_judge.settled_after(looks((50, 0.4))), 0)

    def test_the_beginning_counts_until_the_final_state(self):
        self.assertAlmostEqual(locality_judge.settled_after(looks((20, 0.75), (80, 0.05))), 20, delta=1)

    def test_local_work_before_is_not_the_final_state(self):
        self.assertAlmostEqual(locality_judge.settled_after(looks((10, 0), (20, 0.75), (70, 0.05))), 30, delta=1)

    def test_what_is_left_in_small_steps_does_not_count(self):
        self.assertAlmostEqual(locality_judge.settled_after(looks((20, 0.75), (10, 0.08), (70, 0.05))), 20, delta=1)

    def test_of_a_few_looks_nothing_is_told(self):
        self.assertIsNone(locality_judge.settled_after(looks((5, 0.5))))

    def test_looks_without_accesses_are_no_change(self):
        idle = looks((20, 0.5))
        self.assertEqual(locality_judge.settled_after([*idle, *[idle[-1]] * 20, [40000, 20000]]), 0)


class Judged(unittest.TestCase):
    def missed(self, remote, busiest):
        systems = ["plain", "interleave", "nodewise"]
        row = [{"load": dict(zip(systems, values))} for values in (remote, busiest)]
        (_, _, _, missed), = locality_judge.judge(*row, systems)
        return missed

    def test_each_bar_is_the_best_peers(self):
        self.assertEqual(self.missed((0.5, 0.75, 0.52), (0.9, 0.25, 0.31)), [])
        self.assertEqual(self.missed((0.5, 0.75, 0.54), (0.9, 0.25, 0.25)), ["remote"])
        self.assertEqual(self.missed((0.5, 0.75, 0.1), (0.9, 0.25, 0.32)), ["busiest"])
        self.assertEqual(self.missed((0.5, 0.75, 0.7), (0.9, 0.25, 0.9)), ["remote", "busiest"])


if __name__ == "__main__":
    unittest.main()
