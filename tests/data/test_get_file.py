"""`utils.get_file`: where files are looked for, hashes, archives, and what is said when a file cannot be had."""

import hashlib
import http.server
import os
import tarfile
import threading
import zipfile
from pathlib import Path

import pytest

import tinyconv as tc
from tinyconv.offered import NotOfferedError

get_file = tc.utils.get_file
NOWHERE = "http://127.0.0.1:1/some/pixels.bin"


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Keras's folder, in the place of the user's own."""
    monkeypatch.delenv("TINYCONV_DATA", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    return tmp_path / "keras"


def put(path, content=b"pixels"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.fixture
def server(tmp_path):
    """A server of this machine that has one file, and counts how often it is asked."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            found = self.path.startswith("/pixels.bin")
            self.send_response(200 if found else 404)
            self.end_headers()
            self.wfile.write(b"pixels" if found else b"no")

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}", asked
        running.shutdown()
        thread.join()


@pytest.mark.parametrize("place", ["datasets/pixels.bin", "models/pixels.bin"])
def test_it_is_found_in_keras_s_folders(home, place):
    path = put(home / place)
    assert get_file("pixels.bin", NOWHERE) == str(path)
    assert get_file(origin=f"{NOWHERE}?raw=1") == str(path)


def test_the_folder_of_the_variable_comes_first(home, tmp_path, monkeypatch):
    put(home / "datasets" / "pixels.bin")
    monkeypatch.setenv("TINYCONV_DATA", str(tmp_path / "own"))
    for place in ("pixels.bin", "flowers/pixels.bin"):
        own = put(tmp_path / "own" / place)
        assert get_file("pixels.bin", NOWHERE, cache_subdir="flowers") == str(own)
        own.unlink()


def test_a_file_on_this_machine_is_taken_where_it_lies(home, tmp_path):
    path = put(tmp_path / "here" / "pixels.bin")
    assert get_file("other.bin", f"file://{path}") == get_file(origin=path) == str(path)
    with pytest.raises(FileNotFoundError, match="there is no such file"):
        get_file("other.bin", f"file://{path}x")


def test_what_cannot_be_had_is_refused_in_a_line(home):
    with pytest.raises(NotOfferedError) as raised:
        get_file("pixels.bin", NOWHERE)
    message = str(raised.value)
    assert "\n" not in message
    assert message.startswith(f"pixels.bin is not there and cannot be downloaded from {NOWHERE} (")
    assert f"put it into {home / 'datasets'} or {home / 'models'}" in message
    assert list((home / "datasets").iterdir()) == []


def test_it_is_downloaded_once(home, server, capsys):
    url, asked = server
    path = get_file("pixels.bin", f"{url}/pixels.bin")
    assert path == str(home / "datasets" / "pixels.bin")
    assert Path(path).read_bytes() == b"pixels"
    assert get_file("pixels.bin", f"{url}/pixels.bin") == path
    assert len(asked) == 1
    get_file("pixels.bin", f"{url}/pixels.bin", force_download=True)
    assert len(asked) == 2
    with pytest.raises(NotOfferedError, match="Not Found"):
        get_file("none.bin", f"{url}/none.bin")
    assert os.listdir(home / "datasets") == ["pixels.bin"]


@pytest.mark.parametrize("algorithm", ["sha256", "md5"])
def test_hashes(home, server, algorithm):
    """A file of another hash is downloaded anew, and refused if it comes with another hash."""
    url, asked = server
    right = hashlib.new(algorithm, b"pixels").hexdigest()
    old = put(home / "datasets" / "pixels.bin", b"another")
    argument = {"file_hash": right} if algorithm == "sha256" else {"md5_hash": right}
    assert get_file("pixels.bin", f"{url}/pixels.bin", **argument) == str(old)
    assert old.read_bytes() == b"pixels"
    assert get_file("pixels.bin", NOWHERE, **argument, hash_algorithm="auto") == str(old)
    with pytest.raises(ValueError, match=r"pixels\.bin is damaged, or another file"):
        get_file("pixels.bin", f"{url}/pixels.bin", file_hash="0" * 64)
    assert old.read_bytes() == b"pixels"
    assert len(asked) == 2


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_archives(home, kind):
    archive = home / "datasets" / f"pets.{'zip' if kind == 'zip' else 'tar.gz'}"
    archive.parent.mkdir(parents=True)
    inside = put(home / "cat.txt", b"a cat")
    if kind == "zip":
        with zipfile.ZipFile(archive, "w") as file:
            file.write(inside, "pets/cat.txt")
    else:
        with tarfile.open(archive, "w:gz") as file:
            file.add(inside, "pets/cat.txt")
    for _ in range(2):  # unpacked once, found then
        folder = Path(get_file(archive.name, NOWHERE, extract=True))
        assert folder == home / "datasets" / "pets_extracted"
        assert (folder / "pets" / "cat.txt").read_bytes() == b"a cat"
    assert sorted(os.listdir(home / "datasets")) == sorted([archive.name, "pets_extracted"])


def test_what_is_refused(home):
    put(home / "datasets" / "pixels.bin")
    with pytest.raises(ValueError, match="is no archive that can be unpacked"):
        get_file("pixels.bin", NOWHERE, extract=True)
    with pytest.raises(ValueError, match="needs origin"):
        get_file("pixels.bin")
    with pytest.raises(ValueError, match="hash_algorithm must be one of"):
        get_file("pixels.bin", NOWHERE, hash_algorithm="crc")
