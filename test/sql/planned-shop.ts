/** The shop of `dataset.sql` on a real server, with statements planned against its real catalogue and run as the agents' role. */
import pg from 'pg';
import type { Mask } from '../../src/bundle/bundle.ts';
import { Secret } from '../../src/lib/secret.ts';
import { silentLog } from '../../src/lib/log.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { parseNamePattern } from '../../src/lib/glob.ts';
import { CatalogueSource } from '../../src/gateway/postgresql/catalogue-source.ts';
import { hashKeySetting } from '../../src/mask/column-mask.ts';
import type { Catalogue } from '../../src/sql/catalogue.ts';
import { Lookup } from '../../src/sql/lookup.ts';
import { createParser } from '../../src/sql/parser.ts';
import type { Plan, PlanContext, Planner, SessionView } from '../../src/sql/plan.ts';
import { createPlanner } from '../../src/sql/planner.ts';
import { SessionWithin } from '../../src/sql/session-within.ts';
import { datasetLogins, loadDataset, startPostgres, type Postgres } from '../support/postgres.ts';

export type MaskList = readonly (readonly [column: string, mask: Mask, more?: { readonly predicates?: 'Deny'; readonly assign?: 'Allow' }])[];

export const shopMasks: MaskList = [
  ['public.customers.email', { type: 'Email' }],
  ['public.customers.ssn', { type: 'KeepLast', count: 4 }],
  ['public.customers.phone', { type: 'Redact' }],
  ['public.customers.notes', { type: 'Redact' }],
  ['public.customers.address', { type: 'Redact' }],
  ['public.customers.salary', { type: 'Range', width: 10000 }],
  ['public.profiles.email', { type: 'Hash' }],
  ['public.profiles.reach', { type: 'Redact' }],
  ['public.events.payload', { type: 'Redact' }],
  ['public.people.email', { type: 'Redact' }],
  ['support.tickets.body', { type: 'Redact' }],
  ['support.agents.note', { type: 'Redact' }],
  ['*.*.*password*', { type: 'Redact' }],
  ['*.*.*Token*', { type: 'Redact' }],
];

export interface Outcome {
  readonly rows: readonly Record<string, unknown>[];
  readonly text: string;
  readonly error: string | undefined;
}

/** Everything that a script's agent received: rows, errors with all their fields, notices and COPY data. */
export interface ScriptOutcome {
  readonly received: string;
  /** Of the last statement. */
  readonly rows: readonly Record<string, unknown>[];
  /** `Ran`, the codes of refusals, `Function` for functions that a policy would have to list, or `Error <SQLSTATE>`; of the last statement. */
  readonly verdict: string;
}

export class PlannedShop {
  readonly postgres: Postgres;
  readonly planner: Planner;
  readonly client: pg.Client;
  readonly #source: CatalogueSource;

  private constructor(postgres: Postgres, planner: Planner, client: pg.Client, source: CatalogueSource) {
    this.postgres = postgres;
    this.planner = planner;
    this.client = client;
    this.#source = source;
  }

  static async start(version: 18 | 15 = 18): Promise<PlannedShop> {
    const postgres = await startPostgres({ version });
    await loadDataset(postgres);
    const { app } = datasetLogins;
    const target = { host: '127.0.0.1', port: postgres.port, tls: { mode: 'Disable' as const }, database: 'shop', user: 'app', password: new Secret(app.password) };
    const source = new CatalogueSource({
      login: () => Promise.resolve({ ...target, role: 'app', user: datasetLogins.introspection.user, password: new Secret(datasetLogins.introspection.password) }),
      log: silentLog,
      clock: systemClock,
      pollMs: 60_000,
    });
    await source.start();
    if (source.current === undefined) throw new Error('no catalogue', { cause: source.error });
    const client = new pg.Client({ host: '127.0.0.1', port: postgres.port, database: 'shop', user: app.user, password: app.password, options: `-c ${hashKeySetting}=a-key-of-tests` });
    await client.connect();
    return new PlannedShop(postgres, createPlanner({ parser: await createParser() }), client, source);
  }

  get catalogue(): Catalogue {
    const { current } = this.#source;
    if (current === undefined) throw new Error('no catalogue');
    return current;
  }

  /** After the schema was changed. */
  async reload(): Promise<void> {
    await this.#source.refresh();
  }

  session(more: Partial<SessionView> = {}): SessionView {
    return { searchPath: this.catalogue.defaultSearchPath, isDirty: false, temporaries: new Map(), ...more };
  }

  context(masks: MaskList = shopMasks): PlanContext {
    const rules = masks.map(([column, mask, more]) => {
      const at = column.lastIndexOf('.');
      const relation = parseNamePattern(column.slice(0, at));
      if (relation === undefined) throw new Error(`bad name ${column}`);
      return { rule: 'team-a/masks', relation, column: column.slice(at + 1), mask, predicates: more?.predicates ?? ('Masked' as const), assign: more?.assign ?? ('Deny' as const) };
    });
    return { catalogue: this.catalogue, masks: { id: JSON.stringify(rules), rules }, key: String(this.catalogue.epoch) };
  }

  plan(text: string, masks: MaskList = shopMasks, session: Partial<SessionView> = {}): Plan {
    return this.planner.plan(text, this.session(session), this.context(masks));
  }

  /** Runs what the plan would send, in a transaction that is rolled back; refusals stand in the error. */
  async run(text: string, masks: MaskList = shopMasks, session: Partial<SessionView> = {}): Promise<Outcome> {
    const plan = this.plan(text, masks, session);
    const refusals = plan.statements.flatMap(({ action }) => [...action.refusals.map(({ code, message }) => `${code}: ${message}`), ...action.functions.map(({ schema, name }) => `function ${schema}.${name}`)]);
    if (refusals.length > 0) return { rows: [], text: plan.text, error: refusals.join('; ') };
    await this.client.query('BEGIN');
    try {
      const result: unknown = await this.client.query(plan.text);
      const last = (Array.isArray(result) ? result.at(-1) : result) as pg.QueryResult<Record<string, unknown>>;
      return { rows: last.rows, text: plan.text, error: undefined };
    } catch (thrown) {
      return { rows: [], text: plan.text, error: `PostgreSQL: ${thrown instanceof pg.DatabaseError ? `${thrown.message} ${thrown.detail ?? ''}` : String(thrown)}` };
    } finally {
      await this.client.query('ROLLBACK');
    }
  }

  /** Runs statements one after the other as one session would, refused ones left out; everything is rolled back. */
  async runScript(texts: readonly string[], masks: MaskList = shopMasks, start: Partial<SessionView> = {}): Promise<ScriptOutcome> {
    const session = new SessionWithin(this.session(start), Lookup.of(this.catalogue), this.context(masks).masks.id);
    const received: string[] = [];
    let rows: readonly Record<string, unknown>[] = [];
    let verdict = 'Ran';
    const { connection } = this.client as unknown as { readonly connection: NodeJS.EventEmitter };
    const onCopy = ({ chunk }: { readonly chunk: Buffer }): void => void received.push(chunk.toString('latin1'));
    const onNotice = (notice: unknown): void => void received.push(JSON.stringify(notice));
    connection.on('copyData', onCopy);
    void this.client.on('notice', onNotice);
    await this.client.query('BEGIN');
    for (const text of texts) {
      const plan = this.planner.plan(text, session.view, this.context(masks));
      verdict = refusedBecause(plan);
      rows = [];
      received.push(JSON.stringify(plan.statements.map(({ action }) => action.refusals)));
      if (verdict !== 'Ran') continue;
      await this.client.query('SAVEPOINT script');
      try {
        const result: unknown = await this.client.query(plan.text);
        rows = ((Array.isArray(result) ? result.at(-1) : result) as pg.QueryResult<Record<string, unknown>>).rows;
        received.push(seen(rows));
        for (const { effects } of plan.statements) session.apply(effects);
      } catch (thrown) {
        if (!(thrown instanceof pg.DatabaseError)) throw thrown;
        verdict = `Error ${thrown.code ?? ''}`;
        // Such a statement's error would be withheld by the gateway.
        if (!plan.statements.some(({ withholdErrors }) => withholdErrors)) received.push(JSON.stringify([thrown, thrown.message]));
        await this.client.query('ROLLBACK TO script');
      }
    }
    await this.client.query('ROLLBACK');
    await this.client.query('DEALLOCATE ALL; RESET search_path');
    connection.off('copyData', onCopy);
    void this.client.off('notice', onNotice);
    return { received: received.join('\n'), rows, verdict };
  }

  async stop(): Promise<void> {
    await this.client.end();
    await this.#source.close();
    await this.postgres.stop();
  }
}

function refusedBecause({ statements }: Plan): string {
  const codes = statements.flatMap(({ action }) => [...action.refusals.map(({ code }) => code), ...action.functions.map(() => 'Function')]);
  return codes.length === 0 ? 'Ran' : [...new Set(codes)].sort().join(' ');
}

/** Rows as text, with bytes also read as characters. */
function seen(rows: readonly unknown[]): string {
  return JSON.stringify(rows, (_key, value: unknown) => {
    const bytes = value as { readonly type?: unknown; readonly data?: unknown } | null;
    return bytes !== null && typeof bytes === 'object' && bytes.type === 'Buffer' ? Buffer.from(bytes.data as number[]).toString('latin1') : value;
  });
}
