"""The addresses of all acts."""

from connector.web.actions import answers, map_and_replay, number, questions, removal, views

urlpatterns = [
    *views.urlpatterns,
    *answers.urlpatterns,
    *questions.urlpatterns,
    *number.urlpatterns,
    *removal.urlpatterns,
    *map_and_replay.urlpatterns,
]
