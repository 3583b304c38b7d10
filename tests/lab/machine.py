"""A shape (shapes/NAME.json) as QEMU's arguments.

A shape has `sockets`, `smt` (threads of a core) and `nodes`: [{"cpus": "0-1" or null, "mib": 256 or 0}], in the order of
their ids; `distances`: a full matrix.

There is no shape with gaps in the node numbers: Linux numbers the firmware's nodes in order."""

import json
import os

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "shapes")


def names():
    return sorted(name[:-5] for name in os.listdir(FOLDER) if name.endswith(".json"))


def load(name):
    with open(os.path.join(FOLDER, name + ".json"), encoding="utf-8") as file:
        return json.load(file)


def cpus_of(node):
    first, _, last = (node["cpus"] or "").partition("-")
    return list(range(int(first), int(last or first) + 1)) if first else []


def numa_arguments(shape):
    arguments = []
    for number, node in enumerate(shape["nodes"]):
        text = f"node,nodeid={number}"
        if node["cpus"]:
            text += f",cpus={node['cpus']}"
        if node["mib"]:
            arguments += ["-object", f"memory-backend-ram,id=m{number},size={node['mib']}M"]
            text += f",memdev=m{number}"
        arguments += ["-numa", text]
    for source, row in enumerate(shape.get("distances", [])):
        for target, distance in enumerate(row):
            if source < target:
                arguments += ["-numa", f"dist,src={source},dst={target},val={distance}"]
    return arguments


def arguments(shape):
    count = sum(len(cpus_of(node)) for node in shape["nodes"])
    memory = sum(node["mib"] for node in shape["nodes"])
    smt, sockets = shape.get("smt", 1), shape.get("sockets", 1)
    return ["-accel", "tcg,thread=multi", "-cpu", "qemu64,+popcnt,+ssse3,+sse4.1,+sse4.2", "-machine", "q35",
            "-smp", f"{count},sockets={sockets},cores={count // sockets // smt},threads={smt}", "-m", f"{memory}M",
            *numa_arguments(shape)]
