"""The addresses of all acts."""

from connector.web.acts import answers, bulk, mapping, number, removal

urlpatterns = [
    *bulk.urlpatterns,
    *answers.urlpatterns,
    *number.urlpatterns,
    *removal.urlpatterns,
    *mapping.urlpatterns,
]
