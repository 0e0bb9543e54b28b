"""The addresses of all acts."""

from django.urls import path

from connector.web.actions import answers, many, map_and_replay, number, questions, removal
from connector.web.actions.dialogs import address

_ACTS = [
    *(many.REPLAY, many.DISMISS, many.KEEP, many.DIFFERENT, many.ASSIGN, many.SNOOZE, many.NOTE),
    *(questions.GO_ON, questions.ALWAYS, number.NUMBER, removal.REMOVE_IT, removal.AGAIN),
]
urlpatterns = [
    *map(address, _ACTS),
    path("acts/ours/<int:place>/", answers.ours, name="act-ours"),
    path("acts/removal/<int:pk>/", removal.look, name="act-removal"),
    path("acts/map/", map_and_replay.map_and_replay, name="act-map"),
]
