"""The access counter (counter/) as arguments for QEMU, and what it counted, with shares and distances."""

import json
import os

import machine
from kernel import Unavailable
from settings import setting

BUILD = setting("NODEWISE_BUILD", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "build"))
FOLDER = os.path.join(os.path.abspath(BUILD), "tests", "lab", "counter")
PLUGIN = os.path.join(FOLDER, "libaccess_counter.so")
COUNTED = os.path.join(FOLDER, "counted")


def arguments(shape, out, pages=0):
    if not os.path.exists(PLUGIN):
        raise Unavailable(f"{PLUGIN} is missing: ninja -C build")
    nodes = ":".join(str(node["mib"]) for node in shape["nodes"])
    owner = {cpu: number for number, node in enumerate(shape["nodes"]) for cpu in machine.cpus_of(node)}
    cpus = ":".join(str(owner[cpu]) for cpu in sorted(owner))
    return ["-plugin", f"{PLUGIN},out={out},nodes={nodes},cpus={cpus}" + (f",pages={pages}" if pages else "")]


def distance(shape, source, target):
    if shape.get("distances"):
        return shape["distances"][source][target]
    return 10 if source == target else 20  # the kernel's LOCAL_DISTANCE and REMOTE_DISTANCE


def share_remote(matrix):
    total = sum(map(sum, matrix))
    return 1 - sum(row[i] for i, row in enumerate(matrix)) / total if total else None


def mean_distance(matrix, shape):
    total = sum(map(sum, matrix))
    sums = sum(count * distance(shape, i, j) for i, row in enumerate(matrix) for j, count in enumerate(row))
    return sums / total if total else None


def evaluate(path, shape):
    """The counter's objects, one for each time that was counted, with the remote share and the mean distance of all
    accesses and of the cache model's misses."""
    with open(path, encoding="utf-8") as file:
        return [with_shares(json.loads(line), shape) for line in file]


def with_shares(counted, shape):
    if counted["error"]:
        raise Unavailable(f"the access counter: {counted['error']}")
    for what in ("accesses", "misses"):
        counted[f"remote_{what}"] = share_remote(counted[what])
        counted[f"distance_{what}"] = mean_distance(counted[what], shape)
    return counted
