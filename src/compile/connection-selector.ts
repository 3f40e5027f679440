import type { ConnectionSelector, MatchExpression } from '../api/access-baseline.ts';
import type { ObjectMeta } from '../api/object-meta.ts';
import { assertNever } from '../lib/result.ts';

/** Whether a baseline covers a connection, with the meaning that Kubernetes gives to label selectors. */
export function selectsConnection(selector: ConnectionSelector, { namespace = '', labels = {} }: ObjectMeta): boolean {
  return (
    selector.namespaces.some((wanted) => wanted === '*' || wanted === namespace) &&
    Object.entries(selector.matchLabels ?? {}).every(([key, value]) => labelOf(labels, key) === value) &&
    (selector.matchExpressions ?? []).every((expression) => meets(expression, labelOf(labels, expression.key)))
  );
}

function meets({ operator, values = [] }: MatchExpression, label: string | undefined): boolean {
  switch (operator) {
    case 'In':
      return label !== undefined && values.includes(label);
    case 'NotIn':
      return label === undefined || !values.includes(label);
    case 'Exists':
      return label !== undefined;
    case 'DoesNotExist':
      return label === undefined;
    default:
      return assertNever(operator);
  }
}

function labelOf(labels: Readonly<Record<string, string>>, key: string): string | undefined {
  return Object.hasOwn(labels, key) ? labels[key] : undefined;
}
