"""What a Python program does with a database, through the gateway: the driver is the argument, the answer is JSON on stdout."""

import asyncio
import io
import json
import os
import sys
import threading

HOST, PORT, TOKEN, CA = "127.0.0.1", int(os.environ["CHAPERONE_PORT"]), os.environ["CHAPERONE_TOKEN"], os.environ.get("CHAPERONE_CA")
MASKED = "SELECT email FROM customers WHERE id = 1"
DENIED = "DELETE FROM orders WHERE id = 1001"
LIBPQ = {"host": HOST, "port": PORT, "user": "agent", "password": TOKEN, "dbname": "shop"}
LIBPQ |= {"sslmode": "verify-full", "sslrootcert": CA} if CA else {"sslmode": "disable"}


def run_psycopg() -> dict[str, object]:
    import psycopg

    out: dict[str, object] = {}
    with psycopg.connect(**LIBPQ, autocommit=True) as conn:
        for _ in range(8):  # past prepare_threshold
            out["masked"] = conn.execute("SELECT email FROM customers WHERE id = %s", [1]).fetchone()[0]
        out["binary"] = conn.execute("SELECT email, salary FROM customers WHERE id = %s", [1], binary=True).fetchone()[0]
        out["counted"] = conn.execute("SELECT count(*) FROM customers WHERE id <= %s", [7]).fetchone()[0]
        try:
            with conn.transaction():
                conn.execute(DENIED)
        except psycopg.Error as error:
            out["sqlstate"], out["hint"] = error.sqlstate, error.diag.message_hint
        out["orders"] = conn.execute("SELECT count(*) FROM orders").fetchone()[0]
        with conn.cursor().copy("COPY (SELECT email FROM customers ORDER BY id) TO STDOUT") as copy:
            out["copied"] = list(copy.rows())[0][0]
        conn.execute("CREATE TEMP TABLE t (id int, v text)")
        with conn.cursor().copy("COPY t (id, v) FROM STDIN (FORMAT binary)") as copy:
            copy.set_types(["int4", "text"])
            for n in range(3):
                copy.write_row((n, "x"))
        out["copiedIn"] = conn.execute("SELECT count(*) FROM t").fetchone()[0]
        with conn.transaction(), conn.cursor(name="c") as cursor:
            cursor.itersize = 7
            cursor.execute("SELECT id FROM orders")
            out["cursor"] = sum(1 for _ in cursor)
        with conn.pipeline():
            cursors = [conn.execute("SELECT email FROM customers WHERE id = %s", [n]) for n in range(1, 6)]
        out["pipeline"] = cursors[-1].fetchone()[0]
        with conn.cursor() as cursor:
            cursor.executemany("INSERT INTO t VALUES (%s, %s) RETURNING id", [(n, "y") for n in range(20)], returning=True)
        out["many"] = conn.execute("SELECT count(*) FROM t").fetchone()[0]
        out["cancelled"] = cancelled(conn.cancel_safe, lambda: conn.execute("SELECT pg_sleep(30)"))
    return out


def run_psycopg2() -> dict[str, object]:
    import psycopg2
    import psycopg2.extras

    out: dict[str, object] = {}
    conn = psycopg2.connect(**LIBPQ)
    cursor = conn.cursor()
    cursor.execute("SELECT email FROM customers WHERE id = %s", [1])
    out["masked"] = cursor.fetchone()[0]
    cursor.execute("SELECT count(*) FROM customers WHERE id <= %s", [7])
    out["counted"] = cursor.fetchone()[0]
    try:
        cursor.execute(DENIED)
    except psycopg2.Error as error:
        out["sqlstate"], out["hint"] = error.pgcode, error.diag.message_hint
    conn.rollback()
    cursor.execute("SELECT count(*) FROM orders")
    out["orders"] = cursor.fetchone()[0]
    data = io.StringIO()
    cursor.copy_expert("COPY (SELECT email FROM customers ORDER BY id) TO STDOUT", data)
    out["copied"] = data.getvalue().split("\n")[0]
    cursor.execute("CREATE TEMP TABLE t (id int, v text)")
    cursor.copy_from(io.StringIO("1\ta\n2\tb\n3\t\\N\n"), "t")
    cursor.execute("SELECT count(*) FROM t")
    out["copiedIn"] = cursor.fetchone()[0]
    with conn.cursor(name="c") as named:
        named.itersize = 7
        named.execute("SELECT id FROM orders")
        out["cursor"] = sum(1 for _ in named)
    psycopg2.extras.execute_values(cursor, "INSERT INTO t VALUES %s", [(n, "y") for n in range(20)])
    cursor.execute("SELECT count(*) FROM t")
    out["many"] = cursor.fetchone()[0]
    out["cancelled"] = cancelled(conn.cancel, lambda: cursor.execute("SELECT pg_sleep(30)"))
    conn.rollback()
    conn.close()
    return out


def cancelled(cancel, work) -> str:
    """Asks again until the statement has ended: the first request may come before it runs."""
    over = threading.Event()

    def ask() -> None:
        while not over.wait(0.05):
            cancel()

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        work()
        return "not cancelled"
    except Exception as error:  # the drivers' own classes
        return getattr(error, "sqlstate", None) or getattr(error, "pgcode", None) or repr(error)
    finally:
        over.set()
        asking.join()


async def run_asyncpg() -> dict[str, object]:
    import ssl

    import asyncpg

    out: dict[str, object] = {}
    context = ssl.create_default_context(cafile=CA) if CA else False
    conn = await asyncpg.connect(host=HOST, port=PORT, user="agent", password=TOKEN, database="shop", ssl=context)
    statement = await conn.prepare("SELECT email FROM customers WHERE id = $1")
    for _ in range(6):
        out["masked"] = await statement.fetchval(1)
    out["counted"] = await conn.fetchval("SELECT count(*) FROM customers WHERE id <= $1", 7)
    try:
        async with conn.transaction():
            await conn.execute(DENIED)
    except asyncpg.PostgresError as error:
        out["sqlstate"], out["hint"] = error.sqlstate, error.hint
    out["orders"] = await conn.fetchval("SELECT count(*) FROM orders")
    data = io.BytesIO()
    await conn.copy_from_query("SELECT email FROM customers ORDER BY id", output=data)
    out["copied"] = data.getvalue().decode().split("\n")[0]
    await conn.execute("CREATE TEMP TABLE t (id int, v text)")
    await conn.copy_records_to_table("t", records=[(n, "x") for n in range(3)])
    out["copiedIn"] = await conn.fetchval("SELECT count(*) FROM t")
    async with conn.transaction():
        out["cursor"] = len([row async for row in conn.cursor("SELECT id FROM orders", prefetch=7)])
    await conn.executemany("INSERT INTO t VALUES ($1, $2)", [(n, "y") for n in range(20)])
    out["many"] = await conn.fetchval("SELECT count(*) FROM t")
    # Composites, enums, arrays and domains make asyncpg read the catalogue.
    out["types"] = str((await conn.fetchrow("SELECT state, discount FROM orders ORDER BY id LIMIT 1"))["state"])
    await conn.fetch("SELECT tags FROM profiles")
    try:
        await conn.execute("SELECT pg_sleep(30)", timeout=0.3)
        out["cancelled"] = "not cancelled"
    except asyncio.TimeoutError:
        out["cancelled"] = "57014"
    out["alive"] = await conn.fetchval("SELECT 1")
    await conn.close()
    return out


driver = sys.argv[1]
result = asyncio.run(run_asyncpg()) if driver == "asyncpg" else {"psycopg": run_psycopg, "psycopg2": run_psycopg2}[driver]()
print(json.dumps(result))
