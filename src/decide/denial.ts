import type { Decision } from './decision.ts';

/** A Deny with nothing covered and no obligations, unless more is given. */
export function denial(
  code: Decision['code'],
  message: string,
  more: Partial<Pick<Decision, 'rule' | 'covering' | 'detail' | 'hint' | 'sqlstate'>> = {},
): Decision {
  return { verdict: 'Deny', code, covering: [], message, obligations: {}, ...more };
}
