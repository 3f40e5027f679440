import type { Bundle, Operation } from '../../bundle/bundle.ts';
import type { Judged } from '../session.ts';
import type { Plan, PlanContext, PlannedStatement, SessionView } from '../../sql/plan.ts';

const writes: ReadonlySet<Operation> = new Set(['Insert', 'Update', 'Delete', 'Merge', 'Copy', 'Ddl']);

/** Everything that a text's plan and decisions depend on beside the text. A session has another one when any of it changes. */
export interface PlanScope {
  readonly bundle: Bundle;
  readonly revision: string;
  readonly context: PlanContext;
  readonly view: SessionView;
  /** Not every column of a relation is the subject's to see. */
  readonly restrictsColumns: boolean;
  /** Where values come from is checked on their way back. */
  readonly tellsColumnsApart: boolean;
  /** What was planned in this scope, by the client's exact text. */
  readonly texts: Map<string, KnownText>;
}

/** A text with its plan and what was decided for each of its statements, in one scope. */
export interface KnownText {
  readonly scope: PlanScope;
  readonly text: string;
  readonly plan: Plan;
  readonly judged: readonly Judged[];
  /** Some statement's decision hangs on a name that the session holds: EXECUTE, FETCH and their kind. */
  readonly namesHeld: boolean;
  /** It names something that the catalogue does not know. */
  readonly namesUnknown: boolean;
  /** Runs alone: what comes after it must not be planned before it is done. */
  readonly changesView: boolean;
}

/** What PostgreSQL says of a failed write can show the whole row, of which the subject may not see every column. */
export function withholdsErrors({ restrictsColumns }: PlanScope, { withholdErrors, action }: PlannedStatement): boolean {
  return withholdErrors || (restrictsColumns && action.touches.some(({ operation }) => writes.has(operation)));
}

/** The statement of a text that holds at most one, as the extended protocol demands. */
export function onlyStatement(known: KnownText): PlannedStatement | undefined {
  return known.plan.statements[0];
}
