import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import type { Metrics } from './ports.ts';

/** Metrics of every connection that one process serves, in one registry. */
export class GatewayMetrics {
  readonly registry = new Registry();
  readonly #views = new Map<string, Metrics>();
  readonly #started: Counter<'connection'>;
  readonly #active: Gauge<'connection'>;
  readonly #ended: Counter<'connection' | 'reason'>;
  readonly #decisions: Counter<'connection' | 'verdict' | 'observed'>;
  readonly #decisionSeconds: Histogram<'connection'>;
  readonly #rows: Counter<'connection'>;
  readonly #recorded: Counter<'connection'>;
  readonly #recordingFailures: Counter<'connection'>;
  readonly #loginFailures: Counter<'connection' | 'code'>;
  readonly #revision: Gauge<'connection' | 'revision'>;
  readonly #reloadFailures: Counter<'connection'>;

  constructor() {
    const registers = [this.registry];
    const labelNames = ['connection'] as const;
    this.#started = new Counter({ name: 'chaperone_gateway_sessions_total', help: 'Sessions that were let in.', labelNames, registers });
    this.#active = new Gauge({ name: 'chaperone_gateway_sessions_active', help: 'Sessions that are open now.', labelNames, registers });
    this.#ended = new Counter({ name: 'chaperone_gateway_sessions_ended_total', help: 'Sessions that ended, by reason.', labelNames: ['connection', 'reason'], registers });
    this.#decisions = new Counter({ name: 'chaperone_gateway_decisions_total', help: 'Decided statements, by verdict; observed ones would have been denied.', labelNames: ['connection', 'verdict', 'observed'], registers });
    this.#decisionSeconds = new Histogram({ name: 'chaperone_gateway_decision_seconds', help: 'Time to decide one statement that was not in the plan cache.', labelNames, buckets: [1e-6, 5e-6, 2e-5, 1e-4, 5e-4, 2e-3, 1e-2], registers });
    this.#rows = new Counter({ name: 'chaperone_gateway_rows_total', help: 'Rows that were sent to agents.', labelNames, registers });
    this.#recorded = new Counter({ name: 'chaperone_gateway_recording_bytes_total', help: 'Bytes of result frames that were recorded.', labelNames, registers });
    this.#recordingFailures = new Counter({ name: 'chaperone_gateway_recording_failures_total', help: 'Records that could not be written.', labelNames, registers });
    this.#loginFailures = new Counter({ name: 'chaperone_gateway_login_failures_total', help: 'Logins that were refused, by code.', labelNames: ['connection', 'code'], registers });
    this.#revision = new Gauge({ name: 'chaperone_gateway_bundle_revision_info', help: 'Constant 1; the label names the revision in force.', labelNames: ['connection', 'revision'], registers });
    this.#reloadFailures = new Counter({ name: 'chaperone_gateway_reload_failures_total', help: 'Bundles that could not be taken up.', labelNames, registers });
    collectDefaultMetrics({ register: this.registry });
  }

  /** The view of one connection. */
  of(connection: string): Metrics {
    const known = this.#views.get(connection) ?? this.#viewOf(connection);
    this.#views.set(connection, known);
    return known;
  }

  #viewOf(connection: string): Metrics {
    let shown: string | undefined;
    return {
      sessionStarted: () => {
        this.#started.inc({ connection });
        this.#active.inc({ connection });
      },
      sessionEnded: (reason) => {
        this.#active.dec({ connection });
        this.#ended.inc({ connection, reason });
      },
      decided: (verdict, isObserved) => this.#decisions.inc({ connection, verdict, observed: String(isObserved) }),
      decisionSeconds: (seconds) => this.#decisionSeconds.observe({ connection }, seconds),
      rowsSent: (rows) => this.#rows.inc({ connection }, rows),
      recordedBytes: (bytes) => this.#recorded.inc({ connection }, bytes),
      recordingFailed: () => this.#recordingFailures.inc({ connection }),
      loginFailed: (code) => this.#loginFailures.inc({ connection, code }),
      bundleLoaded: (revision) => {
        if (shown !== undefined) this.#revision.remove({ connection, revision: shown });
        shown = revision;
        this.#revision.set({ connection, revision }, 1);
      },
      reloadFailed: () => this.#reloadFailures.inc({ connection }),
    };
  }
}
