// Builds, runs every test, says what could not run here, and closes with the line `N passed, N failed`.
//
// A test that lacks a client (a JVM, psql, ...) appends one line to the file named by CHAPERONE_SKIPPED_FILE.
// CHAPERONE_NO_SKIP=1 (CI) counts each such line, and each skipped or todo test, as failed.

import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';

interface JestReport {
  readonly success: boolean;
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numRuntimeErrorTestSuites: number;
  readonly testResults: readonly {
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[];
  }[];
}

const root = path.resolve(import.meta.dirname, '..');
const noSkip = process.env['CHAPERONE_NO_SKIP'] === '1';
/** A hung run must still end with a count. */
const limitMs = Number(process.env['CHAPERONE_TEST_LIMIT_MINUTES'] ?? '60') * 60_000;

function run(args: readonly string[], env: NodeJS.ProcessEnv): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, { cwd: root, env, stdio: 'inherit', timeout: limitMs });
    child.on('error', () => {
      resolve(false);
    });
    child.on('exit', (code) => {
      resolve(code === 0);
    });
  });
}

async function readReport(file: string): Promise<JestReport | undefined> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text === '' ? undefined : (JSON.parse(text) as JestReport);
}

function countFailed(report: JestReport | undefined, jestPassed: boolean): number {
  if (report === undefined) return 1;
  const failed = report.numFailedTests + report.numRuntimeErrorTestSuites;
  // A run that failed for another reason, or that ran nothing, is a failure too.
  const sound = jestPassed && report.success && report.numPassedTests > 0;
  return failed === 0 && !sound ? 1 : failed;
}

async function skippedLines(report: JestReport | undefined, file: string): Promise<string[]> {
  const said = (await readFile(file, 'utf8')).split('\n').filter((line) => line.trim() !== '');
  const results = report?.testResults.flatMap((suite) => suite.assertionResults) ?? [];
  const marked = results
    .filter(({ status }) => status === 'pending' || status === 'skipped' || status === 'todo')
    .map(({ status, fullName }) => `${fullName} (${status})`);
  return [...new Set(said), ...marked];
}

const scratch = await mkdtemp(path.join(os.tmpdir(), 'chaperone-test-'));
const skippedFile = path.join(scratch, 'skipped.txt');
const reportFile = path.join(scratch, 'report.json');
await writeFile(skippedFile, '');

const built = await run(['hack/build.ts'], process.env);
const jestPassed = await run(
  [
    createRequire(import.meta.url).resolve('jest/bin/jest'),
    '--json',
    `--outputFile=${reportFile}`,
    ...process.argv.slice(2),
  ],
  {
    ...process.env,
    NODE_OPTIONS: `${process.env['NODE_OPTIONS'] ?? ''} --experimental-vm-modules --disable-warning=ExperimentalWarning`,
    CHAPERONE_SKIPPED_FILE: skippedFile,
  },
);

const report = await readReport(reportFile);
const skipped = await skippedLines(report, skippedFile);
await rm(scratch, { recursive: true, force: true });

let failed = countFailed(report, jestPassed);
if (!built) {
  console.log('The build failed.');
  failed += 1;
}
if (skipped.length > 0) {
  console.log(`\nNot run here${noSkip ? ' (counted as failed)' : ''}:`);
  for (const line of skipped) console.log(`  - ${line}`);
  if (noSkip) failed += skipped.length;
}
console.log(`\n${String(report?.numPassedTests ?? 0)} passed, ${String(failed)} failed`);
process.exitCode = failed === 0 ? 0 : 1;
