# SPDX-License-Identifier: MIT
import os

import psycopg2
from psycopg2 import errors

db = psycopg2.connect("")
db.autocommit = True
cur = db.cursor()


def one(text, *args):
    cur.execute(text, args)
    return cur.fetchone()[0]


assert one("select current_database()") == "mes_e2e_db"
assert one("select datname from pg_database where datname = %s", "mes_e2e_db") == "mes_e2e_db"
cur.execute("insert into landed values (%s)", [os.environ["LANDING"]])
cur.execute("create database psycopg2_made")
assert psycopg2.connect(dbname="psycopg2_made").cursor() and one("select count(*) from pg_database where datname = 'psycopg2_made'") == 1
cur.execute("drop database psycopg2_made with (force)")
try:
    psycopg2.connect(dbname="nosuch")
    raise SystemExit("connected to nosuch")
except psycopg2.OperationalError as error:
    assert 'database "nosuch" does not exist' in str(error), error
try:  # a database of all workers, or, where the server is the worker's own, one that is a template
    cur.execute("drop database template1")
    raise SystemExit("dropped template1")
except (errors.InsufficientPrivilege, errors.WrongObjectType):
    pass
