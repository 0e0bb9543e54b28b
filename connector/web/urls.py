"""Every address below /t/<slug>/: each page's module names its own."""

from connector.web import bill, bills, errands, exceptions, today

urlpatterns = [
    *today.urlpatterns,
    *exceptions.urlpatterns,
    *bills.urlpatterns,
    *bill.urlpatterns,
    *errands.urlpatterns,
]
