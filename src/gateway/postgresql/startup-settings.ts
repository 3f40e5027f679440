import { err, ok, type Result } from '../../lib/result.ts';
import { type Report } from '../../wire/postgresql/backend-messages.ts';
import { fatalReport } from './reports.ts';
import { parseSearchPath } from '../../sql/search-path.ts';

export interface StartupSettings {
  readonly user: string;
  readonly database: string;
  readonly applicationName: string | undefined;
  /** Passed on to the target, by lower-case name. */
  readonly settings: Readonly<Record<string, string>>;
  readonly searchPath: readonly string[] | undefined;
}

/** Settings that change how results look and how long things may take, and nothing of what a text means or may do. */
const harmless: ReadonlySet<string> = new Set([
  'bytea_output', 'client_min_messages', 'datestyle', 'default_transaction_deferrable', 'default_transaction_isolation', 'default_transaction_read_only',
  'extra_float_digits', 'idle_in_transaction_session_timeout', 'intervalstyle', 'lock_timeout', 'search_path', 'statement_timeout', 'tcp_keepalives_idle',
  'timezone', 'work_mem',
]);

/** Reads the start-up parameters of a client: what is not known to be harmless is refused by name. */
export function readStartupSettings(parameters: ReadonlyMap<string, string>): Result<StartupSettings, Report> {
  const settings: Record<string, string> = {};
  for (const [name, value] of parameters) {
    if (name === 'user' || name === 'database' || name === 'options') continue;
    const refusal = readSetting(name, value, settings);
    if (refusal !== undefined) return err(refusal);
  }
  for (const [name, value] of parseOptions(parameters.get('options') ?? '')) {
    if (value === undefined) return err(notAllowed('options', 'only -c name=value may stand in it'));
    const refusal = readSetting(name, value, settings);
    if (refusal !== undefined) return err(refusal);
  }
  const { application_name: applicationName, ...passed } = settings;
  const user = parameters.get('user') ?? '';
  const path = settings['search_path'];
  return ok({
    user,
    database: parameters.get('database') ?? user,
    applicationName,
    settings: passed,
    searchPath: path === undefined ? undefined : parseSearchPath(path),
  });
}

function readSetting(given: string, value: string, settings: Record<string, string>): Report | undefined {
  const name = given.toLowerCase();
  switch (name) {
    case 'application_name':
      settings[name] = value;
      return undefined;
    case 'client_encoding':
      return isUtf8Name(value) ? undefined : fatalReport('0A000', `client_encoding must be UTF8, not ${shown(value)}`, 'set PGCLIENTENCODING=UTF8');
    case 'standard_conforming_strings':
      return value.toLowerCase() === 'on' ? undefined : notAllowed(name, 'it must stay on');
    case 'replication':
      return /^(0|f|false|off|no|n)$/i.test(value) ? undefined : fatalReport('0A000', 'replication connections are not supported');
    default:
      if (!harmless.has(name)) return notAllowed(given, 'it is not one of the harmless settings');
      settings[name] = value;
      return undefined;
  }
}

/** As PostgreSQL compares names of encodings: letters and digits alone, without case. */
function isUtf8Name(value: string): boolean {
  return ['utf8', 'unicode'].includes(value.toLowerCase().replaceAll(/[^a-z0-9]/g, ''));
}

function notAllowed(name: string, why: string): Report {
  return fatalReport('42501', `the start-up parameter ${shown(name)} is not allowed: ${why}`);
}

function shown(text: string): string {
  return JSON.stringify(text.slice(0, 64));
}

/** `-c name=value`, `-cname=value` and `--name=value`; a backslash keeps the space behind it. Undefined value: something else. */
function parseOptions(options: string): (readonly [string, string | undefined])[] {
  const words = [...options.matchAll(/(?:\\.|[^\s\\])+/g)].map(([word]) => word.replaceAll(/\\(.)/g, '$1'));
  const found: (readonly [string, string | undefined])[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? '';
    const setting = word === '-c' ? (words[++at] ?? '') : word.startsWith('--') ? word.slice(2) : word.startsWith('-c') ? word.slice(2) : '';
    const equals = setting.indexOf('=');
    // In the long form PostgreSQL reads a dash as an underscore.
    found.push(equals < 1 ? [word, undefined] : [setting.slice(0, equals).replaceAll('-', '_'), setting.slice(equals + 1)]);
  }
  return found;
}
