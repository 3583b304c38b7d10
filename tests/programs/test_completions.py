"""Completions as users meet them: bash, zsh and fish in a terminal (tmux), keys typed, the screen read."""

import contextlib
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness
from harness import wait_until

COLUMNS, LINES = 120, 50


class Shell:
    """A terminal with a shell in it, at a prompt, which has nothing configured but nodewise's completion."""

    PROMPT = "ready>"

    def __init__(self, folder, command, environment):
        self.socket = os.path.join(folder, "tmux")
        variables = ["env", "-i", *(f"{name}={value}" for name, value in environment.items())]
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", str(COLUMNS), "-y", str(LINES), "-c", folder, *variables, *command)
        self.wait_for(rf"^{self.PROMPT} *$")

    def tmux(self, *arguments):
        done = subprocess.run(["tmux", "-S", self.socket, *arguments], capture_output=True, text=True, timeout=harness.SECONDS)
        if done.returncode != 0:
            raise AssertionError(f"tmux {arguments}: {done.stderr}")
        return done.stdout

    def screen(self):
        return self.tmux("capture-pane", "-p")

    def wait_for(self, pattern):
        last = ""

        def shown():
            nonlocal last
            last = self.screen()
            return re.search(pattern, last, re.M)

        try:
            return wait_until(shown, pattern)
        except AssertionError as error:
            raise AssertionError(f"{error}; the screen is:\n{last.rstrip()}") from None

    def shows(self, pattern, seconds):
        """Whether it is on the screen before so long."""
        try:
            return bool(wait_until(lambda: re.search(pattern, self.screen(), re.M), pattern, seconds))
        except AssertionError:
            return False

    def type(self, text):
        self.tmux("send-keys", "-l", text)
        self.wait_for(rf"{self.PROMPT} {re.escape(text.rstrip())}")

    def tab(self):
        self.tmux("send-keys", "Tab")

    def clear(self):
        """Nothing on the line, and an empty screen. A shell that still completes takes no keys: they come again."""

        def is_clear():
            self.tmux("send-keys", "C-u", "C-l")
            return re.fullmatch(rf"\s*{self.PROMPT}\s*", self.screen())

        wait_until(is_clear, "an empty prompt")

    def close(self):
        with contextlib.suppress(AssertionError):
            self.tmux("kill-server")


class Completions:
    """What each shell does alike."""

    def setUp(self):
        super().setUp()
        home = self.path("home")
        script = os.path.join(home, self.SCRIPT)
        os.makedirs(os.path.dirname(script))
        with open(script, "w", encoding="utf-8") as file:
            file.write(self.nodewise("completions", self.SHELL))
        for name in ("my-server.toml", "my-server.txt"):
            with open(self.path(name), "w", encoding="utf-8") as file:
                file.write("schema = 1\n")
        kept = {name: value for name, value in os.environ.items() if name in ("XDG_RUNTIME_DIR", "TMPDIR")}
        environment = kept | {"HOME": home, "PATH": f"{os.path.dirname(harness.NODEWISE)}:/usr/bin:/bin", "TERM": "screen",
                              "LANG": "C.UTF-8"}
        self.shell = Shell(self.folder, self.command(home), environment)
        self.addCleanup(self.shell.close)

    def write(self, path, text):
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def completes(self, typed, whole):
        """One tab makes that of it."""
        with self.subTest(typed=typed):
            self.shell.type(typed)
            try:
                self.shell.tab()
                self.shell.wait_for(rf"{self.shell.PROMPT} {re.escape(whole)}( |$)")
            finally:
                self.shell.clear()

    def offers(self, typed, *patterns):
        """Two tabs list that; where all have a beginning in common, which the first one types, three."""
        with self.subTest(typed=typed):
            self.shell.type(typed)
            try:
                self.shell.tab()
                self.shell.tab()
                if not self.shell.shows(patterns[0], 3):
                    self.shell.tab()
                for pattern in patterns:
                    self.shell.wait_for(pattern)
            finally:
                self.shell.clear()

    def test_verbs_and_options(self):
        self.completes("nodewise veri", "nodewise verify")
        self.completes("nodewise run --require", "nodewise run --require-locality")
        self.completes("nodewise help comple", "nodewise help completions")
        self.offers("nodewise env --", "--systemd", "--docker")

    def test_policies_and_presets(self):
        self.completes("nodewise run -p my-", "nodewise run -p my-server.toml")
        self.completes("nodewise run -p preset:redi", "nodewise run -p preset:redis")
        self.completes("nodewise run --policy=preset:redi", "nodewise run --policy=preset:redis")
        self.completes("nodewise check --policy=my-", "nodewise check --policy=my-server.toml")
        self.completes("nodewise init postg", "nodewise init postgres")

    def test_words_of_values(self):
        self.completes("nodewise run --bind cor", "nodewise run --bind core")
        self.completes("nodewise run --bind=cor", "nodewise run --bind=core")
        self.completes("nodewise tune --candidates numa", "nodewise tune --candidates numactl")
        self.completes("nodewise tune --candidates one-cpu,preset:redi", "nodewise tune --candidates one-cpu,preset:redis")
        self.completes("nodewise tune --candidates=one-cpu,pla", "nodewise tune --candidates=one-cpu,places")
        self.completes("nodewise run --set defaults.bind_", "nodewise run --set defaults.bind_to=")
        self.completes("nodewise run --set defaults.bind_to=cor", "nodewise run --set defaults.bind_to=core")
        self.completes("nodewise run --set rules.io.bind_to=cor", "nodewise run --set rules.io.bind_to=core")
        self.completes("nodewise report -f ht", "nodewise report -f html")

    def test_processes_with_their_names(self):
        policy = self.policy('[defaults]\nbind_to = "node"\n')
        processes = [self.start(["sleep", "600"], policy) for _ in range(2)]
        for process in processes:
            self.wait_until_seen(process.pid)
        for verb in ("show", "verify"):
            self.offers(f"nodewise {verb} ", *(rf"\b{process.pid}\b[\d\s]*\W+sleep\b" for process in processes))
        begun = str(processes[0].pid)[:-1] # of all that run there are many
        self.offers(f"nodewise apply {begun}", rf"\b{processes[0].pid}\b")

    def test_codes_and_reasons(self):
        self.offers("nodewise explain E00", "E001", "E003.*not TOML")
        self.completes("nodewise explain no-free-s", "nodewise explain no-free-slot")

    def test_the_command_that_is_run(self):
        self.completes("nodewise run -- sha256s", "nodewise run -- sha256sum")
        self.completes("nodewise run -N 0 sha256s", "nodewise run -N 0 sha256sum")
        self.completes("nodewise run --strict -- nodewise veri", "nodewise run --strict -- nodewise verify")
        self.completes("nodewise learn -o x.toml -- nodewise init postg", "nodewise learn -o x.toml -- nodewise init postgres")


class Bash(Completions, harness.ProgramTest):
    SHELL, SCRIPT = "bash", ".local/share/bash-completion/completions/nodewise"

    def command(self, home):
        start = f"PS1='{Shell.PROMPT} '\n. /usr/share/bash-completion/bash_completion\n"
        return ["bash", "--noprofile", "--rcfile", self.write(os.path.join(home, "start"), start)]


class BashAlone(Bash):
    """Without the package bash-completion, the script sourced."""

    def command(self, home):
        start = f"PS1='{Shell.PROMPT} '\n. {os.path.join(home, self.SCRIPT)}\n"
        return ["bash", "--noprofile", "--rcfile", self.write(os.path.join(home, "start"), start)]

    def test_the_command_that_is_run(self):
        self.completes("nodewise run -- sha256s", "nodewise run -- sha256sum")
        self.completes("nodewise run -- ls my-server.to", "nodewise run -- ls my-server.toml")


class Zsh(Completions, harness.ProgramTest):
    SHELL, SCRIPT = "zsh", "functions/_nodewise"

    def command(self, home):
        self.write(os.path.join(home, ".zshrc"), f"PROMPT='{Shell.PROMPT} '\nfpath=({home}/functions $fpath)\n"
                   "autoload -U compinit\ncompinit -u\n")
        return ["zsh", "-o", "no_global_rcs"]


class Fish(Completions, harness.ProgramTest):
    SHELL, SCRIPT = "fish", ".config/fish/completions/nodewise.fish"

    def command(self, home):
        self.write(os.path.join(home, ".config", "fish", "config.fish"), "set fish_greeting\nset -g fish_autosuggestion_enabled 0\n"
                   f"function fish_prompt\necho -n '{Shell.PROMPT} '\nend\n")
        return ["fish"]


class Sources(harness.ProgramTest):
    """Completion is made of the help."""

    def complete(self, *words):
        head, *candidates = self.nodewise("complete", *words).splitlines()
        return head, [candidate.split("\t")[0] for candidate in candidates]

    def verbs(self):
        return re.findall(r"^  (\w+) ", self.nodewise("help"), re.MULTILINE)

    def test_every_verb_and_every_option_of_the_help_is_offered(self):
        self.assertEqual(set(self.verbs()) - set(self.complete("")[1]), set())
        for verb in self.verbs():
            with self.subTest(verb=verb):
                named = set(re.findall(r"^  (?:-\w, )?(--[a-z0-9-]+)", self.nodewise("help", verb), re.MULTILINE))
                self.assertEqual(named - set(self.complete(verb, "--")[1]), set())

    def test_every_value_in_the_help_is_of_a_known_kind(self):
        """A new kind of value gets its line in tools/complete/kinds.c."""
        for verb in self.verbs():
            self.assertNotEqual(self.complete(verb, "")[0], "unknown", verb)
            for option in re.findall(r"^  (?:-\w, )?(--[a-z0-9-]+) \S", self.nodewise("help", verb), re.MULTILINE):
                with self.subTest(verb=verb, option=option):
                    self.assertNotEqual(self.complete(verb, option, "")[0], "unknown")

    def test_what_is_due_is_offered(self):
        self.assertIn("preset:redis", self.complete("run", "--policy", "")[1])
        self.assertIn("defaults.bind_to=core", self.complete("run", "--set", "defaults.bind_to=")[1])
        self.assertIn("rules.io.bind_to=", self.complete("run", "--set", "rules.io.")[1])
        self.assertEqual(self.complete("run", "--strict", "--", "ls")[0], "command 3")
        self.assertEqual(self.complete("run", "ls")[0], "command 1")

    def test_options_that_are_given_are_not_offered_again(self):
        offered = self.complete("run", "--strict", "--set", "defaults.bind_to=core", "--")[1]
        self.assertNotIn("--strict", offered)
        self.assertIn("--set", offered)


if __name__ == "__main__":
    harness.main()
