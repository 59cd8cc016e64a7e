"""Rows that survive, and edits that show."""

import json

import pytest

from spermscope.journal import Journal, read_journal


def write(path, count):
    journal = Journal(path)
    for number in range(count):
        journal.append({"number": number, "word": "精子"})
    journal.close()


def test_rows_come_back_in_order(tmp_path):
    write(tmp_path / "j", 3)
    assert [row["number"] for row in read_journal(tmp_path / "j")] == [0, 1, 2]


def test_appending_later_continues_the_chain(tmp_path):
    write(tmp_path / "j", 2)
    write(tmp_path / "j", 2)
    assert [row["number"] for row in read_journal(tmp_path / "j")] == [0, 1, 0, 1]


def test_an_unfinished_last_line_is_left_out_and_written_over(tmp_path):
    write(tmp_path / "j", 2)
    with (tmp_path / "j").open("ab") as file:
        file.write(b'{"row": "{}", "cha')
    assert len(read_journal(tmp_path / "j")) == 2
    write(tmp_path / "j", 1)
    assert len(read_journal(tmp_path / "j")) == 3


@pytest.mark.parametrize("edit", ["change", "remove", "swap"])
def test_any_edit_is_found(tmp_path, edit):
    write(tmp_path / "j", 4)
    lines = (tmp_path / "j").read_bytes().splitlines(keepends=True)
    if edit == "change":
        entry = json.loads(lines[1])
        lines[1] = json.dumps({**entry, "row": entry["row"].replace("1", "7")}).encode() + b"\n"
    elif edit == "remove":
        del lines[1]
    else:
        lines[1], lines[2] = lines[2], lines[1]
    (tmp_path / "j").write_bytes(b"".join(lines))
    with pytest.raises(ValueError, match="line 2: expected a row that follows"):
        read_journal(tmp_path / "j")
