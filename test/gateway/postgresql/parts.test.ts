import { describe, expect, test } from '@jest/globals';
import { ByteRun } from '../../../src/gateway/postgresql/byte-run.ts';
import { CancelKeys } from '../../../src/gateway/postgresql/cancel-keys.ts';
import type { KnownText, PlanScope } from '../../../src/gateway/postgresql/known-text.ts';
import { PlanCache } from '../../../src/gateway/postgresql/plan-cache.ts';
import { SessionState } from '../../../src/gateway/postgresql/session-state.ts';
import { readStartupSettings } from '../../../src/gateway/postgresql/startup-settings.ts';
import { withheldReport } from '../../../src/gateway/postgresql/withheld-report.ts';
import type { Effect } from '../../../src/sql/plan.ts';

const transaction = (verb: Extract<Effect, { kind: 'Transaction' }>['verb'], name?: string): Effect => ({ kind: 'Transaction', verb, chain: false, ...(name !== undefined && { name }) });
const setPath = (path: string[], isLocal = false): Effect => ({ kind: 'SearchPath', path, isLocal });

describe('the state of a session', () => {
  const after = (...steps: (Effect | 'fail' | 'idle')[]): readonly string[] => {
    const state = new SessionState();
    let hasFailed = false;
    for (const step of steps) {
      if (step === 'fail') hasFailed = true;
      else if (step === 'idle') {
        state.settle('Idle', hasFailed);
        hasFailed = false;
      } else state.apply(step, step.kind === 'Transaction' ? step.verb.toUpperCase() : 'SET', 'masks');
    }
    return state.view(['default']).searchPath;
  };

  test.each<[string, (Effect | 'fail' | 'idle')[], string[]]>([
    ['keeps a SET', [setPath(['a']), 'idle'], ['a']],
    ['keeps a SET that was committed', [transaction('Begin'), setPath(['a']), transaction('Commit'), 'idle'], ['a']],
    ['loses a SET that was rolled back', [setPath(['a']), 'idle', transaction('Begin'), setPath(['b']), transaction('Rollback'), 'idle'], ['a']],
    ['loses a SET of an implicit transaction that failed', [setPath(['a']), 'fail', 'idle'], ['default']],
    ['ends SET LOCAL with its transaction', [transaction('Begin'), setPath(['a'], true), transaction('Commit'), 'idle'], ['default']],
    ['has SET LOCAL until then', [transaction('Begin'), setPath(['a'], true)], ['a']],
    ['goes back to a savepoint', [transaction('Begin'), setPath(['a']), transaction('Savepoint', 's'), setPath(['b']), transaction('RollbackTo', 's')], ['a']],
    ['keeps what a released savepoint held', [transaction('Begin'), transaction('Savepoint', 's'), setPath(['b']), transaction('Release', 's'), transaction('Commit'), 'idle'], ['b']],
    ['goes back to the default with RESET', [setPath(['a']), 'idle', { kind: 'SearchPath', path: undefined, isLocal: false }, 'idle'], ['default']],
    ['is new after DISCARD ALL', [setPath(['a']), 'idle', { kind: 'Discard', target: 'All' }, 'idle'], ['default']],
  ])('%s', (_what, steps, expected) => {
    expect(after(...steps)).toEqual(expected);
  });

  test('takes a COMMIT that answers ROLLBACK for what it is', () => {
    const state = new SessionState();
    state.apply(setPath(['a']), 'SET', 'masks');
    state.apply(transaction('Commit'), 'ROLLBACK', 'masks');
    expect(state.view(['default']).searchPath).toEqual(['default']);
  });

  test('remembers temporary tables, their masks and their ends', () => {
    const state = new SessionState();
    state.apply({ kind: 'CreateTemporary', name: 't' }, '', 'weak');
    state.apply({ kind: 'RenameRelation', from: 't', to: 'u' }, '', 'strong');
    expect([...state.view([]).temporaries]).toEqual([['u', { maskSet: 'weak' }]]);
    expect(state.view([]).isDirty).toBe(true);
    state.apply({ kind: 'DropRelations', names: ['u'] }, '', 'strong');
    expect(state.hasOwnRelations).toBe(false);
  });
});

describe('the cache of plans', () => {
  const scope = (cache: PlanCache): PlanScope => ({ texts: cache.textsOf('key') }) as unknown as PlanScope;
  const known = (in_: PlanScope, text: string): KnownText => ({ scope: in_, text, plan: { text, recordedText: text } }) as unknown as KnownText;

  test('stays within its bytes and keeps what was used', () => {
    const cache = new PlanCache(100_000);
    const here = scope(cache);
    for (let n = 0; n < 1000; n++) {
      cache.keep(known(here, `select ${n}`));
      cache.find(here, 'select 0');
    }
    expect(cache.bytes).toBeLessThanOrEqual(100_000);
    expect(cache.find(here, 'select 0')).toBeDefined();
    expect(cache.find(here, 'select 1')).toBeUndefined();
    expect(here.texts.size).toBeLessThan(60);
  });

  test('takes no texts beyond 64 KiB', () => {
    const cache = new PlanCache();
    const here = scope(cache);
    cache.keep(known(here, 'x'.repeat(65_537)));
    expect(here.texts.size).toBe(0);
  });
});

describe('start-up parameters', () => {
  const read = (parameters: Record<string, string>): ReturnType<typeof readStartupSettings> => readStartupSettings(new Map(Object.entries({ user: 'u', database: 'd', ...parameters })));

  test.each<[Record<string, string>]>([
    [{ client_encoding: 'UTF8' }], [{ client_encoding: "'utf-8'" }], [{ DateStyle: 'ISO' }], [{ options: '-c geqo=off' }], [{ replication: 'false' }],
    [{ standard_conforming_strings: 'on' }],
  ])('%j', (parameters) => {
    expect(read(parameters).ok).toBe(!('options' in parameters));
  });

  test.each<[Record<string, string>]>([
    [{ client_encoding: 'SQL_ASCII' }], [{ session_authorization: 'postgres' }], [{ role: 'postgres' }], [{ standard_conforming_strings: 'off' }], [{ replication: 'true' }],
    [{ options: '-c role=postgres' }], [{ options: '-E' }], [{ options: '--session-preload-libraries=x' }], [{ 'chaperone.hash_key': 'mine' }],
  ])('refuses %j', (parameters) => {
    expect(read(parameters).ok).toBe(false);
  });

  test('reads options as PostgreSQL does', () => {
    expect(read({ options: '-c search_path=a,\\ b --work-mem=4MB -cTimeZone=UTC' })).toMatchObject({
      ok: true, value: { settings: { search_path: 'a, b', work_mem: '4MB', timezone: 'UTC' }, searchPath: ['a', 'b'] },
    });
  });
});

describe('withheld reports', () => {
  const fields = (more: Record<string, string>): Map<string, string> => new Map(Object.entries({ S: 'ERROR', V: 'ERROR', M: 'the secret', D: 'secret', W: 'secret', q: 'secret', H: 'secret', P: '3', ...more }));

  test.each(['22P02', '22012', 'P0001', 'XX000', '23514', '01000'])('say nothing of a row under %s', (C) => {
    expect([...withheldReport(fields({ C })).values()].join()).not.toContain('secret');
  });

  test('keep what cannot carry data, but not what a function raised under that code', () => {
    const plain = new Map([['S', 'ERROR'], ['C', '42703'], ['M', 'column "x" does not exist'], ['P', '8']]);
    expect(Object.fromEntries(withheldReport(plain))).toEqual({ S: 'ERROR', C: '42703', M: 'column "x" does not exist', P: '8' });
    expect(withheldReport(new Map([...plain, ['R', 'exec_stmt_raise']])).get('M')).toContain('withheld');
  });
});

describe('runs of bytes', () => {
  test('join neighbours and keep order', () => {
    const out: Buffer[] = [];
    const followed: boolean[] = [];
    const run = new ByteRun((bytes, hasMore) => {
      out.push(bytes);
      followed.push(hasMore);
    });
    const chunk = Buffer.from('abcdefgh');
    run.add(chunk.subarray(1, 3));
    run.add(chunk.subarray(3, 6));
    run.add(Buffer.from('X'));
    run.add(chunk, 6, 7);
    run.flush();
    run.flush();
    expect(out.map(String)).toEqual(['bcdef', 'X', 'g']);
    expect(followed).toEqual([true, true, false]);
  });
});

describe('cancel keys', () => {
  test('cancel their own session alone, and nothing once revoked', async () => {
    const keys = new CancelKeys();
    const cancelled: string[] = [];
    const note = (name: string) => async (): Promise<void> => void cancelled.push(name);
    const [one, two] = [keys.issue(0, note('one')), keys.issue(2, note('two'))];
    await keys.cancel(one.processId, two.key);
    await keys.cancel(two.processId, two.key);
    await keys.cancel(one.processId, Buffer.concat([one.key, Buffer.alloc(28)]));
    keys.revoke(two);
    await keys.cancel(two.processId, two.key);
    expect(cancelled).toEqual(['two']);
    expect([one.key.length, two.key.length]).toEqual([4, 32]);
  });

  test('are done with when the target has taken note, not before', async () => {
    const keys = new CancelKeys();
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const { processId, key } = keys.issue(0, async () => { await promise; });
    let isDone = false;
    const cancelled = keys.cancel(processId, key).then(() => (isDone = true));
    await new Promise(setImmediate);
    expect(isDone).toBe(false);
    resolve(undefined);
    await cancelled;
    expect(isDone).toBe(true);
  });
});
