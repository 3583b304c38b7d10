"""The guest's root: an initramfs made on the fly from busybox, the programs under test with their libraries, and a
script. The cpio "newc" format: kernel, Documentation/driver-api/early-userspace/buffer-format.rst."""

import os
import re
import shutil
import stat
import subprocess

import architecture
from kernel import Unavailable


def libraries_of(path, in_tree=False):
    """[(file, its name in the guest)] that the loader would load for a file, the loader included; nothing for scripts and
    static programs. in_tree: of a folder whose programs may find libraries in ways of their own."""
    if architecture.is_foreign(path):
        return architecture.libraries_of(path)
    done = subprocess.run(["ldd", path], capture_output=True, text=True)
    if done.returncode != 0:
        return []
    missing = re.findall(r"^\s*(\S+) => not found", done.stdout, re.M)
    if missing and not in_tree:
        raise Unavailable(f"{path} needs {', '.join(missing)}, which is not here")
    return [(library, library) for library in re.findall(r"(/\S+) \(0x[0-9a-f]+\)", done.stdout)]


class Image:
    def __init__(self):
        self.entries = {}  # name in the guest, without the first "/": (mode, data or link)

    def folder(self, name):
        parts = name.strip("/").split("/")
        for i in range(1, len(parts) + 1):
            if parts[0]:
                self.entries.setdefault("/".join(parts[:i]), (stat.S_IFDIR | 0o755, b""))

    def add(self, name, data, mode=0o644):
        self.folder(os.path.dirname(name))
        self.entries[name.strip("/")] = (stat.S_IFREG | mode, data)

    def link(self, name, target):
        self.folder(os.path.dirname(name))
        self.entries[name.strip("/")] = (stat.S_IFLNK | 0o777, target.encode())

    def device(self, name, major, minor):
        self.folder(os.path.dirname(name))
        self.entries[name.strip("/")] = (stat.S_IFCHR | 0o600, (major, minor))

    def file(self, path, name=None, in_tree=False):
        """A file of this machine, under its own path: links are kept, libraries come along."""
        name = name or os.path.abspath(path)
        if name.strip("/") in self.entries:
            return
        if os.path.islink(path):
            target = os.readlink(path)
            self.link(name, target)
            self.file(os.path.join(os.path.dirname(path), target), os.path.join(os.path.dirname(name), target), in_tree)
            return
        with open(path, "rb") as source:
            self.add(name, source.read(), stat.S_IMODE(os.stat(path).st_mode))
        if os.access(path, os.X_OK) or ".so" in path:
            for library, guests in libraries_of(path, in_tree):
                self.file(library, guests)

    def tree(self, path):
        for folder, _, files in os.walk(path):
            self.folder(folder)
            for one in files:
                full = os.path.join(folder, one)
                if "__pycache__" not in full and (os.path.isfile(full) or os.path.islink(full)):
                    self.file(full, in_tree=True)

    def program(self, name):
        path = name if "/" in name else shutil.which(name)
        if not path or not os.path.exists(path):
            raise Unavailable(f"there is no program {name}")
        self.file(path)
        return os.path.abspath(path)

    def busybox(self):
        path = architecture.busybox()
        if not path or libraries_of(path):
            raise Unavailable("busybox is missing or not static: apt-get install busybox-static")
        self.file(path, "/bin/busybox")
        for applet in ("sh", "mount", "stty", "cat", "ls", "grep", "poweroff", "ip", "chmod", "chown", "mkdir", "echo", "sleep", "env",
                       "dmesg", "insmod", "readlink", "sed", "head", "tail", "ps", "kill"):
            if "bin/" + applet not in self.entries:
                self.link("/bin/" + applet, "/bin/busybox")

    def bytes(self):
        parts = []
        number = 0

        def entry(name, mode, data, device=(0, 0)):
            nonlocal number
            number += 1
            fields = [number, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(name) + 1, 0]
            header = b"070701" + b"".join(b"%08x" % field for field in fields) + name.encode() + b"\0"
            parts.append(header + b"\0" * (-len(header) % 4))
            parts.append(data + b"\0" * (-len(data) % 4))

        for name, (mode, data) in sorted(self.entries.items()):
            if stat.S_ISCHR(mode):
                entry(name, mode, b"", data)
            else:
                entry(name, mode, data)
        entry("TRAILER!!!", 0, b"")
        return b"".join(parts)
