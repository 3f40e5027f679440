/**
 * The CEL rules of a CRD (`x-kubernetes-validations`), compiled once and evaluated as the API server does when an
 * object is created: schema first, then rules; a rule that cannot be evaluated refuses the object.
 */
import { type ASTNode, Environment } from '@marcbachmann/cel-js';
import { serialize } from '@marcbachmann/cel-js/serialize';
import { RE2JS } from 're2js';
import type { OpenApiSchema, ValidationRule } from '../../api/open-api-schema.ts';
import { messageOf } from '../../lib/coded-error.ts';
import { fieldPath } from './field-path.ts';

export interface RuleViolation {
  readonly path: string;
  readonly message: string;
}

interface CompiledRule {
  readonly message: string;
  readonly holds: (self: unknown) => boolean;
}

/** The parts of a schema that carry rules, themselves or further down. */
interface RuleTree {
  readonly rules: readonly CompiledRule[];
  readonly properties: ReadonlyMap<string, RuleTree>;
  readonly elements: RuleTree | undefined;
}

const linearMatches = 'matchesLinear';

const environment = new Environment()
  .registerVariable('self', 'dyn')
  .registerVariable('oldSelf', 'dyn')
  .registerFunction(`string.${linearMatches}(string): bool`, (text: string, pattern: string) =>
    RE2JS.compile(pattern).matcher(text).find(),
  );

export function compileRules(schema: OpenApiSchema): RuleTree | undefined {
  const rules = (schema['x-kubernetes-validations'] ?? []).filter(isForCreation).map(compileRule);
  const properties = new Map<string, RuleTree>();
  for (const [name, member] of Object.entries(schema.properties ?? {})) {
    const tree = compileRules(member);
    if (tree !== undefined) properties.set(name, tree);
  }
  const elementSchema = schema.items ?? schema.additionalProperties;
  const elements = elementSchema && compileRules(elementSchema);
  const isBare = rules.length === 0 && properties.size === 0 && elements === undefined;
  return isBare ? undefined : { rules, properties, elements };
}

/** Transition rules compare with an object that was there before; a file has none. */
function isForCreation({ rule }: ValidationRule): boolean {
  return !/\boldSelf\b/.test(rule);
}

function compileRule({ rule, message }: ValidationRule): CompiledRule {
  const evaluate = environment.parse(withLinearMatches(rule));
  return { message, holds: (self) => evaluate({ self }) === true };
}

/** The library's own `matches` backtracks and cannot be replaced, so calls of it are renamed in the parsed rule. */
function withLinearMatches(rule: string): string {
  const { ast } = environment.parse(rule);
  const pending: unknown[] = [ast];
  while (pending.length > 0) {
    const node = pending.pop();
    if (Array.isArray(node)) pending.push(...(node as unknown[]));
    if (!isNode(node)) continue;
    if (node.op === 'rcall' && node.args[0] === 'matches') node.args[0] = linearMatches;
    pending.push(node.args);
  }
  return serialize(ast);
}

function isNode(value: unknown): value is ASTNode {
  return typeof value === 'object' && value !== null && 'op' in value && 'args' in value;
}

export function violatedRules(tree: RuleTree, value: unknown, steps: readonly (string | number)[] = []): RuleViolation[] {
  const violations = tree.rules.flatMap((rule) => violation(rule, value, steps));
  if (typeof value !== 'object' || value === null) return violations;
  for (const [name, member] of tree.properties) {
    const at = (value as Record<string, unknown>)[name];
    if (at !== undefined) violations.push(...violatedRules(member, at, [...steps, name]));
  }
  if (tree.elements === undefined) return violations;
  const elements: readonly (readonly [string | number, unknown])[] = Array.isArray(value)
    ? (value as unknown[]).map((element, index) => [index, element] as const)
    : Object.entries(value);
  for (const [step, element] of elements) violations.push(...violatedRules(tree.elements, element, [...steps, step]));
  return violations;
}

function violation(rule: CompiledRule, self: unknown, steps: readonly (string | number)[]): RuleViolation[] {
  const path = fieldPath(steps);
  try {
    return rule.holds(self) ? [] : [{ path, message: rule.message }];
  } catch (thrown) {
    const cause = messageOf(thrown).split('\n', 1).join('');
    return [{ path, message: `${rule.message} (${cause})` }];
  }
}
