import type { Bundle, MaskRule, Policy, PostgresqlRule, Rule } from '../../src/bundle/bundle.ts';
import type { Subject } from '../../src/bundle/subject.ts';
import type { SqlAction, Touch } from '../../src/decide/action.ts';
import { parseNamePattern } from '../../src/lib/glob.ts';

export const agent: Subject = {
  kind: 'ServiceAccount',
  name: 'serviceaccount:agents/support-agent',
  serviceAccount: { namespace: 'agents', name: 'support-agent' },
  groups: [],
  issuer: 'https://cluster.example.com',
  expiresAt: 2_000_000_000_000,
};

export const forAgent = { kind: 'ServiceAccount', namespace: 'agents', name: 'support-agent' } as const;

type RuleParts = Partial<Omit<PostgresqlRule, 'relations' | 'functions'>> & { relations?: readonly string[]; functions?: readonly string[] };

export function rule(name: string, effect: Rule['effect'], parts: RuleParts): Rule {
  const patterns = (texts: readonly string[] = []) => texts.map((text) => parseNamePattern(text)!);
  return {
    name,
    effect,
    postgresql: {
      operations: ['Select'],
      columns: ['*'],
      settings: [],
      channels: [],
      where: 'Optional',
      ...parts,
      relations: patterns(parts.relations),
      functions: patterns(parts.functions),
    },
  };
}

export function policy(name: string, rules: readonly Rule[], parts: Partial<Policy> = {}): Policy {
  return { ref: { kind: 'AccessPolicy', namespace: 'team-a', name }, subjects: [forAgent], mode: 'Enforce', rules, limits: {}, ...parts };
}

export function baseline(name: string, rules: readonly Rule[], parts: Partial<Policy> = {}): Policy {
  return policy(name, rules, { ref: { kind: 'AccessBaseline', namespace: '', name }, subjects: [{ kind: 'Any' }], ...parts });
}

export function maskRule(name: string, parts: Partial<MaskRule> = {}): MaskRule {
  return {
    name: `team-a/${name}`,
    exemptSubjects: [],
    predicates: 'Masked',
    assign: 'Deny',
    columns: [{ relation: { schema: 'public', name: 'customers' }, column: 'email', mask: { type: 'Email' } }],
    detect: [],
    ...parts,
  };
}

export function bundle(policies: readonly Policy[], parts: Partial<Bundle> = {}): Bundle {
  return {
    schemaVersion: 1,
    connection: { namespace: 'team-a', name: 'orders-db' },
    target: {
      type: 'PostgreSQL', host: 'db', port: 5432, database: 'orders', tls: { mode: 'Disable' },
      credentialsSecret: 'orders-db', introspectionSecret: 'orders-db',
    },
    identity: { oidc: [], onExpiry: 'End' },
    gateway: { port: 5432, drainTimeoutMs: 1000, replicas: 1 },
    masking: { required: [], missing: [] },
    policies,
    maskRules: [],
    recording: { store: { kind: 'Folder', path: '/recordings' }, results: 'Full', onFailure: 'Block' },
    unresolved: [],
    ...parts,
  };
}

export function touch(operation: Touch['operation'], relation: string, parts: Partial<Touch> = {}): Touch {
  const name = parseNamePattern(relation)!;
  return { operation, schema: name.schema, relation: name.name, columns: '*', ...parts };
}

export function action(parts: Partial<SqlAction> = {}): SqlAction {
  return {
    protocol: 'PostgreSQL', statement: 'SELECT', touches: [], functions: [], settings: [], channels: [], operations: [], refusals: [],
    ...parts,
  };
}

export function touching(...touches: readonly Touch[]): SqlAction {
  return action({ touches });
}
