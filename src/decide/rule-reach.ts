/**
 * What one rule reaches, compiled once for a bundle and subject. Deny rules reach as far as their words can
 * be read and permissions no further than they say: in doubt the narrower permission and the wider denial.
 */
import type { Operation, Policy, Rule } from '../bundle/bundle.ts';
import { matchesGlob, matchesName, type NamePattern } from '../lib/glob.ts';
import { assertNever } from '../lib/result.ts';
import type { Touch } from './action.ts';
import type { RuleRef } from './decision.ts';
import type { Demand } from './demand.ts';

export interface RuleReach {
  readonly ref: RuleRef;
  readonly kind: Policy['ref']['kind'];
  readonly effect: Rule['effect'];
  readonly isObserved: boolean;
  readonly operations: ReadonlySet<Operation>;
  readonly relations: readonly NamePattern[];
  /** True when the rule names `*.*`: operations that name no relation are then within it. */
  readonly isEverywhere: boolean;
  readonly columns: readonly string[];
  readonly hasEveryColumn: boolean;
  readonly functions: readonly NamePattern[];
  readonly settings: ReadonlySet<string>;
  readonly channels: readonly string[];
  readonly where: 'Required' | 'Optional';
  readonly maxRows: number | undefined;
}

export function compileReach(policy: Policy, rule: Rule, policyName: string): RuleReach {
  const { operations, relations, columns, functions, settings, channels, where, maxRows } = rule.postgresql;
  return {
    ref: Object.freeze({ policy: policyName, rule: rule.name }),
    kind: policy.ref.kind,
    effect: rule.effect,
    isObserved: policy.mode === 'Observe',
    operations: new Set(operations),
    relations,
    isEverywhere: relations.some(({ schema, name }) => isAll(schema) && isAll(name)),
    columns,
    hasEveryColumn: columns.some(isAll),
    functions,
    settings: new Set(settings.map((setting) => setting.toLowerCase())),
    channels,
    where,
    maxRows,
  };
}

/** Whether a Deny rule forbids what is demanded. */
export function denies(rule: RuleReach, demand: Demand): boolean {
  switch (demand.kind) {
    case 'Relation':
      return rule.operations.has(demand.touch.operation) && deniesRelation(rule, demand.touch) && deniesColumns(rule, demand.touch);
    case 'Operation':
      return rule.operations.has(demand.operation) && deniesOperation(rule, demand.operation);
    case 'Function':
      return (
        rule.functions.some(({ schema, name }) => matchesGlob(schema, demand.use.schema) && matchesGlob(name, demand.use.name)) ||
        (demand.isCall && rule.operations.has('Call') && rule.functions.length === 0)
      );
    case 'Setting':
      return rule.settings.has(demand.setting);
    case 'Channel':
      return (
        rule.operations.has('Listen') &&
        (rule.channels.length === 0 || rule.channels.some((channel) => matchesGlob(channel, demand.channel)))
      );
    default:
      return assertNever(demand);
  }
}

function deniesRelation(rule: RuleReach, touch: Touch): boolean {
  // Drivers and psql read the catalogue all the time: a Deny rule on everything does not mean that.
  const isMeant = !isCatalogueRead(touch);
  if (rule.relations.length === 0) return isMeant;
  return rule.relations.some(
    (pattern) => matchesName(pattern, touch.schema, touch.relation) && (isMeant || !isAll(pattern.schema) || !isAll(pattern.name)),
  );
}

/** What any subject with one Allow may do, unless a Deny rule names it. */
export function isCatalogueRead({ isHarmlessCatalogue, operation }: Touch): boolean {
  return isHarmlessCatalogue === true && operation === 'Select';
}

/** Ddl of a row's table, or a DELETE, concerns the columns that it does not name as well. */
const wholeRows: ReadonlySet<Operation> = new Set(['Delete', 'Merge', 'Truncate', 'Ddl', 'Grant', 'Maintenance']);

/** Whether a touch may concern any column at all, named or not. */
function concernsAnyColumn({ columns, operation }: Touch): boolean {
  return columns === '*' || (columns.length === 0 && wholeRows.has(operation));
}

function deniesColumns(rule: RuleReach, touch: Touch): boolean {
  if (rule.hasEveryColumn || concernsAnyColumn(touch)) return true;
  return touch.columns !== '*' && touch.columns.some((column) => reachesColumn(rule, column));
}

function deniesOperation(rule: RuleReach, operation: Operation): boolean {
  if (operation === 'Call' || operation === 'Listen') return true;
  return rule.relations.length === 0 || rule.isEverywhere;
}

/** Whether an Allow or RequireApproval rule speaks of a relation. System schemas must be named, never reached by a star. */
export function speaksOfRelation(rule: RuleReach, { schema, relation }: Touch): boolean {
  const isSystem = isSystemSchema(schema);
  return rule.relations.some((pattern) => (!isSystem || pattern.schema === schema) && matchesName(pattern, schema, relation));
}

/** Operations that are about nothing when they come without an object, so that a rule need not reach everywhere. */
const reachesNothing: ReadonlySet<Operation> = new Set(['Call', 'Listen', 'Copy']);

/** Whether an Allow or RequireApproval rule speaks of a demand other than a relation. */
export function speaksOf(rule: RuleReach, demand: Exclude<Demand, { kind: 'Relation' }>): boolean {
  switch (demand.kind) {
    case 'Operation':
      return rule.operations.has(demand.operation) && (reachesNothing.has(demand.operation) || rule.isEverywhere);
    case 'Function': {
      const { schema, name } = demand.use;
      return rule.functions.some((pattern) => (!isSystemSchema(schema) || pattern.schema === schema) && matchesName(pattern, schema, name));
    }
    case 'Setting':
      return rule.settings.has(demand.setting);
    case 'Channel':
      return rule.operations.has('Listen') && rule.channels.some((channel) => matchesGlob(channel, demand.channel));
    default:
      return assertNever(demand);
  }
}

export function reachesColumn(rule: RuleReach, column: string): boolean {
  return rule.hasEveryColumn || rule.columns.some((glob) => matchesGlob(glob, column));
}

/** Whether a RequireApproval rule holds for a touch, given one column, all of them, or none named. */
export function guardsColumn(rule: RuleReach, touch: Touch, column: string | undefined): boolean {
  if (rule.hasEveryColumn || concernsAnyColumn(touch)) return true;
  return column !== undefined && reachesColumn(rule, column);
}

const rowChanges: ReadonlySet<Operation> = new Set(['Insert', 'Update', 'Delete', 'Merge']);
const rowPicks: ReadonlySet<Operation> = new Set(['Update', 'Delete', 'Merge']);

export type Condition = 'WhereRequired' | 'Uncountable';

/** The first condition of a rule that a touch does not meet. */
export function unmetCondition(rule: RuleReach, touch: Touch): Condition | undefined {
  if (rule.where === 'Required' && rowPicks.has(touch.operation) && touch.hasWhere !== true) return 'WhereRequired';
  if (rule.maxRows !== undefined && rowChanges.has(touch.operation) && touch.uncountable === true) return 'Uncountable';
  return undefined;
}

/** How many rows a touch may change under a rule. */
export function rowBound(rule: RuleReach, touch: Touch): number | undefined {
  return rowChanges.has(touch.operation) ? rule.maxRows : undefined;
}

/** PostgreSQL keeps every schema name that begins with `pg_` for itself. */
function isSystemSchema(schema: string): boolean {
  return schema.startsWith('pg_') || schema === 'information_schema';
}

function isAll(glob: string): boolean {
  return /^\*+$/.test(glob);
}
