"""Environment in, Django settings out; nothing else reads the environment."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.templatetags.static import static
from django.urls import reverse_lazy

from connector.environment import Environment

BASE_DIR = Path(__file__).resolve().parent.parent
_env = Environment(BASE_DIR)

DEBUG = _env.flag("DEBUG")
SECRET_KEY = _env.secret("SECRET_KEY", debug=DEBUG)
FIELD_ENCRYPTION_KEY = _env.encryption_keys(debug=DEBUG)
AUDIT_KEY = _env.secret("AUDIT_KEY", debug=DEBUG)
PUBLIC_URL = _env.address("PUBLIC_URL", "http://127.0.0.1:8000")
_HTTPS = PUBLIC_URL.startswith("https://")
ALLOWED_HOSTS = _env.comma_list("ALLOWED_HOSTS") or [
    host for host in {"localhost", "127.0.0.1", urlsplit(PUBLIC_URL).hostname} if host
]
CSRF_TRUSTED_ORIGINS = _env.origins("CSRF_TRUSTED_ORIGINS", PUBLIC_URL)
TRUSTED_PROXIES = _env.proxies("TRUSTED_PROXIES")
METRICS_TOKEN = _env.text("METRICS_TOKEN")

DATABASES = {"default": _env.database()}
AUDIT_HEADS = _env.audit_heads(DATABASES["default"])
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "unfold",
    # Its pages are found by connector/urls.py: no command and no worker needs them.
    "django.contrib.admin.apps.SimpleAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_filters",
    "axes",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "audit",
    "mappings",
    "connector",  # before django_q: its `qcluster` takes the place of the package's
    "django_q",
]
MIDDLEWARE = [
    "connector.http_server.middleware.TrustedProxies",  # first: others read what it sets
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "connector.http_server.middleware.ContentSecurityPolicy",
    "connector.health.MachineAddresses",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "connector.http_server.request_limits.RequestLimits",  # before the body is read
    "connector.tenants.middleware.TenantScope",
    "connector.accounts.middleware.SecondFactor",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "axes.middleware.AxesMiddleware",
]
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_FAILURE_LIMIT = 5
AXES_HANDLER = "connector.web.account.logins.Handler"  # locks an address that tries many names, too
AXES_COOLOFF_TIME = 1  # hours
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # the time that the page tells stays true
AXES_LOCKOUT_CALLABLE = "connector.web.account.lockout.locked_out"
AXES_USERNAME_CALLABLE = "connector.web.account.logins.name_of"
AXES_CLIENT_IP_CALLABLE = "connector.web.account.logins.client_of"
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "/"

# Who has to log in with a second factor everywhere; a tenant can ask for it of its own people, too.
SECOND_FACTOR = _env.choice(
    "SECOND_FACTOR", ("optional", "administrators", "everybody"), "optional"
)
# Single sign-on by OpenID Connect, optional; connector/accounts/signon.py.
_sign_on = _env.single_sign_on()
OIDC_ISSUER = _sign_on["issuer"]
OIDC_NAME = _env.text("OIDC_NAME") or "single sign-on"
OIDC_ALLOWED_DOMAINS = [
    domain.lower().lstrip("@") for domain in _env.comma_list("OIDC_ALLOWED_DOMAINS")
]
OIDC_EMAILS_VERIFIED = _env.flag("OIDC_EMAILS_VERIFIED")
if OIDC_EMAILS_VERIFIED and not OIDC_ALLOWED_DOMAINS:
    OIDC_EMAILS_VERIFIED = False
    _env.problems.append(
        (
            "connector.E021",
            "OIDC_EMAILS_VERIFIED is on for every domain there is.",
            "Name the provider's own domains in OIDC_ALLOWED_DOMAINS.",
        )
    )
OIDC_SECOND_FACTOR = _env.flag("OIDC_SECOND_FACTOR")
SOCIALACCOUNT_ADAPTER = "connector.accounts.signon.SignOnAdapter"
SOCIALACCOUNT_REQUESTS_TIMEOUT = 10  # seconds
SOCIALACCOUNT_STORE_TOKENS = False
SOCIALACCOUNT_PROVIDERS = {
    "openid_connect": {
        "APPS": [
            {
                "provider_id": "sso",
                "name": OIDC_NAME,
                "client_id": _sign_on["client_id"],
                "secret": _sign_on["client_secret"],
                "settings": {"server_url": OIDC_ISSUER, "oauth_pkce_enabled": True},
            }
        ]
        if OIDC_ISSUER
        else []
    }
}
ACCOUNT_ADAPTER = "connector.accounts.adapters.AccountAdapter"
ACCOUNT_EMAIL_VERIFICATION = "none"  # addresses are given by administrators
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_ENABLED = False
ACCOUNT_LOGIN_TIMEOUT = 600  # seconds between the password and the second factor
ACCOUNT_REAUTHENTICATION_TIMEOUT = 600
ACCOUNT_RATE_LIMITS = {  # wrong codes of a person; asking for a link; typing one's password again
    "single_sign_on": "60/m/ip",
    "login_failed": "20/h/key",
    "reset_password": "20/h/ip,3/h/key",
    "reauthenticate": "10/m/user",
}
MFA_ADAPTER = "connector.accounts.adapters.FactorAdapter"
MFA_FORMS = {
    "add_webauthn": "connector.accounts.forms.AddPasskeyForm",
    "authenticate_webauthn": "connector.accounts.forms.PasskeyForm",
    "login_webauthn": "connector.accounts.forms.PasskeyAloneForm",
    "reauthenticate_webauthn": "connector.accounts.forms.PasskeyAgainForm",
}
MFA_RATE_LIMITS = {"webauthn_login": "60/m/ip"}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_TOTP_ISSUER = "ml-connector"
MFA_TOTP_TOLERANCE = 1  # clocks may be 30 seconds apart

ROOT_URLCONF = "connector.urls"
WSGI_APPLICATION = "connector.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
            "libraries": {
                "bill_actions": "connector.web.templatetags.bill_actions",
                "bill_ui": "connector.web.templatetags.bill_ui",
                "connector_ui": "connector.web.templatetags.connector_ui",
            },
        },
    },
]

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"  # stored times are UTC; a bill's dates are days and know no zone
USE_TZ = True
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "static_root"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True  # a first run needs no collectstatic

SECURE_SSL_REDIRECT = False  # the proxy does it; a redirect would lose Ramp's deliveries
# Taken off every request that a listed proxy did not send, see TrustedProxies.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_HSTS_SECONDS = 31_536_000 if _HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = _HTTPS
SECURE_HSTS_PRELOAD = _HTTPS
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _HTTPS
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_HTTPONLY = True
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_NUMBER_FIELDS = 6000  # at most 5,000 ticked bills come with one form
SILENCED_SYSTEM_CHECKS = ["security.W008"]  # SECURE_SSL_REDIRECT, see above

# Used codes and counted tries: all web processes must see the same ones.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "connector_cache",
        "OPTIONS": {"MAX_ENTRIES": 10_000},
    },
    "process": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
}

# django-q2 only asks a worker to look: each task runs once, and our own rows decide what is due.
# The rule is retry > timeout * (ceil((queue_limit + 1) / workers) + 1).
Q_CLUSTER: dict[str, Any] = {
    "name": "ml-connector",
    "workers": 2,
    "queue_limit": 1,
    "bulk": 1,
    "timeout": 120,
    "retry": 600,
    "ack_failures": True,
    "max_attempts": 1,
    "catch_up": False,
    "save_limit": 100,
    "poll": 1,
    "recycle": 500,
    "cache": "process",
    "ALT_CLUSTERS": {},
}
Q_CLUSTER.update(_env.broker())

# What registers jobs and what every minute is for (connector/jobs/registry.py), in this order.
JOB_MODULES = [
    "connector.sync.scheduling",
    "connector.actions.bill_jobs",
    "connector.actions.live_lookup",
    "connector.actions.mapping_import",
    "connector.actions.mapping_usage",
    "connector.actions.mapping_what_if",
    "connector.actions.rehearsal",
    "connector.actions.requests",
    "connector.actions.tenant_setup",
    "connector.actions.verify_audit",
    "connector.accounts.sessions",
]

_email = _env.email()
EMAIL_BACKEND = _email["EMAIL_BACKEND"]
EMAIL_HOST = _email.get("EMAIL_HOST") or "localhost"
EMAIL_PORT = _email.get("EMAIL_PORT") or 25
EMAIL_HOST_USER = _email.get("EMAIL_HOST_USER") or ""
EMAIL_HOST_PASSWORD = _email.get("EMAIL_HOST_PASSWORD") or ""
EMAIL_USE_TLS = bool(_email.get("EMAIL_USE_TLS"))
EMAIL_USE_SSL = bool(_email.get("EMAIL_USE_SSL"))
DEFAULT_FROM_EMAIL = _env.text("EMAIL_FROM") or f"ml-connector@{urlsplit(PUBLIC_URL).hostname}"
SENDS_MAIL = bool(_env.text("EMAIL_URL")) or DEBUG  # links to passwords must not end in a log
EMAIL_TIMEOUT = 20  # seconds; a mail server that hangs must not hold a page

LOG_LEVEL = _env.choice("LOG_LEVEL", ("DEBUG", "INFO", "WARNING", "ERROR"), "INFO")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "connector.logging.JsonFormatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        "django": {
            "handlers": [],
            "level": LOG_LEVEL,
        },  # one line each, redacted; no second handler
        "httpx": {"level": "WARNING"},  # it logs whole addresses at INFO
        "axes": {"level": "WARNING"},
        "urllib3": {"level": "WARNING"},  # it logs addresses at DEBUG
        "django-q": {"level": "WARNING"},  # it logs every heartbeat at INFO
        "django.server": {"handlers": [], "propagate": True},
    },
}

UNFOLD = {
    "SITE_TITLE": "ml-connector",
    "SITE_HEADER": "ml-connector",
    "SITE_SUBHEADER": "Ramp to Epicor Kinetic",
    "SITE_URL": "/",
    "SHOW_HISTORY": True,
    "SITE_ICON": lambda request: static("connector/icon.svg"),
    "SITE_FAVICONS": [
        {
            "rel": "icon",
            "type": "image/svg+xml",
            "href": lambda request: static("connector/icon.svg"),
        }
    ],
    "ACCOUNT": {
        "navigation": [
            {"title": "Your account", "link": reverse_lazy("account")},
            {"title": "Change password", "link": reverse_lazy("admin:password_change")},
        ]
    },
    "STYLES": [lambda request: static("connector/app.css")],
    "SIDEBAR": {"navigation": "connector.web.navigation.sidebar"},
}

ENVIRONMENT_PROBLEMS = _env.problems
