# SPDX-License-Identifier: MIT
"""Django's own test runner: makes test_NAME, migrates it, drops it."""
import os
import sys
import unittest

sys.path.pop(0)  # this file must not hide the package
sys.path.append(os.getcwd())
import django
from django.conf import settings

settings.configure(
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth"], SECRET_KEY="x", DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    DATABASES={"default": {"ENGINE": "django.db.backends.postgresql", "NAME": os.environ["PGDATABASE"],
                           "USER": os.environ["PGUSER"], "PASSWORD": os.environ["PGPASSWORD"],
                           "HOST": os.environ["PGHOST"], "PORT": os.environ["PGPORT"]}})
django.setup()
from django.db import connection
from django.test import TestCase
from django.test.runner import DiscoverRunner


class Landing(TestCase):
    def test_name(self):
        with connection.cursor() as cursor:
            cursor.execute("select current_database()")
            assert cursor.fetchone()[0].startswith("test_mes_e2e_db")


class Second(Landing):
    pass


class Runner(DiscoverRunner):
    def build_suite(self, *args, **kwargs):
        return unittest.TestSuite([Landing("test_name"), Second("test_name")])


runner = Runner(verbosity=0, interactive=False)
sys.exit(bool(runner.run_tests([])))
