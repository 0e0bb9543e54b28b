"""Texts as SQL Server counts them: in UTF-16 units, two for a sign such as an emoji. Pure."""


def units(text: str) -> int:
    """How many UTF-16 units a text has."""
    return len(text) + sum(sign > "\uffff" for sign in text)


def cut(text: str, longest: int | None) -> str:
    """The beginning of a text that fits into a column of `longest` units (None: no limit).

    A sign that does not fit whole is left out.
    """
    if longest is None or units(text) <= longest:
        return text
    taken, room = 0, longest
    for sign in text:
        room -= units(sign)
        if room < 0:
            break
        taken += 1
    return text[:taken]
