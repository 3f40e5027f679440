declare module 'libpg-query/wasm/libpg-query.js' {
  const createInstance: () => Promise<never>;
  export default createInstance;
}
