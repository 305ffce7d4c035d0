"""Every word that is shown is there in both languages."""

from __future__ import annotations

import re
from io import BytesIO
from pathlib import Path

import pytest
import ringfence_desk
from babel.messages.pofile import read_po
from ringfence_console.catalog import translations
from ringfence_desk.language import Language

from clients.console.tests.messages import PACKAGE, messages

_PLACE = re.compile(r"%\(\w+\)s")
_TERMS = {
    "transfer": "划转",
    "entry": "条目",
    "entries": "条目",
    "id": "标识",
    "receipt": "回执",
    "dossier": "卷宗",
    "reader": "查阅人",
    "movement": "资金变动",
    "suspense": "挂账",
    "shortfall": "缺口",
    "cosignature": "见证签名",
    "root": "根哈希",
    "exception": "异常",
    "checkpoint": "检查点",
}
"""What one word of the English pages is called in Chinese; what it is not called is in docs/supervisor/terms.md."""
CATALOG = PACKAGE / "locale" / "zh_Hans" / "LC_MESSAGES" / "console.po"

DESK = Path(ringfence_desk.__file__).parent


def test_no_message_is_missing_or_left_over() -> None:
    """Each message of templates and code has its Chinese words, and no words belong to nothing."""
    kept = {each.id for each in read_po(BytesIO(CATALOG.read_bytes())) if each.id}
    assert kept == messages()


def test_no_words_are_doubtful() -> None:
    """None is empty or marked fuzzy, and each names what the English ones name."""
    for each in read_po(BytesIO(CATALOG.read_bytes())):
        english = each.id if isinstance(each.id, str) else each.id[-1]
        words = [each.string] if isinstance(each.string, str) else list(each.string)
        if not english:
            continue
        assert all(words), english
        assert not each.fuzzy, english
        for text in words:
            assert sorted(_PLACE.findall(text)) == sorted(_PLACE.findall(english)), english


def test_one_thing_has_one_chinese_name() -> None:
    """On pages, and in the sentences and words that these show."""
    for each in read_po(BytesIO(CATALOG.read_bytes())):
        english = each.id if isinstance(each.id, str) else each.id[0]
        words = each.string if isinstance(each.string, str) else each.string[0]
        named = {term for word, term in _TERMS.items() if re.search(rf"\b{word}s?\b", english, re.IGNORECASE)}
        assert [term for term in named if term not in words] == [], english
    tables = [*DESK.glob("table/*.txt"), *DESK.glob("*.py"), CATALOG]
    shown = {file.name: file.read_text(encoding="utf-8") for file in tables}
    assert len(shown) > 20
    assert not re.search(r"第 \{?\w+\}? 条记录", "".join(shown.values()))


@pytest.mark.parametrize(("language", "found"), [(Language.ENGLISH, "Find"), (Language.CHINESE, "查找")])
def test_words_are_found(language: Language, found: str) -> None:
    """As a page asks for them."""
    assert translations(language).gettext("Find") == found
