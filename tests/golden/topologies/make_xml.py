#!/usr/bin/python3
"""Writes the .xml files of this folder: machines that hwloc's synthetic text cannot describe.

Each is the least that hwloc reads, so that a difference between two machines is a difference of a few lines.
    ./make_xml.py && for f in *.xml; do lstopo-no-graphics -i $f; done
"""

import os

GIB = 1 << 30


def mask(ids):
    """hwloc's bitmap text: 32 bits a word, the highest first."""
    ids = set(ids)
    words = max(ids, default=0) // 32 + 1
    bits = [sum(1 << i for i in range(32) if 32 * w + i in ids) for w in range(words)]
    return ",".join(f"0x{word:08x}" for word in reversed(bits))


class Thing:
    """One object with what lies inside it. Sets of CPUs and nodes are the union of those inside unless given."""

    def __init__(self, kind, *inside, index=None, cpus=None, nodes=None, **attributes):
        self.kind, self.inside, self.index, self.attributes = kind, inside, index, attributes
        self.is_io = kind in ("Bridge", "PCIDev", "OSDev")
        self.cpus = set(cpus) if cpus is not None else set().union(*(i.cpus for i in inside))
        self.own_nodes = set(nodes) if nodes is not None else set().union(*(i.own_nodes for i in inside))

    def write(self, out, depth, counter, nodes=frozenset(), root=""):
        nodes = self.own_nodes or nodes
        counter[0] += 1
        parts = [f'type="{self.kind}"']
        if self.index is not None:
            parts.append(f'os_index="{self.index}"')
        if not self.is_io:
            parts += [f'cpuset="{mask(self.cpus)}" complete_cpuset="{mask(self.cpus)}"',
                      f'nodeset="{mask(nodes)}" complete_nodeset="{mask(nodes)}"']
        parts += [root] * bool(root) + [f'gp_index="{counter[0]}"']
        parts += [f'{key}="{value}"' for key, value in self.attributes.items()]
        line = "  " * depth + f'<object {" ".join(parts)}'
        if not self.inside:
            out.append(line + "/>")
            return
        out.append(line + ">")
        for thing in self.inside:
            thing.write(out, depth + 1, counter, nodes)
        out.append("  " * depth + "</object>")


def core(number, *threads):
    return Thing("Core", *(Thing("PU", index=t, cpus=[t], nodes=[]) for t in threads), index=number)


def l3(*inside):
    return Thing("L3Cache", *inside, cache_size=32 << 20, depth=3, cache_linesize=64, cache_associativity=16,
                 cache_type=0)


def node(number, cpus, memory):
    return Thing("NUMANode", index=number, cpus=cpus, nodes=[number], local_memory=memory)


def group(*inside):
    """What hwloc hangs a node on that is only a part of a package."""
    return Thing("Group", *inside, kind=1001, subkind=0)


def package(number, *inside):
    return Thing("Package", *inside, index=number)


def pci(address, pci_class, *inside):
    return Thing("PCIDev", *inside, pci_busid=address, pci_type=f"{pci_class} [1234:5678] [0000:0000] 00",
                 pci_link_speed="0.000000")


def os_device(name, kind):
    return Thing("OSDev", name=name, osdev_type={"block": 0, "gpu": 1, "net": 2, "coproc": 5}[kind])


def distances(ids, rows):
    names = " ".join(map(str, ids)) + " "
    values = " ".join(str(value) for row in rows for value in row) + " "
    return [f'  <distances2 type="NUMANode" nbobjs="{len(ids)}" kind="5" name="NUMALatency" indexing="os">',
            f'    <indexes length="{len(names)}">{names}</indexes>',
            f'    <u64values length="{len(values)}">{values}</u64values>',
            "  </distances2>"]


def core_kind(cpus, efficiency):
    return [f'  <cpukind cpuset="{mask(cpus)}" forced_efficiency="{efficiency}"/>']


def save(name, machine, *extra, allowed=None):
    out = ['<?xml version="1.0" encoding="UTF-8"?>', '<!DOCTYPE topology SYSTEM "hwloc2.dtd">',
           '<topology version="2.0">']
    root = (f'allowed_cpuset="{mask(allowed or machine.cpus)}" allowed_nodeset="{mask(machine.own_nodes)}"')
    machine.write(out, 1, [0], root=root)
    for lines in extra:
        out += lines
    out.append("</topology>")
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), name), "w", encoding="ascii") as file:
        file.write("\n".join(out) + "\n")


def machine(*inside):
    return Thing("Machine", *inside, index=0)


def hybrid():
    """4 performance cores of 2 threads (0-7), 8 efficient ones (8-15), one cache for all."""
    fast = [core(i, 2 * i, 2 * i + 1) for i in range(4)]
    slow = [core(4 + i, 8 + i) for i in range(8)]
    save("hybrid.xml", machine(package(0, node(0, range(16), 32 * GIB), l3(*fast, *slow))),
         core_kind(range(8, 16), 0), core_kind(range(8), 1))


def sparse():
    """Ids with gaps, as POWER with SMT off: CPUs 0, 4, … and 80, 84, …; nodes 0 and 8; sockets 0 and 8."""
    def socket(number, first):
        cpus = range(first, first + 32, 4)
        caches = [l3(core(cpu, cpu), core(cpu + 4, cpu + 4)) for cpu in range(first, first + 32, 8)]
        return package(number, node(number, cpus, 64 * GIB), *caches)
    save("sparse.xml", machine(socket(0, 0), socket(8, 80)), distances([0, 8], [[10, 40], [40, 10]]))


def memoryless():
    """4 nodes with CPUs; 1 and 3 have no memory: an empty row of slots beside a filled one."""
    sockets = []
    for s in range(2):
        parts = []
        for n in (2 * s, 2 * s + 1):
            cpus = range(4 * n, 4 * n + 4)
            parts.append(group(node(n, cpus, 16 * GIB if n % 2 == 0 else 0), l3(*(core(c, c) for c in cpus))))
        sockets.append(package(s, *parts))
    save("memoryless.xml", machine(*sockets),
         distances(range(4), [[10, 12, 32, 32], [12, 10, 32, 32], [32, 32, 10, 12], [32, 32, 12, 10]]))


def cxl():
    """2 sockets with DRAM (0, 1), and 2, memory without CPUs on a card in socket 1."""
    sockets = []
    for s in range(2):
        cpus = range(8 * s, 8 * s + 8)
        nodes = [node(s, cpus, 64 * GIB)] + ([node(2, cpus, 256 * GIB)] if s else [])
        sockets.append(package(s, *nodes, l3(*(core(c // 2, c, c + 1) for c in cpus[::2]))))
    save("cxl.xml", machine(*sockets), distances(range(3), [[10, 21, 24], [21, 10, 14], [24, 14, 10]]))


def devices():
    """4 nodes in 2 sockets: GPUs on 0 and 3, the NIC on 1, the disk on 2; CPU numbers as Linux gives them."""
    on_node = {
        0: [pci("0000:17:00.0", "0302", os_device("card0", "gpu"), os_device("cuda0", "coproc"))],
        1: [pci("0000:3b:00.0", "0200", os_device("eth0", "net")), pci("0000:3b:00.1", "0200", os_device("eth1", "net"))],
        2: [pci("0000:5e:00.0", "0108", os_device("nvme0n1", "block"))],
        3: [pci("0001:ca:00.0", "0302", os_device("card1", "gpu"), os_device("cuda1", "coproc"))],
    }
    sockets = []
    for s in range(2):
        parts = []
        for n in (2 * s, 2 * s + 1):
            first = range(4 * n, 4 * n + 4)
            cpus = [*first, *(c + 16 for c in first)]
            parts.append(group(node(n, cpus, 32 * GIB), l3(*(core(c, c, c + 16) for c in first)), *on_node[n]))
        sockets.append(package(s, *parts))
    save("devices.xml", machine(*sockets),
         distances(range(4), [[10, 12, 32, 32], [12, 10, 32, 32], [32, 32, 10, 12], [32, 32, 12, 10]]))


if __name__ == "__main__":
    for make in (hybrid, sparse, memoryless, cxl, devices):
        make()
