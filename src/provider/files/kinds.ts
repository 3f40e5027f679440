import { crds } from '../../api/crds.generated.ts';
import type { Crd } from '../../api/open-api-schema.ts';
import { compileRules, violatedRules } from './cel-rules.ts';
import { type ExplainedError, explainErrors } from './explain-error.ts';
import { compileSchema } from './schema-check.ts';

/** One of our kinds, with its check: what is wrong with an object, after its defaults were filled in place. */
export interface KindCheck {
  readonly kind: string;
  readonly isNamespaced: boolean;
  readonly check: (object: unknown) => readonly ExplainedError[];
}

export const kindChecks: ReadonlyMap<string, KindCheck> = new Map(crds.map((crd) => [crd.kind, kindCheck(crd)]));

function kindCheck(crd: Crd): KindCheck {
  // Compiled once, and not before it is needed: commands that read no objects start without it.
  let compiled: KindCheck['check'] | undefined;
  return {
    kind: crd.kind,
    isNamespaced: crd.scope === 'Namespaced',
    check: (object) => (compiled ??= compileCheck(crd))(object),
  };
}

function compileCheck(crd: Crd): KindCheck['check'] {
  const schemaErrors = compileSchema(crd.schema, crd.scope);
  const rules = compileRules(crd.schema);
  return (object) => {
    const errors = schemaErrors(object);
    // As on the API server, rules see only objects that have their schema's form.
    if (errors.length > 0) return explainErrors(errors, object);
    return rules === undefined ? [] : violatedRules(rules, object);
  };
}
