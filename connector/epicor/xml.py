"""Reads XML of other systems within limits. Pure."""

from typing import Any
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

_MOST_TAGS = 1_000_000  # a description of a service has some ten thousand


def load_xml(text: str) -> Any:
    """Return the root element. Raises ValueError for what is no XML, or too much work."""
    if text.count("<") > _MOST_TAGS:
        raise ValueError("The XML text has too many elements.")
    try:
        return fromstring(text, forbid_dtd=True)
    except (ParseError, DefusedXmlException) as error:
        raise ValueError("The text is no readable XML.") from error
