"""What is judged of chat templates, held against plain Jinja without a sandbox.

    python tests/interop/templates.py --strongroom target/release/strongroom --work DIR [--count N] [--seed N]

Makes templates out of pieces that reach for names in all ways that Jinja has, and out of those of
the corpus. Half of them do reach one, by a text that comes to be in one of the ways of `Reaching`,
goes through names, lists and macros, and is looked up somewhere. Each that is inert is rendered by a process of its own in which every look-up of an
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
        template = Reaching(self).any() if self.chance.random() < 0.5 else self.usual()
        return self.spoilt(template) if self.chance.random() < 0.1 else template

    def spoilt(self, template):
        """With what Jinja refuses if it is in code, and what is not."""
        at = self.chance.randrange(len(template) + 1)
        parts = [*"$?@&^`\\!", "{{ $ }}", "{# {{ $ }} #}", "{% raw %}{{ $ }}{% endraw %}", "{{ '$' }}", "{{ 1 != 2 }}", "{%- raw -%}{{ $ }}", "#}{{ $ }}"]
        return template[:at] + self.chance.choice(parts) + template[at:]

    def usual(self):
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


class Reaching:
    """Templates that reach a name which they do not write, or that look up what they should not."""

    # What prints as a text with these letters, and is none.
    PRINTED = {"{}.items()": "dict_items([])", "{}.values()": "dict_values([])", "{}.keys()": "dict_keys([])", "range(9)": "range(0, 9)", "true": "True", "false": "False", "none": "None"}
    TRUSTED = ["range", "raise_exception", "strftime_now", "namespace", "dict", "caller", "loop", "lipsum", "cycler", "joiner"]
    PRINTING = ["|string", "|e", "|trim", "|safe", "|escape", "|string|trim", "|list|string", "|lower", " ~ ''"]

    def __init__(self, maker):
        self.maker = maker
        self.chance = maker.chance
        self.before = []
        self.after = []
        self.count = 0

    def any(self):
        way = self.chance.choice([
            self.signed, self.trusted, self.of_namespace, self.set_in_namespace, self.stepped, self.kept_method, self.part,
            self.token, self.sometimes, self.by_tool, self.shown, self.default, self.letters, self.outside_of_block, self.shared,
        ] + [self.worked] * 14)
        key = way()
        for _ in range(self.chance.randrange(3)):
            key = self.carried(key)
        sink = self.chance.choice([
            "{{ %s }}", "{{ -%s }}", "{%% if %s %%}{%% endif %%}", "{%% for z in %s %%}{%% endfor %%}", "{{ messages[%s:] }}", "{{ 1 is eq %s }}",
            "{{ raise_exception(%s) }}", "{%% set z = %s %%}", "{{ [%s]|first }}", "{{ {'a': %s}.a.strip() }}", "{%% macro w() %%}{{ %s }}{%% endmacro %%}{{ w() }}",
        ])
        seen = self.chance.choice(["(messages|select)", "(messages|map(attribute='role'))", "''", "messages", "messages[0].content", "(1, 2)", "(messages|select|batch(2))"])
        body = "".join(self.before) + sink % f"{seen}[{key}]" + "".join(reversed(self.after))
        return "{# %s #}%s" % (way.__name__, body)

    def name(self):
        return self.chance.choice(["gi_frame", "__class__", "gi_code", "__iter__", "mro", "format", "__init__"])

    def fresh(self):
        self.count += 1
        return "v%d" % self.count

    def signed(self):
        number = self.chance.choice(["1", "0", "1.5", "true", "(2)", "messages|length"])
        shown = {"1": "1", "0": "0", "1.5": "1.5", "true": "1", "(2)": "2", "messages|length": "3"}[number]
        sign = self.chance.choice(["-", "+", "--", "-+"])
        value = ("-" if sign.count("-") == 1 else "") + shown
        if number == "0":
            value = "0"
        name = self.name()
        return sign + number + self.chance.choice([f"|replace('{value}', '{name}')", f"|string|replace('{value}', '{name}')", f"|string|default('')|replace('{value}', '{name}')", f"|string|replace('{value}', 'x{name}')|replace('x', '')"])

    def trusted(self):
        name, text = self.chance.choice(self.TRUSTED), self.name()
        cut = self.chance.randrange(len(text))
        if self.chance.random() < 0.5:
            self.before.append("{%%- macro %s(a) %%}%s{%% endmacro -%%}" % (name, text))
            return f"{name}(0)"
        self.before.append("{%%- macro %s(a) %%}{{ ['%s', '%s'][a] }}{%% if a == 0 %%}{{ %s(1) }}{%% endif %%}{%% endmacro -%%}" % (name, text[:cut], text[cut:], name))
        return f"{name}(0)"

    def printing(self):
        return self.chance.choice(self.PRINTING)

    def of_namespace(self):
        name, front = self.name(), self.chance.choice(["x", "ab", "role"])
        start = len("<Namespace {'") + len(front)
        if self.chance.random() < 0.3:
            return "(dict(%s%s=1)|string)[%d:%d]" % (front, name, 2 + len(front), 2 + len(front) + len(name))
        value = "(namespace(%s%s=%s)|string)" % (front, name, self.chance.choice(["1", "none", "'role'", "messages"]))
        return f"{value}[{start}:{start + len(name)}]"

    def set_in_namespace(self):
        name, space = self.name(), self.fresh()
        start = len("<Namespace {'x")
        self.before.append("{%% set %s = namespace() %%}{%% set %s.x%s = 1 %%}" % (space, space, name))
        return f"({space}|string)[{start}:{start + len(name)}]"

    def stepped(self):
        name, step, texts, text, first, last = self.name(), self.chance.choice([37, 40, 53]), [], "[", None, None
        for letter in name:
            able = [(code, shown) for code, shown in self.PRINTED.items() if letter in shown]
            if not able:
                return self.stepped()
            code, shown = self.chance.choice(able)
            at = shown.index(letter)
            if first is not None:
                # A number in between brings the letter to its place.
                room = last + step - at - len(text) - 4
                if room < 1:
                    return self.stepped()
                texts.append("1" * room)
                text += ", " + "1" * room
            text += (", " if texts else "") + shown
            texts.append(code)
            last = len(text) - len(shown) + at
            first = last if first is None else first
        front, back = self.chance.choice(["[]", "()"])
        if front == "(" and len(texts) == 1:
            front, back = "[", "]"
        printing = self.chance.choice(["|string", "|e", "|trim", "|safe", "|string|trim", "|trim|string"])
        return "(%s%s%s%s)[%d:%d:%d]" % (front, ", ".join(texts), back, printing, first, last + 1, step)

    def kept_method(self):
        name, kept, space, method = self.name(), self.fresh(), self.fresh(), self.chance.choice(["copy", "items", "keys", "values", "count", "index", "title"])
        self.before.append("{%% set %s = ['%s'] %%}{%% set %s = namespace(%s=%s.copy) %%}" % (kept, name, space, method, kept))
        return f"{space}.{method}()[0]"

    def part(self):
        # Of what the last message says: `what is a __class__, and a gi_frame? Its format is joined.`
        said = "messages[2].content"
        return self.chance.choice([
            f"{said}[10:19]", f"{said}[27:35]", f"{said}.split('a ')[2].split('?')[0]", f"{said}.split(' ')[3].strip(',')", f"{said}[41:47]",
            f"({said}|trim)[10:19]", f"{said}.partition('a ')[2].partition(',')[0]", f"({said}|reverse)[-19:-10]|reverse", f"({said}|string)[27:35]",
        ])

    def worked(self):
        # Often what a template may do; a part of what was said is a name.
        key = self.chance.choice(["messages[2].content"] * 4 + ["messages", "messages[1:]", "tools", "tools[0]", "messages[2]", "[messages[2].content]", "'role'", "['role', 'content']", "range(3)", "{'a': messages[2].content}"])
        for _ in range(self.chance.randrange(1, 6)):
            if self.chance.random() < 0.4:
                key = self.carried(key)
                continue
            key = "(%s)%s" % (key, self.chance.choice([
                "[10:19]", "[27:35]", "[41:47]", "[10:19]", "[27:35]", "[1:]", "[:]", "[0]", "[-1]", ".content", "['content']", ".role", "[loop.index0]", "[1 - 1]", "[::-1]",
                "|first", "|last", "|list", "|reverse", "|select|list", "|batch(2)|list", "|batch(9)|first", "|slice(1)|list", "|default('role')", "|unique|list", "|sort", "|min", "|max",
                "|map(attribute='content')|list", "|map('default', 'role')|list", "|groupby('content')", "|string", "|trim", ".strip()", ".split(', ')", ".split(' ')", ".copy()",
                ".items()|list", ".values()|list", ".get('content')", ".pop(0)", " + messages[2].content", " + ['role']", " or 'role'", " ~ ''", "|length", "|int(0)", "|sum(start=[])",
            ]))
        return key

    def token(self):
        return self.chance.choice(["mark", "bos_token", "more_tokens[0]"])

    def sometimes(self):
        self.before.append(self.chance.choice([
            "{% if false %}{% set mark = 'role' %}{% endif %}", "{% for m in messages %}{% set mark = 'role' %}{% endfor %}",
            "{% macro q(mark) %}{{ mark }}{% endmacro %}", "{% with mark = 'role' %}{% endwith %}", "{% for m in [] %}{% else %}{% endfor %}",
            "{% if true %}{% elif x %}{% set mark = 'role' %}{% else %}{% set mark = 'role' %}{% endif %}", "{% set x %}{% set mark = 'role' %}{% endset %}",
            "{% macro q() %}{{ caller(1) }}{% endmacro %}{% call(mark) q() %}{% endcall %}", "{% generation %}{% set mark = 'role' %}{% endgeneration %}",
        ]))
        return "mark"

    def outside_of_block(self):
        block, end = self.chance.choice([
            ("{% with mark = 'role', z = ''[mark] %}", "{% endwith %}"), ("{% for mark in ''[mark] %}", "{% endfor %}"), ("{% for mark in [] %}{% else %}{{ ''[mark] }}", "{% endfor %}"),
            ("{% macro q() %}{{ caller(1) }}{% endmacro %}{% call(mark) q(''[mark]) %}", "{% endcall %}"), ("{% set mark %}{{ ''[mark] }}", "{% endset %}"),
            ("{% macro q() %}{{ ''[mark] }}{% endmacro %}{{ q() }}{% set mark = 'role' %}", ""),
        ])
        self.before.append(block)
        self.after.append(end)
        return "'role'"

    def by_tool(self):
        # A method by a name that a tool has, which is called as another.
        name = self.chance.choice(["count", "index", "title"])
        key = self.chance.choice(["tools[0].kind", "tools[0]['kind']", "(tools|map(attribute='kind')|list)[0]", "(tools|first).kind"])
        held = self.chance.choice(["{'%s': %s}.%s()", "dict(%s=%s).%s()", "namespace(%s=%s).%s()", "[{'%s': %s}][0].%s()", "dict([['%s', %s]]).%s()"])
        return held % (name, "'a'[%s]" % key, name)

    def shared(self):
        # Something is put into a list that is reached by another way.
        name, inner, outer = self.name(), self.fresh(), self.fresh()
        self.before.append("{%% set %s = [] %%}{%% set %s = {'%s': %s, 'b': [%s]} %%}" % (inner, outer, self.chance.choice(["a", "title"]), inner, inner))
        if self.chance.random() < 0.3:
            self.before.append("{%% set k = '%s' %%}{%% set %s = {k: %s.copy, 'title': [%s], 'a': %s, 'b': [%s]} %%}" % (self.chance.choice(["strip", "join", "count", "lower", "find"]), outer, inner, inner, inner, inner))
        reached = self.chance.choice(["%s.a", "%s['a']", "%s.title", "%s['title']", "%s.b[0]", "(%s.values()|first)", "(%s|items|list)[0][1]", "%s.get('a')", "%s.copy().a", "(%s.b|first)", "%s.b[0:1][0]", "dict(%s).a", "%s.title[0]"])
        self.before.append("{%% set _ = (%s).append('%s') %%}" % (reached % outer, name))
        return self.chance.choice([f"{inner}[0]", f"({inner}|first)", f"{outer}.b[0][0]", f"({outer}.values()|list)[0][0]", f"({outer}.values()|last)[0][0]"])

    def shown(self):
        name = self.name()
        kind = self.chance.randrange(4)
        if kind == 0:
            return "(['%s']%s)[2:%d]" % (name, self.printing(), 2 + len(name))
        if kind == 1:
            return "'%s'%s" % (name[::-1], self.chance.choice(["|reverse", "[::-1]"]))
        if kind == 2:
            return "'%s'%s" % (name.upper(), self.chance.choice(["|lower", ".lower()", ".casefold()", ".swapcase()"]))
        block = self.fresh()
        self.before.append("{%% set %s %%}%s{%% endset %%}" % (block, name))
        return block

    def default(self):
        name = self.name()
        return self.chance.choice(["nothing|default('%s')", "'x'|int('%s')", "loop_|d('%s')", "([1]|batch(2, '%s')|first)[1]", "{}.get('a', '%s')", "('%s', 1)|first", "[1, '%s']|last", "['%s']|list|unique|first"]) % name

    def letters(self):
        name = self.name()
        return self.chance.choice([
            "(%s)|join" % ", ".join("'%s'" % letter for letter in name), " ~ ".join("'%s'" % letter for letter in name),
            "(" + " + ".join("'%s'" % letter for letter in name) + ")", "('%%s%%s' %% ('%s', '%s'))" % (name[:2], name[2:]),
            "'%%s%%s'|format('%s', '%s')" % (name[:2], name[2:]), "'%s-%s'.replace('-', '')" % (name[:2], name[2:]), "'x%s'[1:]" % name, "'%s' '%s'" % (name[:2], name[2:]),
        ])

    def carried(self, key):
        name = self.fresh()
        kind = self.chance.randrange(22)
        if kind == 0:
            self.before.append("{%% set %s = %s %%}" % (name, key))
            return name
        if kind == 1:
            self.before.append("{%% set %s = namespace(a=%s) %%}" % (name, key))
            return self.chance.choice([f"{name}.a", f"{name}['a']"])
        if kind == 2:
            self.before.append("{%% set %s = namespace() %%}{%% set %s.b = %s %%}" % (name, name, key))
            return f"{name}.b"
        if kind == 3:
            return f"[{key}][0]"
        if kind == 4:
            self.before.append("{%% set %s = [] %%}{%% set _ = %s.%s %%}" % (name, name, self.chance.choice(["append(%s)", "insert(0, %s)", "extend([%s])"]) % f"({key})"))
            return f"{name}[0]"
        if kind == 5:
            self.before.append("{%% set %s = {} %%}{%% set _ = %s.%s %%}" % (name, name, self.chance.choice(["update(a=%s)", "update({'a': %s})", "setdefault('a', %s)"]) % f"({key})"))
            return self.chance.choice([f"{name}.a", f"{name}['a']", f"{name}.get('a')", f"{name}.pop('a')", f"({name}.values()|list)[0]"])
        if kind == 6:
            self.before.append("{%% for %s in [%s] %%}" % (name, key))
            self.after.append("{% endfor %}")
            return name
        if kind == 7:
            self.before.append("{%% for %s, _ in [(%s, 1)] %%}" % (name, key))
            self.after.append("{% endfor %}")
            return name
        if kind == 8:
            self.before.append("{%% with %s = %s %%}" % (name, key))
            self.after.append("{% endwith %}")
            return name
        if kind == 9:
            self.before.append("{%% macro m%s(%s%s) %%}" % (name, name, self.chance.choice(["", "='role'"])))
            self.after.append("{%% endmacro %%}{{ m%s(%s) }}" % (name, self.chance.choice(["", f"{name}="]) + f"({key})"))
            return name
        if kind == 10:
            self.before.append("{%% macro m%s(%s=%s) %%}" % (name, name, key))
            self.after.append("{%% endmacro %%}{{ m%s() }}" % name)
            return name
        if kind == 11:
            self.before.append("{%% macro m%s() %%}{{ caller(%s) }}{%% endmacro %%}{%% call(%s) m%s() %%}" % (name, f"({key})", name, name))
            self.after.append("{% endcall %}")
            return name
        if kind == 12:
            return f"({key} if true else 'role')"
        if kind == 13:
            return f"(({key}) or 'role')"
        if kind == 14:
            return f"dict(a={key}).a"
        if kind == 15:
            return "({%s: 1}|first)" % key
        if kind == 16:
            return f"([1]|batch(2, {key})|first)[1]"
        if kind == 17:
            self.before.append("{% for _ in [1] %}")
            self.after.append("{% endfor %}")
            return f"loop.cycle({key})"
        if kind == 18:
            self.before.append("{%% set %s, _ = %s, 1 %%}" % (name, key))
            return name
        if kind == 19:
            self.before.append("{%% set %s = namespace(a=%s) %%}" % (name, key))
            return self.chance.choice([f"([{name}]|map(attribute='a')|list)[0]", f"([{name}]|groupby('a')|first).grouper", f"([{name}]|map(attribute='a')|first)"])
        if kind == 20:
            self.before.append("{%% set %s %%}{{ %s }}{%% endset %%}" % (name, key))
            return name
        return self.chance.choice([f"([{key}]|first)", f"(({key}, 1)|first)", f"(nothing|default({key}))", f"([[{key}]]|sum(start=[])|first)", f"([{key}]|sort|last)", f"([{key}]|reverse|first)", f"([{key}][0:1])[0]"])


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
