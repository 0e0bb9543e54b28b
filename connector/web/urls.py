"""Every address below /t/<slug>/: each page's module names its own."""

from connector.web import audit, bill, bills, errands, exceptions, people, settings, today
from connector.web.setup import views as setup

urlpatterns = [
    *today.urlpatterns,
    *exceptions.urlpatterns,
    *bills.urlpatterns,
    *bill.urlpatterns,
    *errands.urlpatterns,
    *setup.urlpatterns,
    *settings.urlpatterns,
    *people.urlpatterns,
    *audit.urlpatterns,
]
