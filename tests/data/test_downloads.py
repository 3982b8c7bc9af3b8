"""What happens between the network and the cache folder, with a server of one's own."""

import socket
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from cifar_files import believed, drawn, write_binary

from tinyconv.datasets import cache, cifar10, fashion_mnist

CONTENT = bytes(range(256)) * 5000  # five pieces


class Handler(BaseHTTPRequestHandler):
    """Serves CONTENT in various states."""

    def do_GET(self):
        length, sent, status = len(CONTENT), CONTENT, 200
        if self.path == "/missing":
            status, sent, length = 404, b"", 0
        elif self.path == "/other":
            sent = CONTENT[::-1]
        elif self.path == "/short":
            sent = CONTENT[:-7]
        elif self.path == "/long":
            sent = CONTENT * 2
            length *= 2
        self.send_response(status)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        if self.path == "/silent":
            self.server.silence.wait(5)
        self.wfile.write(sent)
        self.close_connection = True

    def handle(self):
        try:
            super().handle()
        except ConnectionError:  # the client has heard enough
            return

    def log_message(self, *given):
        pass


@pytest.fixture(scope="module")
def address():
    from threading import Event

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.silence = Event()
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.silence.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def file(address, monkeypatch, tmp_path):
    monkeypatch.setenv("TINYCONV_DATA", str(tmp_path / "cache"))
    return cache.File("sub/data.bin", f"{address}/whole", sha256(CONTENT).hexdigest(), len(CONTENT))


def below(folder):
    return sorted(str(path.relative_to(folder)) for path in Path(folder).rglob("*") if path.is_file())


def test_a_file_is_downloaded_once_and_whole(file, tmp_path, capsys):
    path = cache.located("Numbers", "numbers.npz", [file])
    assert path == tmp_path / "cache/sub/data.bin"
    assert path.read_bytes() == CONTENT
    assert below(tmp_path) == ["cache/sub/data.bin"]
    said = capsys.readouterr().err
    assert f"Downloading Numbers: 1.3 MB from {file.url}" in said
    assert "1.3/1.3 MB" in said
    with cache.verified(path, file) as opened:
        assert opened.read() == CONTENT
    assert cache.located("Numbers", "numbers.npz", [file._replace(url="http://nowhere.invalid")]) == path
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        ("missing", "Not Found"),
        ("other", "got another file: SHA-256"),
        ("short", "got 1,279,993 of 1,280,000 bytes"),
        ("long", "got more of 1,280,000 bytes"),
        ("silent", "timed out"),
    ],
)
def test_what_goes_wrong_is_one_line_and_leaves_nothing(file, address, monkeypatch, tmp_path, page, reason):
    monkeypatch.setattr(cache, "TIMEOUT", 0.2)
    broken = file._replace(url=f"{address}/{page}")
    with pytest.raises(FileNotFoundError) as raised:
        cache.located("Numbers", "numbers.npz", [broken, file._replace(place="other.bin")])
    assert below(tmp_path) == []
    message = str(raised.value)
    assert message.startswith("Numbers is not there and cannot be downloaded (")
    assert reason in message
    expected = f"put sub/data.bin (from {broken.url}), other.bin or numbers.npz into {tmp_path / 'cache'}"
    assert expected in message
    assert message.endswith("or set TINYCONV_DATA to the folder that has it")


def test_offline(file, tmp_path, capsys):
    with socket.socket() as taken:  # bound, but nobody listens
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/"
        with pytest.raises(FileNotFoundError, match="Connection refused") as raised:
            cache.located("Numbers", "numbers.npz", [file._replace(url=url)])
    assert "\n" not in str(raised.value)
    assert capsys.readouterr() == ("", ""), "nothing is said to be downloaded"


def test_a_full_disk_is_said_as_such(file, monkeypatch, tmp_path):
    from tinyconv import files

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OSError, match="cannot write the file: No space left on device"):
        cache.located("Numbers", "numbers.npz", [file])
    assert below(tmp_path) == []


def test_ctrl_c_leaves_nothing(file, monkeypatch, tmp_path):
    def stop(*given):
        raise KeyboardInterrupt

    monkeypatch.setattr(cache.os, "replace", stop)
    with pytest.raises(KeyboardInterrupt):
        cache.located("Numbers", "numbers.npz", [file])
    assert below(tmp_path) == []


def test_the_downloaded_archive_is_the_binary_one(address, monkeypatch, tmp_path, capsys):
    """And with all its parts: from the network to arrays."""
    made = tmp_path / "made.tar.gz"
    batches = list(drawn([4, 4, 4, 4, 4, 6]))
    write_binary(made, batches)
    monkeypatch.setattr(f"{__name__}.CONTENT", made.read_bytes())
    believed(monkeypatch, tmp_path / "cache", 20, 6)
    binary = cifar10.SOURCE.binary
    served = binary._replace(
        url=f"{address}/whole", sha256=sha256(made.read_bytes()).hexdigest(), size=made.stat().st_size
    )
    monkeypatch.setattr(cifar10, "SOURCE", cifar10.SOURCE._replace(binary=served))
    (x, y), _ = cifar10.load_data()
    assert x.shape == (20, 32, 32, 3)
    assert y[:4, 0].tolist() == batches[0][1].tolist()
    assert below(tmp_path / "cache") == ["cifar-10-binary.tar.gz"]


def test_the_cache_folder(monkeypatch):
    monkeypatch.setenv("TINYCONV_DATA", "~/my data")
    assert cache.folder() == Path.home() / "my data"
    monkeypatch.delenv("TINYCONV_DATA")
    monkeypatch.setenv("XDG_CACHE_HOME", "/var/cache/me")
    monkeypatch.setattr(cache.sys, "platform", "linux")
    assert cache.folder() == Path("/var/cache/me/tinyconv")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache.folder() == Path.home() / ".cache/tinyconv"
    monkeypatch.setattr(cache.sys, "platform", "darwin")
    assert cache.folder() == Path.home() / "Library/Caches/tinyconv"


def test_the_published_checksums_look_like_some():
    files = [cifar10.SOURCE.binary, cifar10.SOURCE.pickled, *fashion_mnist.FILES.values()]
    assert all(len(bytes.fromhex(file.sha256)) == 32 and file.size > 0 for file in files)
    assert all(file.url.startswith("https://") and file.url.endswith(Path(file.place).name) for file in files)
