"""Which tests must not run beside others in one process, and why, in words that go on from the test's name.

What a test shares with others it shares through the process: a test that changes that (warning filters, environment,
standard output, module globals) is told by its markers and fixtures and by the code of the project that it runs, as
far as that can be read. Must not know how tests are run. What it misses shows as a failure that is not one alone.
"""

import ast
import builtins
import functools
import inspect
import os
import sys
import types
from collections.abc import MutableMapping, MutableSequence, MutableSet

import pytest

_FIXTURES = frozenset((
    # pytest's own, each of which changes or reads what all threads share
    "capfd", "capfdbinary", "caplog", "capsys", "capsysbinary", "capteesys", "monkeypatch", "pytester", "recwarn",
    "subtests", "testdir",
    # of plugins
    "benchmark", "class_mocker", "db", "django_db_reset_sequences", "django_db_serialized_rollback", "event_loop",
    "freezer", "fs", "httpx_mock", "live_server", "mocker", "module_mocker", "package_mocker", "qapp", "qtbot",
    "requests_mock", "respx_mock", "session_mocker", "settings", "transactional_db",
))
_MARKERS = {
    "thread_unsafe": "is marked thread_unsafe",
    "filterwarnings": "has filters of its own for warnings",
    "django_db": "uses Django's connections",
    "timeout": "has a timeout of pytest-timeout, which ends the process or needs the main thread",
}
# Calls that change what all threads share, by the module in which they are found.
_CALLS = {
    "asyncio": ("set_event_loop_policy",),
    "builtins": ("__import__",),
    "concurrent.futures": ("ProcessPoolExecutor",),
    "contextlib": ("chdir", "redirect_stderr", "redirect_stdout"),
    "gc": ("disable", "enable", "freeze", "set_debug", "set_threshold"),
    "importlib": ("import_module", "invalidate_caches", "reload"),
    "locale": ("setlocale",),
    "logging": ("basicConfig", "captureWarnings", "disable", "setLoggerClass", "shutdown"),
    "logging.config": ("dictConfig", "fileConfig"),
    "mock": ("patch",),
    "numpy.random": ("seed", "set_state"),
    "os": ("chdir", "dup2", "fchdir", "fork", "forkpty", "putenv", "umask", "unsetenv"),
    "pytest": ("MonkeyPatch", "deprecated_call", "importorskip", "warns"),
    "random": ("seed", "setstate"),
    "runpy": ("run_module", "run_path"),
    "signal": ("alarm", "pthread_sigmask", "raise_signal", "set_wakeup_fd", "setitimer", "signal"),
    "socket": ("setdefaulttimeout",),
    "sys": ("setprofile", "setrecursionlimit", "setswitchinterval", "settrace"),
    "time": ("tzset",),
    "tracemalloc": ("start", "stop"),
    "unittest.mock": ("patch",),
    "warnings": ("catch_warnings", "filterwarnings", "resetwarnings", "simplefilter"),
}
# Everything of these does.
_PACKAGES = frozenset(("freezegun", "httpretty", "multiprocessing", "responses", "time_machine", "vcr"))
_CHANGING = frozenset((
    "add", "append", "appendleft", "clear", "discard", "extend", "insert", "pop", "popitem", "remove", "reverse",
    "setdefault", "sort", "update",
))
_VARIABLES = frozenset(("PYTEST_CURRENT_TEST", "PYTEST_XDIST_WORKER", "TESTFAN_WORKER"))
_UNKNOWN = object()


def reasons(session):
    """The items that must not run beside others: pairs of index and reason."""
    everywhere = _of_all(session.config)
    reader = _Reader(str(session.config.rootpath))
    pairs = ((index, everywhere or _reason(item, reader)) for index, item in enumerate(session.items))
    return [(index, reason) for index, reason in pairs if reason]


def _of_all(config):
    """Why none may: a plugin that knows of one test at a time."""
    manager = config.pluginmanager
    if manager.hasplugin("_cov_contexts"):
        return "is watched by --cov-context, which knows one test at a time"
    if manager.hasplugin("timeout"):
        wanted = config.getoption("timeout", None) or config.getini("timeout") or os.environ.get("PYTEST_TIMEOUT")
        if wanted and float(wanted) > 0:
            return _MARKERS["timeout"] + " (testfan has --timeout)"
    return None


def _reason(item, reader):
    if not isinstance(item, pytest.Function):
        return "is no function"
    if type(item).__module__ == "_pytest.unittest":
        return "is a method of a unittest.TestCase"
    for name, reason in _MARKERS.items():
        if item.get_closest_marker(name) is not None:
            return reason
    # As pytest-run-parallel has it.
    alone = item.get_closest_marker("parallel_threads")
    if alone is not None and alone.args == (1,):
        return "is marked parallel_threads(1)"
    for name in _fixtures(item):
        if name in _FIXTURES:
            return f"uses {name}"
        if name.startswith("_xunit_setup_") and not name.startswith("_xunit_setup_method"):
            return f"is set up by setup_{name.split('_')[3]}, for all threads at once"
    function = item.obj
    if inspect.iscoroutinefunction(inspect.unwrap(function)) or item.get_closest_marker("anyio"):
        return "is asynchronous"
    if getattr(function, "is_hypothesis_test", False):
        return "is hypothesis's"
    found = reader.reason(function)
    if found is None and item.cls is not None:
        methods = (getattr(item.cls, name, None) for name in ("setup_method", "teardown_method"))
        found = next(filter(None, map(reader.reason, methods)), None)
    return found or _of_fixtures(item, reader)


def _fixtures(item):
    """The fixtures of a test and those that they use; but pytest-django's do nothing without Django's settings."""
    info = item._fixtureinfo
    found, wanted = {}, [*info.initialnames, *(name for name in item.fixturenames if name not in info.names_closure)]
    while wanted:
        name = wanted.pop()
        definitions = info.name2fixturedefs.get(name, ())
        if name in found or any(map(_is_idle, definitions)):
            continue
        found[name] = definitions
        wanted.extend(argument for definition in definitions for argument in definition.argnames)
    return found


def _is_idle(definition):
    return definition.func.__module__ == "pytest_django.plugin" and "DJANGO_SETTINGS_MODULE" not in os.environ


def _of_fixtures(item, reader):
    for name, definitions in _fixtures(item).items():
        for definition in definitions:
            if inspect.iscoroutinefunction(definition.func) or inspect.isasyncgenfunction(definition.func):
                return f"uses {name}, which is asynchronous"
            found = reader.reason(definition.func)
            if found:
                return f"uses {name}, which {found}"
    return None


class _Reader:
    """Reads functions of the project, and those of the project that they call by name."""

    def __init__(self, root):
        self.root = root + os.sep
        self.trees = {}
        self.known = {}
        self.calls = {}
        for module, names in _CALLS.items():
            for name in names:
                found = getattr(sys.modules.get(module), name, None)
                if found is not None:
                    self.calls[id(found)] = found
                if isinstance(found, types.FunctionType):
                    # patch.object and the like
                    self.calls.update((id(part), part) for part in vars(found).values() if callable(part))

    def reason(self, function):
        if hasattr(function, "patchings"):
            return "is patched by unittest.mock"
        while isinstance(function, functools.partial):
            function = function.func
        function = inspect.unwrap(function) if callable(function) else None
        function = getattr(function, "__func__", function)
        code = getattr(function, "__code__", None)
        if code is None:
            return None
        if code not in self.known:
            self.known[code] = None  # where it calls itself
            node = self._node(code)
            self.known[code] = node and _Body(self, function, node).reason()
        return self.known[code]

    def _node(self, code):
        path = code.co_filename
        if not path.startswith(self.root) or "site-packages" in path:
            return None
        if path not in self.trees:
            self.trees[path] = _functions(path)
        return self.trees[path].get((code.co_name, code.co_firstlineno))


def _functions(path):
    """The functions of a file by name and first line, which is that of the first decorator."""
    try:
        with open(path, "rb") as file:
            tree = ast.parse(file.read())
    except (OSError, SyntaxError, ValueError):
        return {}
    return {
        (node.name, min([node.lineno] + [decorator.lineno for decorator in node.decorator_list])): node
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    }


class _Body:
    """One function: what its names mean, and what it does to what is not its own."""

    def __init__(self, reader, function, node):
        self.reader = reader
        self.node = node
        self.globals = function.__globals__
        self.imported = {}
        self.bound = set()
        for part in ast.walk(node):
            self._bind(part)

    def _bind(self, part):
        if isinstance(part, ast.Import):
            for alias in part.names:
                name = alias.name if alias.asname else alias.name.split(".")[0]
                self.imported[alias.asname or name] = sys.modules.get(name, _UNKNOWN)
        elif isinstance(part, ast.ImportFrom) and not part.level:
            module = sys.modules.get(part.module)
            for alias in part.names:
                self.imported[alias.asname or alias.name] = getattr(module, "__dict__", {}).get(alias.name, _UNKNOWN)
        elif isinstance(part, ast.Name) and not isinstance(part.ctx, ast.Load):
            self.bound.add(part.id)
        elif isinstance(part, ast.arg):
            self.bound.add(part.arg)
        elif isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) and part is not self.node:
            self.bound.add(part.name)
        elif isinstance(part, ast.ExceptHandler) and part.name:
            self.bound.add(part.name)

    def reason(self):
        return next(filter(None, map(self._look, ast.walk(self.node))), None)

    def _look(self, part):
        if isinstance(part, ast.Global):
            return f"assigns to the global {part.names[0]}"
        if isinstance(part, (ast.Attribute, ast.Subscript)) and not isinstance(part.ctx, ast.Load):
            return f"assigns to {ast.unparse(part)}" if self._shared(part) else None
        if isinstance(part, ast.Constant) and isinstance(part.value, str) and part.value in _VARIABLES:
            return f"asks for {part.value}, of which a process has one"
        return self._call(part) if isinstance(part, ast.Call) else None

    def _call(self, call):
        callee = self._value(call.func)
        text = ast.unparse(call.func)
        if callee is setattr or callee is delattr:
            shared = bool(call.args) and self._value(call.args[0]) is not _UNKNOWN
            return f"assigns to an attribute of {ast.unparse(call.args[0])}" if shared else None
        if id(callee) in self.reader.calls:
            return f"calls {text}"
        package = (getattr(callee, "__module__", None) or "").split(".")[0] if callee is not _UNKNOWN else ""
        if package in _PACKAGES:
            return f"calls {text}"
        asked = call.args[0] if call.args and text.endswith(".getfixturevalue") else None
        if isinstance(asked, ast.Constant) and asked.value in _FIXTURES:
            return f"uses {asked.value}"
        if isinstance(call.func, ast.Attribute) and call.func.attr in _CHANGING:
            owner = self._value(call.func.value)
            if isinstance(owner, (MutableMapping, MutableSequence, MutableSet)):
                return f"changes {ast.unparse(call.func.value)}"
        if isinstance(callee, types.FunctionType):
            return self.reader.reason(callee)
        return None

    def _shared(self, target):
        """Whether what is assigned to belongs to a module or class, not to something that the function made."""
        while isinstance(target, (ast.Attribute, ast.Subscript)):
            if isinstance(target, ast.Attribute) and target.attr == "__class__":
                return True
            target = target.value
        if not isinstance(target, ast.Name):
            return False
        name = target.id
        return name == "cls" or name in self.imported or (name not in self.bound and name in self.globals)

    def _value(self, expression):
        """What a name or an attribute of a module, class or function stands for, without running any code."""
        if isinstance(expression, ast.Name):
            name = expression.id
            if name in self.imported:
                return self.imported[name]
            if name in self.bound:
                return _UNKNOWN
            return self.globals.get(name, getattr(builtins, name, _UNKNOWN))
        if not isinstance(expression, ast.Attribute):
            return _UNKNOWN
        owner = self._value(expression.value)
        if isinstance(owner, types.ModuleType):
            return vars(owner).get(expression.attr, _UNKNOWN)
        if isinstance(owner, (type, types.FunctionType)):
            found = inspect.getattr_static(owner, expression.attr, _UNKNOWN)
            return getattr(found, "__func__", found)
        return _UNKNOWN
