"""The pytest plugin: the fixture `page`, and that an uncaught Python error of the page fails its test."""

import os
import pathlib
import shutil

import pytest

from pyweb.page import Page
from pyweb.wire import Wire

_PAGE = "_pyweb_page"


def pytest_addoption(parser):
    group = parser.getgroup("pyweb", "PyScript pages")
    group.addoption("--pyweb-site", metavar="DIR", help="the folder of the pages under test")
    group.addoption("--pyweb-bin", metavar="FILE", help="the pyweb program [default: $PYWEB_BIN, else the one on PATH]")
    group.addoption(
        "--pyweb-engine",
        choices=["wasmtime", "chromium"],
        default="wasmtime",
        help="what runs the pages: pyweb itself, or a real browser [default: wasmtime]",
    )
    group.addoption("--pyweb-timeout", metavar="S", type=float, default=60, help="give up on a page after this many seconds")
    parser.addini("pyweb_site", "the folder of the pages under test, from the root of the tests")


@pytest.fixture
def pyweb_site(request):
    """The folder of the pages under test: `--pyweb-site`, else `pyweb_site` of the ini file, else the test's own."""
    config = request.config
    given = config.getoption("--pyweb-site")
    if given:
        return pathlib.Path(config.invocation_params.dir, given)
    named = config.getini("pyweb_site")
    return pathlib.Path(config.rootpath, named) if named else request.path.parent


@pytest.fixture(scope="session")
def _pyweb_wires(pytestconfig):
    wires = {}
    yield wires
    for wire in wires.values():
        wire.close()


def _program(config):
    given = config.getoption("--pyweb-bin") or os.environ.get("PYWEB_BIN")
    found = given or shutil.which("pyweb")
    if not found:
        pytest.fail("pyweb is not on PATH; install it, or name it with --pyweb-bin", pytrace=False)
    return found


@pytest.fixture
def page(request, pyweb_site, _pyweb_wires):
    """A page for this test alone; `page.goto` opens one of the site's."""
    site = pathlib.Path(pyweb_site).resolve()
    wire = _pyweb_wires.get(site)
    if wire is None:
        config = request.config
        options = {"--engine": config.getoption("--pyweb-engine"), "--timeout": str(config.getoption("--pyweb-timeout"))}
        command = [_program(config), "test", str(site), "--steps", "-", "--format", "jsonl"]
        command += [word for option in options.items() for word in option]
        wire = _pyweb_wires[site] = Wire(command)
    page = Page(wire)
    setattr(request.node, _PAGE, page)
    yield page
    try:
        page.close()
    except Exception:
        # The process is of no more use; the next test gets another.
        _pyweb_wires.pop(site).close()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item):
    outcome = yield
    page = getattr(item, _PAGE, None)
    if page is None:
        return
    if outcome.excinfo is None:
        _fail_on_python_errors(page, outcome)
    if outcome.excinfo is not None and page.console:
        text = "\n".join(f"{message.type}: {message.text}" for message in page.console)
        item.add_report_section("call", "page console", text)


def _fail_on_python_errors(page, outcome):
    try:
        # What is on its way is heard before the page is closed.
        page.close()
    except Exception as error:
        outcome.force_exception(error)
        return
    if page.python_errors:
        told = [f"{error}\n\n{error.traceback}".rstrip() for error in page.python_errors]
        text = "the page's Python raised what nothing caught:\n" + "\n\n".join(told)
        outcome.force_exception(pytest.fail.Exception(text, pytrace=False))
