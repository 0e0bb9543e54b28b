"""The addresses of all acts."""

from connector.web.acts import answers, bulk, mapping, removal

urlpatterns = [
    *bulk.urlpatterns,
    *answers.urlpatterns,
    *removal.urlpatterns,
    *mapping.urlpatterns,
]
