"""Names as banks and platforms write them, made comparable."""

import unicodedata


def is_same_name(one: str, other: str) -> bool:
    """Whether two names are the same but for case, spaces, punctuation and compatibility forms; none is not a name."""
    return bool(_comparable(one)) and _comparable(one) == _comparable(other)


def _comparable(name: str) -> str:
    folded = unicodedata.normalize("NFKC", name).casefold()
    kept = (each for each in unicodedata.normalize("NFKC", folded) if unicodedata.category(each)[0] in "LMN")
    return "".join(kept)
