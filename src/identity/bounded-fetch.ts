import { CodedError } from '../lib/coded-error.ts';

/** The part of `fetch` that identity needs. */
export type Fetch = (url: string, init?: RequestInit) => Promise<Response>;

export interface FetchBounds {
  readonly timeoutMs: number;
  readonly responseBytes: number;
}

/**
 * A `fetch` for what identity providers publish: https only (http on loopback), no redirects, a bounded time
 * and a bounded body, so that a provider that misbehaves costs one login and never the gateway.
 */
export function boundedFetch(fetch: Fetch, bounds: FetchBounds): Fetch {
  return async (url, init) => {
    if (!isSafeUrl(url)) throw new CodedError('UnsafeUrl', `${url} is neither https nor http on loopback`);
    const signal = AbortSignal.timeout(bounds.timeoutMs);
    const response = await fetch(url, { ...init, redirect: 'manual', signal });
    if (response.status !== 200) {
      await response.body?.cancel();
      throw new CodedError('UnexpectedStatus', `${url} answered ${response.status}`);
    }
    const body = await readBody(response, url, bounds.responseBytes);
    return new Response(body, { status: response.status, headers: response.headers });
  };
}

async function readBody(response: Response, url: string, limit: number): Promise<Buffer<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  if (response.body === null) return Buffer.alloc(0);
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
    size += chunk.byteLength;
    // Leaving the loop by an exception cancels the stream.
    if (size > limit) throw new CodedError('ResponseTooLarge', `${url} answered more than ${limit} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Whether keys may be taken from a URL: nobody on the way can change them. */
function isSafeUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') return false;
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname));
}

function isLoopback(hostname: string): boolean {
  // The URL parser has already brought every spelling of an IPv4 address into dotted form.
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname);
}
