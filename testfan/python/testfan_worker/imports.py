"""Which files each test file depends on: what its module, its conftests and their modules import.

Read out of the source of what is loaded, so imports inside functions count too; what is imported by a name that is
made up at run time does not. Must not know what it is good for.
"""

import ast
import os
import sys
from importlib.util import resolve_name

from .recording import is_library


def by_test_file(session):
    """For each test file, as node ids have it: the files of the project that it depends on."""
    modules = _Modules()
    plugins = [getattr(plugin, "__file__", None) for plugin in session.config.pluginmanager.get_plugins()]
    found = {}
    for item in session.items:
        name = item.nodeid.split("::")[0]
        if name in found:
            continue
        path = os.path.abspath(str(item.path))
        # A conftest counts for what is below its folder; a plugin for everything.
        begin = [path] + [os.path.abspath(plugin) for plugin in plugins if plugin and _counts(plugin, path)]
        module = getattr(item, "module", None)
        if module is not None:
            modules.add(module)
        found[name] = sorted(modules.below(begin))
    return found


def _counts(plugin, path):
    if is_library(plugin):
        return False
    folder, name = os.path.split(os.path.abspath(plugin))
    return name != "conftest.py" or path.startswith(folder + os.sep)


class _Modules:
    """The modules of the project that are loaded."""

    def __init__(self):
        self.by_file = {}
        self.imported = {}
        for module in list(sys.modules.values()):
            self.add(module)

    def add(self, module):
        path = getattr(module, "__file__", None)
        if isinstance(path, str) and not is_library(path):
            self.by_file.setdefault(os.path.abspath(path), module)

    def below(self, begin):
        """These files and all that they import, directly or not."""
        seen, left = set(), list(begin)
        while left:
            path = left.pop()
            if path not in seen:
                seen.add(path)
                left.extend(self._imports(path))
        return seen

    def _imports(self, path):
        if path not in self.imported:
            module = self.by_file.get(path)
            files = set()
            for name in _names(path, module) if module is not None else ():
                # With a.b.c come a and a.b.
                parts = name.split(".")
                for end in range(1, len(parts) + 1):
                    loaded = sys.modules.get(".".join(parts[:end]))
                    file = getattr(loaded, "__file__", None)
                    if isinstance(file, str) and not is_library(file):
                        files.add(os.path.abspath(file))
            self.imported[path] = files
        return self.imported[path]


def _names(path, module):
    """The names of the modules that a module's source imports, some of which may be no modules; and its own."""
    yield module.__name__
    try:
        with open(path, "rb") as file:
            tree = ast.parse(file.read())
    except (OSError, SyntaxError, ValueError):
        return
    package = getattr(module, "__package__", None) or ""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            try:
                base = resolve_name("." * node.level + (node.module or ""), package) if node.level else node.module
            except (ImportError, ValueError):
                continue
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)
