declare module 'libpg-query/wasm/libpg-query.js' {
  const createInstance: () => Promise<never>;
  // eslint-disable-next-line no-restricted-syntax -- the package has nothing else
  export default createInstance;
}
