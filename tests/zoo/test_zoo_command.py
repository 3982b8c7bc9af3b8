"""`python -m tinyconv.zoo`, and the copy of its table in docs/networks.md."""

import subprocess
import sys
from pathlib import Path

import pytest

from tinyconv.zoo.__main__ import COLUMNS, NAMED, OWN, main, rows, scaled

PAGE = Path(__file__).parent.parent.parent / "docs" / "networks.md"


def test_command_lists_every_network_with_its_figures(tmp_path):
    command = [sys.executable, "-W", "error", "-m", "tinyconv.zoo"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, encoding="utf-8", timeout=300)
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith("│")]
    printed = [tuple(cell.strip() for cell in line.strip("│").split("│")) for line in lines]
    assert printed == [*rows(NAMED), *rows(OWN)]
    vgg16 = next(row for row in printed if row[0] == "VGG16")
    assert vgg16 == ("VGG16", "224×224×3", "138,357,544", "138,357,544", "0", "30.9 G", "57.6 MiB")
    assert "…" not in done.stdout


def test_command_refuses_arguments(capsys):
    with pytest.raises(SystemExit):
        main(["VGG16"])
    assert "unrecognized arguments: VGG16" in capsys.readouterr().err


def test_the_page_of_networks_has_the_true_table():
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    at = lines.index("| " + " | ".join(COLUMNS) + " |")
    cells = [tuple(cell.strip(" `") for cell in line.strip("|").split("|")) for line in lines[at + 2 : at + 22]]
    assert cells == [*rows(NAMED), *rows(OWN)]
    assert not lines[at + 22]


def test_units():
    units = ("", "k", "M")
    assert [scaled(value, 1000, units) for value in (5, 999, 1000, 1234, 2.5e6, 1.5e9)] == [
        *("5 ", "999 ", "1 k", "1.23 k", "2.5 M", "1.5e+03 M")
    ]
