import { execFile } from 'node:child_process';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { decodeJwt } from 'jose';

const run = promisify(execFile);
const program = `import('./src/cli/token-command.ts').then(({ tokenCommand }) => tokenCommand().parseAsync(process.argv.slice(1), { from: 'user' }))`;
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'chaperone-token-'));
});
afterAll(() => rm(directory, { recursive: true }));

async function token(...args: readonly string[]): Promise<{ readonly stdout: string; readonly stderr: string }> {
  // Without the options that make Jest run modules, which a plain Node does not need.
  const env = { ...process.env, NODE_OPTIONS: '' };
  return run(process.execPath, ['-e', program, '--', '--state', join(directory, 'state'), ...args], { env });
}

describe('chaperone token', () => {
  test('prints the token alone on stdout, and the warning on stderr', async () => {
    const { stdout, stderr } = await token('--subject', 'serviceaccount:agents/support-agent', '--ttl', '90s');
    expect(stdout).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/);
    expect(stderr).toMatch(/^for development only: .*\n$/);
    const { sub, aud, exp = 0, iat = 0 } = decodeJwt(stdout);
    expect({ sub, aud, ttl: exp - iat }).toEqual({ sub: 'system:serviceaccount:agents:support-agent', aud: 'chaperone', ttl: 90 });
    expect((await stat(join(directory, 'state'))).mode & 0o777).toBe(0o700);
  });

  test('gives an oidc subject its groups and another audience', async () => {
    const { stdout } = await token('--subject', 'oidc:alice', '--group', 'dba', '--group', 'oncall', '--audience', 'other');
    expect(decodeJwt(stdout)).toMatchObject({ sub: 'alice', groups: ['dba', 'oncall'], aud: 'other' });
  });

  test.each([
    [['--subject', 'alice'], 'write serviceaccount:<namespace>/<name> or oidc:<sub>'],
    [['--subject', 'serviceaccount:agents/Support:x'], 'write serviceaccount:'],
    [['--subject', 'oidc:alice', '--ttl', '25h'], 'from 1s to 24h'],
    [['--subject', 'oidc:alice', '--ttl', 'soon'], 'from 1s to 24h'],
    [['--subject', 'serviceaccount:agents/a', '--group', 'dba'], '--group is for oidc subjects'],
    [[], "required option '--subject <subject>'"],
  ])('refuses %j and prints no token', async (args, message) => {
    await expect(token(...args)).rejects.toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining(message) });
  });
});
