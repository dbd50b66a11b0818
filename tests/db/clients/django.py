# SPDX-License-Identifier: MIT
"""Django's own test runner in parallel: makes test_NAME, migrates it, clones it to test_NAME_1 and _2, drops all three."""
import os
import sys
import unittest

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
            assert cursor.fetchone()[0] in ("test_mes_e2e_db_1", "test_mes_e2e_db_2")


class Second(Landing):
    pass


class Runner(DiscoverRunner):
    def build_suite(self, *args, **kwargs):
        suite = unittest.TestSuite([Landing("test_name"), Second("test_name")])
        return self.parallel_test_suite(suite, self.parallel, self.failfast)


with connection.cursor() as main:
    main.execute("insert into landed values (%s)", [os.environ["LANDING"]])
connection.close()
runner = Runner(verbosity=0, interactive=False, parallel=2)
sys.exit(bool(runner.run_tests([])))
