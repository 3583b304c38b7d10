"""The guest's architecture: this machine's, amd64, or another one's programs, libraries and kernel (NODEWISE_LAB_ARCH)."""

import os
import re
import shutil
import subprocess
import sys

from kernel import ARCH, Unavailable

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools"))
import cross_root

FOREIGN = ARCH != "amd64"
QEMU = {"amd64": "qemu-system-x86_64", "arm64": "qemu-system-aarch64"}[ARCH]
QEMU_PACKAGE = {"amd64": "qemu-system-x86", "arm64": "qemu-system-arm"}[ARCH]
# The processor: an ordinary server's. neoverse-n1 has pages of 4, 16 and 64 KiB.
MACHINE = {"amd64": ["-cpu", "qemu64,+popcnt,+ssse3,+sse4.1,+sse4.2", "-machine", "q35"],
           "arm64": ["-cpu", "neoverse-n1", "-machine", "virt"]}[ARCH]
# What an emulated start can do without: a third of its time. lpj: the delay loop is not measured for each CPU.
KERNEL_WORDS = {"amd64": "console=ttyS0 quiet panic=-1 tsc=unstable mitigations=off nokaslr no_timer_check cryptomgr.notests "
                         "rcupdate.rcu_expedited=1 audit=0 apparmor=0 noreplace-smp lpj=10000000",
                "arm64": "console=ttyAMA0 quiet panic=-1 mitigations=off nokaslr cryptomgr.notests rcupdate.rcu_expedited=1 "
                         "audit=0 apparmor=0"}[ARCH]


def root():
    folder = os.path.join(cross_root.folder_of(ARCH), "root")
    if not os.path.isdir(folder):
        raise Unavailable(f"{folder} is missing: tools/cross_root.py {ARCH}")
    return folder


def is_foreign(path):
    """Is it a program or a library of the guest's architecture, and that is not this machine's?"""
    with open(path, "rb") as file:
        head = file.read(20)
    return FOREIGN and head[:4] == b"\x7fELF" and int.from_bytes(head[18:20], "little") == cross_root.ELF_MACHINES[ARCH]


def libraries_of(path):
    """[(file, its name in the guest)] of what it names, itself alone: they are asked in turn."""
    said = subprocess.run(["readelf", "-ld", path], capture_output=True, text=True, check=True).stdout
    names = re.findall(r"\(NEEDED\).*\[(.*)\]", said)
    found = [loader for loader in re.findall(r"program interpreter: (/[^]]*)\]", said)]
    folders = [folder.format(cross_root.MACHINES[ARCH][0]) for folder in ("/lib/{}", "/usr/lib/{}", "/lib")]
    for name in names:
        where = [folder for folder in folders if os.path.exists(f"{root()}{folder}/{name}")]
        if not where:
            raise Unavailable(f"{path} needs {name}, which is not in {root()}")
        found.append(f"{where[0]}/{name}")
    return [(root() + name, name) for name in found]


def busybox():
    return os.path.join(root(), "bin", "busybox") if FOREIGN else shutil.which("busybox")


def serial_arguments(files):
    """The console, and the lines of init.sh: output, errors, status. A file, or None for the terminal."""
    console, *lines = ["stdio" if file is None else f"file:{file}" for file in files]
    if not FOREIGN:
        return [word for line in (console, *lines) for word in ("-serial", line)]
    words = ["-serial", console] # the machine has one of its own
    for number, file in enumerate(files[1:]):
        kind = "stdio" if file is None else f"file,path={file}"
        words += ["-chardev", f"{kind},id=line{number}", "-device", f"pci-serial,chardev=line{number}"]
    return words
