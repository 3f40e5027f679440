import { Command, Option } from 'commander';
import type { SealedBundle } from '../bundle/seal.ts';
import type { Subject } from '../bundle/subject.ts';
import { compileWorld } from '../compile/compile-world.ts';
import { createDecider } from '../decide/decide.ts';
import type { Decision } from '../decide/decision.ts';
import type { SqlAction } from '../decide/action.ts';
import { CatalogueSource } from '../gateway/postgresql/catalogue-source.ts';
import { systemClock } from '../lib/clock.ts';
import { messageOf } from '../lib/coded-error.ts';
import { silentLog } from '../lib/log.ts';
import type { Catalogue } from '../sql/catalogue.ts';
import { createParser } from '../sql/parser.ts';
import type { Plan } from '../sql/plan.ts';
import { createPlanner } from '../sql/planner.ts';
import { filesSecretSource } from '../provider/files/secret-source.ts';
import { loadDirectory } from '../provider/files/load-directory.ts';
import { collect } from './option-values.ts';
import { parseSubject, withGroups } from './subject-option.ts';
import { introspectionLogin } from './target-logins.ts';
import { harmless } from './terminal-text.ts';

interface ExplainOptions {
  readonly connection: string;
  readonly subject: Subject;
  readonly group: readonly string[];
  readonly statement: string;
  readonly output: 'text' | 'json';
}

interface Explained {
  readonly plan: Plan;
  readonly judged: readonly { readonly action: SqlAction; readonly decision: Decision; readonly masked: readonly string[] }[];
}

/** `chaperone explain DIR`: what a statement touches, which rule decides and why, and the text that would be sent. Exit code 1 when it would not run. */
export function explainCommand(): Command {
  return new Command('explain')
    .description('say what a statement touches, which rule decides and why, and the text that would be sent')
    .argument('<directory>', 'the directory of YAML')
    .requiredOption('--connection <name>', 'name or namespace/name of the connection; its target is asked for the catalogue')
    .addOption(new Option('--subject <subject>', 'for whom').argParser(parseSubject).makeOptionMandatory())
    .option('--group <group>', 'a group of the subject; may be repeated', collect, [])
    .requiredOption('--statement <sql>', 'the statement')
    .addOption(new Option('-o, --output <format>', 'how to print').choices(['text', 'json']).default('text'))
    .action(async (directory: string, options: ExplainOptions, command: Command) => {
      const explained = await explain(directory, options).catch((thrown: unknown) => command.error(`error: ${messageOf(thrown)}`));
      process.stdout.write(options.output === 'json' ? explainedJson(explained) : explainedText(explained));
      if (explained.judged.some(({ decision }) => decision.verdict !== 'Allow')) process.exitCode = 1;
    });
}

async function explain(directory: string, { connection, subject, group, statement }: ExplainOptions): Promise<Explained> {
  const snapshot = await loadDirectory(directory);
  const { bundle } = findBundle(compileWorld(snapshot.world).bundles, connection);
  const catalogue = await readCatalogue(() => introspectionLogin(bundle, filesSecretSource(bundle.connection.namespace, snapshot)));
  const decider = createDecider(bundle, withGroups(subject, group));
  const session = { searchPath: catalogue.defaultSearchPath, isDirty: false, temporaries: new Map() };
  const plan = createPlanner({ parser: await createParser() }).plan(statement, session, { catalogue, masks: decider.masks, key: 'explain' });
  const judged = plan.statements.map(({ action, maskedColumns }) => ({ action, decision: decider.decide(action), masked: maskedColumns }));
  return { plan, judged };
}

function findBundle(bundles: ReadonlyMap<string, SealedBundle>, connection: string): SealedBundle {
  const found = [...bundles.entries()].filter(([name]) => name === connection || name.endsWith(`/${connection}`));
  const [first] = found;
  if (first === undefined) throw new Error(`there is no connection ${connection} that compiles; see \`chaperone check\``);
  if (found.length > 1) throw new Error(`there are several connections ${connection}: write namespace/name`);
  return first[1];
}

async function readCatalogue(login: ConstructorParameters<typeof CatalogueSource>[0]['login']): Promise<Catalogue> {
  const source = new CatalogueSource({ login, log: silentLog, clock: systemClock });
  try {
    await source.start();
    if (source.current === undefined) throw new Error(`the target's catalogue could not be read: ${messageOf(source.error)}`);
    return source.current;
  } finally {
    await source.close();
  }
}

function explainedText({ plan, judged }: Explained): string {
  const statements = judged.map(({ action, decision, masked }) => {
    const lines: readonly (readonly [string, string])[] = [
      ['statement', action.statement],
      ['touches', touched(action)],
      ['verdict', `${decision.verdict} (${decision.code})`],
      ['rule', decision.rule === undefined ? '' : `${decision.rule.policy} '${decision.rule.rule}'`],
      ['covered by', decision.covering.map(({ policy, rule }) => `${policy} '${rule}'`).join(', ')],
      ['reason', decision.verdict === 'Allow' ? '' : decision.message],
      ['detail', decision.detail ?? ''],
      ['hint', decision.hint ?? ''],
      ['would be', decision.wouldBe === undefined ? '' : `${decision.wouldBe.verdict}: ${decision.wouldBe.message}`],
      ['at most rows', String(decision.obligations.maxRows ?? '')],
      ['masked', masked.join(', ')],
    ];
    return lines.filter(([, value]) => value !== '').map(([name, value]) => `${name.padEnd(13)}${harmless(value)}\n`).join('');
  });
  const allowed = judged.every(({ decision }) => decision.verdict === 'Allow');
  return [...statements, allowed ? `sent         ${harmless(plan.text)}\n` : 'nothing is sent\n'].join('\n');
}

function touched({ touches, functions, settings, channels, operations }: SqlAction): string {
  return [
    ...touches.map(({ operation, schema, relation, columns }) => `${operation} on ${schema}.${relation}${columns === '*' ? '' : ` (${columns.join(', ')})`}`),
    ...operations,
    ...functions.map(({ schema, name }) => `function ${schema}.${name}`),
    ...settings.map((setting) => `setting ${setting}`),
    ...channels.map((channel) => `channel ${channel}`),
  ].join('; ');
}

function explainedJson({ plan, judged }: Explained): string {
  const allowed = judged.every(({ decision }) => decision.verdict === 'Allow');
  return `${JSON.stringify({ statements: judged, ...(allowed && { sent: plan.text }) }, null, 2)}\n`;
}
