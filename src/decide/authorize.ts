import type { SqlAction } from './action.ts';
import type { Authorized, Decision } from './decision.ts';
import { wasIssuedFor } from './issued.ts';

/**
 * The only maker of `Authorized`: proof for an action that `decide` itself allowed, and for that very object.
 * A decision of another action, one that was built by hand or a denial gives nothing.
 */
export function authorize<A extends SqlAction>(action: A, decision: Decision): Authorized<A> | undefined {
  if (decision.verdict !== 'Allow' || !wasIssuedFor(decision, action)) return undefined;
  return Object.freeze({ action, decision }) as Authorized<A>;
}
