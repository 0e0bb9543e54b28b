"""The addresses of all acts."""

from connector.web.acts import answers, bulk, mapping, number, questions, removal

urlpatterns = [
    *bulk.urlpatterns,
    *answers.urlpatterns,
    *questions.urlpatterns,
    *number.urlpatterns,
    *removal.urlpatterns,
    *mapping.urlpatterns,
]
