"""What is judged of chat templates, held against plain Jinja without a sandbox.

    python tests/interop/templates.py --strongroom target/release/strongroom --work DIR [--count N] [--seed N]

Makes templates out of pieces that reach for names in all ways that Jinja has, and out of those of
the corpus. Each that is inert is rendered by a process of its own in which every look-up of an
attribute, import, opened file and executed text is seen. None may look up what leads out of the
data, nor may an expression come to such a thing.
"""

import argparse
import json
import pathlib
import random
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
DATA = HERE.parent / "data" / "hostile"
NAMES = ["__class__", "gi_frame", "__globals__", "f_globals", "__init__", "format", "role", "content", "items", "join", "count", "title", "to_bytes", "copy"]
USUAL = ["messages", "messages[0]", "messages[0].role", "messages[1].content", "(messages|select)", "ns", "ns.a", "d", "l", "a", "b", "k", "''"]
OBJECTS = USUAL * 5 + [
    "messages", "messages[0]", "(messages|select)", "(messages|map(attribute='role'))", "namespace", "range", "cycler", "loop",
    "self", "lipsum", "ns", "d", "l", "m", "f", "''", "{}", "[]", "(1, 2)", "kwargs", "bos_token", "messages[0].content",
    "messages[0].role", "joiner", "dict", "ns.a", "d.a", "l[0]", "messages[0].strip", "caller", "undefined",
]


class Maker:
    """Templates by one seed."""

    def __init__(self, seed):
        self.chance = random.Random(seed)

    def any(self):
        lines = ["{%% set k = 'role' %%}{%% set a = messages[0] %%}{%% set b = ['content'] %%}{%% set m = messages[1] %%}{%% set ns = namespace(a=%s) %%}{%% set d = {'a': %s} %%}{%% set l = [%s] %%}" % tuple(self.value(0) for _ in range(3))]
        lines += [self.statement(2) for _ in range(self.chance.choice([1, 2, 3, 4]))]
        return "".join(lines + ["{{ %s }}" % self.value(2)])

    def statement(self, depth):
        value = lambda: self.value(depth - 1)
        kind = self.chance.randrange(11)
        name = self.chance.choice(["a", "b", "k", "d", "l"])
        if kind == 0:
            return "{%% set %s = %s %%}" % (name, value())
        if kind == 1:
            return "{%% set ns.%s = %s %%}" % (self.chance.choice(["a", "b", "count"]), value())
        if kind == 2:
            return "{%% for %s in %s %%}{{ %s }}{%% set ns.a = %s %%}{%% endfor %%}" % (name, value(), value(), name)
        if kind == 3:
            method = self.chance.choice(["append", "extend", "insert", "update", "setdefault"])
            first = "0, " if method == "insert" else ""
            return "{%% set _ = %s.%s(%s%s) %%}" % (self.chance.choice(["l", "d", "messages[0]", "ns.a", "m"]), method, first, value())
        if kind == 4:
            return "{%% macro f(m, k=%s) %%}{{ %s }}{{ m[k] }}{%% endmacro %%}{{ f(%s, %s) }}" % (value(), value(), value(), value())
        if kind == 5:
            return "{%% macro f(m, k) %%}{{ caller(%s) }}{{ m[caller(k)] }}{%% endmacro %%}{%% call(k) f(%s) %%}{{ %s }}{%% endcall %%}" % (
                value(), value(), value(),
            )
        if kind == 6:
            return "{%% set %s %%}%s{%% endset %%}" % (name, self.text())
        if kind == 7:
            return "{%% with k = %s %%}{{ messages[k] }}{{ %s }}{%% endwith %%}" % (value(), value())
        if kind == 8:
            return "{%% if %s %%}{{ %s }}{%% endif %%}" % (value(), value())
        if kind == 9:
            return "{%% for a, b in %s %%}{{ b[a] }}{%% endfor %%}" % value()
        return "{{ %s }}" % value()

    def text(self):
        name = self.chance.choice(NAMES)
        cut = self.chance.randrange(len(name))
        return self.chance.choice([name, name[:cut], name[cut:], name[::-1], "x" + name, name.upper(), "_", "__", "", "a", "role"])

    def literal(self):
        text = self.text()
        written = "".join(self.chance.choice([c] * 12 + ["\\x%02x" % ord(c), "\\%03o" % ord(c), "\\\n" + c, "\\\r" + c]) for c in text)
        return "'%s'" % written

    def value(self, depth):
        if depth <= 0:
            return self.chance.choice([self.literal(), self.chance.choice(OBJECTS), "0"] if self.chance.random() < 0.1 else [self.literal(), self.chance.choice(OBJECTS)])
        inner = lambda: self.value(depth - 1)
        kind = self.chance.randrange(17)
        if kind == 0:
            return "%s ~ %s" % (inner(), inner())
        if kind == 1:
            return "(%s %s %s)" % (inner(), self.chance.choice(["+", "-", "*", "%", "//", "**", "or", "and", "==", "in"]), inner())
        if kind == 2:
            return "%s.%s" % (self.chance.choice(OBJECTS), self.chance.choice(NAMES))
        if kind in (3, 4, 5):
            return "%s[%s]" % (self.chance.choice(OBJECTS), inner())
        if kind == 6:
            return "(%s)[%s:]" % (inner(), self.chance.randrange(3))
        if kind == 7:
            filters = ["reverse", "lower", "first", "last", "list", "string", "trim", "join", "select", "int", "sort", "unique", "max", "sum",
                       "default", "items", "escape", "safe", "length", "title", "batch(2)", "tojson", "dictsort"]
            return "(%s)|%s" % (inner(), self.chance.choice(filters))
        if kind == 8:
            filters = ["map(attribute=%s)", "map(%s)", "selectattr(%s)", "groupby(%s)", "sort(attribute=%s)", "sum(%s)", "join(%s)", "int(%s)",
                       "default(%s)", "max(attribute=%s)", "map('default', %s)", "replace(%s, 'a')", "map(attribute='a', default=%s)", "batch(2, %s)",
                       "join('', %s)", "unique(false, %s)", "attr(%s)", "format(%s)", "sum(start=%s)", "sort(**{'attribute': %s})"]
            return "(%s)|%s" % (inner(), self.chance.choice(filters) % inner())
        if kind in (9, 10):
            methods = ["join", "replace", "strip", "split", "get", "pop", "items", "keys", "values", "count", "index", "title", "removeprefix",
                       "upper", "format", "partition", "setdefault", "copy", "update", "find", "fromkeys", "send", "to_bytes"]
            given = ", ".join(inner() for _ in range(self.chance.randrange(3)))
            return "(%s).%s(%s)" % (inner(), self.chance.choice(methods), given)
        if kind == 11:
            return "{%s: %s}" % (inner(), inner())
        if kind == 12:
            return "[%s, %s]" % (inner(), inner())
        if kind == 13:
            return "(%s if %s else %s)" % (inner(), inner(), inner())
        if kind == 14:
            return "%s(%s)" % (self.chance.choice(["namespace", "dict", "range", "f", "strftime_now", "cycler", "loop.cycle"]), inner())
        if kind == 15:
            return "dict(%s=%s)" % (self.chance.choice(["a", "count", "strip", "gi_frame", "role"]), inner())
        return "{'%s': %s}.%s(%s)" % (*[self.chance.choice(["count", "index", "strip", "title", "a"])] * 1, inner(), self.chance.choice(["count", "index", "strip", "title"]), inner())


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--strongroom", type=pathlib.Path, required=True, help="the program")
    parser.add_argument("--work", type=pathlib.Path, required=True, help="a directory for files")
    parser.add_argument("--count", type=int, default=6000, help="templates")
    parser.add_argument("--seed", type=int, default=0, help="the first one's seed")
    options = parser.parse_args()
    folder = options.work / "templates"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for path in sorted(DATA.glob("template_*/*.jinja")):
        shutil.copy(path, folder / f"{path.parent.name}.jinja")
    for seed in range(options.seed, options.seed + options.count):
        (folder / f"{seed}.jinja").write_text(Maker(seed).any(), newline="")
    done = subprocess.run([options.strongroom, "validate", "--no-config", "--json", folder], stdout=subprocess.PIPE, timeout=600)
    files = json.loads(done.stdout)["files"]
    inert = [file["path"] for file in files if file["verdict"] == "inert"]
    told = render(inert)
    # Of the others some do reach out, or nothing would be seen here at all.
    others = render([file["path"] for file in files if file["verdict"] != "inert"][:500])
    for path, reached in told["reached"].items():
        print(f"{path}: {reached}")
    print(f"{len(files)} templates, {len(inert)} inert: {told['rendered']} rendered to their end, {len(told['reached'])} reach out")
    print(f"of those that are not, {len(others['reached'])} reach out")
    sys.exit(1 if told["reached"] or told["rendered"] * 10 < len(inert) or not inert or not others["reached"] else 0)


def render(paths):
    command = [sys.executable, "-W", "ignore", str(HERE / "rendering.py")]
    done = subprocess.run(command, input="\n".join(paths), stdout=subprocess.PIPE, text=True, timeout=600, check=True)
    return json.loads(done.stdout)


if __name__ == "__main__":
    main()
