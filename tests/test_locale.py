"""The catalogue: both languages whole, and no word that promises what no picture can."""

import ast
import re
import string
from pathlib import Path

import pytest

import spermscope
from spermscope.kinematics import BEAT_FIELDS
from spermscope.locale import LANGUAGES, catalogue, pages, reasons, screens, text, told

FORBIDDEN_EN = ("healthy", "fertile", "viable", "normal", "good", "dead", "diagnosis", "pass", "fail")
FORBIDDEN_JA = ("正常", "異常", "良好", "不良", "死滅", "生存", "診断", "合格", "不合格")


def placeholders(message):
    return sorted(name for _, name, _, _ in string.Formatter().parse(message) if name)


@pytest.mark.parametrize("book", [catalogue, reasons, pages, screens])
def test_every_message_is_there_in_both_languages_with_the_same_placeholders(book):
    for key, messages in book().items():
        assert sorted(messages) == sorted(LANGUAGES), key
        assert len({tuple(placeholders(message)) for message in messages.values()}) == 1, key
        assert all(message.strip() for message in messages.values()), key


def test_no_message_uses_a_word_that_we_do_not_use():
    for key, messages in [*catalogue().items(), *reasons().items(), *pages().items(), *screens().items()]:
        for word in FORBIDDEN_EN:
            assert not re.search(rf"\b{word}\b", messages["en"], re.IGNORECASE), (key, word)
        for word in FORBIDDEN_JA:
            assert word not in messages["ja"], (key, word)


def test_values_are_filled_in():
    assert text("none_seen", "en", frames=7) == "no cell seen in 7 frames"
    assert "7" in text("none_seen", "ja", frames=7)


def test_an_unknown_message_is_our_mistake():
    with pytest.raises(KeyError):
        text("no such thing")


def test_a_reason_within_a_reason_is_told_too_and_numbers_stay():
    assert told("not computed: 15 fps is below 50", "ja") == "未計算:15 fps は必要な 50 fps に達していません"
    assert told("not computed: WHO grades need 37 C (--temperature-c), a measured scale", "ja") == (
        "未計算:WHO の区分には次の条件の入力が必要です:37 °C であること(--temperature-c)、測定された縮尺"
    )
    assert "0.45 µm/画素、± 35 %" in told("scale estimated, 0.45 um/px ± 35 %; calibrate", "ja")
    assert told("unlike training", "en") == "unlike training"
    assert told("Input/output error", "ja") == "Input/output error"


@pytest.mark.parametrize("key", sorted(reasons()))
def test_every_reason_is_found_by_its_own_pattern(key):
    values = {name: f"{number}.5" for number, name in enumerate(placeholders(reasons()[key]["en"]), 3)}
    assert told(reasons()[key]["en"].format(**values), "ja") == reasons()[key]["ja"].format(**values)


SPEAKERS = (
    "kinematics",
    "motility",
    "concentration",
    "conclusion",
    "pipeline",
    "grade/*",
    "assessment",
    "sitting",
    "acquisition/*",
    "clips",
    "tails",
    "agreement/*",
    "video/*",
)
"""Files whose lines come into a report as reasons and notes."""
PARTS = {" ± 7 %", ": the stack promises 7 frames", "7 frames", "7 s", "7 %", " below ", ", ", "axes 7 of 7", " "}
"""Of lines: what is put together to a whole one, which stands beside it in the code."""
NAMES = {"motility intervals", "hyperactivated interval"}


def sentences(node):
    """Texts of a syntax tree, values as 7; without errors, docstrings and what the console prints."""
    if isinstance(node, ast.Raise) or (isinstance(node, ast.FunctionDef) and node.name == "print_table"):
        return
    if isinstance(node, ast.JoinedStr):
        line = "".join(part.value if isinstance(part, ast.Constant) else "7" for part in node.values)
        yield line
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                yield from sentences(part.value)
    elif isinstance(node, ast.Constant):
        if isinstance(node.value, str):
            yield node.value
    else:
        for child in ast.iter_child_nodes(node):
            if not (isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)):
                yield from sentences(child)


def spoken():
    source = Path(spermscope.__file__).parent
    for pattern in SPEAKERS:
        for path in sorted(source.glob(f"{pattern}.py")):
            for line in sentences(ast.parse(path.read_text(encoding="utf-8"))):
                if " " in line and line not in PARTS | NAMES:
                    yield f"{path.stem}: {line}", line


@pytest.mark.parametrize(("where", "line"), sorted(set(spoken())))
def test_every_reason_and_note_that_the_code_can_give_has_its_japanese(where, line):
    whole = (
        line.replace("are 7:", "are white:")
        .replace("file promises 7", "file promises 7 s")
        .replace("px7;", "px ± 7 %;")
    )
    japanese = told(whole, "ja")
    assert japanese != whole, where
    assert not re.search(r"[a-z]{3,} [a-z]{2,}", japanese)


def test_everything_that_may_be_absent_has_a_name():
    others = "tail_movement cells motility hyperactivated micrometres concentration grades"
    for name in (*BEAT_FIELDS, *NAMES, *others.split()):
        assert text(f"absent_{name.replace(' ', '_')}", "ja")
