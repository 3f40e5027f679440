import type { Operation } from '../bundle/bundle.ts';
import type { FunctionUse, SqlAction, Touch } from './action.ts';

/** One thing that an action wants and that some rule must cover. */
export type Demand =
  | { readonly kind: 'Relation'; readonly touch: Touch }
  /** An operation that names no relation. */
  | { readonly kind: 'Operation'; readonly operation: Operation }
  | { readonly kind: 'Function'; readonly use: FunctionUse; readonly isCall: boolean }
  | { readonly kind: 'Setting'; readonly setting: string }
  | { readonly kind: 'Channel'; readonly channel: string };

/** Everything that an action wants, without the session's own temporary tables: those are free. */
export function demandsOf(action: SqlAction): readonly Demand[] {
  const { operations, functions, settings, channels } = action;
  const isCall = operations.includes('Call');
  const touches = action.touches.filter(({ isOwnTemporary }) => isOwnTemporary !== true);
  const copied = operations.includes('Copy') ? touches.filter(({ operation, ofCondition }) => operation === 'Select' && ofCondition === undefined) : [];
  // These are asked for by what they are about, and by themselves only where that is nothing.
  const isNamed: Readonly<Partial<Record<Operation, boolean>>> = { Listen: channels.length > 0, Call: functions.length > 0, Copy: copied.length > 0 };
  return [
    ...touches.map((touch): Demand => ({ kind: 'Relation', touch })),
    // COPY of a query copies what the query reads.
    ...copied.map((touch): Demand => ({ kind: 'Relation', touch: { ...touch, operation: 'Copy' } })),
    ...operations.filter((operation) => isNamed[operation] !== true).map((operation): Demand => ({ kind: 'Operation', operation })),
    ...functions.map((use): Demand => ({ kind: 'Function', use, isCall })),
    ...settings.map((setting): Demand => ({ kind: 'Setting', setting: setting.toLowerCase() })),
    ...channels.map((channel): Demand => ({ kind: 'Channel', channel })),
  ];
}
