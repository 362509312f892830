"""What is different on purpose, and what pooch does not have."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest


def test_many_files_come_in_one_run(fetch, server, folder, tmp_path):
    for number in range(40):
        (folder / f"{number}.txt").write_text(str(number))
    registry = {f"{number}.txt": fetch.file_hash(folder / f"{number}.txt") for number in range(40)}
    pup = fetch.create(tmp_path / "files", server.url, registry=registry)
    for _ in range(2):
        paths = pup.fetch_all()
        assert {name: Path(path).read_text() for name, path in paths.items()} == {
            f"{number}.txt": str(number) for number in range(40)
        }
    assert sum(server.requests.values()) == 40
    pup.registry["gone.txt"] = "0" * 64
    with pytest.raises(fetch.DownloadError, match="gone.txt") as raised:
        pup.fetch_all()
    assert raised.value.code == "not_found"


def test_names_with_spaces_survive_the_registry(fetch, pooch, folder, tmp_path):
    fetch.make_registry(folder, tmp_path / "registry.txt")
    pup = pooch.create("x", "http://base")
    pup.load_registry(tmp_path / "registry.txt")
    assert sorted(pup.registry) == ["a.txt", "sub/b c.txt"]


def test_an_unzip_can_be_used_again(fetch, server, folder, tmp_path):
    for name in ("one", "two"):
        with zipfile.ZipFile(folder / f"{name}.zip", "w") as archive:
            archive.writestr(f"{name}.txt", name)
    unzip = fetch.Unzip()
    for name in ("one", "two"):
        paths = fetch.retrieve(server.url + f"{name}.zip", None, fname=f"{name}.zip", path=tmp_path, processor=unzip)
        assert paths == [str(tmp_path / f"{name}.zip.unzip" / f"{name}.txt")]


def test_names_cannot_leave_the_folder(fetch, server, tmp_path):
    with pytest.raises(ValueError, match="below the cache folder"):
        fetch.retrieve(server.url + "a.txt", None, fname="../out.txt", path=tmp_path / "files")
    assert not (tmp_path / "out.txt").exists()


def test_arguments_that_cannot_be_kept_are_refused(fetch):
    with pytest.raises(TypeError, match="verify"):
        fetch.HTTPDownloader(verify=False)


def test_a_binary_that_is_another_program_is_named(fetch, monkeypatch, folder):
    monkeypatch.setenv("SNAKEPIPE_FETCH", "/bin/echo")
    with pytest.raises(RuntimeError, match="/bin/echo is not snakepipe's fetch"):
        fetch.file_hash(folder / "a.txt")


def test_it_needs_no_package_and_loads_quickly(fetch):
    code = "import sys, snakepipe_fetch; print(sorted({m.split('.')[0] for m in sys.modules} - set(sys.stdlib_module_names)))"
    out = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    assert out.stdout.strip() == "['__main__', 'snakepipe_fetch']" or out.stdout.strip() == "['snakepipe_fetch']"
