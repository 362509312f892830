"""What pooch documents: each test passes with the original and with ours."""

import bz2
import gzip
import hashlib
import io
import lzma
import os
import tarfile
import zipfile
from pathlib import Path

import pytest


def sha256(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


@pytest.fixture
def pup(pooch, server, folder, tmp_path):
    """Two files, in a folder that does not exist yet."""
    registry = {"a.txt": sha256(folder / "a.txt"), "gone.txt": "0" * 64}
    return pooch.create(path=tmp_path / "files", base_url=server.url, registry=registry)


def test_a_file_is_downloaded_once(pup, server, folder, tmp_path):
    for _ in range(2):
        path = pup.fetch("a.txt")
        assert path == str(tmp_path / "files" / "a.txt")
        assert Path(path).read_bytes() == (folder / "a.txt").read_bytes()
    assert server.requests["/a.txt"] == 1


def test_nothing_is_made_before_the_first_fetch(pup):
    assert not pup.abspath.exists()


def test_a_changed_file_is_downloaded_again(pup, server):
    path = Path(pup.fetch("a.txt"))
    path.write_text("mine")
    assert Path(pup.fetch("a.txt")).read_bytes() == b"a\n" * 100
    assert server.requests["/a.txt"] == 2


def test_updates_can_be_disallowed(pup, server, monkeypatch, pooch, tmp_path):
    path = Path(pup.fetch("a.txt"))
    path.write_text("mine")
    monkeypatch.setenv("MAY_UPDATE", "false")
    strict = pooch.create(tmp_path / "files", server.url, registry=pup.registry, allow_updates="MAY_UPDATE")
    with pytest.raises(ValueError, match="updates are disallowed"):
        strict.fetch("a.txt")
    assert path.read_text() == "mine"


def test_a_wrong_hash_raises_and_leaves_nothing(pup, pooch, server, tmp_path):
    pup.registry["a.txt"] = "md5:" + "0" * 32
    with pytest.raises(ValueError, match="does not match the known hash"):
        pup.fetch("a.txt")
    assert not (tmp_path / "files" / "a.txt").exists()


def test_a_missing_file_is_an_oserror_and_requests_own(pup):
    import requests

    with pytest.raises(OSError):
        pup.fetch("gone.txt")
    with pytest.raises(requests.exceptions.HTTPError):
        pup.fetch("gone.txt")


def test_an_unknown_name_is_a_value_error(pup):
    for call in (pup.fetch, pup.get_url, pup.is_available):
        with pytest.raises(ValueError, match="not in the registry"):
            call("other.txt")


def test_availability_is_asked_without_downloading(pup):
    assert pup.is_available("a.txt") is True
    assert pup.is_available("gone.txt") is False
    assert not pup.abspath.exists()


def test_versions_make_folder_and_url(pooch, monkeypatch, tmp_path):
    def make(version):
        return pooch.create(["some", "where"], "http://h/{version}", version=version, version_dev="dev", env="HERE")

    assert (str(make("v1.2").path), make("v1.2").base_url) == ("some/where/v1.2", "http://h/v1.2/")
    assert (str(make("1.2+3.gabc").path), make("1.2+3.gabc").base_url) == ("some/where/dev", "http://h/dev/")
    monkeypatch.setenv("HERE", str(tmp_path))
    assert str(make("v1").path) == str(tmp_path / "v1")
    with pytest.raises(ValueError):
        make("main")


@pytest.mark.parametrize("version", ["1", "v0.1", "1!2.3a4", "1.0.post1", "1.0rc1.dev3", "2024.1-1", "V1.0.Alpha_1"])
def test_versions_are_those_of_pep_440(pooch, version):
    assert pooch.check_version(version) == version
    assert pooch.check_version(version + "+local.1", fallback="x") == "x"


def test_registries_are_read_from_paths_and_files(pooch, tmp_path):
    text = '# names\n\na.txt ABC\n"b c.txt" md5:DEF http://h/b\n'
    (tmp_path / "registry.txt").write_text(text)
    for source in (tmp_path / "registry.txt", io.StringIO(text), io.BytesIO(text.encode())):
        pup = pooch.create("x", "http://base")
        pup.load_registry(source)
        assert pup.registry == {"a.txt": "abc", "b c.txt": "md5:def"}
        assert pup.get_url("a.txt") == "http://base/a.txt"
        assert pup.get_url("b c.txt") == "http://h/b"
        assert pup.registry_files == ["a.txt", "b c.txt"]
    (tmp_path / "registry.txt").write_text("a.txt\n")
    with pytest.raises(OSError, match="line 1"):
        pup.load_registry(tmp_path / "registry.txt")


def test_retrieve_names_files_by_their_url(pooch, server, tmp_path):
    url = server.url + "a.txt"
    path = pooch.retrieve(url, known_hash=None)
    assert path == str(tmp_path / "cache" / "pooch" / f"{hashlib.md5(url.encode()).hexdigest()}-a.txt")
    assert pooch.retrieve(url, known_hash=None) == path
    assert server.requests["/a.txt"] == 1
    named = pooch.retrieve(url, "sha256:" + sha256(path).upper(), fname="n.txt", path=tmp_path / "here")
    assert named == str(tmp_path / "here" / "n.txt")


def test_long_names_are_cut(pooch, server, folder):
    name = "n" * 240 + ".txt"
    (folder / name).write_text("long")
    path = pooch.retrieve(server.url + name, None)
    assert len(os.path.basename(path)) == 255
    assert path.endswith("n.txt")


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha256", "sha512", "sha3_256", "blake2b", "blake2s", "xxh64"])
def test_hashes_have_pooch_s_names(pooch, server, folder, algorithm):
    digest = pooch.file_hash(str(folder / "a.txt"), alg=algorithm)
    if algorithm in hashlib.algorithms_available:
        assert digest == hashlib.new(algorithm, (folder / "a.txt").read_bytes()).hexdigest()
    assert Path(pooch.retrieve(server.url + "a.txt", f"{algorithm}:{digest}")).exists()
    with pytest.raises(ValueError):
        pooch.file_hash(str(folder / "a.txt"), alg="crc99")


def test_a_registry_is_made(pooch, folder, tmp_path):
    (folder / "sub" / "b c.txt").rename(folder / "sub" / "b.txt")
    pooch.make_registry(str(folder), str(tmp_path / "all.txt"))
    assert (tmp_path / "all.txt").read_text().splitlines() == [
        f"a.txt {sha256(folder / 'a.txt')}",
        f"sub/b.txt {sha256(folder / 'sub' / 'b.txt')}",
    ]
    pooch.make_registry(str(folder), str(tmp_path / "flat.txt"), recursive=False)
    assert (tmp_path / "flat.txt").read_text().splitlines() == [f"a.txt {sha256(folder / 'a.txt')}"]


@pytest.fixture
def archives(folder, tmp_path):
    """The same tree as zip, tar and tar.gz, on the server."""
    tree = tmp_path / "tree"
    (tree / "data").mkdir(parents=True)
    (tree / "data" / "x.txt").write_text("x")
    (tree / "top.txt").write_text("top")
    with zipfile.ZipFile(folder / "all.zip", "w") as archive:
        for name in ("data/x.txt", "top.txt"):
            archive.write(tree / name, name)
    for name, mode in (("all.tar", "w"), ("all.tar.gz", "w:gz"), ("all.tar.xz", "w:xz")):
        with tarfile.open(folder / name, mode) as archive:
            archive.add(tree / "data", "data")
            archive.add(tree / "top.txt", "top.txt")


@pytest.mark.parametrize(
    ("name", "processor", "suffix"),
    [
        ("all.zip", "Unzip", ".unzip"),
        ("all.tar", "Untar", ".untar"),
        ("all.tar.gz", "Untar", ".untar"),
        ("all.tar.xz", "Untar", ".untar"),
    ],
)
def test_archives_are_unpacked_beside_themselves(pooch, server, archives, tmp_path, name, processor, suffix):
    unpack = getattr(pooch, processor)
    base = tmp_path / "files"
    for _ in range(2):
        paths = pooch.retrieve(server.url + name, None, fname=name, path=base, processor=unpack())
        assert sorted(paths) == [str(base / (name + suffix) / part) for part in ("data/x.txt", "top.txt")]
        assert Path(sorted(paths)[0]).read_text() == "x"
    one = pooch.retrieve(
        server.url + name, None, fname=name, path=base, processor=unpack(members=["data"], extract_dir="part")
    )
    assert one == [str(base / "part" / "data" / "x.txt")]
    assert not (base / "part" / "top.txt").exists()


@pytest.mark.parametrize(
    ("end", "compress", "method"), [("gz", gzip, "gzip"), ("bz2", bz2, "bzip2"), ("xz", lzma, "xz")]
)
def test_files_are_decompressed(pooch, server, folder, tmp_path, end, compress, method):
    (folder / f"d.txt.{end}").write_bytes(compress.compress(b"plain"))
    url, base = server.url + f"d.txt.{end}", tmp_path / "files"
    path = pooch.retrieve(url, None, fname=f"d.{end}", path=base, processor=pooch.Decompress())
    assert path == str(base / f"d.{end}.decomp")
    assert Path(path).read_bytes() == b"plain"
    named = pooch.retrieve(url, None, fname=f"d.{end}", path=base, processor=pooch.Decompress(method, name="d.txt"))
    assert named == str(base / "d.txt")
    with pytest.raises(ValueError, match="Unzip"):
        pooch.retrieve(url, None, fname=f"d.{end}", path=base, processor=pooch.Decompress(method="zip", name="no"))


def test_own_processors_hear_what_was_done(pup):
    def tell(path, action, owner):
        return os.path.basename(path), action, owner is pup

    assert pup.fetch("a.txt", processor=tell) == ("a.txt", "download", True)
    assert pup.fetch("a.txt", processor=tell) == ("a.txt", "fetch", True)
    (pup.abspath / "a.txt").write_text("mine")
    assert pup.fetch("a.txt", processor=tell) == ("a.txt", "update", True)


def test_own_downloaders_are_used_and_verified(pup, folder):
    asked = []

    def download(url, output_file, owner):
        asked.append(url)
        with open(output_file, "wb") as file:
            file.write((folder / "a.txt").read_bytes())

    for _ in range(2):
        assert Path(pup.fetch("a.txt", downloader=download)).read_bytes() == b"a\n" * 100
    assert asked == [pup.get_url("a.txt")]
    with pytest.raises(ValueError, match="does not match"):
        pup.fetch("gone.txt", downloader=download)
    assert sorted(os.listdir(pup.abspath)) in (["a.txt"], [".fetch", "a.txt"])
    with pytest.raises(NotImplementedError):
        pup.is_available("a.txt", downloader=download)


def test_downloaders_carry_their_settings(pooch, server, folder, tmp_path):
    (folder / "private").mkdir()
    (folder / "private" / "p.txt").write_text("secret")
    url = server.url + "private/p.txt"
    with pytest.raises(OSError):
        pooch.retrieve(url, None)
    allowed = pooch.HTTPDownloader(auth=("me", "pw"), headers={"X-Own": "1"})
    assert Path(pooch.retrieve(url, None, downloader=allowed)).read_text() == "secret"
    assert server.headers["x-own"] == "1"
    allowed(url, str(tmp_path / "by-hand"), None)
    assert (tmp_path / "by-hand").read_text() == "secret"


def test_own_progress_bars_move(pooch, server):
    class Bar:
        total = 0
        count = 0
        closed = False

        def update(self, amount):
            self.count += amount

        def reset(self):
            self.count = 0

        def close(self):
            self.closed = True

    bar = Bar()
    pooch.retrieve(server.url + "a.txt", None, progressbar=bar)
    assert (bar.total, bar.count, bar.closed) == (200, 200, True)
