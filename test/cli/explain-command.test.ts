import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadDataset, startPostgres, type Postgres } from '../support/postgres.ts';
import { runChaperone, type Ran } from './run-chaperone.ts';

describe('chaperone explain', () => {
  let postgres: Postgres;
  let directory: string;

  beforeAll(async () => {
    postgres = await startPostgres();
    await loadDataset(postgres);
    await postgres.sql(`CREATE ROLE chaperone_gateway LOGIN PASSWORD 'demo-only-password'; GRANT app TO chaperone_gateway`);
    directory = mkdtempSync(join(tmpdir(), 'chaperone-explain-'));
    cpSync(join(import.meta.dirname, '..', '..', 'examples', 'quickstart'), directory, { recursive: true });
    const file = join(directory, 'connection.yaml');
    writeFileSync(file, readFileSync(file, 'utf8').replace('port: 54320', `port: ${String(postgres.port)}`));
  });
  afterAll(async () => {
    await postgres.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  function explain(statement: string, ...more: readonly string[]): Promise<Ran> {
    return runChaperone('explain', directory, '--connection', 'orders-db', '--subject', 'serviceaccount:agents/support-agent', '--statement', statement, ...more);
  }

  test('prints what is touched, the rule and the text that would be sent', async () => {
    const { code, stdout, stderr } = await explain('select id, email from customers');
    expect(stderr).toBe('');
    expect(stdout).toContain('Select on public.customers (email, id)');
    expect(stdout).toContain("shop/support-agent 'read-shop'");
    expect(stdout).toMatch(/^sent +select id, email from \(SELECT "id"/m);
    expect(code).toBe(0);
  });

  test('says why a statement would not run, and sends nothing', async () => {
    const { code, stdout } = await explain('delete from orders');
    expect(stdout).toContain("rule 'never'");
    expect(stdout).toContain('nothing is sent');
    expect(code).toBe(1);
  });

  test('leaves a statement without masks as it is', async () => {
    const statement = 'select  id from   orders -- as it came';
    const { stdout } = await explain(statement, '-o', 'json');
    expect((JSON.parse(stdout) as { sent: string }).sent).toBe(statement);
  });

  test('names a connection that does not exist', async () => {
    const { code, stderr } = await runChaperone('explain', directory, '--connection', 'nope', '--subject', 'certificate:x', '--statement', 'select 1');
    expect(stderr).toContain('there is no connection nope');
    expect(code).toBe(1);
  });

  test('says that the target cannot be reached', async () => {
    await postgres.pause();
    const { code, stderr } = await explain('select 1');
    await postgres.start();
    expect(stderr).toContain("the target's catalogue could not be read");
    expect(code).toBe(1);
  });
});
