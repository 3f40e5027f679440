import { Command, InvalidArgumentError } from 'commander';
import { systemClock } from '../lib/clock.ts';
import { parseDuration } from '../lib/duration.ts';
import { openLocalIssuer, type LocalSubject } from '../identity/local-issuer.ts';
import { collect } from './option-values.ts';

const maxTtlMs = 24 * 60 * 60_000;

interface TokenOptions {
  readonly subject: LocalSubject;
  readonly audience: string;
  readonly ttl: number;
  readonly group: readonly string[];
  readonly state: string;
}

/** `chaperone token`: a token for development, alone on stdout so that `PGPASSWORD=$(...)` works. */
export function tokenCommand(): Command {
  return new Command('token')
    .description('print a short-lived token of the local development issuer')
    .requiredOption('--subject <subject>', 'serviceaccount:<namespace>/<name>, or oidc:<sub>', parseSubject)
    .option('--audience <audience>', 'whom the token is for', 'chaperone')
    .option('--ttl <duration>', 'how long it lives, at most 24h', parseTtl, 15 * 60_000)
    .option('--group <group>', 'a group of an oidc subject; may be repeated', collect, [])
    .option('--state <directory>', 'where the key and jwks.json are, made when missing', 'state')
    .action(async (options: TokenOptions, command: Command) => {
      const { audience, ttl, state } = options;
      const subject = withGroups(options, command);
      const issuer = await openLocalIssuer(state);
      const token = await issuer.mint({ subject, audience, ttlMs: ttl, now: systemClock.now() });
      process.stderr.write(`for development only: whoever can read ${state} can be any subject\n`);
      process.stdout.write(`${token}\n`);
    });
}

function withGroups({ subject, group }: TokenOptions, command: Command): LocalSubject {
  if (group.length === 0) return subject;
  if (subject.kind !== 'Oidc') return command.error('error: --group is for oidc subjects; the groups of a ServiceAccount are fixed');
  return { ...subject, groups: group };
}

function parseSubject(text: string): LocalSubject {
  const [, namespace, name] = /^serviceaccount:([a-z0-9][-a-z0-9]*)\/([a-z0-9][-.a-z0-9]*)$/.exec(text) ?? [];
  if (namespace !== undefined && name !== undefined) return { kind: 'ServiceAccount', namespace, name };
  const [, subject] = /^oidc:(.+)$/.exec(text) ?? [];
  if (subject !== undefined) return { kind: 'Oidc', subject, groups: [] };
  throw new InvalidArgumentError('write serviceaccount:<namespace>/<name> or oidc:<sub>');
}

function parseTtl(text: string): number {
  const ttlMs = parseDuration(text);
  if (ttlMs === undefined || ttlMs < 1_000 || ttlMs > maxTtlMs) throw new InvalidArgumentError('write a duration from 1s to 24h, such as 15m');
  return ttlMs;
}
