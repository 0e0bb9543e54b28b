"""The web server's way in: `gunicorn --limit-request-line 8190 connector.wsgi`.

Refuses to start where checks find errors.
"""

import os
import sys
import warnings

from django.core.wsgi import get_wsgi_application

# gunicorn stops for good at this exit code; at any other it would start a worker again and again.
_APP_LOAD_ERROR = 4


os.environ.setdefault("DJANGO_SETTINGS_MODULE", "connector.settings")
with warnings.catch_warnings():
    # Without collectstatic the files come from the apps' own folders; nothing is missing then.
    warnings.filterwarnings("ignore", message="No directory at", category=UserWarning)
    _django = get_wsgi_application()

from django.db import connections  # noqa: E402  (needs the module named above)

from connector import checks  # noqa: E402  (needs the applications)
from connector.http_server.request_limits import only_utf8  # noqa: E402

application = only_utf8(_django)

_refusal = checks.refusal(checks.problems())
connections.close_all()  # a process that is forked from here must not share one
if _refusal:
    sys.stderr.write(_refusal + "\n")
    sys.exit(_APP_LOAD_ERROR)
