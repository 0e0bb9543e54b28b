"""What an OpenID provider says of itself, remembered, so that visitors cannot make us ask and ask.

Kept in the cache that every web process sees. One process asks at a time; meanwhile the others go
on with the last answer, and a failure is remembered briefly, too.
"""

import hashlib
import logging
from collections.abc import Callable
from typing import Any

from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from django.core.cache import cache
from requests import RequestException

logger = logging.getLogger(__name__)

FRESH_S = 300
FAILED_S = 30  # also how long one process may ask before another does
_KEPT_S = 24 * 3600  # an old answer, for while somebody asks for a new one

Configuration = dict[str, Any]


def remembered(issuer: str, ask: Callable[[], Configuration]) -> Configuration:
    """What `ask` answers for this issuer, or answered lately: a failure ends no good answer.

    While nothing is known: raises OAuth2Error or RequestException as `ask` does, and OAuth2Error
    when it failed just now or is being asked.
    """
    key = "openid:" + hashlib.sha256(issuer.encode()).hexdigest()
    known: Configuration | None = cache.get(key)
    if known is not None and cache.get(f"{key}:fresh"):
        return known
    if not cache.add(f"{key}:asked", "yes", FAILED_S):
        if known is not None:
            return known
        raise OAuth2Error("The provider was asked just now and has not answered.")
    try:
        answer = ask()
    except (OAuth2Error, RequestException) as error:
        if known is None:
            raise
        logger.warning(
            "The single sign-on's provider does not answer as it should (%s); what it said "
            "before serves for a day.",
            type(error).__name__,
        )
        return known
    known = answer
    cache.set_many({key: known}, _KEPT_S)
    cache.set(f"{key}:fresh", "yes", FRESH_S)
    cache.delete(f"{key}:asked")
    return known
