import { Command, Option } from 'commander';
import type { SealedBundle } from '../bundle/seal.ts';
import type { Subject } from '../bundle/subject.ts';
import { compileWorld, type Compilation } from '../compile/compile-world.ts';
import { describePolicy, effectivePolicyText } from '../decide/describe.ts';
import { loadDirectory } from '../provider/files/load-directory.ts';
import { describeProblem, type Snapshot } from '../provider/files/snapshot.ts';
import { collect } from './option-values.ts';
import { parseSubject, withGroups } from './subject-option.ts';
import { textTable } from './text-table.ts';

interface CheckOptions {
  readonly subject?: Subject;
  readonly group: readonly string[];
  readonly connection?: string;
  readonly output: 'text' | 'json';
}

/** `chaperone check DIR`: compiles without running anything. Exit code 1 when anything is not as it was meant. */
export function checkCommand(): Command {
  return new Command('check')
    .description('compile a directory of YAML and print conditions and, for a subject, the effective policy')
    .argument('<directory>', 'the directory')
    .addOption(new Option('--subject <subject>', 'print what this subject may do').argParser(parseSubject))
    .option('--group <group>', 'a group of the subject; may be repeated', collect, [])
    .option('--connection <name>', 'only this connection, as name or namespace/name')
    .addOption(new Option('-o, --output <format>', 'how to print').choices(['text', 'json']).default('text'))
    .action(async (directory: string, options: CheckOptions) => {
      const snapshot = await loadDirectory(directory);
      const compilation = compileWorld(snapshot.world);
      process.stdout.write(options.output === 'json' ? checkJson(snapshot, compilation, options) : checkText(snapshot, compilation, options));
      if (hasFaults(snapshot, compilation)) process.exitCode = 1;
    });
}

function hasFaults(snapshot: Snapshot, { statuses }: Compilation): boolean {
  return snapshot.problems.length > 0 || statuses.some(({ conditions }) => conditions.some(({ status }) => status === 'False'));
}

function checkText(snapshot: Snapshot, compilation: Compilation, options: CheckOptions): string {
  const problems = snapshot.problems.map((problem) => `problem: ${describeProblem(problem)}\n`).join('');
  const rows = compilation.statuses.flatMap(({ kind, namespace, name, conditions }) =>
    conditions.map(({ type, status, reason, message }) => [kind, namespace === '' ? name : `${namespace}/${name}`, type, status, reason, message]),
  );
  const table = textTable(['KIND', 'NAME', 'CONDITION', 'STATUS', 'REASON', 'MESSAGE'], rows);
  const bundles = selected(compilation, options.connection).map(({ bundle, revision }) => `${bundle.connection.namespace}/${bundle.connection.name}: revision ${revision.slice(0, 12)}, ${count(bundle.policies.length, 'policy', 'policies')}, ${count(bundle.maskRules.length, 'mask rule', 'mask rules')}\n`);
  return [problems, table, bundles.join(''), ...effective(compilation, options).map((text) => `\n${text}`)].join('\n');
}

function effective(compilation: Compilation, { subject, group, connection }: CheckOptions): readonly string[] {
  if (subject === undefined) return [];
  return selected(compilation, connection).map(({ bundle }) => effectivePolicyText(describePolicy(bundle, withGroups(subject, group))));
}

function checkJson(snapshot: Snapshot, compilation: Compilation, { subject, group, connection }: CheckOptions): string {
  const bundles = selected(compilation, connection);
  const document = {
    problems: snapshot.problems,
    statuses: compilation.statuses,
    bundles: bundles.map(({ bundle, revision }) => ({ connection: bundle.connection, revision })),
    ...(subject !== undefined && { effective: bundles.map(({ bundle }) => describePolicy(bundle, withGroups(subject, group))) }),
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

function selected({ bundles }: Compilation, connection: string | undefined): readonly SealedBundle[] {
  return [...bundles.entries()].filter(([name]) => connection === undefined || name === connection || name.endsWith(`/${connection}`)).map(([, bundle]) => bundle);
}

function count(number: number, one: string, many: string): string {
  return `${String(number)} ${number === 1 ? one : many}`;
}
