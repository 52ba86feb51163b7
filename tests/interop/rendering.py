"""Renders templates under plain Jinja, and tells which of them look up more than data has.

Reads their paths, line by line, and prints JSON. What is looked up is seen by Jinja's own
functions: all attributes, subscripts and calls of a template go through them, and so do those of
filters. What is called is seen by its kind.
"""

import functools
import json
import pathlib
import resource
import signal
import sys
import types

import jinja2
import jinja2.ext
import jinja2.runtime

LEADS_OUT = ("_", "gi_", "cr_", "ag_", "f_", "tb_", "co_", "func_", "im_")
WHOLE = ("mro", "format", "format_map", "send", "throw", "environment")
METHODS = """startswith endswith find rfind count index isdigit isspace isalnum isalpha isnumeric isdecimal isupper islower istitle
isascii isidentifier split rsplit splitlines partition rpartition strip lstrip rstrip removeprefix removesuffix upper lower title
capitalize casefold swapcase items keys values get pop copy append extend insert update setdefault replace join strftime zfill ljust
rjust center cycle changed""".split()
# Parts of it are names that lead out; as a whole it is a key as good as any.
SAID = "what is a __class__, and a gi_frame? Its format is joined."
MESSAGES = [
    {"role": "user", "content": "a text_of a user", "a": "x"},
    {"role": "assistant", "content": "an answer", "tool_calls": [{"type": "function", "function": {"name": "get_it", "arguments": {"a": 1}}}]},
    {"role": "user", "content": SAID},
]
TOOLS = [{"kind": "encode", "type": "function", "function": {"name": "get_it", "parameters": {"type": "object", "a": {"type": "string"}}}}]
seen = []
rendering = False


class Generation(jinja2.ext.Extension):
    """`{% generation %}`, as transformers has it."""

    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("same"), [], [], body).set_lineno(line)

    def same(self, caller):
        return caller()


class Watched(jinja2.Environment):
    """Sees what is looked up, and what comes of it."""

    def handle_exception(self, source=None):
        # Jinja compiles and executes a traceback of its own here.
        global rendering
        rendering = False
        raise sys.exception() if hasattr(sys, "exception") else sys.exc_info()[1]

    # Jinja asks the environment for its calls.
    sandboxed = True
    intercepted_binops = intercepted_unops = frozenset()

    def is_safe_attribute(self, *_):
        return True

    def call(__self, __context, __obj, *args, **kwargs):
        # A method that is called by another name than its own.
        if isinstance(__obj, types.BuiltinMethodType) and __obj.__name__ not in METHODS:
            seen.append(f"calls {__obj.__name__}")
        return __context.call(__obj, *args, **kwargs)

    def getattr(self, obj, attribute):
        return look(attribute, functools.partial(super().getattr, obj, attribute))

    def getitem(self, obj, argument):
        if not isinstance(argument, str):
            return super().getitem(obj, argument)
        try:
            return obj[argument]
        except (AttributeError, TypeError, LookupError):
            return look(str(argument), functools.partial(super().getitem, obj, argument))


def look(name, by):
    if name in (SAID, "_"):
        return by()
    if name.startswith(LEADS_OUT) or "__" in name or name in WHOLE:
        seen.append(f"looks up {name}")
    found = by()
    kinds = (types.FrameType, types.CodeType, types.ModuleType, types.TracebackType)
    if isinstance(found, kinds) or isinstance(found, type) and found not in (dict, range):
        seen.append(f"gets {type(found).__name__} by {name}")
    return found


def refuse(message):
    raise jinja2.TemplateError(message)


def hook(event, arguments):
    if rendering and event in ("import", "open", "exec", "compile", "os.system", "subprocess.Popen", "object.__getattr__"):
        seen.append(f"{event} {arguments[:1]}")


def late(*_):
    raise TimeoutError


def main():
    global rendering
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
    environment = Watched(extensions=[Generation, "jinja2.ext.loopcontrols"], trim_blocks=True, lstrip_blocks=True, undefined=jinja2.ChainableUndefined)
    signal.signal(signal.SIGALRM, late)
    sys.addaudithook(hook)
    reached, rendered = {}, 0
    for path in sys.stdin.read().split("\n"):
        if not path:
            continue
        seen.clear()
        text = pathlib.Path(path).read_bytes().decode()
        try:
            template = environment.from_string(text)
        except (jinja2.TemplateError, SyntaxError, ValueError, TypeError, OverflowError, MemoryError):
            continue
        values = {"messages": json.loads(json.dumps(MESSAGES)), "tools": json.loads(json.dumps(TOOLS)), "documents": None, "add_generation_prompt": True}
        values |= {"bos_token": "__class__", "eos_token": "gi_frame", "mark": "__class__", "more_tokens": ["gi_frame"], "raise_exception": refuse, "strftime_now": lambda form: "2024"}
        signal.setitimer(signal.ITIMER_REAL, 2)
        rendering = True
        try:
            template.render(**values)
            rendered += 1
        except Exception:
            pass
        finally:
            rendering = False
            signal.setitimer(signal.ITIMER_REAL, 0)
        if seen:
            reached[path] = sorted(set(seen))[:3]
    print(json.dumps({"reached": reached, "rendered": rendered}))


if __name__ == "__main__":
    main()
