import type { Approval as ApprovalSpec, Postgresql, Rule as RuleSpec } from '../api/access-policy.ts';
import type { Approval, Operation, PostgresqlRule, Rule } from '../bundle/bundle.ts';
import type { Faults } from './faults.ts';

/** Compiles the rules for PostgreSQL; rules for other protocols say nothing on such a connection. */
export function compileRules(path: string, rules: readonly RuleSpec[], faults: Faults): Rule[] {
  faults.unique(path, 'rules', rules.map(({ name }) => name));
  return rules.flatMap((rule, at) => compileRule(`${path}[${at}]`, rule, faults) ?? []);
}

function compileRule(path: string, rule: RuleSpec, faults: Faults): Rule | undefined {
  const { name, effect, postgresql } = rule;
  const approval = compileApproval(`${path}.approval`, rule, faults);
  if (postgresql === undefined) return undefined;
  return { name, effect, postgresql: compilePostgresql(`${path}.postgresql`, effect, postgresql, faults), ...(approval && { approval }) };
}

const picksRows: ReadonlySet<Operation> = new Set(['Update', 'Delete', 'Merge']);

function compilePostgresql(path: string, effect: Rule['effect'], spec: Postgresql, faults: Faults): PostgresqlRule {
  const { operations, columns, settings, channels, where, maxRows } = spec;
  if (effect !== 'Deny' && operations.some((operation) => picksRows.has(operation))) {
    if (where === undefined) faults.add(`${path}.where`, "must be 'Required' or 'Optional' for Update, Delete and Merge");
    if (maxRows === undefined) faults.add(`${path}.maxRows`, "must be a number or 'Unlimited' for Update, Delete and Merge");
  }
  const bound = compileMaxRows(`${path}.maxRows`, maxRows, faults);
  return {
    operations,
    relations: faults.namePatterns(`${path}.relations`, spec.relations),
    columns: columns ?? ['*'],
    functions: faults.namePatterns(`${path}.functions`, spec.functions),
    // PostgreSQL folds the names of settings.
    settings: (settings ?? []).map((setting) => setting.toLowerCase()),
    channels: channels ?? [],
    where: where ?? 'Optional',
    ...(bound !== undefined && { maxRows: bound }),
  };
}

function compileMaxRows(path: string, maxRows: number | string | undefined, faults: Faults): number | undefined {
  if (maxRows === undefined || maxRows === 'Unlimited') return undefined;
  if (typeof maxRows === 'number' && Number.isSafeInteger(maxRows) && maxRows > 0) return maxRows;
  faults.add(path, "must be a whole number above 0 or 'Unlimited'");
  return undefined;
}

function compileApproval(path: string, { effect, approval }: RuleSpec, faults: Faults): Approval | undefined {
  if (effect !== 'RequireApproval') return undefined;
  if (approval === undefined) {
    faults.add(path, "must be set when effect is 'RequireApproval'");
    return undefined;
  }
  const waitForMs = faults.duration(`${path}.waitFor`, approval.waitFor);
  const grant = compileGrant(path, approval, faults);
  if (waitForMs === undefined || grant === undefined) return undefined;
  return { approvers: approval.approvers, required: approval.required, waitForMs, grant };
}

function compileGrant(path: string, { grant, window }: ApprovalSpec, faults: Faults): Approval['grant'] | undefined {
  if (grant === 'Statement') return { kind: 'Statement' };
  if (window === undefined) faults.add(`${path}.window`, "must be set when grant is 'Window'");
  const windowMs = faults.duration(`${path}.window`, window);
  return windowMs === undefined ? undefined : { kind: 'Window', windowMs };
}
