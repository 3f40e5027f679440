import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { GatewayMetrics } from '../src/gateway/prometheus-metrics.ts';

const root = join(import.meta.dirname, '..');
const pages = [...['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md'].map((name) => join(root, name)), ...markdown(join(root, 'docs')), ...markdown(join(root, 'examples'))];

function markdown(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(directory, name));
}

/** As repository hosts make them. */
function anchors(text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) => title.toLowerCase().replaceAll(/[^\p{L}\p{N} _-]/gu, '').replaceAll(' ', '-'));
}

describe.each(pages.map((page) => [relative(root, page), page]))('%s', (_name, page) => {
  const text = readFileSync(page, 'utf8');

  test('links to what is there', () => {
    const broken = [...text.matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, link = '']) => link)
      .filter((link) => !/^https?:/.test(link))
      .filter((link) => {
        const [path = '', anchor] = link.split('#');
        const target = path === '' ? page : join(dirname(page), path);
        return !existsSync(target) || (anchor !== undefined && !anchors(readFileSync(target, 'utf8')).includes(anchor));
      });
    expect(broken).toEqual([]);
  });

  test('names files that are there', () => {
    const named = [...text.matchAll(/`((?:src|test|hack|crds|examples)\/[^`\s*<]+)`/g)].map(([, path = '']) => path);
    expect(named.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });
});

test('the page on operating lists every metric of the gateway and no other', async () => {
  const text = readFileSync(join(root, 'docs/operating.md'), 'utf8');
  const listed = new Set(text.match(/chaperone_gateway_\w+/g));
  const metrics = await new GatewayMetrics().registry.getMetricsAsJSON();
  expect([...listed].sort()).toEqual(metrics.map(({ name }) => name).filter((name) => name.startsWith('chaperone_')).sort());
});

test('every flag of the gateway command is described', () => {
  const text = readFileSync(join(root, 'docs/operating.md'), 'utf8');
  const source = readFileSync(join(root, 'src/cli/gateway-command.ts'), 'utf8');
  const flags = source.match(/(?<=')--[a-z-]+/g) ?? [];
  expect(flags.length).toBeGreaterThan(0);
  expect(flags.filter((flag) => !text.includes(`\`${flag} `))).toEqual([]);
});
