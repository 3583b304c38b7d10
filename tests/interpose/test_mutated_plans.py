"""Plans with wrong numbers whose checksum is right: the library refuses them, or works by them, and the program runs as
it does alone."""

import os
import random
import struct
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness

ZOO = os.path.join(harness.BUILD, "tests", "interpose")
MASK = (1 << 64) - 1
MAGIC_VERSION_SIZE = 24  # bytes at the beginning, which are no numbers to work by
CHECKSUM_AT = 24
AT_EXIT = slice(64, 68)  # a report on stderr is what such a plan asks for
ROUNDS = int(harness.setting("NODEWISE_MUTATED_PLANS", "300"))
POLICY = """
[process]
match_delay = "1ms"
[cpu_count]
report = "plan"
[defaults]
memory = { policy = "local" }
bind_to = "cpu"
distribution = "least_loaded"
rebalance = { steal = "any", interval = "10ms", min_residency = "10ms" }
[[rules]]
name = "library"
match = { start_library = "lib*", creator_function = "*make*" }
bind_to = "core"
exclusive = true
[[rules]]
name = "named"
match = { thread = ["one*", "two*", "[a-c]?x"] }
memory = { policy = "bind", stack = "local", prefault = "touch", migrate_on_move = true }
rename = "w-{n}"
[[rules]]
name = "forked"
match = { forked = true, parent_comm = "*", process_index = "0-3" }
bind_to = "none"
[[rules]]
name = "main"
match = { main = true, index = "0" }
bind_to = "none"
"""


def checksum(data):
    """policy/plan_check.c"""
    value = 0xCBF29CE484222325
    for at in range(0, len(data) - 7, 8):
        word = 0 if at == CHECKSUM_AT else struct.unpack_from("<Q", data, at)[0]
        value = (value ^ word) * 0x100000001B3 & MASK
        value ^= value >> 32
    return value


def mutated(sound, chance):
    data = bytearray(sound)
    for _ in range(chance.choice((1, 1, 1, 2, 5, 20))):
        size = chance.choice((1, 2, 4, 4, 4, 8))
        at = chance.randrange(MAGIC_VERSION_SIZE, len(data) - 8) // size * size
        old = int.from_bytes(data[at:at + size], "little")
        new = chance.choice((0, 1, (1 << 8 * size) - 1, old + 1, old - 1, old ^ 1 << chance.randrange(8 * size), old * 2,
                             chance.getrandbits(8 * size), chance.randrange(64)))
        data[at:at + size] = (new % (1 << 8 * size)).to_bytes(size, "little")
    data[AT_EXIT] = sound[AT_EXIT]
    struct.pack_into("<Q", data, CHECKSUM_AT, checksum(data))
    return bytes(data)


class MutatedPlans(harness.ProgramTest):
    COMMANDS = b"create one\ncreate\nname 2 two\nwiden 1\nburst 8 bcx\nfork\ncreate one\nname 1 zz\n"

    def run_with(self, environment):
        process = self.start([os.path.join(ZOO, "does_as_told")], way="keys" if environment else "plain",
                             environment=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        output, errors = process.communicate(self.COMMANDS, timeout=harness.SECONDS)
        lines = [line for line in output.splitlines() if not line.isdigit()]  # a child's number
        return process.returncode, lines, errors

    def test_the_program_runs_as_it_does_alone(self):
        plan = self.path("sound.plan")
        policy = self.policy(POLICY)
        self.nodewise("compile", "-p", policy, "-o", plan)
        with open(plan, "rb") as file:
            sound = file.read()
        self.assertEqual(struct.unpack_from("<Q", sound, CHECKSUM_AT)[0], checksum(sound))
        alone = self.run_with({})
        self.assertEqual(alone[0], 0)
        seed = int(harness.setting("NODEWISE_SEED", "0")) or random.randrange(1 << 32)
        chance = random.Random(seed)
        for number in range(ROUNDS):
            data = mutated(sound, chance)
            with open(plan, "wb") as file:
                file.write(data)
            code, lines, errors = self.run_with({"NODEWISE_PLAN": plan})
            if code == 125 and errors.startswith(b"nodewise: rule `") and errors.count(b"\n") == 1:
                continue  # it says that a rule is hard
            if (code, lines, errors) != alone:
                with open(f"/tmp/nodewise-mutated-{seed}-{number}.plan", "wb") as file:
                    file.write(data)
                self.fail(f"seed {seed}, plan {number}, kept in /tmp: {code} {lines[-3:]} {errors[-300:]}")


if __name__ == "__main__":
    harness.main()
