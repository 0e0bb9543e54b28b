"""Which address shows what; those in docs/commands.md are promises."""

from django.contrib import admin
from django.urls import include, path

from connector import health
from connector.web import admin as admin_pages  # noqa: F401 (registers the administration's pages)
from connector.web import home, search
from connector.web.account import forgotten, invitations, login, password, security, signon
from connector.web.settings import create

urlpatterns = [
    *home.urlpatterns,
    *create.urlpatterns,
    *invitations.urlpatterns,
    *login.urlpatterns,  # before the administration's own login, which knows one factor only
    *security.urlpatterns,
    *password.urlpatterns,
    *forgotten.urlpatterns,
    *signon.urlpatterns,
    path("t/<slug:slug>/", include("connector.web.urls")),
    path("admin/search/", search.admin_search),
    path("admin/", admin.site.urls),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
]

handler429 = "connector.web.account.lockout.too_many"  # asked by django-allauth
