# SPDX-License-Identifier: MIT
import os

import sqlalchemy as sa
from sqlalchemy.orm import Session, declarative_base

Base = declarative_base()


class Item(Base):
    __tablename__ = "sqlalchemy_item"
    id = sa.Column(sa.Integer, primary_key=True)
    name = sa.Column(sa.String)


engine = sa.create_engine("postgresql+psycopg2://", future=True)
Base.metadata.create_all(engine)
Base.metadata.create_all(engine)  # compares what it finds
with Session(engine) as session:
    session.add(Item(name="x"))
    session.flush()
    assert session.query(Item).count() == 1
    assert session.execute(sa.select(sa.func.current_database())).scalar() == "mes_e2e_db"
    session.execute(sa.text("insert into landed values (:cell)"), {"cell": os.environ["LANDING"]})
    session.commit()
assert sa.inspect(engine).has_table("sqlalchemy_item")
assert "id" in sa.Table("sqlalchemy_item", sa.MetaData(), autoload_with=engine).columns
reflected = sa.MetaData()
reflected.reflect(engine)
assert {"landed", "witness", "sqlalchemy_item"} <= set(reflected.tables)
with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
    db.execute(sa.text("create database sqlalchemy_made"))
    names = db.execute(sa.text("select datname from pg_database where datname = :name"), {"name": "sqlalchemy_made"})
    assert names.scalar() == "sqlalchemy_made"
    db.execute(sa.text("drop database sqlalchemy_made"))
Base.metadata.drop_all(engine)
