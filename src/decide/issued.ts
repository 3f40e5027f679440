import { deepFreeze } from '../lib/canonical.ts';
import type { SqlAction } from './action.ts';
import type { Decision } from './decision.ts';

// Which action each decision was made for. Only `decide.ts` writes here and only `authorize.ts` reads (a test
// holds that), so a Decision-shaped object from anywhere else proves nothing.
const issued = new WeakMap<Decision, SqlAction>();

export function issueDecision(action: SqlAction, decision: Decision): Decision {
  issued.set(deepFreeze(decision), action);
  return decision;
}

export function wasIssuedFor(decision: Decision, action: object): boolean {
  return issued.get(decision) === action;
}
