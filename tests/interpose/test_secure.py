"""The library in every program of the machine (/etc/ld.so.preload), and programs that have more rights than who starts
them: nothing that a user sets reaches them, or what they start. In a mount namespace with an /etc of its own."""

import os
import shlex
import shutil
import struct
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness

PRIVATE = "for point in / /dev /tmp; do mount --make-rprivate $point 2>/dev/null; done"
CAP_NET_RAW = struct.pack("=IIIII", 0x02000001, 1 << 13, 0, 0, 0)  # vfs_cap_data, version 2, effective
NOBODY = "setpriv --reuid=65534 --regid=65534 --clear-groups"


class Secure(harness.ProgramTest):
    def setUp(self):
        super().setUp()
        self.assertEqual(os.geteuid(), 0, "a setuid program of root needs root")
        os.chmod(self.folder, 0o755)
        self.nodewise("compile", "-p", self.policy('[[rules]]\nname = "all"\nmatch = { thread = "*" }\n'), "-o", self.path("plan"))
        self.variables = {"NODEWISE_PLAN": self.path("plan"), "NODEWISE_LOG": self.path("log"),
                          "NODEWISE_REPORT": self.path("report"), "NODEWISE_DISABLE": "0", "NODEWISE_INDEX": "1",
                          "NODEWISE_DEFAULTS__BIND_TO": "core", "KEPT": "1", "ALSO": "NODEWISE_"}

    def printed(self, program, preload=True):
        """What /usr/bin/env says under that name, started by nobody."""
        setting = shlex.join(["env", "-i", *(f"{name}={value}" for name, value in self.variables.items())])
        lines = [PRIVATE, f"cp -a /etc {self.path('etc')}; mount --bind {self.path('etc')} /etc"]
        if preload:
            lines.append(f"echo {harness.SHIM} >/etc/ld.so.preload")
        lines.append(f"exec {NOBODY} {setting} {self.path(program)}")
        done = subprocess.run(["unshare", "-m", "--propagation", "unchanged", "bash", "-c", "; ".join(lines)],
                              capture_output=True, text=True, timeout=harness.SECONDS)
        shutil.rmtree(self.path("etc"))
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return dict(line.split("=", 1) for line in done.stdout.splitlines())

    def program(self, name, mode=0o755, capabilities=None):
        shutil.copy("/usr/bin/env", self.path(name))
        os.chmod(self.path(name), mode)
        if capabilities:
            os.setxattr(self.path(name), "security.capability", capabilities)
        return name

    def test_variables_of_ours_leave_a_privileged_programs_environment(self):
        for name, more in (("setuid", {"mode": 0o4755}), ("setgid", {"mode": 0o2755}), ("capable", {"capabilities": CAP_NET_RAW})):
            with self.subTest(name):
                self.assertEqual(self.printed(self.program(name, **more)), {"KEPT": "1", "ALSO": "NODEWISE_"})
                self.assertFalse(os.path.exists(self.path("log")) or os.path.exists(self.path("report")))

    def test_an_ordinary_program_keeps_them(self):
        self.assertLessEqual(self.variables.items(), self.printed(self.program("ordinary")).items())
        self.assertEqual(self.printed(self.program("setuid", 0o4755), preload=False), self.variables, "without the library")


if __name__ == "__main__":
    harness.main()
