/** The gateway as it is shipped (dist/chaperone.mjs), before the bench's PostgreSQL: one connection for each way to record and mask. */
import { execFile } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { dump } from 'js-yaml';
import { type BackgroundProcess, freePorts, startBackground } from './background-process.ts';
import type { Route } from './route.ts';

export const variants = ['full', 'metadata', 'none', 'masked'] as const;
/** Results recorded Full, Metadata or None; `masked` records Full and masks two columns of `people`. */
export type Variant = (typeof variants)[number];

export interface BenchGateway {
  readonly process: BackgroundProcess;
  route(variant: Variant): Route;
  /** The text that the gateway sends in place of a statement. */
  sentText(variant: Variant, statement: string): Promise<string>;
  /** Recordings of ended sessions fill the disk otherwise. */
  forgetRecordings(): Promise<void>;
}

const run = promisify(execFile);
const program = path.resolve(import.meta.dirname, '../../dist/chaperone.mjs');
const subject = 'serviceaccount:agents/bench';

export async function startGateway(target: Route, directory: string, nodeOptions: readonly string[] = []): Promise<BenchGateway> {
  const [healthPort, ...ports] = await freePorts(variants.length + 1);
  const portOf = (variant: Variant): number => ports[variants.indexOf(variant)] ?? 0;
  await mkdir(directory, { recursive: true });
  await writeFile(path.join(directory, 'bench.yaml'), objects(target, portOf).map((object) => dump(object)).join('---\n'));
  const state = path.join(directory, 'state');
  const { stdout: token } = await run(process.execPath, [program, 'token', '--subject', subject, '--ttl', '1h', '--state', state]);
  const options = ['--files', directory, '--health-port', String(healthPort), '--log-level', 'warn'];
  const process_ = await startBackground([process.execPath, ...nodeOptions, program, 'gateway', ...options], { isUp: () => isReady(healthPort ?? 0) });
  return {
    process: process_,
    route: (variant) => ({ port: portOf(variant), user: 'agent', password: token.trim(), database: target.database }),
    sentText: async (variant, statement) => {
      const { stdout } = await run(process.execPath, [program, 'explain', directory, '--connection', variant, '--subject', subject, '--statement', statement, '-o', 'json']);
      return (JSON.parse(stdout) as { readonly sent: string }).sent;
    },
    forgetRecordings: () => rm(path.join(directory, 'recordings'), { recursive: true, force: true }),
  };
}

async function isReady(port: number): Promise<boolean> {
  return fetch(`http://127.0.0.1:${port}/readyz`).then(({ ok }) => ok, () => false);
}

function objects(target: Route, portOf: (variant: Variant) => number): readonly object[] {
  return [
    object('v1', 'Secret', 'target', { stringData: { username: target.user, password: target.password } }),
    ...variants.map((variant) => connection(variant, target, portOf(variant))),
    policy(),
    masks(),
  ];
}

function connection(variant: Variant, target: Route, port: number): object {
  const results = { full: 'Full', metadata: 'Metadata', none: 'None', masked: 'Full' }[variant];
  return resource('AgentConnection', variant, {
    type: 'PostgreSQL',
    postgresql: { host: '127.0.0.1', port: target.port, database: target.database, tls: { mode: 'Disable' }, credentialsSecretRef: { name: 'target' } },
    identity: { serviceAccounts: { audience: 'chaperone', issuer: 'http://127.0.0.1/chaperone-local', jwksURL: 'file:state/jwks.json' }, maxTokenAge: '2h' },
    masking: { required: variant === 'masked' ? ['people'] : [] },
    gateway: { port },
    recording: { store: { folder: { path: `./recordings/${variant}` } }, results, onFailure: 'Block' },
  });
}

function policy(): object {
  return resource('AccessPolicy', 'bench', {
    targetRefs: variants.map(targetRef),
    subjects: [{ serviceAccount: { namespace: 'agents', name: 'bench' } }],
    rules: [{ name: 'read', effect: 'Allow', postgresql: { operations: ['Select'], relations: ['public.*'] } }],
  });
}

function masks(): object {
  return resource('MaskRule', 'people', {
    targetRefs: [targetRef('masked')],
    columns: [
      { relation: 'public.people', column: 'email', mask: { type: 'Email' } },
      { relation: 'public.people', column: 'phone', mask: { type: 'KeepLast', count: 2 } },
    ],
  });
}

function targetRef(variant: Variant): object {
  return { group: 'chaperone.dev', kind: 'AgentConnection', name: variant };
}

function resource(kind: string, name: string, spec: object): object {
  return object('chaperone.dev/v1alpha1', kind, name, { spec });
}

function object(apiVersion: string, kind: string, name: string, body: object): object {
  return { apiVersion, kind, metadata: { name, namespace: 'bench' }, ...body };
}
