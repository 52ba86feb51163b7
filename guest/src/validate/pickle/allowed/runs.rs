//! Names that are known to run code or to reach what does. The list decides on words alone:
//! what it lacks is refused as well.

/// Whether a name is known to run code, or is a way to anything at all.
pub(in crate::validate::pickle) fn runs(module: &str, name: &str) -> bool {
    // An import looks for the last part of a name alone where the first is empty: `.this`.
    let module = module.strip_prefix('.').filter(|rest| !rest.is_empty()).unwrap_or(module);
    let within = |package: &&str| {
        module.strip_prefix(*package).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    let is_one =
        |one: &&str| one.rsplit_once('.').is_some_and(|(of, function)| of == module && function == name);
    let is_inner =
        || module.split('.').chain(name.split('.')).any(|part| part.starts_with("__") && part != "__main__");
    let is_known = module.is_empty()
        || module == "builtins"
        || MODULES.iter().any(within)
        || NAMES.iter().any(is_one)
        || is_inner();
    is_known && !OTHERS.iter().any(is_one)
}

/// Whether importing a module of that list does nothing but define what is in it, so that a name
/// that is looked up there and not called has no effect.
pub(in crate::validate::pickle) fn is_quiet(module: &str) -> bool {
    module == "os.path" || QUIET.contains(&module)
}

/// Modules of CPython 3.8 to 3.13. Each was imported alone, under an audit hook that saw nothing
/// written, started, connected or printed. `antigravity` opens a browser, `this` prints, `turtle`
/// reads settings from where it runs, and a module within a package may be its program.
#[rustfmt::skip]
const QUIET: &[&str] = &[
    "_aix_support", "_ctypes", "_frozen_importlib", "_frozen_importlib_external", "_imp", "_io",
    "_operator", "_osx_support", "_pickle", "_posixsubprocess", "_socket", "_sqlite3",
    "_thread", "ast", "asyncio", "atexit", "bdb", "builtins", "cProfile", "code", "codecs",
    "codeop", "concurrent", "copy", "copyreg", "ctypes", "dis", "distutils", "doctest",
    "ensurepip", "faulthandler", "fileinput", "ftplib", "functools", "gc", "glob", "http",
    "imaplib", "importlib", "inspect", "io", "itertools", "linecache", "marshal", "mmap",
    "multiprocessing", "nt", "ntpath", "operator", "os", "pdb", "pickle", "pickletools", "pkgutil",
    "platform", "poplib", "posix", "posixpath", "profile", "pty", "py_compile", "pydoc",
    "resource", "rlcompleter", "runpy", "select", "selectors", "shelve", "shlex", "shutil",
    "signal", "smtplib", "socket", "socketserver", "sqlite3", "ssl", "subprocess", "sys",
    "sysconfig", "tarfile", "tempfile", "threading", "timeit", "tkinter", "trace",
    "tracemalloc", "types", "unittest", "urllib", "venv", "weakref", "webbrowser", "wsgiref",
    "xmlrpc", "zipapp", "zipfile", "zipimport",
];

/// Packages whose names all count.
#[rustfmt::skip]
const MODULES: &[&str] = &[
    "_aix_support", "_ctypes", "_frozen_importlib", "_frozen_importlib_external", "_imp", "_io",
    "_osx_support", "_pickle", "_posixsubprocess", "_pyrepl", "_socket", "_sqlite3", "_thread",
    "_winapi", "_xxsubinterpreters", "aiohttp", "antigravity", "ast", "asyncio", "atexit", "bdb",
    "cPickle", "cProfile", "cffi", "cloudpickle", "code", "codecs", "codeop", "commands",
    "concurrent", "copy", "copyreg", "ctypes", "dill", "dis", "distutils", "doctest", "ensurepip",
    "faulthandler", "fileinput", "ftplib", "functools", "gc", "glob", "http", "httpx", "idlelib",
    "imaplib", "imp", "importlib", "inspect", "io", "itertools", "jinja2", "joblib", "lib2to3",
    "linecache", "mailcap", "marshal", "mmap", "multiprocessing", "nntplib", "nt", "ntpath",
    "operator", "_operator", "os", "paramiko", "pdb", "pickle", "pickletools", "pip", "pkg_resources",
    "pkgutil", "platform", "popen2", "poplib", "posix", "posixpath", "profile", "pty", "py_compile",
    "pydoc", "requests", "resource", "rlcompleter", "runpy", "select", "selectors", "setuptools",
    "shelve", "shlex", "shutil", "signal", "site", "smtplib", "socket", "socketserver", "sqlite3",
    "ssl", "subprocess", "sys", "sysconfig", "tarfile", "telnetlib", "tempfile", "test", "this",
    "threading", "timeit", "tkinter", "torch._dynamo", "torch._inductor", "torch.fx", "torch.hub", "torch.jit",
    "torch.package", "torch.utils.cpp_extension", "torch.utils.model_zoo", "trace", "tracemalloc",
    "turtle", "types", "unittest", "urllib", "urllib3", "venv", "weakref", "webbrowser", "winreg",
    "wsgiref", "xmlrpc", "zipapp", "zipfile", "zipimport",
];

/// Functions that count by themselves.
#[rustfmt::skip]
const NAMES: &[&str] = &[
    "collections.namedtuple", "dataclasses.make_dataclass", "enum.Enum.__call__", "fsspec.open",
    "hydra.utils.instantiate", "keras.models.load_model", "keras.saving.load_model",
    "logging.config.dictConfig", "logging.config.fileConfig", "logging.config.listen",
    "numpy.core.multiarray.fromfile", "numpy.ctypeslib.load_library", "numpy.f2py.crackfortran.getlincoef",
    "numpy.f2py.crackfortran._eval_length", "numpy.fromfile", "numpy.genfromtxt", "numpy.load",
    "numpy.lib.npyio.load", "numpy.loadtxt", "numpy.memmap", "numpy.save", "numpy.savetxt",
    "numpy.testing._private.utils.runstring", "pandas.eval", "pandas.io.pickle.read_pickle",
    "pandas.read_pickle", "sympy.core.sympify.sympify", "sympy.parsing.sympy_parser.parse_expr",
    "tensorflow.load_library", "tensorflow.load_op_library", "torch.classes.load_library",
    "torch.compile", "torch.load", "torch.ops.load_library", "torch.save", "torch.serialization.load",
    "torch.storage._load_from_bytes", "torch.utils.data.datapipes.utils.common._getattr",
    "uuid._get_command_stdout", "yaml.full_load", "yaml.load", "yaml.unsafe_load",
];

/// Classes of those packages that only hold what data is read by.
const OTHERS: &[&str] = &[
    "joblib.numpy_pickle.NDArrayWrapper",
    "joblib.numpy_pickle.NumpyArrayWrapper",
    "joblib.numpy_pickle.ZNDArrayWrapper",
    "joblib.numpy_pickle_compat.NDArrayWrapper",
    "joblib.numpy_pickle_compat.ZNDArrayWrapper",
];
