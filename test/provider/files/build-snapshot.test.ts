import { inspect } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { compileWorld } from '../../../src/compile/compile-world.ts';
import { buildSnapshot } from '../../../src/provider/files/build-snapshot.ts';
import { describeProblem, type Snapshot } from '../../../src/provider/files/snapshot.ts';
import { connection, maskRule, policy, secret } from './files.ts';

function snapshotOf(files: Readonly<Record<string, string>>): Snapshot {
  return buildSnapshot(Object.entries(files).map(([name, text]) => ({ name, text })));
}

function problemsOf(files: Readonly<Record<string, string>>): string[] {
  return snapshotOf(files).problems.map(describeProblem);
}

describe('a directory without faults', () => {
  const snapshot = snapshotOf({
    'a.yaml': [connection('orders', 5432), policy('bot')].join('---'),
    'b.yaml': `${maskRule('pii')}---\n---\n# nothing here\n---${secret('login', 'pa55word')}`,
  });

  test('yields its objects, Secrets and no problem', () => {
    expect(snapshot.problems).toEqual([]);
    expect(snapshot.world.invalid).toEqual([]);
    expect(snapshot.world.connections.map(({ metadata }) => metadata.name)).toEqual(['orders']);
    expect(snapshot.world.policies.map(({ metadata }) => metadata.name)).toEqual(['bot']);
    expect(snapshot.world.maskRules.map(({ metadata }) => metadata.name)).toEqual(['pii']);
    expect([...snapshot.world.secretNames]).toEqual(['team-a/login']);
  });

  test('has its defaults filled in', () => {
    expect(snapshot.world.connections[0]?.spec).toMatchObject({
      postgresql: { port: 5432 },
      identity: { onExpiry: 'End' },
      gateway: { replicas: 1, drainTimeout: '5m' },
      recording: { results: 'Full', onFailure: 'Block' },
    });
    expect(snapshot.world.policies[0]?.spec.mode).toBe('Enforce');
    expect(snapshot.world.maskRules[0]?.spec).toMatchObject({ predicates: 'Masked', assign: 'Deny' });
  });

  test('is frozen', () => {
    expect(() => Object.assign(snapshot.world.policies[0]?.spec ?? {}, { mode: 'Observe' })).toThrow(TypeError);
  });

  test('keeps Secret values out of everything that prints', () => {
    expect(JSON.stringify([...snapshot.secrets])).not.toContain('pa55word');
    expect(inspect(snapshot, { depth: null })).not.toContain('pa55word');
  });
});

test('an object without a namespace is in `default`', () => {
  const { world } = snapshotOf({ 'a.yaml': policy('bot').replace(', namespace: team-a', '') });
  expect(world.policies[0]?.metadata.namespace).toBe('default');
});

test('merge keys merge, as kubectl merges them', () => {
  const { world } = snapshotOf({ 'm.yaml': maskRule('pii').replace('{type: Email}', '{<<: {type: KeepLast}, count: 4}') });
  expect(world.maskRules[0]?.spec.columns?.[0]?.mask).toEqual({ type: 'KeepLast', count: 4 });
});

test('a status that is written with an object counts for nothing', () => {
  const { world, problems } = snapshotOf({ 'a.yaml': `${policy('bot')}\nstatus: {observedGeneration: 7, made: up}` });
  expect(problems).toEqual([]);
  expect(world.policies[0]).not.toHaveProperty('status');
});

describe('a fault is said with file, object, field and fix', () => {
  test.each([
    ['unknown field', { 'p.yaml': policy('bot', 'limit: {}') }, 'p.yaml: AccessPolicy team-a/bot: spec.limit: unknown field; did you mean `limits`?'],
    ['unknown kind of ours', { 'p.yaml': policy('bot').replace('AccessPolicy', 'AccesPolicy') }, "p.yaml: AccesPolicy team-a/bot: kind: unknown kind 'AccesPolicy'; did you mean 'AccessPolicy'?"],
    ['another kind', { 'd.yaml': 'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}' }, "d.yaml: Deployment default/x: kind: unknown kind 'Deployment'; files mode reads AccessBaseline, AccessPolicy, AgentConnection, MaskRule, Secret"],
    ['another version', { 'p.yaml': policy('bot').replace('v1alpha1', 'v1') }, "p.yaml: AccessPolicy team-a/bot: apiVersion: must be 'chaperone.dev/v1alpha1'"],
    ['no kind', { 'x.yaml': 'a: 1' }, 'x.yaml: `kind` must be set to a string'],
    ['no object', { 'x.yaml': '- 1' }, 'x.yaml: a document must be an object with apiVersion, kind and metadata'],
    ['no name', { 'p.yaml': policy('bot').replace('name: bot, ', '') }, 'p.yaml: AccessPolicy team-a/(no name): metadata.name: must be set: Name of the object'],
    ['no metadata', { 'p.yaml': policy('bot').replace(/metadata.*/, '') }, 'p.yaml: AccessPolicy default/(no name): metadata: must be set'],
    ['the mask Null without quotes', { 'm.yaml': maskRule('pii').replace('type: Email', 'type: Null') }, "m.yaml: MaskRule team-a/pii: spec.columns[0].mask.type: must be a string, not empty; write 'Null' in quotes"],
    ['a truth value for a name', { 'm.yaml': maskRule('pii').replace('column: email', 'column: no') }, 'm.yaml: MaskRule team-a/pii: spec.columns[0].column: must be a string, not true or false; put it in quotes'],
  ])('%s', (_what, files, wanted) => {
    expect(problemsOf(files)).toContain(wanted);
  });

  test('YAML that does not parse is located and not quoted', () => {
    const text = `${secret('login', 'pa55word')}  password: "pa55word\n`;
    const [problem] = problemsOf({ 's.yaml': text });
    expect(problem).toMatch(/^s\.yaml: is not valid YAML: .*\d+:\d+/);
    expect(problem).not.toContain('pa55word');
  });

  test('a value of the wrong type is told once', () => {
    expect(problemsOf({ 'p.yaml': policy('bot', 'mode: 7') })).toEqual(['p.yaml: AccessPolicy team-a/bot: spec.mode: must be a string, not a number; put it in quotes']);
  });

  test('a key that is written twice does not parse', () => {
    expect(problemsOf({ 'p.yaml': policy('bot', 'mode: Enforce\n  mode: Observe') })[0]).toMatch(/duplicate/i);
  });
});

describe('what cannot be read is still known to be there', () => {
  test('a broken policy keeps its name and targets', () => {
    const { world } = snapshotOf({ 'p.yaml': policy('bot', 'modes: x') });
    expect(world.policies).toEqual([]);
    expect(world.invalid).toEqual([
      { kind: 'AccessPolicy', namespace: 'team-a', name: 'bot', targetRefs: ['orders'], message: 'spec.modes: unknown field; did you mean `mode`?' },
    ]);
  });

  test('a broken mask rule keeps its name and targets', () => {
    const { world } = snapshotOf({ 'm.yaml': maskRule('pii').replace('type: Email', 'type: Emial') });
    expect(world.invalid).toEqual([expect.objectContaining({ kind: 'MaskRule', name: 'pii', targetRefs: ['orders'] })]);
  });

  test('targets that cannot all be read are none, so that it counts everywhere in its namespace', () => {
    const { world } = snapshotOf({ 'm.yaml': maskRule('pii').replace('name: orders', 'nam: orders') });
    expect(world.invalid[0]).not.toHaveProperty('targetRefs');
    expect(world.invalid[0]).toMatchObject({ kind: 'MaskRule', namespace: 'team-a' });
  });

  test('a file that does not parse counts everywhere', () => {
    expect(snapshotOf({ 'm.yaml': 'a: [' }).world.invalid).toEqual([
      { kind: 'File', namespace: '', name: 'm.yaml', message: expect.stringContaining('not valid YAML') },
    ]);
  });

  test('a misspelt kind of ours counts, a kind of another does not', () => {
    const misspelt = snapshotOf({ 'm.yaml': maskRule('pii').replace('MaskRule', 'MaskRules') });
    expect(misspelt.world.invalid).toHaveLength(1);
    const foreign = snapshotOf({ 'd.yaml': 'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}' });
    expect(foreign.world.invalid).toEqual([]);
    expect(foreign.problems).toHaveLength(1);
  });
});

describe('of objects that clash none is taken', () => {
  test('two of one name', () => {
    const { world, problems } = snapshotOf({ 'a.yaml': policy('bot'), 'b.yaml': policy('bot', 'mode: Observe') });
    expect(world.policies).toEqual([]);
    expect(world.invalid).toHaveLength(2);
    expect(problems.map(describeProblem)).toContain('b.yaml: AccessPolicy team-a/bot: is defined 2 times, in a.yaml and b.yaml; keep one');
  });

  test('one name in two namespaces or of two kinds is no clash', () => {
    const files = { 'a.yaml': policy('bot'), 'b.yaml': policy('bot').replace('team-a', 'team-b'), 'c.yaml': maskRule('bot') };
    expect(problemsOf(files)).toEqual([]);
  });

  test('two connections with one port', () => {
    const { world, problems } = snapshotOf({ 'a.yaml': connection('one', 5432), 'b.yaml': connection('two', 5432), 'c.yaml': connection('three', 5433) });
    expect(world.connections.map(({ metadata }) => metadata.name)).toEqual(['three']);
    expect(problems.map(describeProblem)).toContain(
      'a.yaml: AgentConnection team-a/one: spec.gateway.port: port 5432 is also that of team-a/two; in files mode each connection needs its own',
    );
  });

  test('two Secrets of one name', () => {
    const { secrets, world } = snapshotOf({ 'a.yaml': secret('login', 'x'), 'b.yaml': secret('login', 'y') });
    expect([...secrets.keys()]).toEqual([]);
    expect([...world.secretNames]).toEqual([]);
  });
});

describe('a Secret', () => {
  function valuesOf(text: string): Record<string, string> {
    const { secrets } = snapshotOf({ 's.yaml': `apiVersion: v1\nkind: Secret\nmetadata: {name: s}\n${text}` });
    return Object.fromEntries([...secrets.values()].flatMap((values) => [...values].map(([key, value]) => [key, value.reveal()])));
  }

  test('may hold base64 and plain text, which wins', () => {
    expect(valuesOf('data: {a: YWJj, b: YWJj}\nstringData: {b: plain}')).toEqual({ a: 'abc', b: 'plain' });
  });

  test.each([
    ['data: {password: hunter2-hunter2}', 'data.password: must be UTF-8 text in base64; write plain text under `stringData`'],
    ['data: {password: /w==}', 'data.password: must be UTF-8 text in base64; write plain text under `stringData`'],
    ['stringData: {password: no}', 'stringData.password: must be a string; put it in quotes'],
    ['stringData: {password: 123456789}', 'stringData.password: must be a string; put it in quotes'],
    ['stringdata: {password: hunter2}', 'stringdata: unknown field; did you mean `stringData`?'],
    ['stringData: hunter2', 'stringData: must be an object of strings'],
  ])('with a fault: %s', (text, wanted) => {
    const problems = problemsOf({ 's.yaml': `apiVersion: v1\nkind: Secret\nmetadata: {name: s}\n${text}` });
    expect(problems).toEqual([`s.yaml: Secret default/s: ${wanted}`]);
    expect(problems.join()).not.toMatch(/hunter2|123456789/);
  });
});

describe('compile, given what a directory holds', () => {
  function statusesOf(files: Readonly<Record<string, string>>): string {
    return JSON.stringify(compileWorld(snapshotOf(files).world).statuses);
  }

  test('names a Secret that is missing', () => {
    expect(statusesOf({ 'a.yaml': connection('orders', 5432) })).toContain('login');
    expect(statusesOf({ 'a.yaml': connection('orders', 5432) })).toContain('"status":"False"');
    const whole = { 'a.yaml': connection('orders', 5432), 's.yaml': secret('login', 'x') };
    expect(statusesOf(whole)).not.toContain('"status":"False"');
  });

  test.each([
    ['policy', policy('bot', 'modes: x'), 'AccessPolicy'],
    ['mask rule', maskRule('pii', 'asign: x'), 'MaskRule'],
    ['file', 'a: [', 'File'],
  ])('keeps a broken %s as something that denies, and names it', (_what, text, kind) => {
    const { world } = snapshotOf({ 'a.yaml': connection('orders', 5432), 's.yaml': secret('login', 'x'), 'broken.yaml': text });
    const { bundles } = compileWorld(world);
    const unresolved = [...bundles.values()].flatMap(({ bundle }) => bundle.unresolved);
    expect(unresolved).toEqual([expect.objectContaining({ kind })]);
    // A policy denies its subjects everything; a mask that is missing keeps the whole connection from being served.
    const denying = [...bundles.values()].flatMap(({ bundle }) => [...bundle.policies.filter(({ broken }) => broken !== undefined), ...bundle.masking.missing]);
    expect(denying).toHaveLength(1);
  });
});
