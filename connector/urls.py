"""Which address shows what; contract.md's "Web addresses" are promises."""

from django.contrib import admin
from django.urls import include, path

from connector import health, views

_tenant = [
    path("", views.today, name="today"),
    path("exceptions/", views.exceptions, name="exceptions"),
    path("bills/", views.bill_list, name="bills"),
    # Ramp keeps the address without a slash for ever; neither form costs a redirect.
    path("bills/<str:bill_id>", views.bill, name="bill"),
    path("bills/<str:bill_id>/", views.bill),
]

urlpatterns = [
    path("", views.home, name="home"),
    path("t/<slug:slug>/", include(_tenant)),
    path("admin/", admin.site.urls),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
]
