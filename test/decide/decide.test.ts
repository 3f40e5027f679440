import { describe, expect, test } from '@jest/globals';
import type { Policy } from '../../src/bundle/bundle.ts';
import type { SqlAction } from '../../src/decide/action.ts';
import { createDecider, decide } from '../../src/decide/decide.ts';
import type { DecisionCode } from '../../src/decide/decision.ts';
import { action, agent, baseline, bundle, maskRule, policy, rule, touch, touching } from './sample.ts';

const read = policy('read', [rule('orders', 'Allow', { relations: ['public.orders'] })]);
const readAll = policy('read-all', [rule('all', 'Allow', { relations: ['*.*'] })]);
const narrow = policy('narrow', [
  rule('ids', 'Allow', { relations: ['public.customers'], columns: ['id', 'name'] }),
  rule('dates', 'Allow', { relations: ['public.customers'], columns: ['*_at'] }),
]);
const write = policy('write', [
  rule('fix', 'Allow', { operations: ['Insert', 'Update', 'Delete'], relations: ['public.orders'], where: 'Required', maxRows: 100 }),
]);
const approved = policy('approved', [rule('ask', 'RequireApproval', { operations: ['Delete'], relations: ['public.orders'], where: 'Required' })]);
const deleteAll = policy('delete-all', [rule('wide', 'Allow', { operations: ['Delete'], relations: ['*.*'] })]);
const never = policy('never', [rule('never', 'Deny', { operations: ['Ddl', 'Grant', 'Delete'] })]);
const noSecrets = policy('no-secrets', [rule('secret-columns', 'Deny', { relations: ['*.*'], columns: ['*password*'] })]);
const call = policy('call', [rule('tax', 'Allow', { relations: ['public.orders'], functions: ['public.add_tax'] })]);
const broken = policy('half', [], { broken: { reason: 'Invalid', message: "rule 'x' has a bad pattern" } });
const observing = (given: Policy): Policy => ({ ...given, mode: 'Observe' });

const select = touching(touch('Select', 'public.orders', { columns: ['id'] }));
const remove = touching(touch('Delete', 'public.orders', { columns: [], hasWhere: true }));
const removeAll = touching(touch('Delete', 'public.orders', { columns: [], hasWhere: false }));
const addTax = (parts: { operations?: SqlAction['operations'] } = {}): SqlAction =>
  action({ functions: [{ schema: 'public', name: 'add_tax', isBuiltIn: false }], ...parts });
const catalogue = touching(touch('Select', 'pg_catalog.pg_class', { isHarmlessCatalogue: true }));
const rawCatalogue = touching(touch('Select', 'pg_catalog.pg_authid'));
const refused = action({ refusals: [{ code: 'Unparsable', message: 'syntax error', hint: 'mend it', sqlstate: '42601' }] });

const cases: Readonly<Record<string, readonly [policies: readonly Policy[], action: SqlAction, code: DecisionCode]>> = {
  'what a rule covers is allowed': [[read], select, 'Allowed'],
  'what no rule covers is denied': [[read], touching(touch('Select', 'public.customers')), 'NoRule'],
  'another operation on a covered relation is denied': [[read], touching(touch('Update', 'public.orders', { hasWhere: true })), 'NoRule'],
  'one uncovered relation among covered ones denies the statement': [[read], touching(...select.touches, touch('Select', 'public.customers')), 'NoRule'],
  'a subject without a policy is denied, even a harmless statement': [[], action(), 'NoPolicy'],
  'a baseline is no policy that lists a subject': [[baseline('b', [])], action(), 'NoPolicy'],
  'a policy for somebody else does not count': [[{ ...read, subjects: [{ kind: 'ServiceAccount', namespace: 'agents', name: 'other' }] }], select, 'NoPolicy'],
  'a statement that touches nothing is free': [[read], action(), 'Free'],
  'an own temporary table is free': [[read], touching(touch('Insert', 'pg_temp.mine', { isOwnTemporary: true })), 'Free'],
  'names match in the case of the catalogue': [[read], touching(touch('Select', 'public."Orders"')), 'NoRule'],

  'columns are covered by the union of the rules': [[narrow], touching(touch('Select', 'public.customers', { columns: ['id', 'name', 'created_at'] })), 'Allowed'],
  'a column outside the union is denied': [[narrow], touching(touch('Select', 'public.customers', { columns: ['id', 'email'] })), 'NoRule'],
  'the whole relation needs a rule with every column': [[narrow], touching(touch('Select', 'public.customers')), 'NoRule'],
  'counting rows touches no column': [[narrow], touching(touch('Select', 'public.customers', { columns: [] })), 'Allowed'],

  'Deny beats Allow': [[readAll, deleteAll, never], remove, 'DeniedByRule'],
  'Deny beats RequireApproval': [[approved, never], remove, 'DeniedByRule'],
  'a Deny rule without relations is for statements without relations too': [[readAll, never], action({ statement: 'CREATE SCHEMA', operations: ['Ddl'] }), 'DeniedByRule'],
  'a Deny rule on columns leaves the others alone': [[readAll, noSecrets], touching(touch('Select', 'public.users', { columns: ['name'] })), 'Allowed'],
  'a Deny rule on columns denies one of them': [[readAll, noSecrets], touching(touch('Select', 'public.users', { columns: ['name', 'password_hash'] })), 'DeniedByRule'],
  'a Deny rule on columns denies the whole relation': [[readAll, noSecrets], touching(touch('Select', 'public.users')), 'DeniedByRule'],
  'a Deny rule on columns lets rows be counted': [[readAll, noSecrets], touching(touch('Select', 'public.users', { columns: [] })), 'Allowed'],
  'a Deny rule on columns denies the removal of rows': [
    [deleteAll, policy('keep', [rule('keep', 'Deny', { operations: ['Delete'], columns: ['ssn'] })])], remove, 'DeniedByRule'],
  'a baseline denies everyone': [[readAll, baseline('b', [rule('no-orders', 'Deny', { relations: ['public.orders'] })])], select, 'DeniedByRule'],
  'a Deny rule for a function denies its use': [[call, policy('no', [rule('no', 'Deny', { operations: ['Call'], functions: ['public.*'] })])], addTax(), 'DeniedByRule'],
  'a Deny rule for CALL of one procedure leaves others': [
    [policy('c', [rule('c', 'Allow', { operations: ['Call'], functions: ['public.*'] })]), policy('no', [rule('no', 'Deny', { operations: ['Call'], functions: ['public.purge'] })])],
    addTax({ operations: ['Call'] }), 'Allowed'],

  'RequireApproval waits for a person': [[approved], remove, 'NeedsApproval'],
  'RequireApproval beats Allow': [[approved, deleteAll], remove, 'NeedsApproval'],
  'RequireApproval whose WHERE is missing does not fall back to a wider Allow': [[approved, deleteAll], removeAll, 'WhereRequired'],
  'RequireApproval for one column holds although another rule allows all': [
    [readAll, policy('ask', [rule('email', 'RequireApproval', { relations: ['public.customers'], columns: ['email'] })])],
    touching(touch('Select', 'public.customers', { columns: ['id', 'email'] })), 'NeedsApproval'],
  'RequireApproval for one column holds for the whole relation': [
    [readAll, policy('ask', [rule('email', 'RequireApproval', { relations: ['public.customers'], columns: ['email'] })])],
    touching(touch('Select', 'public.customers')), 'NeedsApproval'],
  'RequireApproval for one column is not asked for the others': [
    [readAll, policy('ask', [rule('email', 'RequireApproval', { relations: ['public.customers'], columns: ['email'] })])],
    touching(touch('Select', 'public.customers', { columns: ['id'] })), 'Allowed'],
  'approval of a part does not cover the rest': [[approved], touching(...remove.touches, touch('Select', 'public.secret')), 'NoRule'],

  'a WHERE that pins rows meets where: Required': [[write], remove, 'Allowed'],
  'without one the rule does not cover': [[write], removeAll, 'WhereRequired'],
  'a touch that does not say is as one without': [[write], touching(touch('Delete', 'public.orders')), 'WhereRequired'],
  'another rule with where: Optional covers instead': [[write, deleteAll], removeAll, 'Allowed'],
  'a missing WHERE beside another gap is not the only reason': [[write], touching(...removeAll.touches, touch('Select', 'public.secret')), 'NoRule'],
  'INSERT needs no WHERE': [[write], touching(touch('Insert', 'public.orders')), 'Allowed'],
  'what cannot be counted is not covered under maxRows': [[write], touching(touch('Delete', 'public.orders', { hasWhere: true, uncountable: true })), 'NoRule'],
  'what cannot be counted is covered by an unlimited rule': [[write, deleteAll], touching(touch('Delete', 'public.orders', { hasWhere: true, uncountable: true })), 'Allowed'],

  'one Allow opens the harmless catalogue': [[read], catalogue, 'Free'],
  'without any Allow the catalogue is closed': [[approved], catalogue, 'NoRule'],
  'a Deny rule on everything does not mean the harmless catalogue': [[read, policy('d', [rule('d', 'Deny', { relations: ['*.*'] })])], catalogue, 'Free'],
  'a Deny rule without relations does not mean it either': [[read, policy('d', [rule('d', 'Deny', {})])], catalogue, 'Free'],
  'a Deny rule that names the catalogue means it': [[read, policy('d', [rule('d', 'Deny', { relations: ['pg_catalog.*'] })])], catalogue, 'DeniedByRule'],
  'the rest of the catalogue is not within *.*': [[readAll], rawCatalogue, 'NoRule'],
  'nor within a star for its schema': [[policy('p', [rule('p', 'Allow', { relations: ['pg_*.pg_authid'] })])], rawCatalogue, 'NoRule'],
  'it can be named': [[policy('p', [rule('p', 'Allow', { relations: ['pg_catalog.pg_authid'] })])], rawCatalogue, 'Allowed'],
  'TOAST tables are not within *.*': [[readAll], touching(touch('Select', 'pg_toast.pg_toast_2619')), 'NoRule'],
  'a write to the harmless catalogue is not free': [[readAll], touching(touch('Update', 'pg_catalog.pg_class', { isHarmlessCatalogue: true, hasWhere: true })), 'NoRule'],

  'a listed function may be called': [[call], addTax(), 'Allowed'],
  'an unlisted one may not': [[read], addTax(), 'NoRule'],
  'CALL needs a rule with Call': [[call], addTax({ operations: ['Call'] }), 'NoRule'],
  'CALL is allowed by a rule with Call': [[policy('c', [rule('c', 'Allow', { operations: ['Call'], functions: ['public.add_tax'] })])], addTax({ operations: ['Call'] }), 'Allowed'],
  'a function that needs approval needs it in a CALL too': [
    [policy('c', [rule('c', 'Allow', { operations: ['Call'], functions: ['public.*'] })]), policy('ask', [rule('ask', 'RequireApproval', { functions: ['public.add_tax'] })])],
    addTax({ operations: ['Call'] }), 'NeedsApproval'],
  'a built-in function that is not harmless can never be listed': [
    [policy('c', [rule('c', 'Allow', { functions: ['pg_catalog.*'] })])],
    action({ functions: [{ schema: 'pg_catalog', name: 'pg_read_file', isBuiltIn: true }] }), 'Refused'],
  'a listed setting may be set, in any case': [[policy('s', [rule('s', 'Allow', { settings: ['work_mem'] })])], action({ settings: ['Work_Mem'] }), 'Allowed'],
  'an unlisted one may not be set': [[readAll], action({ settings: ['work_mem'] }), 'NoRule'],
  'a denied setting may not be set': [[policy('s', [rule('s', 'Allow', { settings: ['work_mem'] }), rule('n', 'Deny', { operations: ['Lock'], settings: ['work_mem'] })])], action({ settings: ['work_mem'] }), 'DeniedByRule'],
  'a channel needs Listen and its name': [[policy('l', [rule('l', 'Allow', { operations: ['Listen'], channels: ['jobs_*'] })])], action({ operations: ['Listen'], channels: ['jobs_new'] }), 'Allowed'],
  'another channel is denied': [[policy('l', [rule('l', 'Allow', { operations: ['Listen'], channels: ['jobs_*'] })])], action({ channels: ['secrets'] }), 'NoRule'],
  'channels without Listen do not count': [[policy('l', [rule('l', 'Allow', { channels: ['*'] })])], action({ channels: ['jobs'] }), 'NoRule'],
  'COPY of a query needs Copy on what it reads': [
    [policy('c', [rule('c', 'Allow', { operations: ['Copy', 'Select'], relations: ['public.orders'] })])],
    action({ operations: ['Copy'], touches: [touch('Select', 'public.orders')] }), 'Allowed'],
  'COPY of a query is denied where only Select is allowed': [[readAll], action({ operations: ['Copy'], touches: [touch('Select', 'public.orders')] }), 'NoRule'],
  'COPY of a query is denied for a relation outside the rule': [
    [readAll, policy('c', [rule('c', 'Allow', { operations: ['Copy'], relations: ['public.orders'] })])],
    action({ operations: ['Copy'], touches: [touch('Select', 'public.customers')] }), 'NoRule'],
  'COPY of a query without relations needs Copy alone': [
    [policy('c', [rule('c', 'Allow', { operations: ['Copy'], relations: ['public.orders'] })])], action({ operations: ['Copy'] }), 'Allowed'],
  'an operation without relations needs *.*': [[policy('d', [rule('d', 'Allow', { operations: ['Ddl'], relations: ['public.*'] })])], action({ operations: ['Ddl'] }), 'NoRule'],
  'an operation without relations is within *.*': [[policy('d', [rule('d', 'Allow', { operations: ['Ddl'], relations: ['*.*'] })])], action({ operations: ['Ddl'] }), 'Allowed'],

  'a refusal stands above every rule': [[readAll], refused, 'Refused'],
  'a broken policy denies its subjects': [[readAll, broken], select, 'BrokenPolicy'],
  'a broken baseline denies everyone': [[readAll, baseline('b', [], { broken: { reason: 'Invalid', message: 'bad' } })], select, 'BrokenPolicy'],
  'a broken policy of others denies nobody else': [[readAll, { ...broken, subjects: [{ kind: 'ServiceAccount', namespace: 'x', name: 'y' }] }], select, 'Allowed'],

  'Observe lets through what no rule covers': [[observing(read)], removeAll, 'Observed'],
  'Observe lets through what its own rule denies': [[observing(policy('o', [...readAll.rules, ...never.rules]))], remove, 'Observed'],
  'Observe lets through what its own rule wants approved': [[observing(approved)], remove, 'Observed'],
  'Observe does not lift a refusal': [[observing(readAll)], refused, 'Refused'],
  'Observe does not lift a broken policy': [[observing(readAll), observing(broken)], select, 'BrokenPolicy'],
  'Observe does not open built-in functions that are not harmless': [
    [observing(readAll)], action({ functions: [{ schema: 'pg_catalog', name: 'query_to_xml', isBuiltIn: true }] }), 'Refused'],
  'a Deny rule of an enforcing policy stands beside an observing one': [[observing(readAll), never], remove, 'DeniedByRule'],
  'a Deny rule of a baseline stands beside an observing policy': [[observing(readAll), baseline('b', never.rules)], remove, 'DeniedByRule'],
  'a baseline does not switch observing off': [[observing(read), baseline('b', never.rules)], touching(touch('Select', 'public.customers')), 'Observed'],
  'an enforcing policy beside an observing one keeps the default denial': [[observing(read), policy('e', narrow.rules)], touching(touch('Select', 'public.secret')), 'NoRule'],
  'an observed Deny rule is lifted where an enforcing policy allows': [[observing(policy('o', never.rules)), deleteAll], remove, 'Observed'],
  'Observe allows what enforcing would allow': [[observing(read)], select, 'Allowed'],
};

describe('decide', () => {
  test.each(Object.entries(cases))('%s', (_sentence, [policies, given, code]) => {
    const decision = decide({ bundle: bundle(policies), subject: agent, action: given });
    expect(decision).toMatchObject({ code, verdict: verdictOf(code) });
    expect(decision.message).not.toBe('');
  });

  test('nothing is served while a required mask is missing', () => {
    const decision = decide({ bundle: bundle([readAll], { masking: { required: ['pii'], missing: ['pii'] } }), subject: agent, action: action() });
    expect(decision).toMatchObject({ verdict: 'Deny', code: 'MaskingMissing', message: expect.stringContaining('pii') });
  });

  test('an unlisted function stays denied in mode Observe while the subject has masks', () => {
    const masked = bundle([observing(read)], { maskRules: [maskRule('pii')] });
    expect(decide({ bundle: masked, subject: agent, action: addTax() })).toMatchObject({ verdict: 'Deny', code: 'NoRule' });
    expect(decide({ bundle: bundle([observing(read)]), subject: agent, action: addTax() }).code).toBe('Observed');
  });

  test('a denial names the rule, what was touched and the way forward', () => {
    const denied = decide({ bundle: bundle([readAll, never]), subject: agent, action: touching(...select.touches, ...remove.touches) });
    expect(denied).toMatchObject({
      rule: { policy: 'team-a/never', rule: 'never' },
      message: "denied by AccessPolicy team-a/never rule 'never': DELETE on public.orders",
      detail: 'The statement touches: SELECT on public.orders (id); DELETE on public.orders.',
    });
    const uncovered = decide({ bundle: bundle([read]), subject: agent, action: touching(...select.touches, ...remove.touches) });
    expect(uncovered).toMatchObject({
      message: 'denied: no rule allows DELETE on public.orders',
      detail: 'The statement touches: SELECT on public.orders (id); DELETE on public.orders. Not covered: DELETE on public.orders.',
      hint: 'ask for: operations [Delete], relations ["public.orders"], where Required, maxRows 100',
      covering: [{ policy: 'team-a/read', rule: 'orders' }],
    });
  });

  test('a partly covered relation names the columns that are missing', () => {
    const denied = decide({ bundle: bundle([narrow]), subject: agent, action: touching(touch('Select', 'public.customers', { columns: ['id', 'email'] })) });
    expect(denied.message).toBe('denied: no rule allows SELECT on public.customers for column email');
    expect(denied.hint).toBe('ask for: operations [Select], relations ["public.customers"], columns ["email"]');
  });

  test('a denial for want of a WHERE shows one', () => {
    const denied = decide({ bundle: bundle([write]), subject: agent, action: removeAll });
    expect(denied).toMatchObject({ rule: { rule: 'fix' }, message: expect.stringContaining('must say which rows'), hint: expect.stringContaining('WHERE id = 1') });
  });

  test('NeedsApproval says that approvals are not enabled and names the rule', () => {
    const held = decide({ bundle: bundle([approved]), subject: agent, action: remove });
    expect(held.verdict).toBe('RequireApproval');
    expect(held.message).toContain("AccessPolicy team-a/approved rule 'ask'");
    expect(held.message).toContain('approvals are not enabled');
  });

  test('a refusal keeps its hint and SQLSTATE', () => {
    expect(decide({ bundle: bundle([read]), subject: agent, action: refused })).toMatchObject({ message: 'syntax error', hint: 'mend it', sqlstate: '42601' });
  });

  test('an observed denial carries what it would have been', () => {
    const observed = decide({ bundle: bundle([observing(policy('o', never.rules))]), subject: agent, action: remove });
    expect(observed).toMatchObject({
      verdict: 'Allow',
      wouldBe: { verdict: 'Deny', code: 'DeniedByRule', rule: { policy: 'team-a/o', rule: 'never' } },
    });
  });

  test('the strictest maxRows of the covering rules becomes an obligation', () => {
    const both = bundle([write, policy('w', [rule('few', 'Allow', { operations: ['Delete'], relations: ['*.*'], maxRows: 5 })])]);
    expect(decide({ bundle: both, subject: agent, action: remove }).obligations).toEqual({ maxRows: 5 });
    expect(decide({ bundle: both, subject: agent, action: touching(touch('Insert', 'public.orders')) }).obligations).toEqual({ maxRows: 100 });
    expect(decide({ bundle: bundle([read]), subject: agent, action: select }).obligations).toEqual({});
    expect(decide({ bundle: bundle([observing(write)]), subject: agent, action: remove }).obligations).toEqual({});
  });

  test('messages hold no control characters and stay short, whatever names an agent makes up', () => {
    const wild = touch('Select', 'public.x', { relation: `evil\u0000\n\u202e${'x'.repeat(100_000)}`, columns: Array.from({ length: 2_000 }, (_, at) => `c${at}`) });
    const decision = decide({ bundle: bundle([read]), subject: agent, action: touching(...Array.from({ length: 500 }, () => wild)) });
    for (const text of [decision.message, decision.detail ?? '', decision.hint ?? '']) {
      expect(text).not.toMatch(/[\p{Cc}\p{Cf}]/u);
      expect(text.length).toBeLessThan(8_000);
    }
  });

  test('a decider knows whether its subject is listed', () => {
    expect(createDecider(bundle([read]), agent).isListed).toBe(true);
    expect(createDecider(bundle([baseline('b', [])]), agent).isListed).toBe(false);
  });
});

describe('what the condition of a write reads', () => {
  const compared = (column: string): SqlAction =>
    touching(touch('Update', 'public.orders', { columns: ['status'], hasWhere: true }), touch('Select', 'public.orders', { columns: [column], ofCondition: 'Update' }));
  const writeAll = policy('w', [rule('write', 'Allow', { operations: ['Update'], relations: ['public.orders'] })]);
  const writeStatus = policy('s', [rule('status', 'Allow', { operations: ['Update'], relations: ['public.orders'], columns: ['status'] })]);
  const readId = policy('r', [rule('id', 'Allow', { operations: ['Select'], relations: ['public.orders'], columns: ['id'] })]);
  const hideTotal = policy('h', [rule('hide', 'Deny', { operations: ['Select'], relations: ['public.orders'], columns: ['total'] })]);
  const removeOnly = policy('d', [rule('remove', 'Allow', { operations: ['Delete'], relations: ['public.orders'] })]);

  test.each<[string, readonly Policy[], string, string]>([
    ['a rule for the write on every column covers it', [writeAll], 'id', 'Allow'],
    ['a rule for other columns does not', [writeStatus], 'id', 'Deny'],
    ['nor does a rule for another write', [writeStatus, removeOnly], 'id', 'Deny'],
    ['a rule that lets the column be read does', [writeStatus, readId], 'id', 'Allow'],
    ['but not for a further column', [writeStatus, readId], 'total', 'Deny'],
    ['a Deny on reading the column holds', [writeAll, hideTotal], 'total', 'Deny'],
  ])('%s', (_name, policies, column, verdict) => {
    expect(decide({ bundle: bundle(policies), subject: agent, action: compared(column) }).verdict).toBe(verdict);
  });

  test('covers no read beside it', () => {
    const action = touching(touch('Update', 'public.orders', { columns: ['status'], hasWhere: true }), touch('Select', 'public.orders', { columns: ['id'] }));
    expect(decide({ bundle: bundle([writeAll]), subject: agent, action }).verdict).toBe('Deny');
  });
});

function verdictOf(code: DecisionCode): string {
  if (code === 'NeedsApproval') return 'RequireApproval';
  return code === 'Allowed' || code === 'Free' || code === 'Observed' ? 'Allow' : 'Deny';
}
