"""Who did something, as the record names people, and whether two names are one person's. Pure."""

_COMMAND = " (command line)"


def by_command(name: str) -> str:
    """How the record names whoever runs a command on the machine."""
    return f"{name}{_COMMAND}"


def same_person(one: str, other: str) -> bool:
    """Whether both names are one person's: on the pages or by a command, in whatever case.

    Nobody approves what they did themselves, and not by the other way either. Two people who
    happen to share a name are kept from it, too: that is the safe side.
    """
    return bool(one) and _bare(one) == _bare(other)


def _bare(name: str) -> str:
    return name.strip().removesuffix(_COMMAND).strip().casefold()
