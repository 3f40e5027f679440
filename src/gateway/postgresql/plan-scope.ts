import type { Bundle } from '../../bundle/bundle.ts';
import type { PlanContext, SessionView } from '../../sql/plan.ts';
import type { KnownText } from './known-text.ts';

/** Everything that a text's plan and decisions depend on beside the text. A session has another one when any of it changes. */
export interface PlanScope {
  readonly bundle: Bundle;
  readonly revision: string;
  readonly context: PlanContext;
  readonly view: SessionView;
  /** What was planned in this scope, by the client's exact text. */
  readonly texts: Map<string, KnownText>;
}
