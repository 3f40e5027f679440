/**
 * What an agent is told. Names of objects, rules and settings only, cleaned and bounded; never a value, never
 * row data: an agent controls the names in its own statements, and people read them in logs and recordings.
 */
import type { Operation } from '../bundle/bundle.ts';
import { assertNever } from '../lib/result.ts';
import type { SqlAction, Touch } from './action.ts';
import type { Coverage, Gap } from './coverage.ts';
import type { Demand } from './demand.ts';
import type { RuleReach } from './rule-reach.ts';

const maxNameLength = 128;
const maxListed = 12;

/** A name as it may be shown: no control characters, bounded, quoted where it is not a plain word. */
function shownName(name: string): string {
  const clean = name.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '?');
  const bounded = clean.length > maxNameLength ? `${clean.slice(0, maxNameLength)}...` : clean;
  return /^[\p{L}\p{N}_$*-]+$/u.test(bounded) ? bounded : `"${bounded.replaceAll('"', '""')}"`;
}

export function shownList(items: readonly string[], separator = ', '): string {
  if (items.length <= maxListed) return items.join(separator);
  return [...items.slice(0, maxListed), `and ${items.length - maxListed} more`].join(separator);
}

/** Texts that others wrote, such as a subject's name, within what an error field should hold. */
export function shownText(text: string): string {
  const clean = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '?');
  return clean.length > 500 ? `${clean.slice(0, 500)}...` : clean;
}

/** `AccessPolicy team-a/readonly rule 'never'`. */
export function shownRule({ kind, ref }: Pick<RuleReach, 'kind' | 'ref'>): string {
  return `${kind} ${ref.policy} rule '${ref.rule}'`;
}

/** Operations for which the statement's own name says more. */
const namedByStatement: ReadonlySet<Operation> = new Set(['Ddl', 'Grant', 'Maintenance']);

/** `DELETE on public.orders`, `function public.add_tax`. */
export function shownDemand(demand: Demand, action: SqlAction): string {
  switch (demand.kind) {
    case 'Relation': {
      const { operation } = demand.touch;
      return `${namedByStatement.has(operation) ? action.statement : operation.toUpperCase()} on ${relationName(demand.touch)}`;
    }
    case 'Operation':
      return namedByStatement.has(demand.operation) ? action.statement : demand.operation.toUpperCase();
    case 'Function':
      return `function ${shownName(demand.use.schema)}.${shownName(demand.use.name)}`;
    case 'Setting':
      return `setting ${shownName(demand.setting)}`;
    case 'Channel':
      return `channel ${shownName(demand.channel)}`;
    default:
      return assertNever(demand);
  }
}

/** The same with its columns, for the detail. */
export function shownInFull(demand: Demand, action: SqlAction): string {
  const short = shownDemand(demand, action);
  if (demand.kind !== 'Relation' || demand.touch.columns === '*' || demand.touch.columns.length === 0) return short;
  return `${short} (${shownList(demand.touch.columns.map(shownName))})`;
}

/** What is missing, in one clause. */
export function shownGap(coverage: Coverage & { readonly gap: Gap }, action: SqlAction): string {
  const { demand, gap } = coverage;
  const what = shownDemand(demand, action);
  const columns = gap.columns === undefined ? '' : ` for column ${shownList(gap.columns.map(shownName))}`;
  const rule = gap.rule === undefined ? 'the rule' : shownRule(gap.rule);
  switch (gap.reason) {
    case 'NoRule':
      return `no rule allows ${what}${columns}`;
    case 'BuiltIn':
      return `${what} is built in and not harmless, so no rule can allow it`;
    case 'WhereRequired':
      return `${what} must say which rows: ${rule} wants a WHERE`;
    case 'Uncountable':
      return `the rows that ${what} changes cannot be counted in this form, such as in a data-modifying CTE, and ${rule} bounds them`;
    default:
      return assertNever(gap.reason);
  }
}

/** What to do about it, in one line. */
export function adviceFor({ demand, gap }: Coverage & { readonly gap: Gap }): string | undefined {
  switch (gap.reason) {
    case 'BuiltIn':
      return undefined;
    case 'WhereRequired':
      return "add a condition on a column of the table, joined by AND, such as: WHERE id = 1 (also IN or BETWEEN, with literals or parameters)";
    case 'Uncountable':
      return 'send it as a statement of its own';
    case 'NoRule':
      return `ask for: ${ruleFor(demand, gap.columns)}`;
    default:
      return assertNever(gap.reason);
  }
}

/** The postgresql block of a rule that would cover a demand. */
function ruleFor(demand: Demand, columns: readonly string[] | undefined): string {
  switch (demand.kind) {
    case 'Relation': {
      const { operation } = demand.touch;
      const narrowed = columns === undefined ? '' : `, columns [${shownList(columns.map((column) => JSON.stringify(column.slice(0, maxNameLength))))}]`;
      const bounds = operation === 'Update' || operation === 'Delete' || operation === 'Merge' ? ', where Required, maxRows 100' : '';
      return `operations [${operation}], relations ["${relationName(demand.touch)}"]${narrowed}${bounds}`;
    }
    case 'Operation':
      return `operations [${demand.operation}], relations ["*.*"]`;
    case 'Function':
      return `${demand.isCall ? 'operations [Call], ' : ''}functions ["${shownName(demand.use.schema)}.${shownName(demand.use.name)}"]`;
    case 'Setting':
      return `settings [${shownName(demand.setting)}]`;
    case 'Channel':
      return `operations [Listen], channels [${shownName(demand.channel)}]`;
    default:
      return assertNever(demand);
  }
}

function relationName({ schema, relation }: Touch): string {
  return `${shownName(schema)}.${shownName(relation)}`;
}
