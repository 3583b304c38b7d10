"""What `nodewise env` prints is pasted as it is, so each text goes through what reads it: sh, systemd, a YAML parser, and a
shell with a docker that tells its arguments. Both of a build folder and of an installation. As root, for the latter."""

import json
import os
import shlex
import shutil
import subprocess
import sys

import yaml

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness

ODD = "100% $HOME `id` \"it's\" \\n;&.toml"
PROGRAM = ["/usr/bin/python3", "-c", "print('libnodewise.so' in open('/proc/self/maps').read())"]


class Snippets:
    """Of the command that run_command() starts."""

    def text(self, *arguments):
        done = self.run_command([self.command, "env", *arguments])
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout

    def shell(self, script, **environment):
        return self.run_command(["sh", "-c", script], environment)

    def named(self):
        """A policy whose path needs quoting everywhere."""
        return self.policy('[defaults]\nbind_to = "cpu"\n', ODD)

    def test_sh_goes_on_after_eval(self):
        policy = self.named()
        show = ["sh", "-c", "grep -q libnodewise.so /proc/self/maps && printf '%s\\n' \"$NODEWISE_POLICY\""]
        script = f"eval \"$({shlex.join([self.command, 'env', '--sh', '-p', policy])})\"; ls / >/dev/null; {shlex.join(show)}"
        done = self.shell(script)
        self.assertEqual((done.stdout, done.stderr), (f"{policy}\n", ""))

    def test_sh_keeps_what_is_preloaded(self):
        other = self.library_beside()
        done = self.shell(self.text("--sh", "-p", self.named()) + "printf '%s\\n' \"$LD_PRELOAD\"", LD_PRELOAD=other)
        self.assertEqual(done.stderr, "")
        self.assertRegex(done.stdout, rf"\A/\S+/libnodewise\.so:{other}\n\Z")

    def test_systemd_takes_it_and_passes_it_on(self):
        policy = self.named()
        os.mkdir(self.path("tried.service.d"))
        with open(self.path("tried.service"), "w", encoding="utf-8") as file:
            file.write("[Service]\nExecStart=/bin/true\n")
        with open(self.path("tried.service.d/nodewise.conf"), "w", encoding="utf-8") as file:
            file.write(self.text("--systemd", "-p", policy))
        done = self.run_command(["systemd-analyze", "verify", "--man=no", self.path("tried.service")])
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        with open(self.path("tried.service.d/nodewise.conf"), encoding="utf-8") as file:
            lines = [line.strip().partition("=")[2] for line in file if line.startswith("Environment=")]
        values = dict(self.as_systemd(line) for line in lines)
        self.assertEqual(values["NODEWISE_POLICY"], policy)
        done = self.run_command(PROGRAM, values)
        self.assertEqual((done.stdout, done.stderr), ("True\n", ""))

    @staticmethod
    def as_systemd(line):
        """One assignment in double quotes, with specifiers (systemd.exec(5), systemd.syntax(7))."""
        (text,) = shlex.split(line)
        name, _, value = text.partition("=")
        return name, value.replace("%%", "%")

    def test_docker_mounts_files_that_exist(self):
        os.mkdir(self.path("bin"))
        for name in ("docker", "nodewise"):
            with open(self.path(f"bin/{name}"), "w", encoding="utf-8") as file:
                file.write(f"#!/bin/sh\n/usr/bin/python3 -c 'import json, sys; print(json.dumps(sys.argv[1:]))' {name} \"$@\"\n")
            os.chmod(self.path(f"bin/{name}"), 0o755)
        policy = self.named()
        done = self.shell(self.text("--docker", "-p", policy), PATH=f"{self.path('bin')}:/usr/bin:/bin")
        self.assertEqual(done.stderr, "")
        compiled, run = map(json.loads, done.stdout.splitlines())
        self.assertEqual(compiled[:-1], ["nodewise", "compile", "-p", policy, "-o"])
        mounts = [dict(part.partition("=")[::2] for part in run[i + 1].split(",")) for i, word in enumerate(run) if word == "--mount"]
        self.assertEqual([mount["type"] for mount in mounts], ["bind", "bind"])
        self.check_files({mount["target"]: mount["source"] for mount in mounts}, compiled[-1])
        variables = dict(run[i + 1].split("=", 1) for i, word in enumerate(run) if word == "-e")
        self.assertEqual({variables["LD_PRELOAD"], variables["NODEWISE_PLAN"]}, {mount["target"] for mount in mounts})

    def check_files(self, sources, plan):
        """The library is there, and the other is what the command before makes."""
        library, = (source for source in sources.values() if source != plan)
        self.assertIn(plan, sources.values())
        self.assertEqual(self.run_command(["test", "-f", library]).returncode, 0, library)
        self.assertEqual(self.run_command(PROGRAM[:2] + ["pass"], {"LD_PRELOAD": library}).stderr, "")

    def test_k8s_is_yaml_with_files_that_exist(self):
        policy = self.named()
        text = self.text("--k8s", "-p", policy)
        spec = yaml.safe_load(text)["spec"]
        (container,) = spec["containers"]
        paths = {volume["name"]: volume["hostPath"] for volume in spec["volumes"]}
        self.assertEqual({path["type"] for path in paths.values()}, {"File"})
        mounts = {mount["mountPath"]: paths[mount["name"]]["path"] for mount in container["volumeMounts"]}
        self.assertEqual({variable["value"] for variable in container["env"]}, set(mounts))
        compiled = shlex.split(next(line for line in text.splitlines() if line.startswith("#")).partition(": ")[2])
        self.assertEqual(compiled[:-1], ["nodewise", "compile", "-p", policy, "-o"])
        self.check_files(mounts, compiled[-1])


class Built(Snippets, harness.ProgramTest):
    command = harness.NODEWISE

    def library_beside(self):
        return shutil.copy(harness.FAULTY_SHIM, self.path("other.so"))

    def run_command(self, command, environment=None):
        return subprocess.run(command, capture_output=True, text=True, env=harness.clean_environment() | (environment or {}),
                              timeout=harness.SECONDS, cwd=self.folder, check=False)


class Installed(Built):
    """Where the prefix is, in a mount namespace: /usr/$LIB, which the loader alone understands, is a path in it."""

    @classmethod
    def setUpClass(cls):
        options = json.loads(subprocess.run(["meson", "introspect", harness.BUILD, "--buildoptions"], capture_output=True,
                                            check=True).stdout)
        cls.prefix = next(option["value"] for option in options if option["name"] == "prefix")
        cls.command = os.path.join(cls.prefix, "bin", "nodewise")

    def setUp(self):
        super().setUp()
        self.assertEqual(os.geteuid(), 0, "root mounts")
        subprocess.run(["meson", "install", "-C", harness.BUILD, "--no-rebuild", "--quiet"], check=True,
                       env=harness.clean_environment() | {"DESTDIR": self.path("installed")}, capture_output=True)

    def test_a_program_of_32_bits_is_left_in_peace(self):
        """Its loader would complain about a library that is not there, or of 64 bits."""
        with open(self.path("small.c"), "w", encoding="utf-8") as file:
            file.write('void _start(void) { __asm__("xorl %ebx, %ebx; movl $1, %eax; int $0x80"); }\n')
        subprocess.run(["gcc", "-m32", "-nostdlib", "-pie", "-Wl,--dynamic-linker,/lib/ld-linux.so.2", "-o", self.path("small"),
                        self.path("small.c")], check=True)
        if not harness.is_executable(self.path("small")):
            self.skipTest("this kernel runs no programs of 32 bits")
        done = self.shell(self.text("--sh", "-p", self.named()) + self.path("small"))
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))

    def test_the_example_of_a_drop_in_says_the_same(self):
        def settings(text):
            return [line for line in text.splitlines() if line.startswith(("[", "Environment="))]
        example = self.run_command(["cat", os.path.join(self.prefix, "share/doc/nodewise/examples/nodewise.service.d.conf")]).stdout
        done = self.run_command([self.command, "env", "--systemd", "-p", "/etc/nodewise/redis.toml"])
        self.assertEqual(settings(example), settings(done.stdout))
        self.assertEqual(len(settings(example)), 3)

    def test_the_loader_alone_is_told_of_its_own_folder(self):
        """As Debian installs; without that the other tests here say little."""
        self.assertEqual([form for form in ("sh", "systemd", "docker", "k8s") if "$LIB" in self.text(f"--{form}", "-p", self.named())],
                         ["sh", "systemd"])

    def run_command(self, command, environment=None):
        script = f"mount --bind {shlex.quote(self.path('installed') + self.prefix)} {shlex.quote(self.prefix)}; exec \"$@\""
        variables = [f"{name}={value}" for name, value in (environment or {}).items()]
        return super().run_command(["unshare", "-m", "--propagation", "private", "sh", "-c", script, "sh", "env", *variables, *command])


if __name__ == "__main__":
    harness.main()
