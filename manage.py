#!/usr/bin/env python
"""The door to every command: `python manage.py help` lists them."""

import os
import sys

from connector.management.command_line import main

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "connector.settings")
    main(sys.argv)
