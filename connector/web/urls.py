"""Every address below /t/<slug>/: each page's module names its own."""

from connector.web import (
    audit,
    bill,
    bills,
    errands,
    exceptions,
    mapping_acts,
    mapping_approvals,
    mapping_files,
    mapping_what_if,
    mappings,
    people,
    questions,
    settings,
    targets,
    today,
)
from connector.web.setup import views as setup

urlpatterns = [
    *today.urlpatterns,
    *exceptions.urlpatterns,
    *bills.urlpatterns,
    *bill.urlpatterns,
    *errands.urlpatterns,
    *targets.urlpatterns,
    *setup.urlpatterns,
    *settings.urlpatterns,
    *questions.urlpatterns,
    *people.urlpatterns,
    *mapping_approvals.urlpatterns,
    *mapping_files.urlpatterns,
    *mapping_what_if.urlpatterns,
    *mapping_acts.urlpatterns,
    *mappings.urlpatterns,
    *audit.urlpatterns,
]
