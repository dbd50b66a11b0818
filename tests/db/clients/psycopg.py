# SPDX-License-Identifier: MIT
import os

import psycopg

with psycopg.connect("", autocommit=True) as db:
    for binary in (False, True):
        cur = db.cursor(binary=binary)
        assert cur.execute("select current_database()").fetchone()[0] == "mes_e2e_db"
        for _ in range(7):  # from the fifth time on it is a prepared statement
            row = cur.execute("select datname from pg_database where datname = %s", ["mes_e2e_db"]).fetchone()
            assert row[0] == "mes_e2e_db"
    with db.pipeline():
        found = [db.execute("select %s::int, current_database()", [i]) for i in range(50)]
    assert [c.fetchone() for c in found] == [(i, "mes_e2e_db") for i in range(50)]
    with db.cursor().copy("copy (select current_database()::text) to stdout") as copy:
        list(copy)
    db.execute("insert into landed values (%s)", [os.environ["LANDING"]])
    assert db.info.dbname == "mes_e2e_db"
