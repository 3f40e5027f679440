import 'reflect-metadata';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { text as textOf } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { ExtendedKeyUsage } from '@peculiar/x509';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import Cursor from 'pg-cursor';
import postgresJs from 'postgres';
import { CertificateAuthority } from '../identity/certificate-authority.ts';
import { type ClientTool, goClient, javaClient, pythonTools, systemPsql } from '../support/client-tools.ts';
import { openPolicy, shopDatabase, type ShopGateway, startShop, startShopGateway } from '../support/gateway.ts';
import { type Postgres } from '../support/postgres.ts';

/** Real clients do what their users do: all of it must work, masked, and a denial must leave the session well. */

const run = promisify(execFile);
const tls = ['plaintext on loopback', 'TLS, verified'] as const;
type Tls = (typeof tls)[number];

const tools = {
  python: await pythonTools(),
  java: await javaClient(),
  go: await goClient(),
  psql: await systemPsql(),
};

const email = 'c****@leak.example';
const deletes = 'DELETE FROM orders WHERE id = 1001';

let directory: string;

beforeAll(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'chaperone-clients-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** All is allowed but DELETE. */
function policies(): Parameters<typeof startShopGateway>[0] {
  const open = openPolicy();
  // What `\dt+` and its kind ask for: sizes of tables tell of the data, so they are granted by name.
  const sizes = { name: 'sizes', effect: 'Allow', postgresql: { operations: ['Select'], relations: ['*.*'], functions: ['pg_catalog.pg_table_size'] } } as const;
  return { policies: { open: { ...open, rules: [...open.rules, sizes, { name: 'never', effect: 'Deny', postgresql: { operations: ['Delete'], relations: ['public.orders'] } }] } } };
}

describe.each([18, 15] as const)('before PostgreSQL %d', (version) => {
  let postgres: Postgres;
  let shop: ShopGateway;
  let token: string;
  let authority: CertificateAuthority;

  beforeAll(async () => {
    postgres = await startShop(version);
    authority = await CertificateAuthority.create('CN=published');
    const own = await authority.issue({ subject: 'CN=localhost', names: [{ type: 'dns', value: 'localhost' }, { type: 'ip', value: '127.0.0.1' }], usages: [ExtendedKeyUsage.serverAuth] });
    shop = await startShopGateway({ postgres, ...policies(), secrets: { tls: { 'tls.crt': own.pem, 'tls.key': own.keyPem } } });
    await shop.edit(({ connection }) => Object.assign(connection, { gateway: { port: shop.port, replicas: 1, drainTimeout: '2s', tls: { secretRef: { name: 'tls' } } } }));
    token = await shop.token();
    writeFileSync(authorityFile(), authority.pem);
  }, 60_000);
  afterAll(async () => {
    await shop.close();
    await postgres.stop();
  });

  const authorityFile = (): string => path.join(directory, `ca-${String(version)}.pem`);

  async function answers(tool: ClientTool | undefined, args: readonly string[], mode: Tls): Promise<Record<string, unknown>> {
    if (tool === undefined) throw new Error('it is not installed here');
    const env = { PATH: process.env['PATH'], HOME: process.env['HOME'], CHAPERONE_PORT: String(shop.port), CHAPERONE_TOKEN: token, ...(mode === 'TLS, verified' && { CHAPERONE_CA: authorityFile() }) };
    const { stdout } = await run(tool.command, [...tool.args, ...args], { env, timeout: 60_000 });
    expect(stdout).not.toContain('canary');
    return JSON.parse(stdout) as Record<string, unknown>;
  }

  const denied = { sqlstate: '42501', hint: expect.any(String), orders: 200 };

  (tools.java === undefined ? describe.skip : describe)('pgjdbc', () => {
    test.each(tls.flatMap((mode) => (['extended', 'simple', 'extendedForPrepared', 'extendedCacheEverything'] as const).map((query) => [query, mode] as const)))('%s, %s', async (query, mode) => {
      const heard = await answers(tools.java, [query], mode);
      expect(heard).toMatchObject({
        masked: email, salary: '30000.00', birth: '1960-01-01', counted: 7, ...denied, batch: 50, generated: true, cursor: 200, cancelled: '57014',
        tables: expect.stringContaining('customers'), columns: 'id name email ssn phone birth salary notes address created', keys: 'id', foreign: 'customers',
        indexes: expect.stringContaining('customers_email_key'), schemas: expect.stringContaining('support'), functions: expect.stringContaining('add_tax'),
        ...(query !== 'simple' && { copied: email, copiedIn: 3 }),
      });
    }, 60_000);
  });

  (tools.python === undefined ? describe.skip : describe)('Python', () => {
    test.each(tls)('psycopg 3, %s', async (mode) => {
      expect(await answers(tools.python?.client, ['psycopg'], mode)).toMatchObject({ masked: email, binary: email, counted: 7, ...denied, copied: email, copiedIn: 3, cursor: 200, many: 23, cancelled: '57014' });
    });
    test.each(tls)('psycopg2, %s', async (mode) => {
      expect(await answers(tools.python?.client, ['psycopg2'], mode)).toMatchObject({ masked: email, counted: 7, ...denied, copied: email, copiedIn: 3, cursor: 200, many: 23, cancelled: '57014' });
    });
    test.each(tls)('asyncpg, %s', async (mode) => {
      expect(await answers(tools.python?.client, ['asyncpg'], mode)).toMatchObject({ masked: email, counted: 7, ...denied, copied: email, copiedIn: 3, cursor: 200, many: 23, cancelled: '57014', alive: 1 });
    });
  });

  (tools.go === undefined ? describe.skip : describe)('Go', () => {
    test.each(tls)('pgx, %s', async (mode) => {
      expect(await answers(tools.go, ['pgx'], mode)).toMatchObject({ masked: email, counted: 7, ...denied, batch: email, copied: email, copiedIn: 3, cancelled: true });
    });
    test.each(['simple', 'describe', 'exec'])('pgx in the mode %s', async (mode) => {
      expect(await answers(tools.go, ['pgx', mode], 'TLS, verified')).toMatchObject({ masked: email, counted: 7, ...denied, batch: email });
    });
    test.each(tls)('lib/pq, %s', async (mode) => {
      expect(await answers(tools.go, ['pq'], mode)).toMatchObject({ masked: email, counted: 7, ...denied, copiedIn: 3, cancelled: true });
    });
  });

  describe('node-postgres', () => {
    test.each(tls)('%s', async (mode) => {
      const client = await shop.connect(mode === 'TLS, verified' ? { ssl: { ca: authority.pem } } : {});
      expect((await client.query('SELECT email, salary FROM customers WHERE id = 1')).rows).toEqual([{ email, salary: '30000.00' }]);
      for (let id = 1; id < 6; id++) expect((await client.query({ name: 'by id', text: 'SELECT email FROM customers WHERE id = $1', values: [id] })).rows).toEqual([{ email }]);
      expect((await client.query({ text: 'SELECT email FROM customers WHERE id = $1', values: [1], binary: true } as pg.QueryConfig)).rowCount).toBe(1);
      await client.query('BEGIN');
      await expect(client.query(deletes)).rejects.toMatchObject({ code: '42501', hint: expect.any(String), detail: expect.any(String) });
      await client.query('ROLLBACK');
      const cursor = client.query(new Cursor('SELECT o.id, c.email FROM orders o JOIN customers c ON c.id = o.customer_id ORDER BY o.id'));
      expect(await cursor.read(3)).toHaveLength(3);
      expect(await cursor.read(500)).toHaveLength(197);
      await cursor.close();
      const sleeping = client.query('SELECT pg_sleep(30)').catch((error: unknown) => error);
      const { processID, secretKey } = client as unknown as { processID: number; secretKey: number };
      await cancelUntilOver(processID, secretKey, sleeping);
      expect(await sleeping).toMatchObject({ code: '57014' });
      expect((await client.query('SELECT count(*)::int AS n FROM orders')).rows).toEqual([{ n: 200 }]);
    });
  });

  async function cancelUntilOver(processID: number, secretKey: number, work: Promise<unknown>): Promise<void> {
    const over = new AbortController();
    void work.finally(() => over.abort());
    while (!over.signal.aborted) {
      await new Promise<void>((resolve) => {
        const other = new pg.Client({ host: '127.0.0.1', port: shop.port }) as unknown as { connection: { connect(port: number, host: string): void; once(event: string, then: () => void): void; cancel(id: number, key: number): void } };
        other.connection.once('connect', () => other.connection.cancel(processID, secretKey));
        other.connection.once('end', resolve);
        other.connection.connect(shop.port, '127.0.0.1');
      });
    }
  }

  describe('postgres.js', () => {
    test.each(tls)('%s', async (mode) => {
      const sql = postgresJs({ host: '127.0.0.1', port: shop.port, database: shopDatabase, user: 'agent', password: token, max: 1, onnotice: () => undefined, ssl: mode === 'TLS, verified' ? { ca: authority.pem } : false });
      try {
        for (const id of [1, 2, 3]) expect(await sql`SELECT email FROM customers WHERE id = ${id}`).toEqual([{ email }]);
        expect(await sql.unsafe('SELECT email FROM customers WHERE id = 1')).toEqual([{ email }]);
        await expect(sql.begin(async (transaction) => transaction.unsafe(deletes))).rejects.toMatchObject({ code: '42501', hint: expect.any(String) });
        let count = 0;
        for await (const rows of sql`SELECT id FROM orders`.cursor(7)) count += rows.length;
        expect(count).toBe(200);
        expect((await textOf(await sql`COPY (SELECT email FROM customers ORDER BY id) TO STDOUT`.readable())).split('\n')[0]).toBe(email);
        await sql`CREATE TEMP TABLE t (id int, v text)`;
        await pipeline(Readable.from(['1\ta\n', '2\tb\n3\tc\n']), await sql`COPY t FROM STDIN`.writable());
        expect(await sql`SELECT count(*)::int AS n FROM t`).toEqual([{ n: 3 }]);
        await sql`INSERT INTO t ${sql([{ id: 4, v: 'd' }, { id: 5, v: 'e' }])}`;
        expect(await sql`SELECT state FROM orders ORDER BY id LIMIT 1`).toHaveLength(1);
        const sleeping = sql`SELECT pg_sleep(30)`.execute();
        const outcome = sleeping.then(() => 'finished', (error: unknown) => error);
        const asking = setInterval(() => sleeping.cancel(), 50);
        expect(await outcome).toMatchObject({ code: '57014' });
        clearInterval(asking);
        expect(await sql`SELECT 1 AS one`).toEqual([{ one: 1 }]);
      } finally {
        await sql.end({ timeout: 1 });
      }
    });
  });

  const psqls = [['the system\'s psql', tools.psql] as const, ['psql 18', tools.python?.psql] as const].filter(([, program]) => program !== undefined);

  describe.each(psqls)('%s', (name, program) => {
    let psqlMajor: number;
    beforeAll(async () => {
      const { stdout } = await run(program ?? '', ['--version']);
      psqlMajor = Number(/\d+/.exec(stdout)?.[0]);
    });

    async function psql(script: string, mode: Tls = 'plaintext on loopback', args: readonly string[] = []): Promise<{ out: string; err: string }> {
      const ssl = mode === 'TLS, verified' ? { PGSSLMODE: 'verify-full', PGSSLROOTCERT: authorityFile() } : { PGSSLMODE: 'disable' };
      const file = path.join(directory, 'script.sql');
      writeFileSync(file, script);
      const { stdout, stderr } = await run(program ?? '', ['-X', '-A', '-t', '-f', file, ...args], {
        env: { PATH: process.env['PATH'], PGHOST: '127.0.0.1', PGPORT: String(shop.port), PGUSER: 'agent', PGDATABASE: shopDatabase, PGPASSWORD: token, ...ssl }, timeout: 60_000,
      });
      expect(stdout + stderr).not.toContain('canary');
      return { out: stdout, err: stderr };
    }

    test('reads, is denied, and goes on', async () => {
      const { out, err } = await psql(`SELECT email FROM customers WHERE id = 1;\nBEGIN;\n${deletes};\nROLLBACK;\nSELECT count(*) FROM orders;`);
      expect(out).toContain(email);
      expect(out).toContain('200');
      expect(err).toMatch(/42501|denied/);
      expect(err).toMatch(/HINT:/);
    });

    test.each([
      '\\d', '\\d customers', '\\d+ customers', '\\d+ events', '\\d+ customer_directory', '\\dt+', '\\dv+', '\\dm+', '\\di+', '\\ds', '\\df', '\\dT+', '\\dn+', '\\dp', '\\du', '\\dx', '\\l', '\\db', '\\dD',
      '\\dRp', '\\des', '\\ddp', '\\dL', '\\dO', '\\do +', '\\dF', '\\dy', '\\drds', '\\dP+', '\\dX', '\\dA', '\\dc', '\\dC', '\\encoding', '\\conninfo',
    ])('%s', async (meta) => {
      const { err } = await psql(meta);
      const isOlder = psqlMajor < version;
      // An older psql asks newer servers for columns that are gone.
      if (isOlder && /column \S+ does not exist/.test(err)) return;
      expect(err.replaceAll(/.*Did not find any.*\n?/g, '').replaceAll(/.*error: $/g, '')).toBe('');
    });

    test.each(['\\df+ add_tax', '\\dconfig work_mem', '\\sf email_of', '\\dt+'])('%s is answered or denied in words, and the session goes on', async (meta) => {
      const { out, err } = await psql(`${meta}\nSELECT 'alive';`);
      expect(out).toContain('alive');
      if (err !== '') expect(err).toMatch(/ERROR: {2}(denied|current_setting)/);
    });

    test('\\sv', async () => {
      expect((await psql('\\sv customer_directory')).out).toMatch(/SELECT (customers\.)?id/);
    });

    test('\\copy in both directions, and COPY', async () => {
      const file = path.join(directory, 'copied.csv');
      const { out } = await psql(`\\copy (SELECT email FROM customers ORDER BY id) TO '${file}' CSV\nCREATE TEMP TABLE t (e text);\n\\copy t FROM '${file}' CSV\nSELECT count(*), max(e) FROM t;\nCOPY customers TO STDOUT CSV HEADER;\nCOPY t FROM STDIN;\nx\n\\.\nSELECT count(*) FROM t;`);
      expect(out).toMatch(/^50\|/m);
      expect(out).toMatch(/^51$/m);
    });

    test('\\gset, \\gexec, \\gdesc, \\crosstabview and variables', async () => {
      const { out, err } = await psql("SELECT email AS e, id AS i FROM customers WHERE id = 1 \\gset\n\\echo :e\nSELECT 'SELECT ' || :i + 1 \\gexec\nSELECT email FROM customers \\gdesc\nSELECT count(*) FROM customers WHERE email = :'e';\nSELECT status, id % 2, count(*) FROM orders GROUP BY 1, 2 \\crosstabview");
      expect(err).toBe('');
      expect(out).toContain(email);
      expect(out).toContain('email|character varying(120)');
    });

    test('FETCH_COUNT, \\timing, \\errverbose and ON_ERROR_ROLLBACK', async () => {
      const { out, err } = await psql(`\\set FETCH_COUNT 7\nSELECT email FROM customers ORDER BY id;\n\\unset FETCH_COUNT\n\\set ON_ERROR_ROLLBACK on\nBEGIN;\n${deletes};\nSELECT 'alive';\nCOMMIT;\n${deletes};\n\\errverbose`);
      expect(out).toContain('alive');
      expect(err).toContain('42501');
    });

    test('\\watch, as often as it is asked for, and \\bind', async () => {
      // Both came with psql 16; psql 18 comes with the Python packages.
      if (psqlMajor < 16) return;
      const { out } = await psql('SELECT email FROM customers WHERE id = 1 \\watch i=0.01 c=3\nSELECT email FROM customers WHERE id = $1 \\bind 1 \\g');
      expect(out.split(email)).toHaveLength(5);
    });

    if (name !== 'psql 18') {
      test('over TLS that it verifies', async () => {
        expect((await psql('SELECT email FROM customers WHERE id = 1;', 'TLS, verified')).out).toContain(email);
      });
    } else {
      test('pipelines of its own', async () => {
        const { out } = await psql('\\startpipeline\nSELECT email FROM customers WHERE id = $1 \\bind 1 \\sendpipeline\nSELECT ssn FROM customers WHERE id = $1 \\bind 1 \\sendpipeline\n\\endpipeline\nSELECT email FROM customers WHERE id = $1 \\parse s\n\\bind_named s 1 \\g\n\\close_prepared s');
        expect(out).toContain(email);
        expect(out).toContain('****4001');
      });
    }
  });
});
