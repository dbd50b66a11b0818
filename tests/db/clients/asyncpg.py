# SPDX-License-Identifier: MIT
import asyncio
import os
import asyncpg


async def main():
    db = await asyncpg.connect()
    assert await db.fetchval("select current_database()") == "mes_e2e_db"
    assert await db.fetchval("select datname from pg_database where datname = $1", "mes_e2e_db") == "mes_e2e_db"
    assert await db.fetchval("select array[current_database()::text]") is not None
    await db.execute("insert into landed values ($1)", os.environ["LANDING"])
    await db.execute("create database asyncpg_made")
    await (await asyncpg.connect(database="asyncpg_made")).close()
    await db.execute("drop database asyncpg_made")
    pool = await asyncpg.create_pool(min_size=5, max_size=20)
    found = await asyncio.gather(*(pool.fetchval("select current_database() || pg_sleep(0.01)") for _ in range(100)))
    assert set(found) == {"mes_e2e_db"}, set(found)
    await pool.close()
    await db.close()

asyncio.run(main())
