"""The ledger of a policy, as its file says (policy/ledger.h)."""

import glob
import os
import struct
import sys

HEAD = struct.Struct("=QIIIIII256I")
SLOT = struct.Struct("=IIQQII24xQ")
SLOTS_AT = 4096 + 1024 * 4
MAGIC = 0x325244474C57444E


def check_of(index, pid, since, ticks, space, share):
    """What the `check` of a slot must be."""
    value = MAGIC
    for word in (index, pid | since << 32, ticks, space, share):
        value = ((value ^ word) * 0x100000001B3 + 1) % (1 << 64)
    return value


def paths():
    return {path for pattern in (f"/dev/shm/nodewise.{os.getuid()}", "/run/nodewise",
                                 f"{os.environ.get('XDG_RUNTIME_DIR', '/nowhere')}/nodewise")
            for path in glob.glob(f"{pattern}/*.ledger")}


class Ledger:
    def __init__(self, path):
        with open(path, "rb") as file:
            self.bytes = bytearray(file.read())
        self.processes = {}  # pid: (number of the slot, share, start time)
        if len(self.bytes) < SLOTS_AT or self.bytes[:8] != MAGIC.to_bytes(8, sys.byteorder):
            return  # of another version
        (self.magic, self.shares, self.turn, self.slots, self.used, self.free_list, self.hand,
         *counts) = HEAD.unpack_from(self.bytes)
        self.counts = counts[:self.shares]
        for index in range(self.slots):
            pid, _, ticks, _, share, _, _ = SLOT.unpack_from(self.bytes, SLOTS_AT + index * SLOT.size)
            if pid:
                self.processes[pid] = index, share, ticks

    def change_start(self, pid, ticks):
        """A file in which that process has another start time, and is sound."""
        index = self.processes[pid][0]
        at = SLOTS_AT + index * SLOT.size
        _, since, _, space, share, following, _ = SLOT.unpack_from(self.bytes, at)
        SLOT.pack_into(self.bytes, at, pid, since, ticks, space, share, following,
                       check_of(index, pid, since, ticks, space, share))
        return self.bytes


def ledger_with(pid):
    """Ledgers are named after policies; this is the path of the one that has the process."""
    for path in paths():
        if pid in Ledger(path).processes:
            return path
    raise AssertionError(f"no ledger has process {pid}")
