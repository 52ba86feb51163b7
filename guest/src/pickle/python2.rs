//! Python 2's names for what Python 3 calls otherwise (CPython's
//! `_compat_pickle`): protocols 0 to 2 use them.

/// Python 3's `(module, name)` for what protocols 0 to 2 call `(module, name)`.
pub(crate) fn python3_name<'a>(module: &'a str, name: &'a str) -> Name<'a> {
    if module == "exceptions" && EXCEPTIONS.binary_search(&name).is_ok() {
        return ("builtins", name);
    }
    let new = new_of(NAMES, &(module, name)).or_else(|| new_of(NAMES_TO_3, &(module, name)));
    if let Some(new) = new {
        return new;
    }
    let new = new_of(MODULES, &module).or_else(|| new_of(MODULES_TO_3, &module));
    (new.unwrap_or(module), name)
}

/// The inverse, as a protocol 2 pickler of Python 3 applies it.
pub(crate) fn python2_name<'a>(module: &'a str, name: &'a str) -> Name<'a> {
    if module == "builtins" {
        match name {
            _ if EXCEPTIONS.binary_search(&name).is_ok() => return ("exceptions", name),
            _ if OS_ERRORS.binary_search(&name).is_ok() => return ("exceptions", "OSError"),
            "ModuleNotFoundError" => return ("exceptions", "ImportError"),
            _ => {}
        }
    }
    let old = old_of(NAMES, &(module, name)).or_else(|| old_of(NAMES_TO_2, &(module, name)));
    if let Some(old) = old {
        return old;
    }
    let old = old_of(MODULES, &module).or_else(|| old_of(MODULES_TO_2, &module));
    (old.unwrap_or(module), name)
}

/// The name that protocol 2 leads to, where that is another of the same object.
pub(crate) fn usual_name<'a>(module: &'a str, name: &'a str) -> Name<'a> {
    new_of(ALIASES, &(module, name)).unwrap_or((module, name))
}

/// A module and what it calls something.
type Name<'a> = (&'a str, &'a str);

/// The new form in a table of old and new, sorted by the old: a hostile pickle
/// can ask for little else, tens of millions of times.
fn new_of<T: Ord + Copy>(table: &[(T, T)], old: &T) -> Option<T> {
    let found = table.binary_search_by(|(listed, _)| listed.cmp(old)).ok()?;
    table.get(found).map(|&(_, new)| new)
}

/// The old form in a table of old and new.
fn old_of<T: PartialEq + Copy>(table: &[(T, T)], new: &T) -> Option<T> {
    table.iter().find(|(_, listed)| listed == new).map(|&(old, _)| old)
}

/// What moved or changed its name: old and new.
const NAMES: &[(Name, Name)] = &[
    (("UserDict", "IterableUserDict"), ("collections", "UserDict")),
    (("UserList", "UserList"), ("collections", "UserList")),
    (("UserString", "UserString"), ("collections", "UserString")),
    (("__builtin__", "intern"), ("sys", "intern")),
    (("__builtin__", "long"), ("builtins", "int")),
    (("__builtin__", "reduce"), ("functools", "reduce")),
    (("__builtin__", "unichr"), ("builtins", "chr")),
    (("__builtin__", "unicode"), ("builtins", "str")),
    (("__builtin__", "xrange"), ("builtins", "range")),
    (("_multiprocessing", "Connection"), ("multiprocessing.connection", "Connection")),
    (("_socket", "fromfd"), ("socket", "fromfd")),
    (("itertools", "ifilter"), ("builtins", "filter")),
    (("itertools", "ifilterfalse"), ("itertools", "filterfalse")),
    (("itertools", "imap"), ("builtins", "map")),
    (("itertools", "izip"), ("builtins", "zip")),
    (("itertools", "izip_longest"), ("itertools", "zip_longest")),
    (("multiprocessing", "AuthenticationError"), ("multiprocessing.context", "AuthenticationError")),
    (("multiprocessing", "BufferTooShort"), ("multiprocessing.context", "BufferTooShort")),
    (("multiprocessing", "ProcessError"), ("multiprocessing.context", "ProcessError")),
    (("multiprocessing", "TimeoutError"), ("multiprocessing.context", "TimeoutError")),
    (("multiprocessing.forking", "Popen"), ("multiprocessing.popen_fork", "Popen")),
    (("multiprocessing.process", "Process"), ("multiprocessing.context", "Process")),
    (("urllib", "ContentTooShortError"), ("urllib.error", "ContentTooShortError")),
    (("urllib", "getproxies"), ("urllib.request", "getproxies")),
    (("urllib", "pathname2url"), ("urllib.request", "pathname2url")),
    (("urllib", "quote"), ("urllib.parse", "quote")),
    (("urllib", "quote_plus"), ("urllib.parse", "quote_plus")),
    (("urllib", "unquote"), ("urllib.parse", "unquote")),
    (("urllib", "unquote_plus"), ("urllib.parse", "unquote_plus")),
    (("urllib", "url2pathname"), ("urllib.request", "url2pathname")),
    (("urllib", "urlcleanup"), ("urllib.request", "urlcleanup")),
    (("urllib", "urlencode"), ("urllib.parse", "urlencode")),
    (("urllib", "urlopen"), ("urllib.request", "urlopen")),
    (("urllib", "urlretrieve"), ("urllib.request", "urlretrieve")),
    (("urllib2", "HTTPError"), ("urllib.error", "HTTPError")),
    (("urllib2", "URLError"), ("urllib.error", "URLError")),
    (("whichdb", "whichdb"), ("dbm", "whichdb")),
];

/// Old names whose new ones do not lead back.
const NAMES_TO_3: &[(Name, Name)] = &[
    (("UserDict", "UserDict"), ("collections", "UserDict")),
    (("__builtin__", "basestring"), ("builtins", "str")),
    (("exceptions", "StandardError"), ("builtins", "Exception")),
    (("socket", "_socketobject"), ("socket", "SocketType")),
];

/// New names, behind the old ones they become, that no old name leads to.
const NAMES_TO_2: &[(Name, Name)] = &[
    (("CGIHTTPServer", "CGIHTTPRequestHandler"), ("http.server", "CGIHTTPRequestHandler")),
    (("DocXMLRPCServer", "DocCGIXMLRPCRequestHandler"), ("xmlrpc.server", "DocCGIXMLRPCRequestHandler")),
    (("DocXMLRPCServer", "DocXMLRPCRequestHandler"), ("xmlrpc.server", "DocXMLRPCRequestHandler")),
    (("DocXMLRPCServer", "DocXMLRPCServer"), ("xmlrpc.server", "DocXMLRPCServer")),
    (("DocXMLRPCServer", "ServerHTMLDoc"), ("xmlrpc.server", "ServerHTMLDoc")),
    (("DocXMLRPCServer", "XMLRPCDocGenerator"), ("xmlrpc.server", "XMLRPCDocGenerator")),
    (("FileDialog", "FileDialog"), ("tkinter.filedialog", "FileDialog")),
    (("FileDialog", "LoadFileDialog"), ("tkinter.filedialog", "LoadFileDialog")),
    (("FileDialog", "SaveFileDialog"), ("tkinter.filedialog", "SaveFileDialog")),
    (("SimpleDialog", "SimpleDialog"), ("tkinter.simpledialog", "SimpleDialog")),
    (("SimpleHTTPServer", "SimpleHTTPRequestHandler"), ("http.server", "SimpleHTTPRequestHandler")),
    (("__builtin__", "reduce"), ("_functools", "reduce")),
    (("socket", "_socketobject"), ("_socket", "socket")),
];

/// Names that objects give themselves, where protocol 2 reads others of the same objects:
/// all such of CPython's.
const ALIASES: &[(Name, Name)] = &[
    (("_bz2", "BZ2Compressor"), ("bz2", "BZ2Compressor")),
    (("_bz2", "BZ2Decompressor"), ("bz2", "BZ2Decompressor")),
    (("_elementtree", "SubElement"), ("xml.etree.ElementTree", "SubElement")),
    (("_elementtree", "_set_factories"), ("xml.etree.ElementTree", "_set_factories")),
    (("_functools", "cmp_to_key"), ("functools", "cmp_to_key")),
    (("_functools", "reduce"), ("functools", "reduce")),
    (("_pickle", "PickleError"), ("pickle", "PickleError")),
    (("_pickle", "Pickler"), ("pickle", "Pickler")),
    (("_pickle", "PicklingError"), ("pickle", "PicklingError")),
    (("_pickle", "Unpickler"), ("pickle", "Unpickler")),
    (("_pickle", "UnpicklingError"), ("pickle", "UnpicklingError")),
    (("_pickle", "dump"), ("pickle", "dump")),
    (("_pickle", "dumps"), ("pickle", "dumps")),
    (("_pickle", "load"), ("pickle", "load")),
    (("_pickle", "loads"), ("pickle", "loads")),
    (("_socket", "socket"), ("socket", "SocketType")),
];

/// Modules that changed their names: old and new.
const MODULES: &[(&str, &str)] = &[
    ("BaseHTTPServer", "http.server"),
    ("ConfigParser", "configparser"),
    ("Cookie", "http.cookies"),
    ("Dialog", "tkinter.dialog"),
    ("HTMLParser", "html.parser"),
    ("Queue", "queue"),
    ("ScrolledText", "tkinter.scrolledtext"),
    ("SimpleXMLRPCServer", "xmlrpc.server"),
    ("SocketServer", "socketserver"),
    ("Tix", "tkinter.tix"),
    ("Tkconstants", "tkinter.constants"),
    ("Tkdnd", "tkinter.dnd"),
    ("Tkinter", "tkinter"),
    ("__builtin__", "builtins"),
    ("_abcoll", "collections.abc"),
    ("_winreg", "winreg"),
    ("anydbm", "dbm"),
    ("commands", "subprocess"),
    ("cookielib", "http.cookiejar"),
    ("copy_reg", "copyreg"),
    ("dbhash", "dbm.bsd"),
    ("dbm", "dbm.ndbm"),
    ("dumbdbm", "dbm.dumb"),
    ("dummy_thread", "_dummy_thread"),
    ("gdbm", "dbm.gnu"),
    ("htmlentitydefs", "html.entities"),
    ("httplib", "http.client"),
    ("markupbase", "_markupbase"),
    ("repr", "reprlib"),
    ("robotparser", "urllib.robotparser"),
    ("test.test_support", "test.support"),
    ("thread", "_thread"),
    ("tkColorChooser", "tkinter.colorchooser"),
    ("tkCommonDialog", "tkinter.commondialog"),
    ("tkFileDialog", "tkinter.filedialog"),
    ("tkFont", "tkinter.font"),
    ("tkMessageBox", "tkinter.messagebox"),
    ("tkSimpleDialog", "tkinter.simpledialog"),
    ("ttk", "tkinter.ttk"),
    ("urllib2", "urllib.request"),
    ("urlparse", "urllib.parse"),
    ("xmlrpclib", "xmlrpc.client"),
];

/// Old modules whose new names do not lead back.
const MODULES_TO_3: &[(&str, &str)] = &[
    ("CGIHTTPServer", "http.server"),
    ("DocXMLRPCServer", "xmlrpc.server"),
    ("FileDialog", "tkinter.filedialog"),
    ("SimpleDialog", "tkinter.simpledialog"),
    ("SimpleHTTPServer", "http.server"),
    ("StringIO", "io"),
    ("UserDict", "collections"),
    ("UserList", "collections"),
    ("UserString", "collections"),
    ("_elementtree", "xml.etree.ElementTree"),
    ("cPickle", "pickle"),
    ("cStringIO", "io"),
    ("whichdb", "dbm"),
];

/// New modules, behind the old ones they become, that no old one leads to.
const MODULES_TO_2: &[(&str, &str)] = &[
    ("bz2", "_bz2"),
    ("dbm", "_dbm"),
    ("functools", "_functools"),
    ("gdbm", "_gdbm"),
    ("pickle", "_pickle"),
];

/// What moved from `exceptions` to `builtins`.
#[rustfmt::skip]
const EXCEPTIONS: &[&str] = &[
    "ArithmeticError", "AssertionError", "AttributeError", "BaseException", "BufferError",
    "BytesWarning", "DeprecationWarning", "EOFError", "EnvironmentError", "Exception",
    "FloatingPointError", "FutureWarning", "GeneratorExit", "IOError", "ImportError",
    "ImportWarning", "IndentationError", "IndexError", "KeyError", "KeyboardInterrupt",
    "LookupError", "MemoryError", "NameError", "NotImplementedError", "OSError", "OverflowError",
    "PendingDeprecationWarning", "ReferenceError", "RuntimeError", "RuntimeWarning",
    "StopIteration", "SyntaxError", "SyntaxWarning", "SystemError", "SystemExit", "TabError",
    "TypeError", "UnboundLocalError", "UnicodeDecodeError", "UnicodeEncodeError", "UnicodeError",
    "UnicodeTranslateError", "UnicodeWarning", "UserWarning", "ValueError", "Warning",
    "ZeroDivisionError",
];

/// What Python 2 knows as `OSError`.
#[rustfmt::skip]
const OS_ERRORS: &[&str] = &[
    "BrokenPipeError", "ChildProcessError", "ConnectionAbortedError", "ConnectionError",
    "ConnectionRefusedError", "ConnectionResetError", "FileExistsError", "FileNotFoundError",
    "InterruptedError", "IsADirectoryError", "NotADirectoryError", "PermissionError",
    "ProcessLookupError", "TimeoutError",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted_for_the_search() {
        assert!(
            NAMES.is_sorted() && NAMES_TO_3.is_sorted() && MODULES.is_sorted() && MODULES_TO_3.is_sorted()
        );
        assert!(EXCEPTIONS.is_sorted() && OS_ERRORS.is_sorted() && ALIASES.is_sorted());
    }

    #[test]
    fn protocol_2_leads_from_each_alias_to_the_usual_name() {
        for &((module, name), usual) in ALIASES {
            let (module2, name2) = python2_name(module, name);
            assert_eq!(python3_name(module2, name2), usual);
            let (module2, name2) = python2_name(usual.0, usual.1);
            assert_eq!(python3_name(module2, name2), usual);
            assert_eq!(usual_name(module, name), usual);
        }
        // Not the same object.
        assert_eq!(usual_name("builtins", "FileNotFoundError"), ("builtins", "FileNotFoundError"));
    }

    #[test]
    fn names_map_as_in_cpython() {
        let both = [
            (("__builtin__", "long"), ("builtins", "int")),
            (("__builtin__", "set"), ("builtins", "set")),
            (("__builtin__", "unicode"), ("builtins", "str")),
            (("copy_reg", "_reconstructor"), ("copyreg", "_reconstructor")),
            (("exceptions", "ValueError"), ("builtins", "ValueError")),
            (("itertools", "izip"), ("builtins", "zip")),
            (("urllib2", "URLError"), ("urllib.error", "URLError")),
            (("urllib2", "Request"), ("urllib.request", "Request")),
            (("collections", "OrderedDict"), ("collections", "OrderedDict")),
            (("torch", "Size"), ("torch", "Size")),
        ];
        for ((module2, name2), (module3, name3)) in both {
            assert_eq!(python3_name(module2, name2), (module3, name3));
            assert_eq!(python2_name(module3, name3), (module2, name2));
        }
        assert_eq!(python3_name("__builtin__", "basestring"), ("builtins", "str"));
        assert_eq!(python3_name("exceptions", "StandardError"), ("builtins", "Exception"));
        assert_eq!(python3_name("cPickle", "loads"), ("pickle", "loads"));
        assert_eq!(python3_name("UserDict", "UserDict"), ("collections", "UserDict"));
        assert_eq!(python2_name("builtins", "FileNotFoundError"), ("exceptions", "OSError"));
        assert_eq!(python2_name("builtins", "ModuleNotFoundError"), ("exceptions", "ImportError"));
        assert_eq!(python2_name("_functools", "reduce"), ("__builtin__", "reduce"));
        assert_eq!(python2_name("_functools", "partial"), ("functools", "partial"));
        assert_eq!(python2_name("collections", "UserDict"), ("UserDict", "IterableUserDict"));
    }
}
