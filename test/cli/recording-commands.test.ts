import { spawnSync } from 'node:child_process';
import { appendFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createFolderSink } from '../../src/recording/folder-sink.ts';
import { findSession } from '../../src/recording/session-folder.ts';
import { action, copyData, dataRow, end, recordStatement, result, rowDescription, start, temporaryFolder, testClock } from '../recording/sample.ts';

const cli = join(import.meta.dirname, '../../src/cli');
const program = `
  import { Command } from ${JSON.stringify(import.meta.resolve('commander'))};
  import { sessionsCommand } from ${JSON.stringify(join(cli, 'sessions-command.ts'))};
  import { replayCommand } from ${JSON.stringify(join(cli, 'replay-command.ts'))};
  import { verifyCommand } from ${JSON.stringify(join(cli, 'verify-command.ts'))};
  new Command('chaperone').addCommand(sessionsCommand()).addCommand(replayCommand()).addCommand(verifyCommand()).parse(['', '', ...process.argv.slice(1)]);
`;

const folder = temporaryFolder();
const evil = '\u001b]0;owned\u0007\u009b31m\u202e';

function run(...args: string[]): { readonly status: number | null; readonly out: string; readonly errors: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program, '--', ...args, '--dir', folder.path], { encoding: 'utf8' });
  return { status, out: stdout, errors: stderr };
}

function directoryOf(session: string): string {
  const found = findSession(folder.path, session);
  if (!found.ok) throw new Error(found.error);
  return found.value.directory;
}

beforeAll(() => {
  const clock = testClock();
  const sink = createFolderSink({ path: folder.path, clock });
  const whole = sink.open(start('abc-1'));
  const customers = Buffer.concat([rowDescription([{ name: 'name' }, { name: 'id', typeOid: 23, isBinary: true }]), dataRow(['Zoë 東京', Buffer.from([0, 0, 0, 7])]), dataRow([evil, null])]);
  recordStatement(whole, 1, `select name,\n  id from customers -- ${evil}`, customers);
  whole.write(action(2, 'delete from orders', { decision: { verdict: 'Deny', code: 'NoRule', message: 'no rule allows Delete on public.orders' } }));
  whole.write(action(3, 'copy customers to stdout', { via: 'Execute', forwarded: 'copy (select) to stdout', parameters: [{ text: "it's" }, { text: null }, { digest: 'hmac:00' }] }));
  whole.frames(copyData('1\tx\n'));
  const frames = whole.sealFrames();
  whole.write(result(3, { tag: 'COPY 1', ...(frames && { frames }) }));
  clock.advance(2_500);
  whole.write(end({ actions: 3, denied: 1, rows: 3 }));
  whole.close();
  const cut = sink.open(start('abd-2'));
  cut.write(action(1, 'select 1'));
  cut.close();
  sink.open(start('xyz-3')).close();
  appendFileSync(join(directoryOf('xyz-3'), 'records.jsonl'), `${evil}\n`);
});
afterAll(() => folder.remove());

describe('sessions', () => {
  test('is a table of what there is', () => {
    const { status, out } = run('sessions');
    expect(status).toBe(0);
    expect(out).toMatch(/^SESSION +CONNECTION +SUBJECT +STARTED +DURATION +STATEMENTS +DENIED +ROWS +END +STATE$/m);
    expect(out).toMatch(/^abc-1 +team-a\/orders-db +serviceaccount:agents\/support-agent +2026-01-31T23:59:59.500Z +2.5s +3 +1 +3 +ClientClosed +Ended$/m);
    expect(out).toMatch(/^abd-2 .* OpenOrCut$/m);
  });

  test('is JSON on request', () => {
    const sessions = JSON.parse(run('sessions', '-o', 'json').out) as unknown[];
    expect(sessions).toContainEqual(expect.objectContaining({ session: 'abd-2', statements: 1, state: 'OpenOrCut' }));
  });
});

describe('replay', () => {
  test('shows statements, decisions, parameters and rows as an aligned table', () => {
    const { status, out } = run('replay', 'abc');
    expect(status).toBe(0);
    expect(out).toContain('recording Verified');
    expect(out).toContain('#1 Query  Allow (Allowed) by team-a/support rule read-support\n    select name,\n      id from customers');
    expect(out).toMatch(/^ {4}name +id\n {4}-+ {2}----\n {4}Zoë 東京 +7$/m);
    expect(out).toMatch(/NULL$/m);
    expect(out).toContain('masked public.customers.email');
    expect(out).toContain('#2 Query  Deny (NoRule)\n    delete from orders');
    expect(out).toContain('no rule allows Delete on public.orders');
    expect(out).toContain("parameters $1 = 'it's', $2 = NULL, $3 = hmac:00");
    expect(out).toContain('  sent as\n    copy (select) to stdout');
    expect(out).toContain('    1    x\n');
    expect(out).toContain('ended: ClientClosed (3 statements, 1 denied, 3 rows)');
  });

  test('says of which statements the outcome is unknown', () => {
    expect(run('replay', 'abd').out).toMatch(/#1 Query {2}Allow[^]*\n {2}#1 outcome unknown: no result was recorded\n$/);
    expect(run('replay', 'abc').out).not.toContain('outcome unknown');
  });

  test('sends nothing to the terminal that is not text', () => {
    for (const session of ['abc-1', 'xyz-3']) {
      const { out, errors } = run('replay', session);
      expect(`${out}${errors}${run('replay', session, '--json').out}`).not.toMatch(/[^\P{C}\n]/u);
    }
    expect(run('replay', 'abc-1').out).toContain('\\x1b]0;owned\\x07\\x9b31m\\u{202e}');
  });

  test('shortens results by --rows', () => {
    const { out } = run('replay', 'abc', '--rows', '1');
    expect(out).toContain('Zoë');
    expect(out).toContain('(more rows; see --rows)');
    expect(out).not.toContain('NULL\n');
    expect(run('replay', 'abc', '--rows', '-1').status).not.toBe(0);
  });

  test('--json gives every record, results with their rows', () => {
    const lines = run('replay', 'abc', '--json').out.trimEnd().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.map((line) => line['kind'])).toEqual(['SessionStart', 'Action', 'Result', 'Action', 'Action', 'Result', 'SessionEnd']);
    expect(lines[2]).toMatchObject({ decoded: { columns: ['name', 'id'], data: [['Zoë 東京', '7'], [evil, null]], isShortened: false } });
    expect(lines[5]).toMatchObject({ decoded: { copyData: ['1\tx\n'] } });
  });

  test('a tampered recording says so first, and shows what can be read', () => {
    const { out } = run('replay', 'xyz');
    expect(out).toMatch(/^recording Tampered: line 2/);
    expect(out).toContain('session xyz-3');
  });
});

describe('an id', () => {
  test.each(['../../etc', '..', '.', 'abc/1', '/etc/passwd', 'abc-1/../abd-2', 'a\u0000b'.replace('\u0000', '%00')])('%j is refused', (id) => {
    expect(run('replay', id)).toMatchObject({ status: 3, out: '', errors: expect.stringContaining('is not a session id') });
  });

  test('must be one session only', () => {
    expect(run('verify', 'ab')).toMatchObject({ status: 3, errors: expect.stringContaining('abc-1, abd-2') });
    expect(run('verify', 'nothing')).toMatchObject({ status: 3, errors: expect.stringContaining('no session nothing') });
  });

  test('is not looked for through symbolic links', () => {
    const outside = temporaryFolder();
    mkdirSync(join(outside.path, 'link-1'));
    writeFileSync(join(outside.path, 'link-1', 'records.jsonl'), '');
    symlinkSync(join(outside.path, 'link-1'), join(directoryOf('abc-1'), '..', 'link-1'));
    expect(run('replay', 'link-1').status).toBe(3);
    outside.remove();
  });
});

describe('verify', () => {
  test('tells by its exit code', () => {
    expect(run('verify', 'abc-1')).toMatchObject({ status: 0, out: expect.stringMatching(/^Verified {4}abc-1 {2}team-a\/orders-db {2}7 records/) });
    expect(run('verify', 'xyz')).toMatchObject({ status: 1, out: expect.stringContaining('line 2') });
    expect(run('verify', 'abd')).toMatchObject({ status: 2, out: expect.stringContaining('open or cut') });
    expect(run('verify').status).toBe(1);
  });

  test('compares a head noted elsewhere', () => {
    const [{ head }] = JSON.parse(run('verify', 'abc', '-o', 'json').out) as [{ head: string }];
    expect(readFileSync(join(directoryOf('abc-1'), 'records.jsonl'), 'utf8').trimEnd().endsWith(`${head}"}`)).toBe(true);
    expect(run('verify', 'abc', '--expect-head', head).status).toBe(0);
    expect(run('verify', 'abc', '--expect-head', head.replace(/./, (digit) => (digit === '0' ? '1' : '0'))).status).toBe(1);
    expect(run('verify', '--expect-head', head).status).not.toBe(0);
  });
});
