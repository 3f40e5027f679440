import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runChaperone } from './run-chaperone.ts';

const examples = join(import.meta.dirname, '..', '..', 'examples');
const agent = 'serviceaccount:agents/support-agent';

describe('chaperone check', () => {
  test.each(['quickstart', 'read-only-analytics', 'support-agent', 'migration-agent'])('finds nothing wrong with examples/%s', async (name) => {
    const { code, stdout, stderr } = await runChaperone('check', join(examples, name));
    expect(stderr).toBe('');
    expect(stdout).toMatch(/AgentConnection .* Accepted +True/);
    expect(code).toBe(0);
  });

  test('prints the effective policy of a subject', async () => {
    const { code, stdout } = await runChaperone('check', join(examples, 'quickstart'), '--subject', agent);
    expect(code).toBe(0);
    expect(stdout).toContain('public.customers.email  Email');
    expect(stdout).toMatch(/Deny +Delete, Truncate, Ddl, Grant/);
  });

  test('says the same as JSON', async () => {
    const { stdout } = await runChaperone('check', join(examples, 'quickstart'), '--subject', agent, '-o', 'json');
    const document = JSON.parse(stdout) as { problems: unknown[]; effective: { subject: string; rules: { effect: string }[] }[] };
    expect(document.problems).toEqual([]);
    expect(document.effective[0]?.subject).toBe(agent);
    expect(document.effective[0]?.rules[0]?.effect).toBe('Deny');
  });

  test('refuses a subject that it cannot read', async () => {
    const { code, stderr } = await runChaperone('check', join(examples, 'quickstart'), '--subject', 'somebody');
    expect(code).toBe(1);
    expect(stderr).toContain('serviceaccount:<namespace>/<name>');
  });
});

describe('chaperone check on a directory with faults', () => {
  let directory: string;

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'chaperone-check-'));
    cpSync(join(examples, 'quickstart'), directory, { recursive: true });
  });
  afterAll(() => {
    rmSync(directory, { recursive: true, force: true });
  });

  test('names file, object, field and the fix, and exits 1', async () => {
    const policy = join(directory, 'policy.yaml');
    const before = readFileSync(policy, 'utf8');
    writeFileSync(policy, before.replace('relations:', 'relation:'));
    const { code, stdout } = await runChaperone('check', directory);
    writeFileSync(policy, before);
    expect(stdout).toMatch(/problem: policy\.yaml: AccessPolicy shop\/support-agent: spec\.rules\[0\].*relations/);
    expect(code).toBe(1);
  });

  test('serves nothing when the required mask is gone', async () => {
    rmSync(join(directory, 'masks.yaml'));
    const { code, stdout } = await runChaperone('check', directory, '--subject', agent);
    expect(stdout).toContain('customers-pii');
    expect(stdout).toContain('Nothing is served');
    expect(code).toBe(1);
  });

  test('says that a directory does not exist', async () => {
    const { code, stdout } = await runChaperone('check', join(directory, 'nowhere'));
    expect(stdout).toContain('no such file or directory');
    expect(code).toBe(1);
  });
});
