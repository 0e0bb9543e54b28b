"""Every address below /t/<slug>/: each page's module names its own."""

from connector.web import activity, members, today
from connector.web.audit import trail
from connector.web.bills import detail, listing
from connector.web.exceptions import page, questions
from connector.web.mappings import approvals, autocomplete, edit, files, grid, what_if
from connector.web.settings import page as settings_page
from connector.web.settings import setup as setup

urlpatterns = [
    *today.urlpatterns,
    *page.urlpatterns,
    *listing.urlpatterns,
    *detail.urlpatterns,
    *activity.urlpatterns,
    *autocomplete.urlpatterns,
    *setup.urlpatterns,
    *settings_page.urlpatterns,
    *questions.urlpatterns,
    *members.urlpatterns,
    *approvals.urlpatterns,
    *files.urlpatterns,
    *what_if.urlpatterns,
    *edit.urlpatterns,
    *grid.urlpatterns,
    *trail.urlpatterns,
]
