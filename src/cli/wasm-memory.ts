/**
 * Imported first by every program: it must run before the SQL grammar is compiled. V8's optimising compiler takes
 * some 650 MB for a moment to make that module a fifth faster, which would end a pod with a sensible limit.
 */
import { setFlagsFromString } from 'node:v8';

setFlagsFromString('--no-wasm-tier-up');
setFlagsFromString('--no-wasm-dynamic-tiering');
