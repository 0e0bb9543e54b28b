"""The addresses of all acts."""

from connector.web.acts import answers, bulk, mapping, questions, removal

urlpatterns = [
    *bulk.urlpatterns,
    *answers.urlpatterns,
    *questions.urlpatterns,
    *removal.urlpatterns,
    *mapping.urlpatterns,
]
