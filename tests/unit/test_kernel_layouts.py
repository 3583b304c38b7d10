"""The laboratory finds kernel and modules in every layout of Debian's packages."""

import concurrent.futures
import lzma
import os
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "lab"), os.path.join(HERE, "..")]
import kernel

VERSION = "9.9-cloud-amd64"
MODULES = {"virtio_pci": b"\0depends=virtio_ring\0", "virtio-ring": b"\0depends=\0", "virtio_net": b"\0depends=\0",
           "nvme": b"\0depends=\0", "other": b"\0depends=\0"}


def write(data, *path):
    os.makedirs(os.path.join(*path[:-1]), exist_ok=True)
    with open(os.path.join(*path), "wb") as file:
        file.write(data)


def zstd(data):
    return subprocess.run(["zstd", "-cq"], input=data, capture_output=True, check=True).stdout


class Layouts(unittest.TestCase):
    def kept(self, image, modules, ending="", packed=lambda data: data):
        with tempfile.TemporaryDirectory() as folder:
            unpacked = os.path.join(folder, "unpacked")
            write(b"kernel", unpacked, *image.split("/"))
            for name, data in MODULES.items():
                write(packed(data), unpacked, *modules.split("/"), VERSION, "kernel", f"{name}.ko{ending}")
            path = kernel.keep(unpacked, os.path.join(folder, "cache"))
            files = [*kernel.modules(path, ["net"]), *kernel.modules(path, ["nvme"])]
            return os.path.basename(path), [(os.path.basename(file), kernel.module_data(file)) for file in files]

    def check(self, *layout):
        name, modules = self.kept(*layout)
        self.assertEqual(name, f"vmlinuz-{VERSION}")
        self.assertEqual([file for file, _ in modules], ["net-00-virtio_ring.ko", "net-01-virtio_pci.ko",
                                                         "net-02-virtio_net.ko", "nvme-00-nvme.ko"])
        self.assertEqual(modules[1][1], MODULES["virtio_pci"])

    def test_bookworm_has_plain_modules_in_lib(self):
        self.check(f"boot/vmlinuz-{VERSION}", "lib/modules")

    def test_trixie_has_xz_modules_in_usr(self):
        self.check(f"boot/vmlinuz-{VERSION}", "usr/lib/modules", ".xz", lzma.compress)

    def test_a_kernel_may_lie_beside_its_modules(self):
        self.check(f"usr/lib/modules/{VERSION}/vmlinuz", "usr/lib/modules", ".zst", zstd)

    def test_of_several_that_start_at_once_one_fetches_it(self):
        with tempfile.TemporaryDirectory() as folder:
            fetched = []

            def fetch():
                fetched.append(len(fetched))
                unpacked = os.path.join(folder, f"unpacked-{len(fetched)}")
                write(b"kernel", unpacked, "boot", f"vmlinuz-{VERSION}")
                write(b"", unpacked, "lib", "modules", VERSION, "kernel", "nvme.ko")
                return kernel.keep(unpacked, folder)

            with mock.patch.object(kernel, "fetch", fetch), mock.patch.object(kernel, "cache", lambda: folder), \
                 concurrent.futures.ThreadPoolExecutor(4) as pool:
                paths = list(pool.map(lambda _: kernel.path(), range(4)))
            self.assertEqual((len(set(paths)), fetched), (1, [0]))


if __name__ == "__main__":
    unittest.main(verbosity=2)
