"""Memory follows the thread: stacks and thread blocks."""

import json

from guest import Lab, harness, lab_program

STACKS = lab_program("stacks")


def spread(stack):
    return f'[defaults]\nbind_to = "node"\ndistribution = "scatter"\nlevel = "node"\nmemory = {{ stack = "{stack}" }}\n'


class Stacks(Lab):
    def stacks(self, stack, *words):
        """What the program counted, and the outcomes of its threads' stacks."""
        policy = self.policy(spread(stack))
        script = (f"{harness.NODEWISE} run -p {policy} --report /tmp/r.json -- {STACKS} {' '.join(map(str, words))}\n"
                  "cat /tmp/r.json\n")
        lines = self.guest("4x2", script, [policy], [STACKS]).splitlines()
        threads = json.loads("\n".join(lines[1:]))["threads"]
        return json.loads(lines[0]), [(thread["stack_outcome"], thread["stack_reason"]) for thread in threads
                                      if not thread["main"]]

    def test_new_stacks(self):
        counted, outcomes = self.stacks("local", "new", 16)
        self.assertGreaterEqual(counted["pages"], 16)
        self.assertEqual(counted["wrong"], 0)
        self.assertEqual(set(outcomes), {("strict", "ok")})

    def test_reused_stacks(self):
        counted, outcomes = self.stacks("local", "reused", 40)
        self.assertEqual(counted["wrong"], 0)
        self.assertEqual(set(outcomes), {("strict", "ok")})

    def test_without_asking_they_are_the_creators(self):
        """The measure measures."""
        counted, outcomes = self.stacks("default", "new", 16)
        self.assertGreater(counted["threads_wrong"], 8)
        self.assertEqual(set(outcomes), {("not_asked", "not-asked")})

    def test_the_budget_of_moves_is_kept_and_said(self):
        counted, outcomes = self.stacks("local", "reused", 1000)
        late = outcomes.count(("best_effort", "budget"))
        self.assertEqual(late + outcomes.count(("strict", "ok")), len(outcomes))
        self.assertGreaterEqual(counted["threads_wrong"], late)


if __name__ == "__main__":
    harness.main()
