import { RE2JS } from 're2js';
import type { Column, ColumnMask, Detect, MaskRule as MaskRuleObject } from '../api/mask-rule.ts';
import type { Detector, Mask, MaskRule } from '../bundle/bundle.ts';
import { messageOf } from '../lib/coded-error.ts';
import { assertNever } from '../lib/result.ts';
import type { Compiled } from './compile-policy.ts';
import { compileSubjects } from './compile-subject.ts';
import { Faults } from './faults.ts';

export function compileMaskRule({ metadata, spec }: MaskRuleObject): Compiled<MaskRule> {
  const faults = new Faults();
  const part: MaskRule = {
    name: `${metadata.namespace ?? ''}/${metadata.name}`,
    exemptSubjects: compileSubjects('spec.exemptSubjects', spec.exemptSubjects ?? [], faults),
    predicates: spec.predicates,
    assign: spec.assign,
    columns: compileColumns('spec.columns', spec.columns, faults),
    detect: compileDetectors('spec.detect', spec.detect, faults),
  };
  const notes = spec.assign === 'Allow' ? ['assign is Allow: writes to masked columns can be used to test guesses'] : [];
  return { part, faults: faults.messages, notes };
}

export function compileColumns(path: string, columns: readonly Column[] | undefined, faults: Faults): MaskRule['columns'] {
  return (columns ?? []).flatMap(({ relation, column, mask }, at) => {
    const here = `${path}[${at}]`;
    const pattern = faults.namePattern(`${here}.relation`, relation);
    const compiled = compileMask(`${here}.mask`, mask, faults);
    return pattern === undefined || compiled === undefined ? [] : [{ relation: pattern, column, mask: compiled }];
  });
}

export function compileDetectors(path: string, detect: readonly Detect[] | undefined, faults: Faults): Detector[] {
  return (detect ?? []).flatMap(({ entity, pattern, mask: spec }, at): Detector[] => {
    const here = `${path}[${at}]`;
    const mask = compileMask(`${here}.mask`, spec, faults);
    if ((entity === undefined) === (pattern === undefined)) faults.add(here, 'must set exactly one of entity and pattern');
    if (mask === undefined) return [];
    if (entity !== undefined) return [{ kind: 'Entity', entity, mask }];
    return pattern !== undefined && isPattern(`${here}.pattern`, pattern, faults) ? [{ kind: 'Pattern', pattern, mask }] : [];
  });
}

function isPattern(path: string, pattern: string, faults: Faults): boolean {
  try {
    // A pattern that finds nothing in every place would mask between any two characters.
    if (!RE2JS.compile(pattern).matcher('').find()) return true;
    faults.add(path, 'must not match the empty text');
  } catch (error) {
    faults.add(path, `must be an RE2 expression: ${messageOf(error)}`);
  }
  return false;
}

/** Undefined when a part that the type needs is missing. */
function compileMask(path: string, { type, count, unit, width }: ColumnMask, faults: Faults): Mask | undefined {
  switch (type) {
    case 'Null':
    case 'Redact':
    case 'Hash':
    case 'Email':
      return { type };
    case 'KeepFirst':
    case 'KeepLast':
      if (count !== undefined) return { type, count };
      faults.add(`${path}.count`, `must be set for ${type}`);
      return undefined;
    case 'Truncate':
      if (unit !== undefined) return { type, unit };
      faults.add(`${path}.unit`, 'must be set for Truncate');
      return undefined;
    case 'Range':
      if (width !== undefined) return { type, width };
      faults.add(`${path}.width`, 'must be set for Range');
      return undefined;
    default:
      return assertNever(type);
  }
}
