"""Texts as SQL Server counts them: in UTF-16 units, two for a sign such as an emoji. Pure."""

_UTF16 = "utf-16-le"


def units(text: str) -> int:
    """How many UTF-16 units a text has."""
    return len(text.encode(_UTF16, "surrogatepass")) // 2


def cut(text: str, longest: int | None) -> str:
    """The beginning of a text that fits into a column of `longest` units (None: no limit).

    A sign that does not fit whole is left out.
    """
    if longest is None or units(text) <= longest:
        return text
    return text.encode(_UTF16, "surrogatepass")[: 2 * longest].decode(_UTF16, "ignore")
