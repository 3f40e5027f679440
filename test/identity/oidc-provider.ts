import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT, type JWK } from 'jose';
import { Provider, type AsymmetricSigningAlgorithm } from 'oidc-provider';

const resource = 'urn:chaperone:test';
const client = { client_id: 'agent', client_secret: 'correct-horse-battery-staple' };

export interface SigningKey {
  readonly kid: string;
  readonly alg: AsymmetricSigningAlgorithm;
  readonly private: JWK;
}

export async function signingKey(kid: string, alg: AsymmetricSigningAlgorithm = 'ES256'): Promise<SigningKey> {
  const { privateKey } = await generateKeyPair(alg, { extractable: true });
  return { kid, alg, private: { ...(await exportJWK(privateKey)), kid, alg, use: 'sig' } };
}

/** A real OpenID provider on loopback. Its keys are ours, so that tests can sign what it would never say. */
export class TestProvider {
  readonly requests: string[] = [];
  #key: SigningKey;
  #server: Server;
  #handle: ((request: IncomingMessage, response: ServerResponse) => unknown) | undefined;
  #port = 0;

  static async start(key?: SigningKey): Promise<TestProvider> {
    const provider = new TestProvider(key ?? (await signingKey('first')));
    await provider.listen();
    return provider;
  }

  private constructor(key: SigningKey) {
    this.#key = key;
    this.#server = createServer();
  }

  get issuer(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get key(): SigningKey {
    return this.#key;
  }

  fetches(path: string): number {
    return this.requests.filter((url) => url === path).length;
  }

  /** Again on the same port after `close`: the provider is back. */
  async listen(): Promise<void> {
    this.#server = createServer((request, response) => {
      this.requests.push(request.url ?? '');
      this.#handle?.(request, response);
    });
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
    this.rotate(this.#key);
  }

  /** From now on the provider signs with this key and publishes no other. */
  rotate(key: SigningKey): void {
    this.#key = key;
    const { alg } = key;
    const provider = new Provider(this.issuer, {
      jwks: { keys: [key.private] },
      cookies: { keys: ['not a secret'] },
      clients: [{ ...client, grant_types: ['client_credentials'], redirect_uris: [], response_types: [], id_token_signed_response_alg: alg }],
      enabledJWA: { idTokenSigningAlgValues: [alg] },
      scopes: ['read'],
      extraTokenClaims: () => ({ groups: ['support-agents'], department: 'care' }),
      features: {
        devInteractions: { enabled: false },
        clientCredentials: { enabled: true },
        resourceIndicators: {
          enabled: true,
          getResourceServerInfo: () => ({
            scope: 'read',
            audience: 'chaperone',
            accessTokenFormat: 'jwt',
            accessTokenTTL: 600,
            jwt: { sign: { alg, kid: key.kid } },
          }),
        },
      },
    });
    provider.on('server_error', (_, error) => console.error(error));
    this.#handle = provider.callback();
  }

  /** An access token as the provider itself issues it. */
  async token(): Promise<string> {
    const response = await fetch(`${this.issuer}/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${btoa(`${client.client_id}:${client.client_secret}`)}` },
      body: new URLSearchParams({ grant_type: 'client_credentials', resource, scope: 'read' }),
    });
    const answer = (await response.json()) as { access_token?: string };
    const { access_token: token } = answer;
    if (token === undefined) throw new Error(`the provider issued no token: ${JSON.stringify(answer)}`);
    return token;
  }

  /** A token with the provider's signature and any claims; `undefined` leaves a usual claim out. */
  async sign(claims: Readonly<Record<string, unknown>>, header: Readonly<Record<string, unknown>> = {}, key = this.#key): Promise<string> {
    const now = Math.floor(Date.now() / 1000);
    const usual = { iss: this.issuer, aud: 'chaperone', sub: 'agent', iat: now, exp: now + 600 };
    return new SignJWT({ ...usual, ...claims })
      .setProtectedHeader({ alg: key.alg, kid: key.kid, ...header })
      .sign(key.private);
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return;
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }
}
