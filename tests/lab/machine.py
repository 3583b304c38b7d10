"""A shape (shapes/NAME.json) as QEMU's arguments.

A shape has `sockets`, `smt` (threads of a core) and `nodes`: [{"cpus": "0-1" or null, "mib": 256 or 0}], in the order of
their ids; `distances`: a full matrix; `devices`: [{"node": 1, "kind": "net" or "nvme"}], each behind a bus of that node.

There is no shape with gaps in the node numbers: Linux numbers the firmware's nodes in order."""

import json
import os

import architecture

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


def device_arguments(shape):
    """qemu, docs/pci_expander_bridge.txt: an expander bridge belongs to a node, and so does what is behind it."""
    arguments = []
    for i, device in enumerate(shape.get("devices", [])):
        arguments += ["-device", f"pxb-pcie,id=bus{i},bus_nr={64 + 32 * i},numa_node={device['node']},bus=pcie.0",
                      "-device", f"pcie-root-port,id=port{i},bus=bus{i},chassis={i + 1}"]
        if device["kind"] == "net":
            arguments += ["-netdev", f"hubport,hubid={i},id=net{i}",
                          "-device", f"virtio-net-pci,bus=port{i},netdev=net{i},romfile="]
        else:
            arguments += ["-drive", f"id=disk{i},if=none,driver=null-co,size=1M,read-zeroes=on",
                          "-device", f"nvme,bus=port{i},drive=disk{i},serial=lab{i}"]
    return arguments


def arguments(shape):
    count = sum(len(cpus_of(node)) for node in shape["nodes"])
    memory = sum(node["mib"] for node in shape["nodes"])
    smt, sockets = shape.get("smt", 1), shape.get("sockets", 1)
    return ["-accel", "tcg,thread=multi", *architecture.MACHINE,
            "-smp", f"{count},sockets={sockets},cores={count // sockets // smt},threads={smt}", "-m", f"{memory}M",
            *numa_arguments(shape), *device_arguments(shape)]
