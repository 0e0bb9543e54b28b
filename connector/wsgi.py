"""The web server's way in: `gunicorn connector.wsgi`. Refuses to start on a wrong environment."""

import os
import sys
import warnings

from django.core.wsgi import get_wsgi_application

# gunicorn stops for good at this exit code; at any other it would start a worker again and again.
_APP_LOAD_ERROR = 4


def refusal(problems: list[tuple[str, str, str]]) -> str:
    """One sentence that names everything wrong with the environment, or "" when it is right."""
    if not problems:
        return ""
    said = " ".join(f"{message} {hint}" for _, message, hint in problems)
    return f"The web server did not start; nothing was touched. {said}"


os.environ.setdefault("DJANGO_SETTINGS_MODULE", "connector.settings")
with warnings.catch_warnings():
    # Without collectstatic the files come from the apps' own folders; nothing is missing then.
    warnings.filterwarnings("ignore", message="No directory at", category=UserWarning)
    _django = get_wsgi_application()

from django.conf import settings  # noqa: E402  (needs the module named above)

from connector.request_limits import only_utf8  # noqa: E402

application = only_utf8(_django)

if _refusal := refusal(settings.ENVIRONMENT_PROBLEMS):
    sys.stderr.write(_refusal + "\n")
    sys.exit(_APP_LOAD_ERROR)
