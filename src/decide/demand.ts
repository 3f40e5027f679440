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
  const isCall = action.operations.includes('Call');
  const demands: Demand[] = [];
  for (const touch of action.touches) {
    if (touch.isOwnTemporary !== true) demands.push({ kind: 'Relation', touch });
  }
  for (const operation of action.operations) {
    // LISTEN and NOTIFY are asked for by channel, CALL by procedure; only where none is named by the operation.
    const isNamed = (operation === 'Listen' && action.channels.length > 0) || (operation === 'Call' && action.functions.length > 0);
    if (!isNamed) demands.push({ kind: 'Operation', operation });
  }
  for (const use of action.functions) demands.push({ kind: 'Function', use, isCall });
  for (const setting of action.settings) demands.push({ kind: 'Setting', setting: setting.toLowerCase() });
  for (const channel of action.channels) demands.push({ kind: 'Channel', channel });
  return demands;
}
